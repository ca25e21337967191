import type { DeviceSpec } from "./device.ts";
import type { PlainError } from "./plain_error.ts";
import type { StepResult } from "./step.ts";
import type { TurnRequest } from "./turn.ts";

/** What the scheduler is told. */
export type SchedulerEvent =
  | { readonly kind: "turn-arrived"; readonly request: TurnRequest }
  /** The caller wants no more of this turn. Unknown and ended turns are ignored: the news may cross the turn's own end. */
  | { readonly kind: "turn-stopped"; readonly turn: number; readonly reason: "stop" | "abort" }
  /** A new conversation that begins as another one's first `tokens` tokens, whose KV it shares. */
  | {
      readonly kind: "conversation-forked";
      readonly conversation: string;
      readonly from: string;
      /** At most what `from` has run; its idle tokens all when absent. */
      readonly tokens?: number;
    }
  /** Somebody wants the KV of a conversation without a turn: answered by `save-blocks`. */
  | { readonly kind: "save-wanted"; readonly conversation: string; readonly request: number }
  /** The blocks of `save-blocks` have been read, or could not be. */
  | { readonly kind: "blocks-saved"; readonly request: number }
  /** A new conversation whose tokens have run before; the KV of the first `cachedTokens` is at hand. Answered by `load-blocks`. */
  | {
      readonly kind: "conversation-loaded";
      readonly conversation: string;
      readonly tokens: readonly number[];
      readonly cachedTokens: number;
      readonly request: number;
    }
  /** The blocks of `load-blocks` have been written. */
  | { readonly kind: "blocks-loaded"; readonly request: number }
  /** In place of that: what is in them is prefilled. */
  | { readonly kind: "load-failed"; readonly request: number; readonly error: PlainError }
  | { readonly kind: "conversation-closed"; readonly conversation: string }
  /** The conversation's last answer asked for a tool, and its next turn comes when that has run: where idle KV makes room, its own goes last. */
  | { readonly kind: "pause-began"; readonly conversation: string }
  /** The tool has run, or was given up. The next turn's arrival ends a pause as well. */
  | { readonly kind: "pause-ended"; readonly conversation: string }
  | { readonly kind: "step-ended"; readonly device: string; readonly result: StepResult }
  | {
      readonly kind: "step-failed";
      readonly device: string;
      readonly plan: number;
      readonly error: PlainError;
    }
  /** The first `export-blocks` of a handoff that has not reported is done: the blocks are in host memory. */
  | { readonly kind: "blocks-exported"; readonly handoff: number }
  /** The first `import-blocks` of a handoff that has not reported is done. */
  | { readonly kind: "blocks-imported"; readonly handoff: number }
  /** In place of one of these. */
  | {
      readonly kind: "handoff-failed";
      readonly handoff: number;
      readonly step: "export" | "import";
      readonly error: PlainError;
    }
  | { readonly kind: "device-joined"; readonly device: DeviceSpec }
  /**
   * The device runs nothing any more, steps in flight included, and its KV is gone. While it is `recovering` turns wait for it; otherwise
   * those that no other device can run end with this error.
   */
  | {
      readonly kind: "device-lost";
      readonly device: string;
      readonly error: PlainError;
      readonly recovering: boolean;
    };
