import { expect, test } from "vitest";
import type { ComparePoliciesOptions } from "../../src/api.ts";
import { checkCompareOptions } from "../../src/compare_options.ts";
import type { Progress } from "../../src/protocol/progress.ts";
import { compareInWorker } from "../../src/worker/remote_comparison.ts";
import { codeOf } from "../runtime/fake_chat.ts";
import { tinyModel } from "../runtime/tiny_runtime.ts";
import { LoopbackWorker, openInNode } from "./remote_tiny.ts";

/** The comparison of policies through a worker's border: what comes back, and that nothing is left behind. */

function compare(options: Partial<ComparePoliciesOptions> = {}, worker = new LoopbackWorker(openInNode())) {
  const small = { policies: ["baton", "conserve"], loads: [1], conversations: 3, seeds: 1 } as const;
  const whole = { model: tinyModel(), kvMiB: 2, ...small, ...options };
  return compareInWorker(checkCompareOptions(whole), worker, undefined);
}

test("the comparison comes back whole, and the worker ends", async () => {
  const worker = new LoopbackWorker(openInNode());
  const seen: Progress[] = [];
  const { comparison, replays } = await compare({ onProgress: (progress) => seen.push(progress) }, worker);
  expect(comparison.cells.map(({ policy, failed }) => [policy, failed])).toEqual([
    ["baton", 0],
    ["conserve", 0],
  ]);
  expect(comparison.comparisons).toMatchObject([{ load: 1, policy: "conserve" }]);
  expect(replays.map(({ conversations }) => conversations.length)).toEqual([3, 3]);
  const measured = seen.filter(({ phase }) => phase === "measure");
  expect(measured.at(-1)).toMatchObject({ done: 6, total: 6, unit: "conversations" });
  expect(new Set(measured.map(({ label }) => label))).toEqual(
    new Set(["what the devices manage at most", "baton at load 1", "conserve at load 1"]),
  );
  expect(worker.terminated).toBe(true);
});

test("a signal ends it, with its reason", async () => {
  const worker = new LoopbackWorker(openInNode());
  const controller = new AbortController();
  const onProgress = ({ phase }: Progress) => phase === "measure" && controller.abort(new Error("enough"));
  const compared = compare({ conversations: 40, signal: controller.signal, onProgress }, worker);
  await expect(compared).rejects.toThrow("enough");
  expect(worker.terminated).toBe(true);
});

test("what goes wrong there is told here", async () => {
  const worker = new LoopbackWorker(openInNode());
  expect(await codeOf(compare({ model: new Blob(["no model"]) }, worker))).toMatch(/gguf/);
  expect(worker.terminated).toBe(true);
  const dying = new LoopbackWorker(openInNode());
  const failed = codeOf(compare({}, dying));
  dying.die("out of memory");
  expect(await failed).toBe("device-lost");
});
