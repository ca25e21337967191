import { createHash } from "node:crypto";
import type { SamplingOptions } from "../../src/protocol/sampling.ts";
import type { TurnOutput } from "../../src/protocol/turn.ts";
import { greedy } from "../scheduler/driver.ts";
import { type Fault, Session, type SessionOptions, type Told } from "./fault_harness.ts";
import { type Rig, VOCAB } from "./fault_rig.ts";

/** What is played on devices that are lost: the same conversations each time, and what each was told. */

/** Calls to devices at which some are lost. Each device is used again after each of them. */
export const LOSSES = {
  "a chunk of a first prompt": (id, { step }, nth) => id === "p" && step === "run" && nth === 3,
  "KV that leaves the prefiller": (id, { step }, nth) => id === "p" && step === "export" && nth === 2,
  "KV that enters the decoder": (id, { step }) => id === "d" && step === "import",
  "a step of answers": (id, { step }, nth) => id === "d" && step === "run" && nth === 6,
  "a step of logits": (_, call) =>
    call.step === "run" && call.plan.rows.some(({ output }) => output.kind === "logits"),
} as const satisfies Record<string, Fault["at"]>;

/** What a conversation was told: all its tokens, and a hash over the bits of all its logits. */
export interface Tale {
  readonly tokens: readonly number[];
  readonly logits: string;
}

export interface PlayOptions {
  /** Waited for after each conversation's first turn: a tool's time. */
  readonly pause?: () => Promise<void>;
}

export const prompt = (length: number, seed: number): readonly number[] =>
  Array.from({ length }, (_, at) => (at * 31 + seed * 101 + 7) % VOCAB);

export function tokensOf(maxTokens: number, sampling: SamplingOptions = {}): TurnOutput {
  return {
    kind: "tokens",
    sampling: { ...greedy, ...sampling },
    maxTokens,
    endTokens: [],
    stopTokens: [],
  };
}

const LOGITS = { kind: "logits" } as const;

/** Some that the GPU samples for, greedily and not, and one that the host does. */
const SCRIPTS = [
  { id: "long", length: 150, sampling: {} },
  { id: "drawn", length: 70, sampling: { temperature: 0.9, seed: 5 } },
  { id: "host", length: 21, sampling: { repetitionPenalty: 1.3 } },
] as const;

/**
 * Three conversations at once: a turn, a pause, a second turn, and then the logits of more tokens, which depend on every K and V before
 * them. One is forked in its pause. Then one more, alone.
 */
export async function play(session: Session, { pause = async () => {} }: PlayOptions = {}) {
  const tales = new Map<string, Tale>();
  const later = async (conversation: string, sampling: SamplingOptions, first: readonly Told[]) => {
    const second = await session.turn({ conversation, tokens: prompt(9, 2), output: tokensOf(6, sampling) });
    const last = await session.turn({ conversation, tokens: prompt(40, 3), output: LOGITS, chunkTokens: 16 });
    tales.set(conversation, taleOf([...first, second, last]));
  };
  const whole = async ({ id, length, sampling }: (typeof SCRIPTS)[number], forks: boolean) => {
    const first = await session.turn({
      conversation: id,
      tokens: prompt(length, length),
      output: tokensOf(10, sampling),
    });
    if (forks) session.loop.fork("fork", id, 37);
    await pause();
    await Promise.all([later(id, sampling, [first]), ...(forks ? [later("fork", {}, [])] : [])]);
  };
  await Promise.all(SCRIPTS.map((script, at) => whole(script, at === 0)));
  await whole({ ...SCRIPTS[1], id: "late" as "drawn" }, false);
  return Object.fromEntries([...tales].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** Plays it in a session of its own, which has to leave nothing behind. */
export async function playAll(rig: Rig, options: SessionOptions, playOptions?: PlayOptions) {
  const session = new Session(rig, options);
  const tales = await session.watched(play(session, playOptions));
  await session.end();
  return tales;
}

function taleOf(told: readonly Told[]): Tale {
  const hash = createHash("sha256");
  for (const { logits } of told) hash.update(new Uint8Array(logits.buffer));
  return { tokens: told.flatMap(({ tokens }) => tokens), logits: hash.digest("hex") };
}
