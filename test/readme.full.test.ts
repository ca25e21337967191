import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { blocks, clone } from "./readme/examples.ts";

/** Runs what the README shows, as it stands there. */

const commands = blocks("sh")
  .flatMap((block) => block.split("\n"))
  .map((line) => line.replace(/\s+#.*$/, "").trim())
  .filter((line) => line !== "");

function run(command: string, cwd = clone) {
  return spawnSync("bash", ["-c", command], { cwd, encoding: "utf8", maxBuffer: 1 << 28, input: "" });
}

describe("the README", () => {
  test("shows the commands this file knows how to run", () => {
    const known = /^npm (start|test|run -s (baton|bench) --)/;
    expect(commands.filter((command) => !known.test(command))).toEqual([]);
    expect(commands.length).toBeGreaterThanOrEqual(8);
  });

  // `npm test` is what runs the tests, and would not end; the benchmark has a test of its own.
  for (const command of commands.filter((each) => !/^npm test|bench/.test(each))) {
    test(`\`${command}\` does what it says`, () => {
      const folder = mkdtempSync(join(tmpdir(), "baton-readme-"));
      try {
        const file = join(folder, "eval.json");
        writeFileSync(file, JSON.stringify([{ text: "The capital of France is Paris." }]));
        const { status, stdout, stderr } = run(command.replace("FILE.json", file));
        expect(stderr).not.toMatch(/error \(/);
        expect(status).toBe(0);
        // A chat without anything typed ends without an answer.
        if (!command.includes("chat")) expect(stdout.length).toBeGreaterThan(0);
        if (command.includes("--json")) expect(JSON.parse(stdout)).toHaveProperty("results.0.nll");
      } finally {
        rmSync(folder, { recursive: true });
      }
    });
  }

  test.each([
    ["a conversation", 0, /\d+ tokens, first after \d+ ms/],
    ["an agent", 1, /type: 'tool-result'[\s\S]*type: 'done'/],
  ])("has an example of %s that runs as it is", (_, index, said) => {
    // Within the package its own name resolves by its exports: what an installed copy gets.
    const file = join(clone, "readme_example.tmp.mjs");
    try {
      writeFileSync(file, blocks("ts")[index] ?? "");
      const { status, stdout, stderr } = run(`${process.execPath} ${file}`);
      expect(stderr).not.toMatch(/Error/);
      expect(stdout).toMatch(said);
      expect(status).toBe(0);
    } finally {
      rmSync(file, { force: true });
    }
  });
});
