import { readFileSync } from "node:fs";
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { createRuntime } from "../../src/node.ts";
import { TestFolder } from "./files.ts";
import { baton } from "./test_io.ts";

const folder = new TestFolder();
const model = folder.model();
const bytes = readFileSync(model);
const truncated = folder.write("truncated.gguf", bytes.subarray(0, bytes.length - 1000));
const noModel = folder.write("text.gguf", "This is no model.");
const strange = folder.model("strange.gguf", { metadata: { "general.architecture": "abacus" } });
const missing = `${folder.path}/missing.gguf`;
const long = "word ".repeat(3000);

/** Every device that the program opened. */
const devices = vi.hoisted((): GPUDevice[] => []);
vi.mock(import("../../src/platform/open_adapter.ts"), async (original) => {
  const { openAdapterOf } = await original();
  return {
    openAdapterOf: (adapter, summary, onDevice) =>
      openAdapterOf(adapter, summary, (device) => {
        devices.push(device);
        onDevice?.(device);
      }),
  };
});

/** What a refusal may take beyond opening the model, where that is opened at all. */
const REFUSAL_MS = 2000;
let openingMs = 0;
beforeAll(async () => {
  const start = performance.now();
  await (await createRuntime({ model })).dispose();
  openingMs = performance.now() - start;
  devices.length = 0;
});

// A destroyed device holds no memory, and keeps no process alive.
afterEach(async () => {
  const lost = await Promise.all(devices.splice(0).map((device) => device.lost));
  expect(lost.filter(({ reason }) => reason !== "destroyed")).toEqual([]);
}, 10_000);

/** Fails as a BatonError should: a line on stderr, an object on stdout, status 1, no stack, and soon. */
async function expectRefusal(args: readonly string[], code: string, sentence: RegExp): Promise<void> {
  const start = performance.now();
  const { status, out, errors } = await baton([...args, "--json"]);
  expect(performance.now() - start).toBeLessThan(REFUSAL_MS + (devices.length > 0 ? openingMs : 0));
  const line = errors.split("\n").find((text) => text.startsWith("error"));
  expect(line).toMatch(new RegExp(`^error \\(${code}\\): .+\\.$`));
  expect(line).toMatch(sentence);
  expect(errors).not.toMatch(/^\s+at /m);
  const { error } = JSON.parse(out);
  expect(error).toMatchObject({ code, message: expect.stringMatching(sentence) });
  expect(line).toBe(`error (${code}): ${error.message}`);
  expect(status).toBe(1);
}

describe("a model that cannot be used", () => {
  test.each([
    ["is not there", ["--model", missing], "file-not-found", /missing\.gguf/],
    ["is not in the catalogue", ["--model", "nobody"], "unknown-model", /smollm2/],
    ["is no GGUF file", ["--model", noModel], "not-gguf", /text\.gguf/],
    ["is cut off", ["--model", truncated], "gguf-truncated", /truncated\.gguf/],
    ["is of an unknown architecture", ["--model", strange], "unknown-architecture", /abacus/],
  ])("that %s is refused", (_, args, code, sentence) =>
    expectRefusal(["run", "Hello", ...args], code, sentence),
  );
});

