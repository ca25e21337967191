import type { SchedulerCommand } from "../protocol/command.ts";
import type { Device } from "./device.ts";
import { Smoothed } from "./observations.ts";
import { review } from "./pool.ts";
import { type ConversationState, type Residence, type TurnState, tokensLeft } from "./state.ts";

/** A conversation's KV on its way from one device to another. */
export interface Handoff {
  readonly id: number;
  readonly conversation: ConversationState;
  readonly from: Device;
  readonly source: Residence;
  /** Where it goes, once that is decided and blocks are reserved there. */
  target: { readonly device: Device; readonly residence: Residence } | undefined;
  /** Goes on when all is there; undefined where the conversation is idle, or its turn has come since. */
  turn: TurnState | undefined;
  /** `move`; `loan`: the turn runs its prompt where the KV goes, and the KV stays where it comes from; `park`: to host memory. */
  kind: "move" | "loan" | "park";
  /** Its turn leaves the device that it goes to when its prompt has run. */
  leaves: boolean;
  /** Some device that it may go to has another pool. */
  leavesPool: boolean;
  /** Tokens whose KV crosses; undefined while more of them are being prefilled. */
  tokens: number | undefined;
  /** Blocks that were there already. */
  first: number;
  /** Blocks of the sequence, counted from its beginning: up to which they were told to leave, are in host memory, … */
  exported: number;
  landed: number;
  /** … were told to enter, and are there. */
  imported: number;
  arrived: number;
}

/** Blocks that are being read or written. */
interface HeldBlocks {
  readonly residence: Residence;
  readonly blocks: readonly number[];
  /** Up to which block of the sequence. */
  readonly end: number;
  readonly sinceMs: number;
}

/**
 * The handoffs under way. Full blocks leave while later chunks of the prompt still run, as far as host memory is left; they enter when it
 * is known where. Those that know get half of host memory for themselves: what is left there always goes on.
 */
export class Handoffs {
  /** Most blocks in host memory at once, of all handoffs together. */
  readonly #stagingBlocks: number;
  readonly #under = new Map<number, Handoff>();
  /** Blocks that are being read or written, with an owner more until that is reported; by handoff, in the order of the commands. */
  readonly #held = new Map<string, HeldBlocks[]>();
  readonly #msPerBlock = { export: new Smoothed(), import: new Smoothed() };
  #commands: SchedulerCommand[] = [];
  /** Something may be copied that could not a moment ago. */
  #isStirred = false;
  #ids = 0;

  constructor(stagingBlocks: number) {
    this.#stagingBlocks = stagingBlocks;
  }

  get all(): Iterable<Handoff> {
    return this.#under.values();
  }

  get count(): number {
    return this.#under.size;
  }

