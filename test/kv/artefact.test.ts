import { expect, test } from "vitest";
import { decodeArtefact, encodeArtefact, type KvArtefact } from "../../src/kv/artefact.ts";

const model = { name: "tiny", hash: "abc", blockTokens: 4, blockBytes: 8 };
const artefact: KvArtefact = {
  model,
  messages: [{ role: "user", content: "Grüße 👋" }],
  tools: [{ name: "wait", parameters: { type: "object" } }],
  tokens: [1, 2, 300_000, 4, 5, 6],
  cachedTokens: 5,
  blocks: new Uint8Array(16).map((_, at) => at),
};

async function codeOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => "no error",
    (error: { code?: string }) => error.code,
  );
}

test("what is written is read again", async () => {
  expect(await decodeArtefact(await encodeArtefact(artefact), model)).toEqual(artefact);
  const empty = {
    ...artefact,
    messages: [],
    tools: [],
    tokens: [],
    cachedTokens: 0,
    blocks: new Uint8Array(0),
  };
  expect(await decodeArtefact(await encodeArtefact(empty), model)).toEqual(empty);
});

test("a byte that differs, is missing or too many is found, wherever it is", async () => {
  const bytes = await encodeArtefact(artefact);
  for (let at = 0; at < bytes.length; at++) {
    const altered = bytes.slice();
    altered[at] = (altered[at] ?? 0) ^ 1;
    // The version stands in the header, and is read before the checksum.
    expect(["artefact-damaged", "artefact-version"]).toContain(await codeOf(decodeArtefact(altered, model)));
    expect(await codeOf(decodeArtefact(bytes.slice(0, at), model))).toBe("artefact-damaged");
  }
  const longer = new Uint8Array([...bytes, 0]);
  expect(await codeOf(decodeArtefact(longer, model))).toBe("artefact-damaged");
});

test("another model, and another version, are errors of their own", async () => {
  const bytes = await encodeArtefact(artefact);
  expect(await codeOf(decodeArtefact(bytes, { ...model, hash: "abd" }))).toBe("artefact-model");
  expect(await codeOf(decodeArtefact(bytes, { ...model, blockBytes: 16 }))).toBe("artefact-model");
  expect(await codeOf(decodeArtefact(bytes, { ...model, name: "renamed" }))).toBe("no error");
  const text = new TextDecoder("latin1").decode(bytes).replace('"version":1', '"version":9');
  const newer = Uint8Array.from(text, (character) => character.charCodeAt(0));
  expect(await codeOf(decodeArtefact(newer, model))).toBe("artefact-version");
});
