import type { Runner, RunnerLimits, StepPlan, StepResult } from "../../src/protocol/step.ts";

/** What a runner was called for. */
export type Call =
  | { readonly step: "run"; readonly plan: StepPlan }
  | { readonly step: "export" | "import"; readonly blocks: readonly number[] };

/** A runner that counts its calls and says so before and behind each. */
export class WatchedRunner implements Runner {
  readonly name: string;
  readonly limits: RunnerLimits;
  readonly #runner: Runner;
  readonly #watch: (call: Call) => (() => void) | undefined;

  /** `watch` hears of each call before it is given, and what it returns right behind that. */
  constructor(runner: Runner, watch: (call: Call) => () => void) {
    this.name = runner.name;
    this.limits = runner.limits;
    this.#runner = runner;
    this.#watch = watch;
  }

  run(plan: StepPlan): Promise<StepResult> {
    return this.#given({ step: "run", plan }, () => this.#runner.run(plan));
  }

  exportBlocks(blocks: readonly number[]): Promise<Uint8Array<ArrayBuffer>> {
    return this.#given({ step: "export", blocks }, () => this.#runner.exportBlocks(blocks));
  }

  importBlocks(blocks: readonly number[], data: Uint8Array<ArrayBuffer>): Promise<void> {
    return this.#given({ step: "import", blocks }, () => this.#runner.importBlocks(blocks, data));
  }

  dispose(): void {}

  #given<T>(call: Call, give: () => Promise<T>): Promise<T> {
    const behind = this.#watch(call);
    const given = give();
    behind?.();
    return given;
  }
}
