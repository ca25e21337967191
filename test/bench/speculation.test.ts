import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { measureSpeculation, repeatedShare } from "../../bench/speculation_run.ts";
import type { Runtime } from "../../src/api.ts";
import { writeTinyModel } from "../harness/tiny_model.ts";
import { bench } from "./run_bench.ts";

const folder = mkdtempSync(join(tmpdir(), "baton-bench-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("the report has every task, both ways, with ratios, drafts and bars", async () => {
  const model = join(folder, "tiny.gguf");
  writeFileSync(model, writeTinyModel({ vocabTokens: 600 }));
  const args = ["--model", model, "--kv-mib", "8", "--samples", "2", "--tokens", "24"];
  const { status, stdout, stderr } = await bench("speculation", ...args, "--json");
  expect(stderr).not.toContain("error");
  expect(status).toBe(0);
  const report = JSON.parse(stdout);
  expect(report).toMatchObject({ benchmark: "speculation", model: "tiny", samples: 2, maxTokens: 24 });
  expect(report.results.map(({ id, bar }: { id: string; bar: number }) => [id, bar])).toEqual([
    ["editing", 1.5],
    ["story", 0.97],
    ["question", 0.97],
    ["list", 0.97],
    ["four at once", 0.97],
  ]);
  for (const {
    conversations,
    completionTokens,
    decodeMs,
    speed,
    drafted,
    accepted,
    bar,
    met,
  } of report.results) {
    expect(completionTokens).toBeLessThanOrEqual(24 * conversations);
    expect(Math.min(decodeMs.auto.min, decodeMs.off.min, speed.min)).toBeGreaterThan(0);
    expect(speed.samples).toBe(2);
    expect(accepted.max).toBeLessThanOrEqual(drafted.max);
    expect(met).toBe(speed.median >= bar);
  }
});

/** A runtime that answers everything with this text, in no time. */
function answering(text: string): Runtime {
  const timings = { ttftMs: 1, tbtMs: [1], totalMs: 2 };
  const usage = { promptTokens: 1, cachedTokens: 0, completionTokens: 2 };
  const send = async function* () {
    yield { type: "text", text };
    yield { type: "done", finishReason: "length", usage, timings };
  };
  return {
    adapter: { name: "Some GPU" },
    stats: () => ({ draftedTokens: 0, acceptedTokens: 0 }),
    tokenizer: { encode: (words: string) => words.split(" ").map((word) => word.length) },
    conversation: () => ({ send, dispose: () => {} }),
  } as unknown as Runtime;
}

test("another text with speculation is an error and no figure", async () => {
  const rounds = { rounds: 2, maxTokens: 2, signal: new AbortController().signal, onPair: () => {} };
  const tasks = [{ id: "both", prompts: ["a", "b"], bar: 1 }];
  const measure = (auto: string, off: string) =>
    measureSpeculation({ auto: answering(auto), off: answering(off) }, tasks, rounds);
  expect(await measure("one two", "one two")).toMatchObject([{ id: "both", completionTokens: 4, met: true }]);
  await expect(measure("one three", "one two")).rejects.toMatchObject({
    code: "gpu-error",
    message: expect.stringMatching(/answered "both" \(conversation 1\) otherwise from character 5 on/),
  });
});

test("runs of three tokens say how much of an answer its prompt has", () => {
  expect(repeatedShare([1, 2, 3, 4, 5], [9, 2, 3, 4, 5])).toBeCloseTo(2 / 3);
  expect(repeatedShare([1, 2, 3], [1, 2])).toBe(0);
});

test.each([
  ["--only", "dance", `The option --only is "dance"; it has to be some of editing, story`],
  ["--samples", "0", "The option --samples is 0;"],
  ["--tokens", "1", "The option --tokens is 1;"],
])("refuses %s %s in a plain sentence", async (option, value, sentence) => {
  const { status, stderr } = await bench("speculation", option, value);
  expect(status).toBe(1);
  expect(stderr).toContain(sentence);
});
