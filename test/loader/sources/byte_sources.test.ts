import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { sourceOf } from "../../../src/loader/sources/byte_sources.ts";
import { checkedStream } from "../../../src/loader/sources/checked_stream.ts";

const content = new Uint8Array(5_000).map((_, i) => (i * 7) % 251);
const identity = { bytes: content.length, sha256: createHash("sha256").update(content).digest("hex") };

test("a blob, a file and a stream give their bytes, and their size where they know it", async () => {
  const stream = new Blob([content]).stream();
  for (const [model, name, bytes] of [
    [new Blob([content]), "blob", content.length],
    [new File([content], "a.gguf"), "a.gguf", content.length],
    [stream, "stream", undefined],
  ] as const) {
    const source = sourceOf(model);
    expect([source.name, source.bytes]).toEqual([name, bytes]);
    expect(await bytesOf(await source.stream())).toEqual(content);
  }
});

test("a checked stream passes the right bytes on and counts them", async () => {
  const counts: number[] = [];
  const body = new Blob([content]).stream();
  const checked = await checkedStream(body, "a.gguf", identity, (bytes) => counts.push(bytes));
  expect(await bytesOf(checked)).toEqual(content);
  expect(counts.at(-1)).toBe(content.length);
});

test("a checked stream ends in an error when a byte differs, or one is missing, or there is one too many", async () => {
  const altered = content.with(500, 255);
  for (const [bytes, code] of [
    [altered, "wrong-checksum"],
    [content.subarray(1), "wrong-size"],
    [new Uint8Array(content.length + 1), "wrong-size"],
  ] as const) {
    const checked = await checkedStream(new Blob([bytes]).stream(), "a.gguf", identity, () => {});
    await expect(bytesOf(checked)).rejects.toMatchObject({ code });
  }
});

async function bytesOf(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  return new Uint8Array(await new Response(stream as ReadableStream<Uint8Array<ArrayBuffer>>).arrayBuffer());
}
