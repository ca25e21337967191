import type { DeviceSpec } from "../protocol/device.ts";
import type { PlainError } from "../protocol/plain_error.ts";
import type { BlockCopy, RunnerLimits, StepPlan, StepResult, StepRow } from "../protocol/step.ts";
import { Drafting } from "./drafting.ts";
import type { Flight } from "./flight.ts";
import { Observations } from "./observations.ts";
import type { StepRules } from "./policy.ts";
import type { Pool } from "./pool.ts";
import { kvFull } from "./scheduler_errors.ts";
import { comesBefore, insertByRank, isIdle, nextPosition, type Residence, type TurnState } from "./state.ts";
import {
  type Chunk,
  inStepOrder,
  readyTurns,
  rowOf,
  type StepBudget,
  shareOf,
  stepBudget,
  takeFrom,
} from "./step_composition.ts";

export interface DeviceOptions {
  readonly drafts: boolean;
  readonly steps: StepRules | undefined;
  /** Something has happened there: another plan may be made. */
  readonly onNews: (device: Device) => void;
}

/** Tokens of a chunk however long it holds up others: below, a step's fixed cost is most of it. */
const LEAST_CHUNK = 32;
const WHOLE: Chunk = { tokens: Number.POSITIVE_INFINITY, longTokens: Number.POSITIVE_INFINITY };

/** What composing steps meant for turns that found no blocks. */
export interface Shortage {
  /** Turns that cannot go on although they have the pool to themselves. */
  readonly stuck: { readonly turn: TurnState; readonly error: PlainError }[];
  /** How many had to make room for others. */
  preempted: number;
  /** Pools where a turn is the only one that runs, and others than turns have the blocks that it needs. */
  readonly short: Pool[];
}

/**
 * One device's turns and plans: step composition. Turns wait in their order until their blocks are reserved, and then share the
 * device's steps. Where blocks run out, conversations that are idle lose theirs first, the coldest before the others, and then the
 * turn that comes last begins again later: its tokens are known, so nothing is lost but the work. The first turn always goes on.
 *
 * Plans are made ahead of the results, as many as `plansInFlight` allows, and only while no turn needs the host between two steps,
 * so that such turns stay in one step with the others instead of taking turns with them.
 */
export class Device {
  readonly spec: DeviceSpec;
  readonly pool: Pool;
  readonly drafting: Drafting | undefined;
  readonly observed = new Observations();
  /** Their blocks are reserved; in the order of rank. */
  readonly turns: TurnState[] = [];
  /** They wait for blocks; in the order of rank. */
  readonly queue: TurnState[] = [];
  readonly flights: Flight[] = [];
  readonly #steps: StepRules | undefined;
  #incoming = 0;
  #lastPlan = 0;
  readonly #onNews: (device: Device) => void;
  /** A turn found no blocks while plans were in flight: whether there are any is seen when all have reported. */
  #starved = false;
  /** All of the queue was refused for want of blocks, and nothing has come free since. */
  #isFull = false;

  constructor(spec: DeviceSpec, pool: Pool, { drafts, steps, onNews }: DeviceOptions) {
    this.spec = spec;
    this.pool = pool;
    this.#steps = steps;
    this.#onNews = onNews;
    pool.devices.add(this);
    if (drafts) this.drafting = new Drafting(spec.limits, pool.allocator);
  }

  get limits(): RunnerLimits {
    return this.spec.limits;
  }

  /** Turns that are on their way here, with their KV. */
  get incoming(): number {
    return this.#incoming;
  }

  set incoming(count: number) {
    this.#incoming = count;
    this.#onNews(this);
  }

  /** How many turns more can decode in one step. */
  get freeRows(): number {
    return this.limits.maxStepRows - this.turns.length - this.#incoming;
  }

  /** The turn runs here from now on. One whose KV has crossed has its blocks. */
  add(turn: TurnState): void {
    turn.device = this;
    this.#isFull = false;
    insertByRank(turn.admitted ? this.turns : this.queue, turn);
    this.#onNews(this);
  }

  remove(turn: TurnState): void {
    const list = turn.admitted ? this.turns : this.queue;
    const at = list.indexOf(turn);
    if (at === -1) return;
    list.splice(at, 1);
    turn.device = undefined;
    this.pool.released();
  }

  /** Blocks of the pool may have come free. */
  hasRoomAgain(): void {
    this.#isFull = false;
    this.#onNews(this);
  }

  /** The plan that reports, which is the first of all; undefined for one that is unknown. */
  landing(plan: number): Flight | undefined {
    if (!this.flights.some((flight) => flight.plan.id === plan)) return undefined;
    const [first] = this.flights;
    if (first?.plan.id !== plan) throw new Error(`Plan ${plan} reported before one that was given earlier.`);
    this.flights.shift();
    // Whoever shares the pool may have waited for it as well.
    for (const device of this.pool.devices) this.#onNews(device);
    return first;
  }

