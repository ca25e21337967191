import type { ConversationStatus, DeviceInfo, DeviceStats } from "./api.ts";
import { HOST } from "./protocol/device.ts";
import type { RuntimeDevice } from "./runtime_devices.ts";
import type { ConversationSnapshot, DeviceSnapshot } from "./scheduler/snapshot.ts";

/** What the scheduler knows, as callers see it. */

export function infoOf({ id, role, gpu }: RuntimeDevice): DeviceInfo {
  return { id, role, adapter: gpu.summary };
}

/** A device that is lost has nothing left. */
export function deviceStats(info: DeviceInfo, snapshots: readonly DeviceSnapshot[]): DeviceStats {
  const found = snapshots.find(({ id }) => id === info.id);
  const { total = 0, used = 0, peak = 0 } = found?.blocks ?? {};
  const { turns = 0, queued = 0 } = found ?? {};
  return { ...info, kvBlocks: total, kvBlocksUsed: used, kvBlocksPeak: peak, turns, queued };
}

export function statusOf(
  one: ConversationSnapshot,
  devices: readonly RuntimeDevice[],
  blockBytes: number,
): ConversationStatus {
  const { id, bound, cached, turn, transfers, movedBlocks } = one;
  const most = cached.toSorted((a, b) => b.tokens - a.tokens)[0];
  const idle = most?.pool === HOST ? "parked" : "idle";
  const holders = devices.filter(({ pool }) => pool === most?.pool);
  const holder = holders.find((device) => device.id === bound) ?? holders[0];
  return {
    id,
    phase: turn?.phase ?? idle,
    device: turn === undefined ? holder?.id : turn.device,
    cachedTokens: most?.tokens ?? 0,
    tokensLeft: turn?.tokensLeft ?? 0,
    completionTokens: turn?.completionTokens ?? 0,
    handoffs: transfers,
    handoffBytes: movedBlocks * blockBytes,
  };
}
