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

/** What policies that predict, turn by turn, have in common: where a turn would have ended first, by what is thought to come. */

/**
 * Where the prompt of a turn would have run first by prediction: on a prefiller, KV there and back included, or on its decoder. First turns
 * go to a prefiller. `errorOf` multiplies what is predicted.
 */
export function byPredictedFinish(
  turn: TurnView,
  world: WorldView,
  outputTokens: number,
  errorOf: number,
): Placement | undefined {
  const { newTokens, tokens } = turn;
  const { devices, past } = world;
  const prefiller = toPrefiller(devices);
  const here = devices.find(({ id }) => id === turn.bound);
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

/**
 * The decoder that will have finished first when an answer is as long as `outputTokens` thinks: conversations that are idle there come back
 * from their tools meanwhile and share its steps, and what all grow by has to fit.
 */
export function bindByFinish(outputTokens: (world: WorldView) => number): Policy["bind"] {
  return (conversation, world) => {
    const decoders = ofRole(world.devices, "decoder").filter((device) => device.hasRoomFor(conversation));
    if (conversation.bound !== undefined || decoders.length === 0) return toDecoder(conversation, world);
    const { pauseMs, laterTokens } = world.past;
    const output = outputTokens(world);
    return least(decoders, ({ turns, conversations, stepMs = 0, activeBlocks, totalBlocks }) => {
      const idle = Math.max(0, conversations - turns);
      const back = pauseMs === undefined ? 0 : idle * Math.min(1, (output * stepMs) / Math.max(1, pauseMs));
      const finishMs = (output * stepMs * (turns + 1 + back)) / Math.max(1, turns);
      const grown = activeBlocks + ((output + (laterTokens ?? 0)) * (turns + 1 + back)) / BLOCK_TOKENS;
      return finishMs + (grown > totalBlocks ? OVERFULL_MS : grown / totalBlocks);
    })?.id;
  };
}

/** Near enough for a prediction. */
const BLOCK_TOKENS = 16;
/** What it costs to run out of blocks: more than any other choice. */
const OVERFULL_MS = 1e9;

/** Of an answer before any has been seen. */
export const OUTPUT_TOKENS = 64;
