import type { StepRecord } from "../metrics/replay.ts";
import { decodesAlone, type StepWork, stepWork } from "../metrics/step_work.ts";
import type { DeviceSpec } from "../protocol/device.ts";
import type { RowResult, StepPlan, StepResult, StepRow } from "../protocol/step.ts";
import { DeviceUse } from "./device_use.ts";
import type { VirtualClock } from "./virtual_clock.ts";

/** How long a step takes, in ms. */
export type StepCost = (work: StepWork) => number;

/** What is told of a device's steps, to whoever asks for it. */
export interface StepWatch {
  readonly begins?: (device: string, plan: StepPlan, startMs: number) => void;
  readonly ended?: (record: StepRecord) => void;
}

/** A device that takes as long for a step as its cost says, one after the other. Every token it samples is the same. */
export class SimulatedDevice {
  readonly spec: DeviceSpec;
  readonly use = new DeviceUse();
  readonly #cost: StepCost;
  readonly #clock: VirtualClock;
  readonly #watch: StepWatch;
  /** When all that it was given will have run. */
  #freeMs = 0;
  #isLost = false;

  constructor(spec: DeviceSpec, cost: StepCost, clock: VirtualClock, watch: StepWatch) {
    this.spec = spec;
    this.#cost = cost;
    this.#clock = clock;
    this.#watch = watch;
  }

  get freeMs(): number {
    return Math.max(this.#freeMs, this.#clock.nowMs);
  }

  /** What it runs and was given ends nowhere. */
  lose(): void {
    this.#isLost = true;
  }

  get isLost(): boolean {
    return this.#isLost;
  }

  run(plan: StepPlan, onEnd: (result: StepResult) => void): void {
    const work = stepWork(plan);
    const startMs = this.freeMs;
    const ms = this.#cost(work);
    const endMs = startMs + ms;
    this.#freeMs = endMs;
    this.#watch.begins?.(this.spec.id, plan, startMs);
    this.#clock.at(endMs, () => {
      if (this.#isLost) return;
      this.use.add(startMs, endMs, prefillShare(this.#cost, work));
      this.#watch.ended?.({ device: this.spec.id, startMs, endMs, ...work });
      onEnd({ plan: plan.id, rows: plan.rows.map(answer), ms });
    });
  }
}

/** Of a step's time, what its prompts take. */
export function prefillShare(cost: StepCost, work: StepWork): number {
  if (work.decodes === 0) return 1;
  const ms = cost(work);
  if (work.prefillTokens === 0 || ms === 0) return 0;
  return Math.max(0, 1 - cost(decodesAlone(work)) / ms);
}

const TOKEN = 1;
/** One for all: nobody writes to them. */
const SAMPLED: RowResult = { kind: "token", token: TOKEN };
const NONE: RowResult = { kind: "none" };

function answer({ output: { kind }, tokens }: StepRow): RowResult {
  if (kind === "token") return SAMPLED;
  if (kind === "none") return NONE;
  if (kind === "tokens") return { kind, tokens: Array<number>(tokens.length).fill(TOKEN) };
  throw new Error("A simulated device has no logits.");
}
