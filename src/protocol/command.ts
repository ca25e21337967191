import type { PlainError } from "./plain_error.ts";
import type { StepPlan } from "./step.ts";
import type { FinishReason, TurnUsage } from "./turn.ts";

/** What the scheduler wants done, in this order. A turn gets exactly one `turn-finished` or `turn-failed`, and nothing after it. */
export type SchedulerCommand =
  /** Its end comes back as `step-ended` or `step-failed`. */
  | { readonly kind: "run-step"; readonly device: string; readonly plan: StepPlan }
  /** Copy these blocks to host memory, behind the steps given before. Comes back as `blocks-exported` or `handoff-failed`. */
  | {
      readonly kind: "export-blocks";
      readonly device: string;
      readonly handoff: number;
      /** Which of the handoff's blocks, in the order of the sequence, the first of these is. */
      readonly first: number;
      readonly blocks: readonly number[];
    }
  /** Copy what was exported into these blocks, ahead of the steps given later. Comes back as `blocks-imported` or `handoff-failed`. */
  | {
      readonly kind: "import-blocks";
      readonly device: string;
      readonly handoff: number;
      readonly first: number;
      readonly blocks: readonly number[];
    }
  /**
   * The answer to `save-wanted`: read these blocks, behind the steps given before, and report `blocks-saved`. None where the KV is nowhere;
   * no `device` then.
   */
  | {
      readonly kind: "save-blocks";
      readonly request: number;
      readonly device: string | undefined;
      readonly blocks: readonly number[];
      /** All that the conversation has run, and of how many the blocks hold K and V. */
      readonly tokens: readonly number[];
      readonly cachedTokens: number;
    }
  /**
   * The answer to `conversation-loaded`: write its blocks from number `first` on to these, ahead of the steps given later. Comes back as
   * `blocks-loaded` or `load-failed` where there are any.
   */
  | {
      readonly kind: "load-blocks";
      readonly request: number;
      readonly device: string | undefined;
      readonly first: number;
      readonly blocks: readonly number[];
    }
  /** Host memory of this handoff is not needed any more. */
  | { readonly kind: "handoff-ended"; readonly handoff: number; readonly outcome: "done" | "dropped" }
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
