import type { Patience } from "../../loader/sources/patience.ts";
import type { Progress } from "../../protocol/progress.ts";
import type { ResolveOptions } from "../platform.ts";

/** What every way to a model's file is given. */
export interface FetchContext extends ResolveOptions {
  readonly hubUrl: string | undefined;
  /** A folder of files named after the catalogue's models, asked before their other sources; ends in a slash. */
  readonly modelsUrl: string | undefined;
  readonly patience: Patience;
  /** What to do with a model that there is no room to keep: run it all the same, or say so. */
  readonly whenFull: "stream" | "fail";
}

export function report(
  context: FetchContext,
  about: Pick<Progress, "done" | "total" | "label"> & Partial<Pick<Progress, "phase" | "kept">>,
): void {
  context.onProgress?.({ phase: "download", unit: "bytes", ...about });
}