  /** Blocks with an owner more. */
  get held(): readonly HeldBlocks[] {
    return [...this.#held.values()].flat();
  }

  /** What a block takes from one device to another, lately; undefined before the first. */
  get msPerBlock(): number | undefined {
    const { export: out, import: into } = this.#msPerBlock;
    return out.value === undefined || into.value === undefined ? undefined : out.value + into.value;
  }

  /** More of a handoff can be copied. */
  stir(): void {
    this.#isStirred = true;
  }

  get(id: number): Handoff | undefined {
    return this.#under.get(id);
  }

  begin(source: Residence, from: Device): Handoff {
    const { conversation } = source;
    const handoff: Handoff = {
      id: ++this.#ids,
      conversation,
      from,
      source,
      target: undefined,
      turn: undefined,
      kind: "move",
      leaves: false,
      leavesPool: true,
      tokens: undefined,
      first: 0,
      exported: 0,
      landed: 0,
      imported: 0,
      arrived: 0,
    };
    this.#under.set(handoff.id, handoff);
    this.#isStirred = true;
    conversation.handoff = handoff;
    review(conversation);
    return handoff;
  }

  /** It goes there; `residence` has its blocks. What the residence has already does not cross. */
  bind(handoff: Handoff, device: Device, residence: Residence): void {
    this.#isStirred = true;
    handoff.target = { device, residence };
    const has = Math.floor(residence.table.length / residence.table.blockTokens);
    handoff.first = has;
    handoff.exported = Math.max(handoff.exported, has);
    handoff.imported = has;
    handoff.arrived = has;
    review(handoff.conversation);
  }

  /** Whether all of it is there. */
  isDone({ target, tokens, source, arrived }: Handoff): boolean {
    if (target === undefined || tokens === undefined) return false;
    return arrived >= Math.ceil(tokens / source.table.blockTokens);
  }

  end(handoff: Handoff, outcome: "done" | "dropped"): void {
    this.#under.delete(handoff.id);
    this.#isStirred = true;
    handoff.conversation.handoff = undefined;
    review(handoff.conversation);
    this.#commands.push({ kind: "handoff-ended", handoff: handoff.id, outcome });
  }

  /** The copy that was commanded first has ended, at `atMs`; undefined when it has failed. */
  reported(id: number, step: "export" | "import", atMs: number | undefined): void {
    this.#isStirred = true;
    const key = `${id} ${step}`;
    const held = this.#held.get(key) ?? [];
    const first = held.shift();
    if (held.length === 0) this.#held.delete(key);
    if (first) first.residence.pool.allocator.free(first.blocks);
    const handoff = this.#under.get(id);
    if (first === undefined || atMs === undefined) return;
    this.#msPerBlock[step].add((atMs - first.sinceMs) / first.blocks.length);
    if (handoff === undefined) return;
    if (step === "export") handoff.landed = first.end;
    else handoff.arrived = first.end;
  }

  /** Its pool is gone: nothing in it has to be given back. */
  forget(gone: (residence: Residence) => boolean): void {
    for (const [key, held] of this.#held) {
      const left = held.filter(({ residence }) => !gone(residence));
      if (left.length > 0) this.#held.set(key, left);
      else this.#held.delete(key);
    }
  }

  /** What can be copied now, those that began first before the others. */
  pump(nowMs: number): readonly SchedulerCommand[] {
    if (!this.#isStirred) return NONE;
    this.#isStirred = false;
    let [staged, waiting] = [0, 0];
    for (const handoff of this.#under.values()) {
      const blocks = stagedOf(handoff);
      staged += blocks;
      if (handoff.target === undefined) waiting += blocks;
    }
    for (const handoff of this.#under.values()) {
      const bound = handoff.target !== undefined;
      // Where it can only stay in its pool, nothing has to leave.
      if (!bound && !handoff.leavesPool) continue;
      const room = bound ? this.#stagingBlocks - staged : Math.floor(this.#stagingBlocks / 2) - waiting;
      const count = Math.min(Math.max(0, room), leaving(handoff) - handoff.exported);
      if (count > 0) {
        this.#export(handoff, count, nowMs);
        staged += count;
        if (!bound) waiting += count;
      }
      this.#import(handoff, nowMs);
    }
    const commands = this.#commands;
    this.#commands = [];
    return commands;
  }

  #export(handoff: Handoff, count: number, sinceMs: number): void {
    const { id, source, from, exported: first } = handoff;
    const blocks = source.table.blocks.slice(first, first + count);
    handoff.exported += blocks.length;
    this.#hold(`${id} export`, { residence: source, blocks, end: handoff.exported, sinceMs });
    this.#commands.push({ kind: "export-blocks", device: from.spec.id, handoff: id, first, blocks });
  }

  #import(handoff: Handoff, sinceMs: number): void {
    const { id, target, imported: first } = handoff;
    if (target === undefined) return;
    const { residence, device } = target;
    const blocks = residence.table.blocks.slice(first, Math.min(handoff.landed, totalOf(handoff)));
    if (blocks.length === 0) return;
    handoff.imported += blocks.length;
    this.#hold(`${id} import`, { residence, blocks, end: handoff.imported, sinceMs });
    this.#commands.push({ kind: "import-blocks", device: device.spec.id, handoff: id, first, blocks });
  }

  #hold(key: string, entry: HeldBlocks): void {
    entry.residence.pool.allocator.share(entry.blocks);
    const held = this.#held.get(key) ?? [];
    held.push(entry);
    this.#held.set(key, held);
  }
}

const NONE: readonly SchedulerCommand[] = [];

/** Blocks that are in host memory or on their way there. */
function stagedOf({ exported, arrived, target }: Handoff): number {
  return target === undefined ? exported : Math.max(0, exported - arrived);
}

/** Up to which block it may leave: what plans write, in the order in which the device runs them; all of it when the prompt's last chunk is among them. */
function leaving(handoff: Handoff): number {
  const { source, tokens, conversation } = handoff;
  const { blockTokens, length } = source.table;
  const { turn } = conversation;
  if (tokens !== undefined) return totalOf(handoff);
  if (turn?.residence !== source) return 0;
  const blocks = (length + turn.ahead) / blockTokens;
  return tokensLeft(turn) === 0 ? Math.ceil(blocks) : Math.floor(blocks);
}

function totalOf({ tokens, source }: Handoff): number {
  return tokens === undefined ? Number.POSITIVE_INFINITY : Math.ceil(tokens / source.table.blockTokens);
}

/** All of its prompt has run or is in flight. */
export function isPlanned({ tokens, source, conversation: { turn } }: Handoff): boolean {
  return tokens !== undefined || (turn?.residence === source && tokensLeft(turn) === 0);
}
