import { expect, test } from "vitest";
import { comparisonHtml } from "../../src/comparison/html.ts";
import { comparePolicies } from "../../src/node.ts";
import { AGENTS } from "../../src/workload/agents.ts";
import { codeOf } from "../runtime/fake_chat.ts";
import { tinyModel } from "../runtime/tiny_runtime.ts";

test("policies are compared on devices that are opened for it, with a page to look at", async () => {
  const seen = new Set<string>();
  const { comparison, replays } = await comparePolicies({
    model: tinyModel(),
    kvMiB: 2,
    policies: ["baton", "conserve"],
    loads: [1],
    conversations: 4,
    shape: { ...AGENTS, turns: { min: 2, max: 2 } },
    seeds: 1,
    onProgress: ({ phase }) => seen.add(phase),
  });
  expect(comparison.devices.map(({ role }) => role)).toEqual(["prefiller", "decoder"]);
  expect(comparison.cells.map(({ policy }) => policy)).toEqual(["baton", "conserve"]);
  expect(comparison.cells.find(({ policy }) => policy === "conserve")?.handoffs).toBe(4);
  expect(comparison.workload).toContain("4 conversations, 8 turns");
  expect(comparison.comparisons).toMatchObject([{ load: 1, policy: "conserve" }]);
  expect(comparison.paces.every(({ paceMs }) => paceMs > 0)).toBe(true);
  expect(replays.map(({ policy }) => policy)).toEqual(["baton", "conserve"]);
  expect(seen).toContain("measure");
  expect(comparisonHtml(comparison, "a table", replays)).toMatch(/^<!doctype html>[\s\S]*a table/);
});

test.each([
  ["policies", { policies: ["fastest"] }],
  ["loads", { loads: [0] }],
  ["seeds", { seeds: 0 }],
  ["shape", { shape: { ...AGENTS, turns: { min: 2, max: 1 } } }],
  ["shape's distributions", { shape: { ...AGENTS, pauseMs: undefined } }],
  ["thread", { thread: "worker" }],
])("wrong %s are refused before anything is opened", async (_, wrong) => {
  const options = { model: "no-such-model", ...wrong } as Parameters<typeof comparePolicies>[0];
  expect(await codeOf(comparePolicies(options))).toBe("invalid-option");
});

test("a signal ends it", async () => {
  const controller = new AbortController();
  const compared = comparePolicies({
    model: tinyModel(),
    kvMiB: 2,
    conversations: 40,
    signal: controller.signal,
    onProgress: ({ phase }) => phase === "measure" && controller.abort(),
  });
  await expect(compared).rejects.toThrow(/abort/);
});
