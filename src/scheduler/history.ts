import type { Device } from "./device.ts";
import type { Pool } from "./pool.ts";
import type { ConversationState, Residence } from "./state.ts";

/** Where a part of a conversation's KV is. */
export interface History {
  readonly residence: Residence;
  readonly device: Device;
}

/** Where KV that is at hand is to be written: the conversation's blocks from number `first` on. */
export interface LoadedBlocks {
  readonly device: Device;
  readonly first: number;
  readonly blocks: readonly number[];
}

/** Where the most of the conversation's KV is, if that is more than `pool` has, of the devices that count. */
export function historyOf(
  { residences }: ConversationState,
  pool: Pool,
  counts: (device: Device) => boolean,
): History | undefined {
  let most = residences.get(pool)?.table.length ?? 0;
  let history: History | undefined;
  for (const residence of residences.values()) {
    const [device] = residence.pool.devices;
    if (device === undefined || residence.table.length <= most || !counts(device)) continue;
    most = residence.table.length;
    history = { residence, device };
  }
  return history;
}
