import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { broadcast } from "../../../src/loader/sources/broadcast.ts";
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

test("several readers share one reading of a source, and the slowest one sets the pace", async () => {
  let [opened, read] = [0, 0];
  const chunks = Array.from({ length: 40 }, (_, at) => content.subarray(at * 125, (at + 1) * 125));
  const pull = (controller: ReadableStreamDefaultController<Uint8Array>) => {
    const chunk = chunks[read++];
    if (chunk) controller.enqueue(chunk);
    else controller.close();
  };
  const stream = () => {
    opened += 1;
    return new ReadableStream<Uint8Array>({ pull }, { highWaterMark: 0 });
  };
  const [first, second] = broadcast({ name: "a", bytes: content.length, stream }, 2);
  if (first === undefined || second === undefined) throw new Error("There are two.");
  const quick = Promise.resolve(first.stream()).then(bytesOf);
  const slow = (await second.stream()).getReader();
  await slow.read();
  await new Promise((turn) => setTimeout(turn, 20));
  expect(read).toBeLessThan(12);
  let rest = 125;
  for (let next = await slow.read(); !next.done; next = await slow.read()) rest += next.value.length;
  expect([await quick, rest, opened]).toEqual([content, content.length, 1]);
});

test("a reader that leaves does not hold up the others, and the source is closed with the last", async () => {
  let closed = false;
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(content),
    cancel: () => {
      closed = true;
    },
  });
  const [first, second] = broadcast({ name: "a", bytes: undefined, stream: () => body }, 2);
  const readers = [await first?.stream(), await second?.stream()].map((stream) => stream?.getReader());
  await readers[0]?.cancel();
  for (let n = 0; n < 20; n++) expect((await readers[1]?.read())?.value).toBe(content);
  expect(closed).toBe(false);
  await readers[1]?.cancel();
  expect(closed).toBe(true);
});

test("what goes wrong at the source goes wrong for every reader", async () => {
  const body = new ReadableStream<Uint8Array>({ pull: (controller) => controller.error(new Error("Gone.")) });
  const sources = broadcast({ name: "a", bytes: undefined, stream: () => body }, 2);
  const streams = await Promise.all(sources.map((source) => source.stream()));
  for (const stream of streams) await expect(bytesOf(stream)).rejects.toThrow("Gone.");
});

async function bytesOf(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  return new Uint8Array(await new Response(stream as ReadableStream<Uint8Array<ArrayBuffer>>).arrayBuffer());
}
