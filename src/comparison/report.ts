import type { Slo } from "../metrics/conversation_metrics.ts";
import type { Cell } from "../metrics/replay_cell.ts";
import type { Comparison } from "./compare.ts";
import type { MeasuredEnergy } from "./measured_energy.ts";

/** What a comparison of policies found: plain data, kept as JSON. */
export interface PolicyComparison {
  readonly takenAt: string;
  readonly devices: readonly { readonly role: string; readonly adapter: string }[];
  readonly model: string;
  readonly workload: string;
  readonly slo: Slo;
  readonly loads: readonly { readonly load: number; readonly ratePerSecond: number }[];
  readonly cells: readonly Cell[];
  readonly comparisons: readonly Comparison[];
  readonly paces: readonly CellPace[];
  /** Absent where the machine has no counters that can be read. */
  readonly energy?: MeasuredEnergy;
}

/** How fast the machine was at a cell: the time of a fixed piece of work before and after it. */
export interface CellPace {
  readonly policy: string;
  readonly load: number;
  readonly seed: number;
  readonly paceMs: number;
  /** How often the cell was taken again, since the machine had another pace than at the cells it is compared with. */
  readonly repeats: number;
}
