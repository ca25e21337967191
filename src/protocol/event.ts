import type { PlainError } from "./plain_error.ts";
import type { StepResult } from "./step.ts";
import type { TurnRequest } from "./turn.ts";

/** What the scheduler is told. */
export type SchedulerEvent =
  | { readonly kind: "turn-arrived"; readonly request: TurnRequest }
  /** The caller wants no more of this turn. Unknown and ended turns are ignored: the news may cross the turn's own end. */
  | { readonly kind: "turn-stopped"; readonly turn: number; readonly reason: "stop" | "abort" }
  | { readonly kind: "conversation-closed"; readonly conversation: string }
  | { readonly kind: "step-ended"; readonly result: StepResult }
  | { readonly kind: "step-failed"; readonly plan: number; readonly error: PlainError }
  /** The device runs nothing any more, a step in flight included: every turn ends with this error, those that arrive later too. */
  | { readonly kind: "device-lost"; readonly error: PlainError };
