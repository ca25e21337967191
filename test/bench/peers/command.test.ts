import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { cutPrompt } from "../../../bench/peers/prompt.ts";
import { bench } from "../run_bench.ts";

const refused: readonly (readonly [string, readonly string[]])[] = [
  [`The option --rounds is 0; it has to be a whole number in [1, 1000].`, ["--rounds", "0"]],
  [
    `The option --scene is "moon"; it has to be some of lavapipe, swiftshader, chromium,`,
    ["--scene", "moon"],
  ],
  [`The option --only is "baton"; it has to be some of llama-vulkan,`, ["--only", "onnxruntime,baton"]],
  [`There is no file at /missing.gguf.`, ["--model", "/missing.gguf"]],
];

test.each(refused)(
  "refused in a plain sentence, before anything is installed: %s",
  async (sentence, args) => {
    const { status, stdout, stderr } = await bench("peers", ...args);
    expect([status, stdout]).toEqual([1, ""]);
    expect(stderr).toContain(`: ${sentence}`);
  },
);

test("--help names the scenes and the peers, and needs neither device nor packages", async () => {
  const { status, stdout } = await bench("peers", "--help");
  expect(status).toBe(0);
  for (const text of ["lavapipe", "chromium", "onnxruntime", "web-llm"]) expect(stdout).toContain(text);
});

test("the prompt has as many tokens as are wanted, or there is none", () => {
  const words = (text: string) => text.split(" ").map((word) => word.length);
  const { text, ids } = cutPrompt(100, words);
  expect(ids).toEqual(words(text));
  expect(ids).toHaveLength(100);
  expect(() => cutPrompt(100_000, words)).toThrow("no beginning of the prompt's text has 100000 tokens");
});

test("the peers' lock file names no place to fetch from", () => {
  const lock = JSON.parse(readFileSync("bench/peers/package-lock.json", "utf8")) as {
    readonly packages: Readonly<Record<string, { readonly resolved?: string }>>;
  };
  const entries = Object.entries(lock.packages);
  expect(entries.length).toBeGreaterThan(10);
  expect(entries.filter(([, { resolved }]) => resolved !== undefined)).toEqual([]);
});
