import { FED_TOKEN, type StepPlan, type StepRow } from "../protocol/step.ts";
import type { TurnState } from "./state.ts";

/** A plan that has not reported yet. */
export interface Flight {
  readonly plan: StepPlan;
  /** Whose the rows are. A turn that has ended since has no use for its row any more. */
  readonly turns: readonly TurnState[];
  /** Of prompts, all together. */
  readonly promptTokens: number;
}

/** How many tokens a row leaves in the cache. */
export function endOf({ position, tokens }: StepRow): number {
  return position + tokens.length;
}

/** The turn's rows in flight, in the order in which they run. */
export function rowsOf(turn: TurnState, flights: readonly Flight[]): readonly StepRow[] {
  return flights.flatMap(({ plan, turns }) => plan.rows.filter((_, index) => turns[index] === turn));
}

export function isFed({ tokens }: StepRow): boolean {
  return tokens[0] === FED_TOKEN;
}
