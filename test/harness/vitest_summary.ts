import { writeFileSync } from "node:fs";
import type { SerializedError } from "vitest";
import type { Reporter, TestModule } from "vitest/node";

/**
 * Adds to the output of vitest why each skipped test was skipped, and writes `{"passed", "failed", "failures"}` to the file named by
 * BATON_TEST_SUMMARY: two counts, and the names of the tests that failed. A file that could not be loaded and an error outside of any test count as failed.
 */
export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly SerializedError[]): void {
    let passed = 0;
    let failed = errors.length;
    const failures: string[] = [];
    for (const module of modules) {
      failed += module.errors().length;
      for (const suite of module.children.allSuites()) failed += suite.errors().length;
      for (const test of module.children.allTests()) {
        const result = test.result();
        if (result.state === "passed") passed++;
        if (result.state === "failed") {
          failed++;
          failures.push(`${module.relativeModuleId} > ${test.fullName}`);
        }
        if (result.state === "skipped")
          console.log(`skipped: ${test.fullName} (${result.note ?? "no reason given"})`);
      }
    }
    const file = process.env.BATON_TEST_SUMMARY;
    if (file) writeFileSync(file, JSON.stringify({ passed, failed, failures }));
  }
}
