import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { TestFolder } from "./files.ts";
import { baton } from "./test_io.ts";

const folder = new TestFolder();
const write = (name: string, value: unknown) =>
  folder.write(name, Buffer.from(typeof value === "string" ? value : JSON.stringify(value)));
const pair = write("pair.json", {
  devices: [
    { id: "p", role: "prefiller", gpu: "a40" },
    { id: "d", role: "decoder", gpu: "l4", count: 2 },
  ],
});
const turns = [
  { session_id: "a", timestamp: 0, input_length: 2000, output_length: 20 },
  { session_id: "b", timestamp: 50, input_length: 1000, output_length: 10 },
  { session_id: "a", delay: 300, input_length: 100, output_length: 40 },
];
const trace = write("trace.jsonl", turns.map((turn) => JSON.stringify(turn)).join("\n"));

test("simulate says of every turn and policy what became of it, as JSON", async () => {
  const { status, out, errors } = await baton(["simulate", "--devices", pair, "--workload", trace, "--policy", "conserve,baton", "--json", "--quiet"]); // biome-ignore format: a command
  expect(errors).toBe("");
  expect(status).toBe(0);
  const { model, results, comparisons, slo } = JSON.parse(out);
  expect(model.name).toBe("qwen3-0.6b");
  expect(slo).toEqual({ ttftMs: 1000, tbtMs: 75 });
  expect(results.map(({ policy }: { policy: string }) => policy)).toEqual(["conserve", "baton"]);
  expect(comparisons).toHaveLength(1);
  const [conserve] = results;
  expect(conserve.summary).toMatchObject({ conversations: 2, failed: 0, handoffs: 2 });
  for (const reading of ["ttfetMs", "ttfetWithPausesMs", "firstTtftMs", "laterTtftMs", "lastTurnTbtMs"])
    expect(conserve.summary[reading].p95).toBeGreaterThan(0);
  expect(conserve.energy.byPhase.joulesPerToken).toBeGreaterThan(0);
  expect(conserve.turns).toHaveLength(3);
  for (const turn of conserve.turns) {
    expect(turn.start_ms).toBeGreaterThanOrEqual(turn.arrival_ms);
    expect(turn.first_token_ms).toBeGreaterThan(turn.start_ms);
    expect(turn.end_ms).toBeGreaterThan(turn.first_token_ms);
    expect(turn.device).toMatch(/^d-[12]$/);
  }
  const [first] = conserve.turns.filter((turn: { session_id: string }) => turn.session_id === "a");
  // 126 blocks of 16 tokens of KV, once: 2,000 tokens' and what was sampled in a block with them.
  expect(first.moved_bytes).toBe(125 * 16 * 114_688);
});

test("simulate is the same again for the same seed, and another for another", async () => {
  const run = async (seed: string) => {
    const { out } = await baton(["simulate", "--devices", pair, "--workload", "agents", "--conversations", "30", "--seed", seed, "--policy", "baton", "--json", "--quiet"]); // biome-ignore format: a command
    return out;
  };
  const one = await run("5");
  expect(await run("5")).toBe(one);
  expect(await run("6")).not.toBe(one);
});

test("simulate prints tables, and writes a page that needs nothing else", async () => {
  const html = `${folder.path}/report.html`;
  const { status, out } = await baton(["simulate", "--devices", pair, "--workload", trace, "--html", html]);
  expect(status).toBe(0);
  expect(out).toMatch(/^prefiller +a40, simulated$/m);
  expect(out).toMatch(/^baton +\d/m);
  expect(out).toMatch(/J\/token by phase/);
  const page = readFileSync(html, "utf8");
  expect(page).toContain("<!doctype html>");
  expect(page).not.toMatch(/src="http|href="http/);
});

