import type { DeviceSpec } from "../protocol/device.ts";
import type { Device } from "./device.ts";
import { andNext } from "./parking.ts";
import type { ConversationView, DeviceView, TurnView, WorldView } from "./policy.ts";
import { type ConversationState, type TurnState, tokensLeft } from "./state.ts";

/** What policies see. A device's view is made once and looks when it is asked; `clock` says what time it is then. */
export function viewOf(device: Device, clock: { readonly nowMs: number }): DeviceView {
  const { spec, pool, limits, admission, observed, prompts } = device;
  return {
    id: spec.id,
    role: spec.role,
    totalBlocks: limits.blocks,
    get activeBlocks() {
      return pool.activeBlocks;
    },
    get queuedTokens() {
      let tokens = admission.queuedTokens;
      for (const turn of prompts) tokens += Math.max(0, tokensLeft(turn) - 1);
      return tokens;
    },
    get turns() {
      return device.running + admission.length;
    },
    get conversations() {
      return pool.conversations;
    },
    get stepMs() {
      return observed.stepMs;
    },
    triedMsPerToken: spec.prefillMsPerToken,
    get prefillMsPerToken() {
      return observed.prefillMsPerToken;
    },
    get ttftMs() {
      return observed.ttftMs(clock.nowMs);
    },
    hasRoomFor: ({ id, tokens, bound }) => {
      if (device.freeRows <= 0) return false;
      const needed = Math.ceil(andNext(device, tokens) / limits.blockTokens) - pool.blocksOf(id);
      if (bound !== spec.id && !admission.isOpenFor(needed, device.running + device.incoming)) return false;
      return pool.activeBlocks + needed + device.running <= limits.blocks;
    },
  };
}

export function viewOfAway({ id, role, limits }: DeviceSpec): DeviceView {
  return {
    id,
    role,
    totalBlocks: limits.blocks,
    activeBlocks: limits.blocks,
    queuedTokens: Number.POSITIVE_INFINITY,
    turns: 0,
    conversations: 0,
    stepMs: undefined,
    triedMsPerToken: undefined,
    prefillMsPerToken: undefined,
    ttftMs: undefined,
    hasRoomFor: () => false,
  };
}

/** A device that cannot hold the conversation any more is not where it stays. */
export function conversationView(
  { id, tokens, bound }: ConversationState,
  { devices }: WorldView,
): ConversationView {
  const stays = bound !== undefined && devices.some((device) => device.id === bound);
  return { id, tokens: tokens.length, bound: stays ? bound : undefined };
}

export function turnView(turn: TurnState, world: WorldView): TurnView {
  const { conversation, request, arrivedMs } = turn;
  const { id, tokens, bound } = conversationView(conversation, world);
  const { output } = request;
  return {
    id,
    tokens,
    bound,
    newTokens: request.tokens.length,
    arrivedMs,
    turn: request.turn,
    maxTokens: output.kind === "tokens" ? output.maxTokens : 0,
  };
}
