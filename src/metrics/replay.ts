import type { ConversationTurn } from "./conversation_metrics.ts";
import type { StepWork } from "./step_work.ts";

/** What happened in a replay of a workload, on real devices or on simulated ones. All times in ms from its beginning. */

export interface StepRecord extends StepWork {
  readonly device: string;
  readonly startMs: number;
  readonly endMs: number;
}

export interface CopyRecord {
  readonly device: string;
  readonly step: "export" | "import";
  readonly startMs: number;
  readonly endMs: number;
  readonly bytes: number;
}

/** What is in use at a moment, by device. */
export interface OccupancyRecord {
  readonly atMs: number;
  readonly blocks: Readonly<Record<string, number>>;
}

export interface ConversationRecord {
  readonly id: string;
  readonly turns: readonly ConversationTurn[];
  readonly transfers: number;
  readonly movedBytes: number;
  /** Why it ended early; undefined for one that ran to its end. */
  readonly error: string | undefined;
  /** When it was cut off, as it took too long; undefined for one that was not. */
  readonly cutMs?: number;
}

export interface Replay {
  readonly policy: string;
  readonly totalMs: number;
  readonly conversations: readonly ConversationRecord[];
  readonly steps: readonly StepRecord[];
  readonly copies: readonly CopyRecord[];
  readonly occupancy: readonly OccupancyRecord[];
}
