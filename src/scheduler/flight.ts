import type { BlockAllocator } from "../kv/block_allocator.ts";
import { FED_TOKEN, type StepPlan, type StepRow } from "../protocol/step.ts";
import type { ConversationState, TurnState } from "./state.ts";

/** A plan that has not reported yet. */
export interface Flight {
  readonly plan: StepPlan;
  /** Whose the rows are. A turn that has ended since has no use for its row any more. */
  readonly turns: readonly TurnState[];
}

/** Blocks that nobody holds any more; a step in flight may still write to them until this plan has reported. */
export interface RetiredBlocks {
  readonly plan: number;
  readonly blocks: readonly number[];
}

/** The turn's rows in flight, in the order in which they run. */
export function flightsOf(turn: TurnState, flights: readonly Flight[]): readonly StepRow[] {
  return flights.flatMap(({ plan, turns }) => plan.rows.filter((_, index) => turns[index] === turn));
}

/** What a row ran, now that the plan before it has reported and its token is known. */
export function tokensRun({ tokens }: StepRow, { completion }: TurnState): readonly number[] {
  return tokens[0] === FED_TOKEN ? completion.slice(-1) : tokens;
}

/** The plans in flight, in the order in which they run and report, and the blocks that wait for them. */
export class Flights {
  readonly #allocator: BlockAllocator;
  readonly #all: Flight[] = [];
  #retired: RetiredBlocks[] = [];

  constructor(allocator: BlockAllocator) {
    this.#allocator = allocator;
  }

  get all(): readonly Flight[] {
    return this.#all;
  }

  get retired(): readonly RetiredBlocks[] {
    return this.#retired;
  }

  get count(): number {
    return this.#all.length;
  }

  add(flight: Flight): void {
    this.#all.push(flight);
  }

  /** The plan of this id, the first of all; undefined for one that is unknown. */
  landing(plan: number): Flight | undefined {
    if (!this.#all.some((flight) => flight.plan.id === plan)) return undefined;
    const [first] = this.#all;
    if (first?.plan.id !== plan) throw new Error(`Plan ${plan} reported before one that was given earlier.`);
    return first;
  }

  holds({ lastPlan }: ConversationState): boolean {
    const [first] = this.#all;
    return first !== undefined && lastPlan >= first.plan.id;
  }

  /** Gives blocks back that the conversation does not hold any more, once nothing in flight writes to them. */
  retire(conversation: ConversationState, blocks: readonly number[]): void {
    if (blocks.length === 0) return;
    if (this.holds(conversation)) this.#retired.push({ plan: conversation.lastPlan, blocks });
    else this.#allocator.free(blocks);
  }

  /** The first plan has landed: what waited for it alone goes. */
  settle({ plan: { id } }: Flight): void {
    this.#all.shift();
    if (this.#retired.length === 0) return;
    for (const { plan, blocks } of this.#retired) if (plan === id) this.#allocator.free(blocks);
    this.#retired = this.#retired.filter(({ plan }) => plan !== id);
  }
}
