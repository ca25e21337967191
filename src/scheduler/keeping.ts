import type { SchedulerCommand } from "../protocol/command.ts";
import type { LoadedBlocks } from "./history.ts";
import type { Pool } from "./pool.ts";
import type { ConversationState, Residence } from "./state.ts";

/** Blocks that are being read or written, with an owner more until that is done: nobody else writes to them meanwhile. */
interface Copy {
  readonly pool: Pool;
  readonly blocks: readonly number[];
}

/** Conversations whose KV is read to be kept outside, or is written again. */
export class Keeping {
  readonly #copies = new Map<number, Copy>();

  get held(): readonly Copy[] {
    return [...this.#copies.values()];
  }

  /** What is to be read of the conversation now: from where the most of its KV is. */
  save(conversation: ConversationState | undefined, request: number): SchedulerCommand {
    const tokens = conversation?.tokens.slice(0, conversation.ran) ?? [];
    const saved = { kind: "save-blocks", request, tokens } as const;
    const residence = fullest(conversation?.residences.values() ?? []);
    const [device] = residence?.pool.devices ?? [];
    if (residence === undefined || device === undefined)
      return { ...saved, device: undefined, blocks: [], cachedTokens: 0 };
    const { pool, table } = residence;
    const full = table.blocks.slice(0, Math.ceil(table.length / table.blockTokens));
    const copied = copiesInFlight(pool);
    const unsure = full.findIndex((block) => copied.has(block));
    const blocks = unsure === -1 ? full : full.slice(0, unsure);
    this.#hold(request, pool, blocks);
    const cachedTokens = Math.min(table.length, blocks.length * table.blockTokens);
    return { ...saved, device: device.spec.id, blocks, cachedTokens };
  }

  /** What is to be written: there, or nowhere. */
  load(request: number, place: LoadedBlocks | undefined): SchedulerCommand {
    if (place === undefined) return { kind: "load-blocks", request, device: undefined, first: 0, blocks: [] };
    const { device, first, blocks } = place;
    if (blocks.length > 0) this.#hold(request, device.pool, blocks);
    return { kind: "load-blocks", request, device: device.spec.id, first, blocks };
  }

  get(request: number): Copy | undefined {
    return this.#copies.get(request);
  }

  /** The blocks have been read or written, or could not be. */
  ended(request: number): void {
    const copy = this.#copies.get(request);
    this.#copies.delete(request);
    copy?.pool.allocator.free(copy.blocks);
  }

  /** The pool is gone, and nothing in it has to be given back. */
  lose(lost: Pool): void {
    for (const [request, { pool }] of this.#copies) if (pool === lost) this.#copies.delete(request);
  }

  #hold(request: number, pool: Pool, blocks: readonly number[]): void {
    pool.allocator.share(blocks);
    this.#copies.set(request, { pool, blocks });
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
