import { type Pool, settle } from "./pool.ts";
import { RankedTurns } from "./ranked_turns.ts";
import type { Residence, TurnState } from "./state.ts";

export interface AdmissionOptions {
  readonly pool: Pool;
  /** Blocks that the device has, and up to which share of them in use new conversations are let in. */
  readonly blocks: number;
  readonly share: number | undefined;
}

/** What a device has for turns at the moment. */
export interface Vacancies {
  /** Turns that run there: each keeps a block to grow. */
  readonly running: number;
  /** Another can begin. */
  readonly isOpen: boolean;
}

/**
 * The turns that wait on a device until their blocks are reserved, in their order. One that finds none lets others by, but not forever. New
 * conversations may be held at a gate before that, so that those that are in have room to grow: only the first of them is let in, when
 * it is open, whatever the size of the others.
 */
export class Admission implements Iterable<TurnState> {
  readonly #pool: Pool;
  readonly #queue = new RankedTurns();
  readonly #atGate = new RankedTurns();
  /** Up to which number of blocks in use the gate is open; undefined where there is none. */
  readonly #open: number | undefined;
  #queuedTokens = 0;
  /** All of the queue was refused for want of blocks, and nothing has come free since. */
  #isFull = false;

  constructor({ pool, blocks, share }: AdmissionOptions) {
    this.#pool = pool;
    this.#open = share === undefined ? undefined : Math.floor(share * blocks);
  }

  get length(): number {
    return this.#queue.length + this.#atGate.length;
  }

  *[Symbol.iterator](): Iterator<TurnState> {
    yield* this.#queue;
    yield* this.#atGate;
  }

  /** Tokens that those who wait have to run. */
  get queuedTokens(): number {
    return this.#queuedTokens;
  }

  /** The turn that waits for blocks longest, where none that waits finds room as things are. */
  get refused(): TurnState | undefined {
    return this.#isFull ? this.#queue.at(0) : undefined;
  }

  /** Whether this is where new conversations wait until they are let in. */
  isGate(list: RankedTurns | undefined): boolean {
    return list === this.#atGate;
  }

  add(turn: TurnState): void {
    this.#isFull = false;
    this.#queuedTokens += promptOf(turn);
    (this.#open !== undefined && isNew(turn) ? this.#atGate : this.#queue).add(turn);
  }

  delete(turn: TurnState): boolean {
    const waits = this.#queue.delete(turn) || this.#atGate.delete(turn);
    if (waits) this.#queuedTokens -= promptOf(turn);
    return waits;
  }

  hasRoomAgain(): void {
    this.#isFull = false;
  }

  /** Whether a conversation of which nothing has run here may come, with so many blocks, to the `running` turns. */
  isOpenFor(blocks: number, running: number): boolean {
    return this.#open === undefined || running === 0 || this.#pool.activeBlocks + blocks <= this.#open;
  }

  /** Turns that find their blocks leave the queue, as long as there are `vacancies`, where it is seen what `begin` does. */
  admit(vacancies: () => Vacancies, begin: (turn: TurnState) => void): void {
    do this.#admitQueued(vacancies, begin);
    while (this.#letIn(vacancies()));
  }

  #admitQueued(vacancies: () => Vacancies, begin: (turn: TurnState) => void): void {
    if (this.#isFull) return;
    const passed: TurnState[] = [];
    let isPatient = true;
    // What is released meanwhile says otherwise.
    this.#isFull = true;
    for (let turn = this.#queue.at(0); turn !== undefined; turn = this.#queue.at(passed.length)) {
      const { running, isOpen } = vacancies();
      if (!isOpen) {
        this.#isFull = false;
        return;
      }
      if (!isPatient || passed.length > MOST_PASSED) return;
      if (!this.#reserve(turn, running)) {
        passed.push(turn);
        isPatient = turn.overtaken < MOST_OVERTAKEN;
        continue;
      }
      for (const earlier of passed) {
        earlier.overtaken += 1;
        isPatient &&= earlier.overtaken < MOST_OVERTAKEN;
      }
      begin(turn);
    }
    if (passed.length === 0) this.#isFull = false;
  }

  /** The first turn at the gate goes on to the queue. False where there is none, or the gate is shut. */
  #letIn({ running, isOpen }: Vacancies): boolean {
    const turn = this.#atGate.at(0);
    if (turn === undefined || !isOpen || this.#queue.length > 0) return false;
    const blocks = Math.ceil(turn.conversation.tokens.length / this.#pool.blockTokens);
    if (!this.isOpenFor(blocks, running)) return false;
    this.#atGate.delete(turn);
    this.#queue.add(turn);
    this.#isFull = false;
    return true;
  }

  /** Reserves blocks for all that is known of the turn: a prompt is not begun that cannot end. The others keep a block each to grow. */
  #reserve(turn: TurnState, running: number): boolean {
    const { conversation } = turn;
    const { tokens } = conversation;
    const hadNothing = this.#pool.blocksOf(conversation.id) === 0;
    const residence = this.#pool.enter(conversation, reusable(turn));
    settle(turn, residence);
    const blocks = reserveBlocks(this.#pool, residence.table.missingFor(tokens.length), running);
    if (blocks === undefined) {
      settle(turn, undefined);
      if (hadNothing) this.#pool.undo(residence);
      return false;
    }
    this.#pool.extend(residence, blocks);
    conversation.ran = Math.max(conversation.ran, residence.table.length);
    turn.cachedTokens ??= Math.min(residence.table.length, tokens.length);
    this.delete(turn);
    turn.admitted = true;
    return true;
  }
}

/**
 * `count` blocks so that `spare` more are left, from those that idle conversations have if need be; not from `own`. Undefined: there
 * are not so many, or not before others have been parked.
 */
export function reserveBlocks(
  pool: Pool,
  count: number,
  spare: number,
  own?: Residence,
): readonly number[] | undefined {
  if (count === 0 && spare === 0) return NONE;
  const { allocator } = pool;
  let room = allocator.room;
  while (room < count + spare) {
    const coldest = pool.coldest(own);
    if (coldest === undefined) break;
    const before = allocator.room;
    if (pool.park(coldest)) room += pool.ownBlocks(coldest);
    else {
      pool.leave(coldest);
      room += allocator.room - before;
    }
  }
  if (allocator.room < count + spare) return undefined;
  const reservation = allocator.reserve(count);
  return reservation.kind === "ok" ? reservation.blocks : undefined;
}

const NONE: readonly number[] = [];

/** How many turns that came later may begin before one that waits for its blocks. */
const MOST_OVERTAKEN = 16;
/** How many that wait are looked past for one that fits: what an event costs does not grow with the queue. */
const MOST_PASSED = 8;

/** The first turn of a conversation: nothing of it has run anywhere. */
function isNew({ request, cachedTokens }: TurnState): boolean {
  return request.keep === 0 && cachedTokens === undefined;
}

/** What a turn that has not begun has to run before its first decode. */
function promptOf({ conversation }: TurnState): number {
  return Math.max(0, conversation.tokens.length - 1);
}

/** How many of its tokens a turn can take from the cache: it needs a row for each token that it wants something of. */
function reusable({ request, conversation, delivered }: TurnState): number {
  return request.output.kind === "logits" ? request.keep + delivered : conversation.tokens.length - 1;
}
