import type { DonePart, Runtime } from "../src/api.ts";
import { DeviceError } from "../src/errors.ts";
import type { SpeculationTask } from "./speculation_tasks.ts";
import { type Spread, spread } from "./spread.ts";

/** The same conversations with speculation and without, in turn. */

export interface SpeculationSides {
  readonly auto: Runtime;
  readonly off: Runtime;
}

export interface SpeculationResult {
  readonly id: string;
  readonly conversations: number;
  /** Of all conversations' answers together. */
  readonly completionTokens: number;
  /** Share of the answers' runs of three tokens that stand in the conversation's own prompt. */
  readonly repeated: number;
  /** From the first token of all to the last, in milliseconds. */
  readonly decodeMs: { readonly auto: Spread; readonly off: Spread };
  /** Time without speculation over the time with it, of the same round. */
  readonly speed: Spread;
  /** The same of the process's CPU time, which others on the machine change less; a software adapter's is in it. */
  readonly cpuSpeed: Spread;
  /** Tokens of one round that were guessed, and those of them that were right. */
  readonly drafted: Spread;
  readonly accepted: Spread;
  readonly bar: number;
  readonly met: boolean;
}

interface Sample {
  readonly decodeMs: number;
  readonly cpuMs: number;
  readonly texts: readonly string[];
  readonly tokens: number;
  readonly drafted: number;
  readonly accepted: number;
}

interface Round {
  readonly auto: Sample;
  readonly off: Sample;
}

export interface SpeculationRounds {
  readonly rounds: number;
  readonly maxTokens: number;
  readonly signal: AbortSignal;
  /** Called before the first sample, and after each pair of them. */
  readonly onPair: (done: number) => void;
}

/** Rounds before those that count: drivers compile, and the scheduler learns how long steps take. */
export const WARM_UPS = 1;

/** @throws DeviceError `gpu-error` where a text differs: then there is no figure; the signal's reason */
export async function measureSpeculation(
  sides: SpeculationSides,
  tasks: readonly SpeculationTask[],
  { rounds, maxTokens, signal, onPair }: SpeculationRounds,
): Promise<SpeculationResult[]> {
  const taken = new Map(tasks.map((task) => [task, [] as Round[]]));
  let done = 0;
  onPair(done);
  for (let round = -WARM_UPS; round < rounds; round++) {
    for (const [task, list] of taken) {
      const pair = await samplePair(sides, task, maxTokens, round % 2 === 0, signal);
      assertSameTexts(task, pair, sides.auto.adapter.name);
      if (round >= 0) list.push(pair);
      onPair(++done);
    }
  }
  return Promise.all([...taken].map(([task, list]) => resultOf(task, list, sides.auto)));
}

/** One right after the other, each first in every second round. */
async function samplePair(
  { auto, off }: SpeculationSides,
  task: SpeculationTask,
  maxTokens: number,
  autoFirst: boolean,
  signal: AbortSignal,
): Promise<Round> {
  const sample = (runtime: Runtime) => takeSample(runtime, task, maxTokens, signal);
  if (autoFirst) {
    const first = await sample(auto);
    return { auto: first, off: await sample(off) };
  }
  const first = await sample(off);
  return { auto: await sample(auto), off: first };
}

async function takeSample(
  runtime: Runtime,
  { prompts }: SpeculationTask,
  maxTokens: number,
  signal: AbortSignal,
): Promise<Sample> {
  const before = runtime.stats();
  let cpu: NodeJS.CpuUsage | undefined;
  const onText = () => {
    cpu ??= process.cpuUsage();
  };
  const answers = await Promise.all(
    prompts.map((prompt) => answer(runtime, prompt, maxTokens, signal, onText)),
  );
  const { user, system } = process.cpuUsage(cpu);
  const { draftedTokens, acceptedTokens } = runtime.stats();
  const timings = answers.map(({ done }) => done.timings);
  const firstMs = Math.min(...timings.map(({ ttftMs }) => ttftMs ?? Number.POSITIVE_INFINITY));
  return {
    decodeMs: Math.max(...timings.map(({ totalMs }) => totalMs)) - firstMs,
    cpuMs: (user + system) / 1000,
    texts: answers.map(({ text }) => text),
    tokens: answers.reduce((sum, { done }) => sum + done.usage.completionTokens, 0),
    drafted: draftedTokens - before.draftedTokens,
    accepted: acceptedTokens - before.acceptedTokens,
  };
}

/** Greedy, in a conversation of its own. */
async function answer(
  runtime: Runtime,
  prompt: string,
  maxTokens: number,
  signal: AbortSignal,
  onText: () => void,
): Promise<{ readonly text: string; readonly done: DonePart }> {
  const conversation = runtime.conversation();
  let text = "";
  let done: DonePart | undefined;
  try {
    for await (const part of conversation.send(prompt, { temperature: 0, maxTokens, signal })) {
      if (part.type === "done") done = part;
      else if (part.type === "text") {
        onText();
        text += part.text;
      }
    }
  } finally {
    conversation.dispose();
  }
  signal.throwIfAborted();
  if (done === undefined) throw new Error("a turn ended without saying so");
  return { text, done };
}

function assertSameTexts({ id }: SpeculationTask, { auto, off }: Round, device: string): void {
  for (const [index, text] of off.texts.entries()) {
    const other = auto.texts[index] ?? "";
    if (other === text) continue;
    const at = [...text].findIndex((character, place) => [...other][place] !== character);
    throw new DeviceError(
      "gpu-error",
      `With speculation "${device}" answered "${id}" (conversation ${index + 1}) otherwise from character ${at} on, so nothing was measured. Compare the two with precision "exact".`,
      { device, task: id },
    );
  }
}

async function resultOf(
  task: SpeculationTask,
  rounds: readonly Round[],
  { tokenizer }: Runtime,
): Promise<SpeculationResult> {
  const each = (value: (round: Round) => number) => spread(rounds.map(value));
  const speed = each(({ auto, off }) => off.decodeMs / auto.decodeMs);
  const [first] = rounds;
  const texts = first?.off.texts ?? [];
  const repeats = await Promise.all(
    task.prompts.map(async (prompt, index) =>
      repeatedShare(await tokenizer.encode(prompt), await tokenizer.encode(texts[index] ?? "")),
    ),
  );
  return {
    id: task.id,
    conversations: task.prompts.length,
    completionTokens: first?.off.tokens ?? 0,
    repeated: repeats.reduce((sum, share) => sum + share, 0) / repeats.length,
    decodeMs: { auto: each(({ auto }) => auto.decodeMs), off: each(({ off }) => off.decodeMs) },
    speed,
    cpuSpeed: each(({ auto, off }) => off.cpuMs / auto.cpuMs),
    drafted: each(({ auto }) => auto.drafted),
    accepted: each(({ auto }) => auto.accepted),
    bar: task.bar,
    met: speed.median >= task.bar,
  };
}

/** Share of the answer's runs of three tokens that the prompt has; 0 for a shorter answer. */
export function repeatedShare(prompt: readonly number[], answer: readonly number[]): number {
  const runs = (tokens: readonly number[]) =>
    tokens.slice(2).map((_, at) => tokens.slice(at, at + 3).join(" "));
  const known = new Set(runs(prompt));
  const own = runs(answer);
  return own.length === 0 ? 0 : own.filter((run) => known.has(run)).length / own.length;
}
