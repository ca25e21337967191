import type { StepRecord } from "../metrics/replay.ts";
import type { DeviceSpec } from "../protocol/device.ts";
import type { RowResult, StepPlan, StepResult } from "../protocol/step.ts";
import type { VirtualClock } from "./virtual_clock.ts";

/** What a step's time depends on. */
export interface StepWork {
  readonly prefillTokens: number;
  readonly decodes: number;
  /** Tokens of all sequences in it, as far as they are in the cache: what attention reads. */
  readonly contextTokens: number;
}

export type StepCost = (work: StepWork) => number;

/** A device that takes as long for a step as its cost says, one after the other. Every token it samples is the same. */
export class SimulatedDevice {
  readonly spec: DeviceSpec;
  readonly #cost: StepCost;
  readonly #clock: VirtualClock;
  readonly #steps: StepRecord[];
  /** When all that it was given will have run. */
  #freeMs = 0;

  constructor(spec: DeviceSpec, cost: StepCost, clock: VirtualClock, steps: StepRecord[]) {
    this.spec = spec;
    this.#cost = cost;
    this.#clock = clock;
    this.#steps = steps;
  }

  get freeMs(): number {
    return Math.max(this.#freeMs, this.#clock.nowMs);
  }

  run(plan: StepPlan, onEnd: (result: StepResult) => void): void {
    const work = workOf(plan);
    const startMs = this.freeMs;
    const ms = this.#cost(work);
    this.#freeMs = startMs + ms;
    this.#clock.at(this.#freeMs, () => {
      const { prefillTokens, decodes } = work;
      this.#steps.push({ device: this.spec.id, startMs, endMs: startMs + ms, prefillTokens, decodes });
      onEnd({
        plan: plan.id,
        rows: plan.rows.map(({ output, tokens }) => answer(output.kind, tokens.length)),
        ms,
      });
    });
  }
}

export function workOf({ rows }: StepPlan): StepWork {
  let [prefillTokens, decodes, contextTokens] = [0, 0, 0];
  for (const { tokens, output, position } of rows) {
    contextTokens += position + tokens.length;
    if (tokens.length === 1 && output.kind === "token" && position > 0) decodes += 1;
    else prefillTokens += tokens.length;
  }
  return { prefillTokens, decodes, contextTokens };
}

const TOKEN = 1;

function answer(kind: RowResult["kind"], tokens: number): RowResult {
  if (kind === "token") return { kind, token: TOKEN };
  if (kind === "tokens") return { kind, tokens: Array<number>(tokens).fill(TOKEN) };
  if (kind === "logits") throw new Error("A simulated device has no logits.");
  return { kind };
}