describe("options", () => {
  // The model is not there, so these are refused before anybody looks for it.
  test.each([
    ["an empty prompt", ["run", " "], "empty-prompt", /empty/],
    ["an empty prompt to start with", ["start", ""], "empty-prompt", /empty/],
    ["a temperature that is no number", ["run", "Hi", "--temperature", "hot"], "invalid-option", /"hot"/],
    ["a negative temperature", ["run", "Hi", "--temperature", "-1"], "invalid-option", /\[0, 100\]/],
    ["a top-p above one", ["run", "Hi", "--top-p", "1.5"], "invalid-option", /1\.5/],
    ["a fractional seed", ["chat", "--seed", "0.5"], "invalid-option", /seed/],
    ["no tokens at all", ["run", "Hi", "--max-tokens", "0"], "invalid-option", /maxTokens/],
    ["an empty stop text", ["run", "Hi", "--stop", ""], "invalid-option", /stop/],
    [
      "an unknown precision",
      ["run", "Hi", "--precision", "double"],
      "invalid-option",
      /exact, default or fast/,
    ],
    ["no KV pool", ["run", "Hi", "--kv-mib", "0"], "invalid-option", /kvMiB/],
    ["an unknown adapter", ["run", "Hi", "--adapter", "nonexistent"], "no-adapter", /Choose one of/],
    ["a chunk of nothing", ["eval", "none.json", "--chunk", "0"], "invalid-option", /--chunk/],
    ["too many likeliest tokens", ["eval", "none.json", "--top", "1001"], "invalid-option", /--top/],
    ["half a token to generate", ["eval", "none.json", "--generate", "0.5"], "invalid-option", /--generate/],
  ])("%s is refused", (_, args, code, sentence) =>
    expectRefusal([...args, "--model", missing], code, sentence),
  );

  test("an unknown adapter is refused by devices", () =>
    expectRefusal(["devices", "--adapter", "nonexistent"], "no-adapter", /Choose one of/));

  test("a prompt longer than the pool is refused", () =>
    expectRefusal(["run", long, "--model", model, "--kv-mib", "0.1"], "prompt-too-long", /room for/));

  test("a pool too small for one block is refused", () =>
    expectRefusal(["run", "Hi", "--model", model, "--kv-mib", "0.001"], "adapter-limit", /MiB/));
});

describe("a file to evaluate", () => {
  test.each([
    ["no JSON", "[{", /no JSON/],
    ["no array", '{"ids":[1]}', /array of entries/],
    ["empty", "[]", /array of entries/],
    ["an entry of no known form", '[{"ids":[1]},{"tokens":[1]}]', /Entry 1 .*"ids".*"text".*"messages"/],
    ["an entry of two forms", '[{"ids":[1],"text":"a"}]', /Entry 0/],
    ["an entry that is null", "[null]", /Entry 0/],
    ["empty ids", '[{"ids":[]}]', /Entry 0 .*at least one/],
    ["an id that is a fraction", '[{"ids":[1,1.5]}]', /Entry 0 .*1\.5 as id 1/],
    ["an id that is text", '[{"ids":["1"]}]', /Entry 0 .*"1" as id 0/],
    ["a negative id", '[{"ids":[-1]}]', /Entry 0 .*-1/],
    ["a text that is a number", '[{"text":1}]', /Entry 0/],
    ["no messages", '[{"messages":[]}]', /Entry 0 .*at least one/],
    [
      "a message of an unknown role",
      '[{"messages":[{"role":"pope","content":""}]}]',
      /Entry 0 .*message 0.*role/,
    ],
    ["a message without content", '[{"messages":[{"role":"user"}]}]', /Entry 0 .*content/],
  ])("with %s is refused before the model is loaded", async (_, content, sentence) => {
    const file = folder.write("entries.json", content);
    await expectRefusal(["eval", file, "--model", missing], "invalid-option", sentence);
  });

  test("that is not there is refused", () =>
    expectRefusal(["eval", `${folder.path}/none.json`], "file-not-found", /none\.json/));

  test("that is a folder is refused", () =>
    expectRefusal(["eval", folder.path], "file-unreadable", /folder/));

  test("with an id beyond the vocabulary is refused", async () => {
    const file = folder.json("beyond.json", [{ ids: [1] }, { ids: [5, 600] }]);
    await expectRefusal(["eval", file, "--model", model], "invalid-option", /Entry 1 .*600.*599/);
  });

  test("with a text that comes to no tokens is refused", async () => {
    const file = folder.json("nothing.json", [{ text: "" }]);
    await expectRefusal(["eval", file, "--model", model], "invalid-option", /Entry 0 .*no tokens/);
  });

  test("with more tokens than the pool holds is refused", async () => {
    const file = folder.json("long.json", [{ ids: Array.from({ length: 3000 }, () => 7) }]);
    await expectRefusal(["eval", file, "--model", model, "--kv-mib", "0.1"], "prompt-too-long", /3000/);
  });
});
