import type { Patience } from "../../loader/sources/patience.ts";
import type { OnProgress, Progress } from "../../protocol/progress.ts";
import type { AllowInstall } from "./pip.ts";

/** What every way to a model's file is given. */
export interface FetchContext {
  readonly cacheFolder: string;
  readonly env: NodeJS.ProcessEnv;
  readonly hubUrl: string | undefined;
  readonly patience: Patience;
  readonly allowInstall: AllowInstall | undefined;
  readonly signal: AbortSignal | undefined;
  report(phase: Progress["phase"], bytes: number, total: number | undefined, label: string): void;
  /** Says what is being done now, where there is nothing to count yet. */
  step(label: string): void;
}

export function reporter(onProgress: OnProgress | undefined): Pick<FetchContext, "report" | "step"> {
  const report: FetchContext["report"] = (phase, done, total, label) =>
    onProgress?.({ phase, done, total, unit: "bytes", label });
  return { report, step: (label) => report("download", 0, undefined, label) };
}
