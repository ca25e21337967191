import type { DeviceSpec } from "../protocol/device.ts";
import type { Device } from "./device.ts";
import type { DeviceView } from "./policy.ts";
import { isIdle, tokensLeft } from "./state.ts";

/** What policies see of a device; looked up when they ask. */
export function viewOf(device: Device, nowMs: number): DeviceView {
  const { spec, pool, limits, turns, queue, observed } = device;
  let active: number | undefined;
  const activeBlocks = () => {
    active ??= pool.blocksInUse((residence) => !isIdle(residence));
    return active;
  };
  return {
    id: spec.id,
    role: spec.role,
    totalBlocks: limits.blocks,
    get activeBlocks() {
      return activeBlocks();
    },
    get queuedTokens() {
      return [...turns, ...queue].reduce((sum, turn) => sum + Math.max(0, tokensLeft(turn) - 1), 0);
    },
    get turns() {
      return turns.length + queue.length;
    },
    conversations: pool.conversations,
    stepMs: observed.stepMs,
    prefillMsPerToken: observed.prefillMsPerToken,
    get ttftMs() {
      return observed.ttftMs(nowMs);
    },
    hasRoomFor: ({ id, tokens }) => {
      const needed = Math.ceil((tokens + 1) / limits.blockTokens) - pool.blocksOf(id);
      return device.freeRows > 0 && activeBlocks() + needed + turns.length <= limits.blocks;
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
    prefillMsPerToken: undefined,
    ttftMs: undefined,
    hasRoomFor: () => false,
  };
}
