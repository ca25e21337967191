import type { Policy } from "../policy.ts";
import { toDecoder, toPrefiller } from "./conserve.ts";
import { byPredictedFinish, OUTPUT_TOKENS } from "./predicted_finish.ts";

export interface AmpdOptions {
  readonly ttftSloMs: number;
  readonly tbtSloMs: number;
  /** Standard deviation of the logarithm of what is predicted over what is true. */
  readonly error: number;
}

/**
 * AMPD (arXiv 2602.14516), from what is known of it: while the prefillers keep their TTFT, and for first turns, prompts go there; else
 * while the decoder keeps its TBT they run there; else wherever they are predicted to finish first.
 */
export function ampd({ ttftSloMs, tbtSloMs, error }: AmpdOptions): Policy {
  return {
    name: "ampd",
    transfers: undefined,
    place: (turn, world) => {
      const { devices } = world;
      const prefillers = devices.filter(({ role }) => role === "prefiller");
      const seen = prefillers.flatMap(({ ttftMs }) => ttftMs ?? []);
      const ttftMs = seen.reduce((sum, ms) => sum + ms, 0) / Math.max(1, seen.length);
      const decoder = devices.find(({ id }) => id === turn.bound);
      if (decoder === undefined || ttftMs <= SLACK * ttftSloMs) return toPrefiller(devices);
      if ((decoder.stepMs ?? 0) <= SLACK * tbtSloMs)
        return { device: decoder.id, leaves: false, moves: false };
      const factor = Math.exp(error * normalOf(turn.turn));
      return byPredictedFinish(turn, world, world.past.outputTokens ?? OUTPUT_TOKENS, factor);
    },
    bind: toDecoder,
  };
}

/** How much of an SLO may be used up before prompts go elsewhere. */
const SLACK = 0.8;

/** A draw from the standard normal distribution that depends on the turn alone (Box-Muller over a hash). */
function normalOf(turn: number): number {
  const [first, second] = [uniformOf(turn, 0x9e3779b1), uniformOf(turn, 0x85ebca6b)];
  return Math.sqrt(-2 * Math.log(first)) * Math.cos(2 * Math.PI * second);
}

function uniformOf(turn: number, salt: number): number {
  let hash = Math.imul(turn + 1, salt);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  hash = Math.imul(hash ^ (hash >>> 12), 0x297a2d39);
  return ((hash ^ (hash >>> 15)) >>> 0) / 2 ** 32 + 2 ** -33;
}
