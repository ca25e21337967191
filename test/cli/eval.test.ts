import { afterAll, beforeAll, expect, test } from "vitest";
import type { EvaluateResult, Runtime } from "../../src/api.ts";
import { createRuntime } from "../../src/node.ts";
import { TestFolder } from "./files.ts";
import { baton } from "./test_io.ts";

interface Printed {
  readonly model: string;
  readonly adapter: string;
  readonly precision: string;
  readonly dispatches: number;
  readonly kvBlocksPeak: number;
  readonly results: readonly EvaluateResult[];
}

const folder = new TestFolder();
const model = folder.model("tiny-noise.gguf");
const ids = Array.from({ length: 70 }, (_, index) => (index * 37 + 11) % 600);
const text = "Paris is <|im_end|> a city.";
const messages = [
  { role: "system", content: "Be brief." },
  { role: "user", content: "Hello" },
] as const;
const file = folder.json("entries.json", [{ ids }, { text }, { messages }]);
const WANTED = ["--top", "12", "--generate", "9"];

async function evaluate(...args: readonly string[]): Promise<Printed> {
  const { status, out, errors } = await baton(["eval", file, ...WANTED, "--model", model, "--json", ...args]);
  expect({ status, errors }).toEqual({ status: 0, errors: expect.not.stringContaining("error") });
  return JSON.parse(out);
}

let runtime: Runtime;
let printed: Printed;
beforeAll(async () => {
  runtime = await createRuntime({ model, precision: "exact" });
  printed = await evaluate("--precision", "exact");
});
afterAll(() => runtime.dispose());

test("eval prints one object with what ran where", () => {
  expect(Object.keys(printed)).toEqual([
    "model",
    "adapter",
    "precision",
    "dispatches",
    "kvBlocksPeak",
    "results",
  ]);
  expect(printed.model).toBe("tiny-noise");
  expect(printed.adapter).toBe(runtime.adapter.name);
  expect(printed.precision).toBe("exact");
  // 70 given tokens and all but the last of 9 generated ones, 16 to a block.
  expect(printed.kvBlocksPeak).toBe(5);
  expect(printed.dispatches).toBeGreaterThan(0);
  for (const result of printed.results) {
    expect(Object.keys(result)).toEqual(["ids", "logprobs", "top", "nll", "generated"]);
  }
});

test("ids, text and messages become the tokens they stand for, and no others", async () => {
  expect(printed.results.map((result) => result.ids)).toEqual([
    ids,
    await runtime.tokenizer.encode(text),
    await runtime.tokenizer.encodeChat(messages),
  ]);
});

test("results are those of the library, to the bit", async () => {
  for (const result of printed.results) {
    expect(await runtime.evaluate({ ids: result.ids, top: 12, generate: 9 })).toEqual(result);
  }
});

test("a result agrees with itself", async () => {
  for (const { ids, logprobs, top, nll, generated } of printed.results) {
    const [first, ...rest] = logprobs;
    expect(first).toBeNull();
    expect(rest).toHaveLength(ids.length - 1);
    expect(nll).toBeCloseTo(
      -rest.reduce<number>((sum, value) => sum + (value ?? Number.NaN), 0) / rest.length,
      12,
    );
    expect(top).toHaveLength(ids.length);
    for (const [position, likeliest] of top.entries()) {
      expect(likeliest).toHaveLength(12);
      const values = likeliest.map(([, value]) => value);
      expect(values).toEqual(values.toSorted((a, b) => b - a));
      const listed = likeliest.find(([id]) => id === ids[position + 1]);
      if (listed) expect(listed[1]).toBe(logprobs[position + 1]);
    }
    expect(generated.ids[0]).toBe(top.at(-1)?.[0]?.[0]);
    expect(generated.ids.length).toBeLessThanOrEqual(9);
    expect(generated.text).toBe(await runtime.tokenizer.decode(generated.ids));
  }
});

test.each(["1", "7", "64", "300"])(
  "chunks of %s tokens give the same in exact, to the bit",
  async (chunk) => {
    const { results } = await evaluate("--precision", "exact", "--chunk", chunk);
    expect(results).toEqual(printed.results);
  },
);

test("a chunk is a step: 280 tokens take one of 300, two of 256 as by default, and forty of 7", async () => {
  const long = folder.json("long.json", [{ ids: Array.from({ length: 280 }, (_, index) => index) }]);
  const dispatches = async (...chunk: string[]): Promise<number> => {
    const args = ["eval", long, "--model", model, "--precision", "exact", "--json", ...chunk];
    return JSON.parse((await baton(args)).out).dispatches;
  };
  const one = await dispatches("--chunk", "300");
  expect(await dispatches()).toBe(2 * one);
  expect(await dispatches("--chunk", "7")).toBeGreaterThan(20 * one);
});

test("without --precision it is the default, and close to exact", async () => {
  const { precision, results } = await evaluate();
  expect(precision).toBe("default");
  for (const [index, { nll }] of results.entries()) {
    expect(Math.abs(nll - (printed.results[index]?.nll ?? Number.NaN))).toBeLessThan(0.05);
  }
});

test("without --top and --generate there is neither", async () => {
  const { out } = await baton(["eval", file, "--model", model, "--json"]);
  const { results } = JSON.parse(out) as Printed;
  expect(results[0]?.top).toEqual(ids.map(() => []));
  expect(results[0]?.generated).toEqual({ ids: [], text: "" });
});

test("without --json a table has a line for each entry, and progress is on stderr", async () => {
  const { out, errors } = await baton(["eval", file, "--model", model, "--precision", "exact"]);
  const lines = out.split("\n");
  expect(lines[0]).toMatch(/entry +tokens +nll +perplexity/);
  expect(lines[1]).toMatch(new RegExp(`0 +70 +${printed.results[0]?.nll.toFixed(4)}`));
  expect(lines[2]).toContain("Paris is");
  expect(out).toContain(`tiny-noise on ${runtime.adapter.name}`);
  expect(errors).toMatch(/evaluating: \d+ of \d+ tokens/);
});

test("--quiet says nothing", async () => {
  const { status, errors } = await baton(["eval", file, "--model", model, "--json", "--quiet"]);
  expect({ status, errors }).toEqual({ status: 0, errors: "" });
});

test("help shows a file as it is read", async () => {
  const { out } = await baton(["eval", "--help"]);
  for (const form of ['"ids"', '"text"', '"messages"', '"role"', '"content"']) expect(out).toContain(form);
});
