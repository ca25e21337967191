import type { Replay } from "../metrics/replay.ts";
import type { DeviceSpec } from "../protocol/device.ts";
import type { Policy } from "../scheduler/policy.ts";
import type { DeviceUseTotals } from "./device_use.ts";
import type { StepCost } from "./simulated_device.ts";
import type { LinkSpec } from "./simulated_link.ts";
import type { TurnTotals } from "./turn_totals.ts";

/** What a simulation is given, and what comes of it. */

export interface SimulatedSpec extends DeviceSpec {
  readonly cost: StepCost;
  /** Its own way to host memory; without, it shares one with all others that have none. */
  readonly link?: LinkSpec;
}

/** A device that is lost, and comes back or does not. */
export interface DeviceFault {
  readonly device: string;
  readonly atMs: number;
  readonly backAtMs?: number;
}

export interface SimulateOptions {
  readonly policy: Policy;
  readonly devices: readonly SimulatedSpec[];
  /** Between host memory and the devices that have no link of their own, one copy after the other. */
  readonly link: LinkSpec;
  /** How many KV blocks of idle conversations host memory may hold. Default 0. */
  readonly hostBlocks?: number;
  /** So many conversations at a time, the next one when one ends, whatever times of arrival the workload has. Absent: by these. */
  readonly concurrency?: number;
  readonly faults?: readonly DeviceFault[];
  /** Devices that come later. */
  readonly joins?: readonly { readonly atMs: number; readonly device: SimulatedSpec }[];
  /**
   * What is written down: all; not single steps and copies; or neither these nor turns and their tokens' times, of which only
   * `totals` are left, for workloads of millions of turns. Default `all`.
   */
  readonly keeps?: "all" | "turns" | "totals";
}

/** What became of a turn. Times in ms from the beginning. */
export interface TurnRow {
  readonly conversation: string;
  /** From 0. */
  readonly turn: number;
  readonly arrivedMs: number;
  /** When the first step with tokens of it began; undefined where none did. */
  readonly startedMs: number | undefined;
  readonly firstTokenMs: number | undefined;
  readonly endedMs: number;
  /** The device that ran its last step. */
  readonly device: string | undefined;
  /** Of KV between devices, since the turn before ended. */
  readonly movedBytes: number;
}

export interface Simulation extends Replay {
  readonly rows: readonly TurnRow[];
  /** How many events the scheduler was told. */
  readonly events: number;
  readonly use: Readonly<Record<string, DeviceUseTotals>>;
  /** Over all links, both ways. */
  readonly copiedBytes: number;
  readonly totals: TurnTotals;
}
