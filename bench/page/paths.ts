import type { Precision } from "../../src/api.ts";
import type { Work } from "../../src/cli/progress_display.ts";
import type { PlainError } from "../../src/errors.ts";
import type { ModelShape } from "../../src/model/shapes.ts";
import type { EngineCase } from "../cases.ts";
import type { EngineRun } from "../engine_run.ts";
import type { SliceEvent } from "../trace.ts";

/** What the page and the server that it is from say to each other, and where. */
export const paths = {
  /** GET: a PageJob. */
  job: "/job",
  /** GET: the model's bytes. */
  model: "/model.gguf",
  /** POST: a Work. */
  progress: "/progress",
  /** POST: a PageOutcome; the last thing the page says. */
  outcome: "/outcome",
} as const;

export interface PageJob {
  readonly name: string;
  /** Random weights of it; the model at `paths.model` when absent. */
  readonly shape?: ModelShape;
  readonly precision: Precision;
  readonly maxStepTokens: number;
  readonly kvMiB?: number;
  readonly samples: number;
  readonly seed: number;
  readonly cases: readonly EngineCase[];
  readonly profile: readonly EngineCase[];
}

export type PageOutcome =
  | {
      readonly kind: "run";
      readonly browser: string;
      readonly run: EngineRun;
      readonly slices: readonly SliceEvent[];
    }
  | { readonly kind: "error"; readonly error: PlainError | string };

export type PageProgress = Work;
