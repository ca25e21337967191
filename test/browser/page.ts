import { loadCases } from "./load_cases.ts";
import { served } from "./served.ts";
import { useCases } from "./use_cases.ts";
import { workerCases } from "./worker_cases.ts";

/** Runs every case, one after the other, and reports what came of each. */

const cases = { ...useCases, ...workerCases, ...loadCases };

type Cases = typeof cases;

export interface Report {
  readonly userAgent: string;
  /** What each case saw. */
  readonly seen: { readonly [Name in keyof Cases]: Awaited<ReturnType<Cases[Name]>> };
  readonly milliseconds: Readonly<Record<string, number>>;
  /** Cases that threw, and errors that nothing caught. */
  readonly errors: readonly string[];
}

async function runCases(): Promise<Report> {
  const seen: Record<string, unknown> = {};
  const milliseconds: Record<string, number> = {};
  const errors: string[] = [];
  addEventListener("error", ({ message }) => errors.push(`uncaught: ${message}`));
  addEventListener("unhandledrejection", ({ reason }) => errors.push(`unhandled rejection: ${reason}`));
  for (const [name, run] of Object.entries(cases)) {
    const start = performance.now();
    try {
      seen[name] = await run();
    } catch (error) {
      errors.push(`${name}: ${error instanceof Error ? error.stack : String(error)}`);
    }
    milliseconds[name] = Math.round(performance.now() - start);
  }
  return { userAgent: navigator.userAgent, seen: seen as Report["seen"], milliseconds, errors };
}

await fetch(served.report, { method: "POST", body: JSON.stringify(await runCases()) });
