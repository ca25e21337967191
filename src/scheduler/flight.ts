import { FED_TOKEN, type StepPlan, type StepRow } from "../protocol/step.ts";
import type { TurnState } from "./state.ts";

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
