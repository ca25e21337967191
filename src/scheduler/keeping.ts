import type { SchedulerCommand } from "../protocol/command.ts";
import type { Pool } from "./pool.ts";
import type { ConversationState, Residence } from "./state.ts";

/** Blocks that are being read, with an owner more until that is done. */
interface Reading {
  readonly pool: Pool;
  readonly blocks: readonly number[];
}

/** Conversations whose KV is read to be kept outside. */
export class Keeping {
  readonly #readings = new Map<number, Reading>();

  get held(): readonly Reading[] {
    return [...this.#readings.values()];
  }

  /** What is to be read of the conversation now: from where the most of its KV is. */
  save(conversation: ConversationState | undefined, request: number): SchedulerCommand {
    const { tokens = [], ran = 0 } = conversation ?? {};
    const saved = { kind: "save-blocks", request, tokens: tokens.slice(0, ran) } as const;
    const residence = fullest(conversation?.residences.values() ?? []);
    const [device] = residence?.pool.devices ?? [];
    if (residence === undefined || device === undefined)
      return { ...saved, device: undefined, blocks: [], cachedTokens: 0 };
    const { pool, table } = residence;
    const full = table.blocks.slice(0, Math.ceil(table.length / table.blockTokens));
    const copied = copiesInFlight(pool);
    const unsure = full.findIndex((block) => copied.has(block));
    const blocks = unsure === -1 ? full : full.slice(0, unsure);
    pool.allocator.share(blocks);
    this.#readings.set(request, { pool, blocks });
    const cachedTokens = Math.min(table.length, blocks.length * table.blockTokens);
    return { ...saved, device: device.spec.id, blocks, cachedTokens };
  }

  saved(request: number): void {
    const reading = this.#readings.get(request);
    this.#readings.delete(request);
    reading?.pool.allocator.free(reading.blocks);
  }
}

/** Blocks that plans in flight copy others into: what they hold is not sure before those have reported. */
function copiesInFlight({ devices }: Pool): ReadonlySet<number> {
  const copied = new Set<number>();
  for (const { flights } of devices)
    for (const { plan } of flights) for (const { to } of plan.copies ?? []) copied.add(to);
  return copied;
}

function fullest(residences: Iterable<Residence>): Residence | undefined {
  let found: Residence | undefined;
  for (const residence of residences)
    if (residence.table.length > (found?.table.length ?? 0)) found = residence;
  return found;
}