test("a device of measured steps, a model of a file and a fault are simulated as they stand there", async () => {
  const fitted = { stepMs: 10, prefillTokenMs: 1, decodeMs: 5 };
  const devices = write("fitted.json", {
    devices: [{ id: "one", role: "both", fitted, kvBlocks: 1000, maxStepTokens: 4096 }],
    link: { GBps: 1 },
    faults: [{ device: "one", atMs: 5, backAtMs: 100 }],
  });
  const model = write("model.json", { name: "mine", layers: 2, hidden: 64, heads: 4, kvHeads: 2, headDim: 16, ffn: 96, vocab: 512, contextTokens: 8192 }); // biome-ignore format: one record
  const one = write(
    "one.jsonl",
    '{"session_id": "a", "timestamp": 0, "input_length": 100, "output_length": 3}',
  );
  const { out, errors } = await baton(["simulate", "--devices", devices, "--model", model, "--workload", one, "--policy", "collocated-sticky", "--json", "--quiet"]); // biome-ignore format: a command
  expect(errors).toBe("");
  const { results } = JSON.parse(out);
  // Its power is not known.
  expect(results[0].energy).toBeUndefined();
  expect(results[0].turns[0]).toMatchObject({ first_token_ms: 100 + 110, end_ms: 100 + 110 + 30 });
});

describe("what cannot be simulated is refused in a sentence", () => {
  const refuse = async (args: readonly string[], sentence: RegExp) => {
    const { status, out, errors } = await baton(["simulate", ...args, "--json", "--quiet"]);
    expect(JSON.parse(out).error).toMatchObject({ code: "invalid-option", message: expect.stringMatching(sentence) }); // biome-ignore format: one check
    expect(errors).not.toMatch(/^\s+at /m);
    expect(status).toBe(1);
  };
  const both = ["--workload", trace];
  test.each<[string, unknown, RegExp]>([
    ["no JSON", "{", /file of JSON/],
    ["no devices", { devices: [] }, /devices: /],
    ["an unknown card", { devices: [{ id: "a", role: "both", gpu: "voodoo" }] }, /devices\.0\.gpu: /],
    ["an unknown role", { devices: [{ id: "a", role: "boss", gpu: "a40" }] }, /devices\.0\.role: /],
    ["a misspelt field", { devices: [{ id: "a", role: "both", gpu: "a40", kvGib: 3 }] }, /kvGib/],
    ["no rates", { devices: [{ id: "a", role: "both", kvBlocks: 10 }] }, /needs peakTflops, gpu or fitted/],
    ["no memory", { devices: [{ id: "a", role: "both", peakTflops: 1 }] }, /needs kvGiB, kvBlocks or gpu/],
    ["an efficiency beyond 1", { devices: [{ id: "a", role: "both", gpu: "a40", computeEfficiency: 2 }] }, /computeEfficiency: /], // biome-ignore format: one case
    ["one id twice", { devices: [{ id: "a", role: "both", gpu: "a40" }, { id: "a", role: "both", gpu: "a40" }] }, /the same id/], // biome-ignore format: one case
    ["a fault of nobody", { devices: [{ id: "a", role: "both", gpu: "a40" }], faults: [{ device: "b", atMs: 1 }] }, /"b", which is no device/], // biome-ignore format: one case
  ])("devices with %s", async (name, value, sentence) => {
    await refuse(["--devices", write(`${name}.json`, value), ...both], sentence);
  });

  test.each<[string, readonly string[], RegExp]>([
    ["a file that is not there", ["--devices", "/nowhere.json", "--workload", trace], /--devices.*ENOENT/],
    [
      "a workload that is not there",
      ["--devices", pair, "--workload", "/nowhere.jsonl"],
      /--workload.*ENOENT/,
    ],
    ["an unknown policy", ["--devices", pair, "--workload", trace, "--policy", "best"], /--policy.*baton/],
    ["an unknown model", ["--devices", pair, "--workload", trace, "--model", "gpt"], /no model "gpt"/],
    ["a rate of nothing", ["--devices", pair, "--workload", "agents", "--rate", "0"], /--rate/],
    ["no whole number of conversations", ["--devices", pair, "--workload", "agents", "--conversations", "1.5"], /--conversations/], // biome-ignore format: one case
  ])("%s", async (_, args, sentence) => {
    await refuse(args, sentence);
  });
});
