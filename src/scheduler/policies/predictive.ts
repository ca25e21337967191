import {
  type DeviceView,
  least,
  ofRole,
  type Placement,
  type Policy,
  type TurnView,
  type WorldView,
} from "../policy.ts";
import { toDecoder, toPrefiller } from "./conserve.ts";

/** Policies that predict, turn by turn: what ConServe is compared with. */

/** Where the prompt of a turn would have run first by prediction: on a prefiller, KV there and back included, or on its decoder. */
function byPredictedFinish(
  turn: TurnView,
  world: WorldView,
  outputTokens: number,
  errorOf: number,
): Placement | undefined {
  const { bound, newTokens, tokens } = turn;
  const { devices, past } = world;
  const prefiller = toPrefiller(devices);
  const here = devices.find(({ id }) => id === bound);
  const there = devices.find(({ id }) => id === prefiller?.device);
  if (here === undefined || there === undefined || prefiller === undefined || !prefiller.leaves)
    return prefiller;
  const moveMs = (past.handoffMsPerToken ?? 0) * (tokens + newTokens);
  // A prompt that runs on the decoder holds up its own decodes and those of all others there.
  const stays = promptMs(here, newTokens) * errorOf + outputTokens * (here.stepMs ?? 0);
  const leaves = (promptMs(there, newTokens) + moveMs) * errorOf + outputTokens * (here.stepMs ?? 0);
  return stays <= leaves ? { device: here.id, leaves: false, moves: false } : prefiller;
}

/** Until all that waits there and `newTokens` more have run. */
function promptMs({ queuedTokens, prefillMsPerToken, stepMs, turns }: DeviceView, newTokens: number): number {
  const tokens = queuedTokens + newTokens;
  return tokens * (prefillMsPerToken ?? 1) + (turns > 0 ? (stepMs ?? 0) : 0);
}

/** The decoder that will have finished first, when the answer is as long as it is thought to be. */
function bindByFinish(outputTokens: (world: WorldView) => number): Policy["bind"] {
  return (conversation, world) => {
    const decoders = ofRole(world.devices, "decoder").filter((device) => device.hasRoomFor(conversation));
    if (conversation.bound !== undefined || decoders.length === 0) return toDecoder(conversation, world);
    const growth = outputTokens(world);
    return least(decoders, (device) => {
      const grown = device.activeBlocks + (growth * (device.turns + 1)) / 16;
      return (device.stepMs ?? 0) * growth + grown / device.totalBlocks;
    })?.id;
  };
}

/** Output lengths as the mean of those that have been seen, placement by the predicted finish. */
export const predictive: Policy = {
  name: "predictive",
  transfers: undefined,
  place: (turn, world) => byPredictedFinish(turn, world, world.past.outputTokens ?? 64, 1),
  bind: bindByFinish(({ past }) => past.outputTokens ?? 64),
};

/** The same with the truth about each turn's output, where a replay knows it: what prediction could give at best. */
export const clairvoyant: Policy = {
  name: "clairvoyant",
  transfers: undefined,
  place: (turn, world) => byPredictedFinish(turn, world, turn.maxTokens, 1),
  bind: bindByFinish(({ past }) => past.outputTokens ?? 64),
};

export interface AmpdOptions {
  readonly ttftSloMs: number;
  readonly tbtSloMs: number;
  /** Standard deviation of the logarithm of what is predicted over what is true. */
  readonly error: number;
}

/**
 * AMPD (arXiv 2602.14516), from what is known of it: while the prefillers keep their TTFT, prompts go there; else while the decoder keeps
 * its TBT they stay with it; else wherever they are predicted to finish first.
 */
export function ampd({ ttftSloMs, tbtSloMs, error }: AmpdOptions): Policy {
  return {
    name: "ampd",
    transfers: undefined,
    place: (turn, world) => {
      const { bound } = turn;
      const { devices } = world;
      const prefillers = devices.filter(({ role }) => role === "prefiller");
      const seen = prefillers.flatMap(({ ttftMs }) => ttftMs ?? []);
      const ttftMs = seen.reduce((sum, ms) => sum + ms, 0) / Math.max(1, seen.length);
      if (bound === undefined || ttftMs <= SLACK * ttftSloMs) return toPrefiller(devices);
      const stepMs = devices.find(({ id }) => id === bound)?.stepMs ?? 0;
      if (stepMs <= SLACK * tbtSloMs) return { device: bound, leaves: false, moves: false };
      const factor = Math.exp(error * normalOf(turn.turn));
      return byPredictedFinish(turn, world, world.past.outputTokens ?? 64, factor);
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
