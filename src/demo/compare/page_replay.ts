import type { Conversation, Runtime } from "../../index.ts";
import type { ConversationTurn } from "../../metrics/conversation_metrics.ts";
import type { ConversationRecord, OccupancyRecord, Replay } from "../../metrics/replay.ts";
import { Draws } from "../../workload/random.ts";
import type { WorkloadConversation } from "../../workload/workload.ts";
import { beginConversation, observe } from "../engine.ts";
import { FleetLog } from "../fleet/log.ts";
import { pause } from "../pause.ts";

/** Replays a workload on a runtime, through its public API, and writes down what happened. */

export interface PageReplayOptions {
  /** Of the prompts' words. */
  readonly seed: number;
  readonly signal: AbortSignal;
  /** How long after the last arrival conversations are cut off. */
  readonly patienceMs: number;
  readonly onConversation: () => void;
}

const OCCUPANCY_MS = 250;

/** @throws the signal's reason */
export async function replayInPage(
  runtime: Runtime,
  workload: readonly WorkloadConversation[],
  { seed, signal, patienceMs, onConversation }: PageReplayOptions,
): Promise<Replay> {
  const log = new FleetLog();
  const occupancy: OccupancyRecord[] = [];
  const unobserve = observe(runtime, (event) => log.add(event));
  const watch = setInterval(() => {
    const blocks = runtime.stats().devices.map(({ id, kvBlocksUsed }) => [id, kvBlocksUsed] as const);
    occupancy.push({ atMs: log.nowMs, blocks: Object.fromEntries(blocks) });
  }, OCCUPANCY_MS);
  const lastMs = Math.max(0, ...workload.map(({ arrivalMs }) => arrivalMs));
  const cut = AbortSignal.timeout(lastMs + patienceMs);
  const ends = AbortSignal.any([signal, cut]);
  const one = async (given: WorkloadConversation, index: number): Promise<ConversationRecord> => {
    const draws = new Draws((seed * 100_003 + index) >>> 0);
    await pause(given.arrivalMs - log.nowMs, ends);
    const record = await replayConversation(runtime, given, { draws, ends, now: () => log.nowMs });
    onConversation();
    return record;
  };
  try {
    const conversations = await Promise.all(workload.map(one));
    signal.throwIfAborted();
    const steps = log.steps.map((step) => ({ ...step, endMs: step.endMs ?? log.nowMs }));
    const copies = log.copies.map(({ device, direction, startMs, endMs, bytes }) => {
      return { device, step: direction, startMs, endMs, bytes };
    });
    return { policy: runtime.policy, totalMs: log.nowMs, conversations, steps, copies, occupancy };
  } finally {
    clearInterval(watch);
    unobserve();
  }
}

interface Replaying {
  readonly draws: Draws;
  readonly ends: AbortSignal;
  readonly now: () => number;
}

async function replayConversation(
  runtime: Runtime,
  { id, turns: given }: WorkloadConversation,
  { draws, ends, now }: Replaying,
): Promise<ConversationRecord> {
  const turns: ConversationTurn[] = [];
  const conversation = await beginConversation(runtime, []);
  const record = (rest: Pick<ConversationRecord, "error" | "cutMs">): ConversationRecord => {
    const status = runtime.conversations().find((one) => one.id === conversation.id);
    return { id, turns, transfers: status?.handoffs ?? 0, movedBytes: status?.handoffBytes ?? 0, ...rest };
  };
  try {
    for (const { delayMs, inputTokens, outputTokens } of given) {
      await pause(delayMs, ends);
      if (ends.aborted) return record({ error: undefined, cutMs: now() });
      const prompt = await promptOf(runtime, draws, inputTokens);
      turns.push({ ...(await runTurn(conversation, prompt, outputTokens, { ends, now })), pauseMs: delayMs });
      if (ends.aborted) return record({ error: undefined, cutMs: now() });
    }
    return record({ error: undefined });
  } catch (error) {
    return record({ error: error instanceof Error ? error.message : String(error) });
  } finally {
    conversation.dispose();
  }
}

async function runTurn(
  conversation: Conversation,
  prompt: string,
  maxTokens: number,
  { ends, now }: Pick<Replaying, "ends" | "now">,
) {
  const arrivedMs = now();
  const tokenMs: number[] = [];
  for await (const part of conversation.send(prompt, { temperature: 0, maxTokens, signal: ends })) {
    if (part.type !== "done" || part.timings.ttftMs === null) continue;
    let atMs = arrivedMs + part.timings.ttftMs;
    tokenMs.push(atMs);
    for (const gapMs of part.timings.tbtMs) {
      atMs += gapMs;
      tokenMs.push(atMs);
    }
  }
  return { arrivedMs, tokenMs, endedMs: now() };
}

const WORDS =
  "river stone copper garden window letter summer market engine paper silver morning bridge candle".split(
    " ",
  );

/** Words that are about so many tokens, the chat template's own included. */
async function promptOf(runtime: Runtime, draws: Draws, tokens: number): Promise<string> {
  const words = Array.from({ length: tokens }, () => WORDS[draws.integer(0, WORDS.length - 1)] ?? "");
  const ids = await runtime.tokenizer.encode(words.join(" "));
  const perWord = ids.length / words.length;
  return words.slice(0, Math.max(1, Math.round(tokens / perWord))).join(" ");
}