  /** What the step taught about steps. */
  record(flight: Flight, result: StepResult): void {
    this.drafting?.record(flight, result);
    const { rows } = flight.plan;
    const decoding = rows.filter(
      ({ tokens, output }) => tokens.length === 1 && output.kind !== "none",
    ).length;
    const tokens = rows.reduce((sum, row) => sum + row.tokens.length, 0);
    this.observed.step(tokens - decoding, decoding, result.ms);
  }

  /** The next plan, of this id; undefined when there is nothing to run or it is not time yet. */
  compose(id: number, shortage: Shortage): StepPlan | undefined {
    if (this.turns.length === 0 && this.queue.length === 0) return undefined;
    const ready = this.#ready();
    if (ready === undefined) return undefined;
    const budget = stepBudget(this.limits);
    const chunk = this.#chunkTokens();
    const rows: StepRow[] = [];
    const turns: TurnState[] = [];
    const copies: BlockCopy[] = [];
    const take = (turn: TurnState, count: number): void => {
      const copied = this.#makeRoom(turn, count, id, shortage);
      if (copied === undefined) return;
      copies.push(...copied);
      const row = rowOf(turn, count);
      takeFrom(budget, row);
      rows.push(row);
      turns.push(turn);
      turn.ahead += count;
      if (turn.residence) turn.residence.lastPlan = id;
    };
    for (const turn of inStepOrder(ready)) {
      const count = turn.admitted ? shareOf(turn, budget, chunk) : 0;
      if (count > 0) take(turn, count);
    }
    this.#takeQueued(budget, chunk, take);
    if (rows.length === 0) return undefined;
    const drafting = this.flights.length === 0 ? this.drafting : undefined;
    const plan = {
      id,
      rows: drafting?.extend(rows, turns, budget) ?? rows,
      ...(copies.length > 0 && { copies }),
    };
    this.flights.push({ plan, turns });
    this.pool.planned(id);
    this.#lastPlan = id;
    return plan;
  }

