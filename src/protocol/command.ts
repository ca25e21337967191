import type { PlainError } from "./plain_error.ts";
import type { StepPlan } from "./step.ts";
import type { FinishReason, TurnUsage } from "./turn.ts";

/** What the scheduler wants done, in this order. A turn gets exactly one `turn-finished` or `turn-failed`, and nothing after it. */
export type SchedulerCommand =
  /** Its end comes back as `step-ended` or `step-failed`. */
  | { readonly kind: "run-step"; readonly plan: StepPlan }
  | { readonly kind: "deliver-token"; readonly turn: number; readonly token: number }
  | {
      readonly kind: "deliver-logits";
      readonly turn: number;
      /** Which of the turn's tokens the first row belongs to. */
      readonly offset: number;
      /** [tokens, vocabTokens] */
      readonly logits: Float32Array;
    }
  | {
      readonly kind: "turn-finished";
      readonly turn: number;
      readonly reason: FinishReason;
      readonly usage: TurnUsage;
    }
  /** The conversation is what it was before the turn. */
  | { readonly kind: "turn-failed"; readonly turn: number; readonly error: PlainError };
