import type { Slo } from "../metrics/conversation_metrics.ts";
import type { Cell } from "../metrics/replay_cell.ts";
import type { Comparison } from "./compare.ts";

/** What a comparison of policies found: plain data, kept as JSON. */
export interface ComparisonReport {
  readonly takenAt: string;
  readonly devices: readonly { readonly role: string; readonly adapter: string }[];
  readonly model: string;
  readonly workload: string;
  readonly slo: Slo;
  readonly loads: readonly { readonly load: number; readonly ratePerSecond: number }[];
  readonly cells: readonly Cell[];
  readonly comparisons: readonly Comparison[];
}