  /** Tokens of a long prompt's chunk, and from how many on a prompt is long. */
  #chunkTokens(): Chunk {
    const msPerToken = this.observed.prefillMsPerToken;
    // A conversation that is idle may be back before the chunk has run.
    const isAlone = this.turns.length + this.queue.length === 1 && this.pool.conversations === 1;
    if (this.#steps === undefined || msPerToken === undefined || isAlone) return WHOLE;
    const tokens = (ms: number) => Math.max(LEAST_CHUNK, Math.floor(ms / msPerToken));
    return { tokens: tokens(this.#steps.chunkMs), longTokens: tokens(this.#steps.longMs) };
  }

  /** The admitted turns that the next plan may hold; undefined while it has to wait for those in flight. */
  #ready(): readonly TurnState[] | undefined {
    if (this.flights.length >= this.limits.plansInFlight) return undefined;
    if (this.flights.length === 0) this.#starved = false;
    if (this.#starved) return undefined;
    const ready = readyTurns(this.turns, this.limits.contextTokens, this.#lastPlan);
    if (ready === undefined) return undefined;
    const alone = this.flights.length > 0 && this.queue.length === 0;
    return alone && this.drafting?.holdsBack(ready) ? undefined : ready;
  }

  /** Turns of the queue that find their blocks begin. One that does not lets others by, but not forever. */
  #takeQueued(budget: StepBudget, chunk: Chunk, take: (turn: TurnState, count: number) => void): void {
    if (this.#isFull) return;
    const passed: TurnState[] = [];
    // What is released meanwhile says otherwise.
    this.#isFull = true;
    for (const turn of [...this.queue]) {
      if (this.freeRows <= 0 || budget.rows === 0 || budget.tokens === 0) {
        this.#isFull = false;
        return;
      }
      if (passed.some(({ overtaken }) => overtaken >= MOST_OVERTAKEN)) return;
      if (!this.#admit(turn)) {
        passed.push(turn);
        continue;
      }
      for (const earlier of passed) earlier.overtaken += 1;
      const count = shareOf(turn, budget, chunk);
      if (count > 0) take(turn, count);
    }
    if (passed.length === 0) this.#isFull = false;
  }

  /** Reserves blocks for all that is known of the turn: a prompt is not begun that cannot end. The others keep a block each to grow. */
  #admit(turn: TurnState): boolean {
    const { conversation } = turn;
    const { tokens } = conversation;
    const hadNothing = this.pool.blocksOf(conversation.id) === 0;
    const residence = this.pool.enter(conversation, reusable(turn));
    turn.residence = residence;
    const blocks = this.reserve(residence.table.missingFor(tokens.length), this.turns.length);
    if (blocks === undefined) {
      turn.residence = undefined;
      if (hadNothing) this.pool.undo(residence);
      return false;
    }
    residence.table.addBlocks(blocks);
    conversation.ran = Math.max(conversation.ran, residence.table.length);
    turn.cachedTokens ??= Math.min(residence.table.length, tokens.length);
    this.queue.splice(this.queue.indexOf(turn), 1);
    turn.admitted = true;
    insertByRank(this.turns, turn);
    return true;
  }

  /**
   * `count` blocks so that `spare` more are left, from those that idle conversations have if need be; not from `own`. Undefined: there
   * are not so many, or not before others have been parked.
   */
  reserve(count: number, spare: number, own?: Residence): readonly number[] | undefined {
    const { allocator, wanted } = this.pool;
    const canGo = (residence: Residence) => residence !== own && isIdle(residence) && !wanted?.has(residence);
    let room = allocator.room;
    while (room < count + spare) {
      const coldest = this.pool.coldest(canGo);
      if (coldest === undefined) break;
      // One whose turn waits here begins from its tokens again.
      if (wanted && coldest.conversation.turn === undefined) {
        wanted.add(coldest);
        room += this.pool.ownBlocks(coldest);
      } else {
        this.pool.leave(coldest);
        room = allocator.room;
      }
    }
    if (allocator.room < count + spare) return undefined;
    const reservation = allocator.reserve(count);
    return reservation.kind === "ok" ? reservation.blocks : undefined;
  }

  /**
   * Blocks for the turn's next `count` tokens, and one of its own in place of a shared one that they go into. Plans in flight may hold
   * blocks that come back, or that nobody would have taken without running ahead: others lose theirs only when there are none.
   */
  #makeRoom(
    turn: TurnState,
    count: number,
    plan: number,
    shortage: Shortage,
  ): readonly BlockCopy[] | undefined {
    const { residence } = turn;
    if (residence === undefined) throw new Error(`${turn.conversation.id} was admitted nowhere.`);
    const { table } = residence;
    const position = nextPosition(turn);
    for (;;) {
      const missing = table.missingFor(position + count);
      const needed = missing + this.pool.copiesAt(residence, position);
      const blocks = this.reserve(needed, 0);
      if (blocks) {
        table.addBlocks(blocks.slice(0, missing));
        return this.pool.own(residence, position, blocks[missing], plan);
      }
      const sharers = [...this.pool.devices];
      if (this.pool.isParking || sharers.some(({ flights }) => flights.length > 0)) {
        this.#starved = this.flights.length > 0;
        return undefined;
      }
      const last = lastOf(sharers) ?? { turn, device: this };
      const isAlone = sharers.reduce((sum, { turns }) => sum + turns.length, 0) === 1;
      if (isAlone) this.#giveUp(turn, Math.max(1, needed), shortage);
      else {
        last.device.#preempt(last.turn);
        shortage.preempted += 1;
      }
      if (isAlone || last.turn === turn) return undefined;
    }
  }

  /** The turn begins again when there is room for it. */
  #preempt(turn: TurnState): void {
    const { residence } = turn;
    this.remove(turn);
    turn.admitted = false;
    turn.residence = undefined;
    if (residence) this.pool.leave(residence);
    this.add(turn);
  }

  /** Alone and without a block. Where others still have blocks that will come back, it waits for them. */
  #giveUp(turn: TurnState, needed: number, { stuck, short }: Shortage): void {
    const { total, used, room } = this.pool.allocator;
    const own = turn.residence?.table.blocks.length ?? 0;
    if (used > own) {
      short.push(this.pool);
      return;
    }
    const { id } = turn.conversation;
    stuck.push({ turn, error: kvFull(id, { needed, missing: needed - room, total }) });
  }
}

/** The turn that comes last of those that are in no step: with tokens ahead they are in the one that is being composed. */
function lastOf(
  devices: readonly Device[],
): { readonly turn: TurnState; readonly device: Device } | undefined {
  let last: { readonly turn: TurnState; readonly device: Device } | undefined;
  for (const device of devices) {
    const turn = device.turns.findLast(({ ahead }) => ahead === 0);
    if (turn && (last === undefined || comesBefore(last.turn, turn))) last = { turn, device };
  }
  return last;
}

/** How many turns that came later may begin before one that waits for its blocks. */
const MOST_OVERTAKEN = 16;

/** How many of its tokens a turn can take from the cache: it needs a row for each token that it wants something of. */
function reusable({ request, conversation, delivered }: TurnState): number {
  return request.output.kind === "logits" ? request.keep + delivered : conversation.tokens.length - 1;
}
