import { gguf as readByLibrary } from "@huggingface/gguf";
import { expect, test } from "vitest";
import type { ModelCode } from "../../src/errors.ts";
import { ModelError } from "../../src/errors.ts";
import { openGguf, type TensorInfo } from "../../src/loader/gguf.ts";
import { type GgufContents, type GgufTensor, writeGguf } from "../harness/gguf_writer.ts";
import { writeTinyModel } from "../harness/tiny_model.ts";
import { sourceOf, type WatchedSource } from "./byte_sources.ts";

const f32 = (name: string, dims: number[], more: Partial<GgufTensor> = {}): GgufTensor => ({
  name,
  type: "F32",
  dims,
  data: Uint8Array.from({ length: 4 * dims.reduce((a, b) => a * b, 1) }, (_, i) => i),
  ...more,
});

/** Reads a file to its end, each tensor's bytes put together again. */
async function readAll(source: WatchedSource, alignRows = 1): Promise<Map<string, Uint8Array>> {
  const file = await openGguf(source);
  const read = new Map<string, Uint8Array>();
  for await (const { tensor, firstRow, rows, bytes } of file.pieces({ alignRows })) {
    const whole = read.get(tensor.name) ?? new Uint8Array(tensor.bytes);
    expect(firstRow % alignRows).toBe(0);
    expect(rows % alignRows === 0 || firstRow + rows === tensor.rows).toBe(true);
    whole.set(bytes, (firstRow * tensor.bytes) / tensor.rows);
    read.set(tensor.name, whole);
  }
  return read;
}

/** Opens and reads; the error's code, when there is one. Nothing may stay open. */
async function codeOf(source: WatchedSource): Promise<ModelCode | undefined> {
  try {
    await readAll(source);
    return undefined;
  } catch (error) {
    expect(error).toBeInstanceOf(ModelError);
    expect((error as ModelError).message).toContain("model.gguf");
    return (error as ModelError).code;
  } finally {
    expect(source.open).toBe(0);
  }
}
const codeOfFile = (contents: GgufContents) => codeOf(sourceOf(writeGguf(contents)));

test.each([2, 3] as const)(
  "a version %i file of a model is read as a second reader reads it",
  async (version) => {
    const bytes = writeTinyModel({ version, vocabTokens: 2000, hidden: 72, heads: 3, kvHeads: 1 });
    const file = await openGguf(sourceOf(bytes));
    const range = async (_url: unknown, init?: RequestInit) => {
      const [from = 0, to = 0] = (new Headers(init?.headers).get("Range") ?? "")
        .slice(6)
        .split("-")
        .map(Number);
      return new Response(bytes.slice(from, to + 1));
    };
    const library = await readByLibrary("http://localhost/model.gguf", { fetch: range });
    const { version: libraryVersion, tensor_count, kv_count, ...metadata } = library.metadata;
    expect(file.version).toBe(libraryVersion);
    expect({ ...file.metadata }).toEqual(metadata);
    expect(Object.keys(file.metadata)).toHaveLength(Number(kv_count));
    expect(file.tensors).toHaveLength(Number(tensor_count));
    expect(file.tensors.map(({ name, dims, offset }) => ({ name, dims, offset }))).toEqual(
      library.tensorInfos.map(({ name, shape, offset }) => ({
        name,
        dims: shape.map(Number),
        offset: Number(library.tensorDataOffset + offset),
      })),
    );
    await file.close();
  },
);

test("every kind of metadata value is read", async () => {
  const metadata = {
    text: "h\u00e9llo \u{1f600}",
    bom: ["string", ["\ufeffa", ""]],
    yes: true,
    u8: ["u8", 255],
    i8: ["i8", -128],
    u16: ["u16", 65_535],
    i16: ["i16", -2],
    i32s: ["i32", [-1, 0, 7]],
    f32: ["f32", 0.5],
    u64: ["u64", 2n ** 63n],
    i64: ["i64", -5],
    f64: ["f64", 1e300],
    none: ["u8", []],
    __proto__x: ["u32", 1],
  } as const;
  const file = await openGguf(sourceOf(writeGguf({ metadata }), { chunk: 3 }));
  expect({ ...file.metadata }).toEqual({
    ...Object.fromEntries(Object.entries(metadata).map(([k, v]) => [k, typeof v === "object" ? v[1] : v])),
    u64: 2n ** 63n,
    bom: ["\ufeffa", ""],
  });
  await file.close();
});

test("a key named __proto__ is a key like any other", async () => {
  const metadata = Object.fromEntries([["__proto__", "mine"]]);
  const file = await openGguf(sourceOf(writeGguf({ metadata })));
  expect(Object.keys(file.metadata)).toEqual(["__proto__"]);
  await file.close();
});

const streams = [1, 7, 4096, 1 << 20].flatMap((chunk) => [
  { chunk, byob: false },
  { chunk, byob: true },
]);
test.each(streams)(
  "tensors arrive whole from chunks of $chunk bytes (reader's own buffers: $byob)",
  async (kind) => {
    const tensors = [
      f32("a", [5]),
      f32("b", [33, 9]),
      f32("c", [4, 3, 2]),
      f32("d", [1]),
      f32("e", [100, 70]),
    ];
    const source = sourceOf(writeGguf({ tensors, alignment: 64 }), { ...kind, sized: kind.chunk > 7 });
    const read = await readAll(source, 4);
    expect(read).toEqual(new Map(tensors.map(({ name, data }) => [name, data])));
    expect(source.open).toBe(0);
  },
);

test("shapes, sizes and places are told, in the order of the bytes", async () => {
  const tensors = [f32("late", [4, 3, 2], { offset: 128 }), f32("early", [5], { offset: 0 })];
  const bytes = writeGguf({ tensors, alignment: 64 });
  const file = await openGguf(sourceOf(bytes));
  const places: Partial<TensorInfo>[] = [
    { name: "early", type: "F32", rows: 1, cols: 5, dims: [5], bytes: 20 },
    { name: "late", type: "F32", rows: 6, cols: 4, dims: [4, 3, 2], bytes: 96 },
  ];
  expect(file.tensors).toMatchObject(places);
  expect(file.tensors.map(({ offset }) => offset % 64)).toEqual([0, 0]);
  expect(file.tensors[1]?.offset).toBe(bytes.byteLength - 96);
  expect(file.parameters).toBe(29);
  expect((await readAll(sourceOf(bytes))).get("late")).toEqual(tensors[0]?.data);
  await file.close();
});

test("pieces are whole bundles of rows and at most 2 MiB", async () => {
  const tensor = f32("big", [1000, 3001]);
  const file = await openGguf(sourceOf(writeGguf({ tensors: [tensor] }), { chunk: 1 << 18 }));
  const sizes: number[] = [];
  for await (const { rows, bytes } of file.pieces({ alignRows: 32 })) {
    sizes.push(rows);
    expect(bytes.byteLength).toBe(rows * 4000);
    expect(bytes.byteLength).toBeLessThanOrEqual(2 * 2 ** 20);
  }
  expect(sizes).toEqual([512, 512, 512, 512, 512, 441]);
});

test("leaving the loop early closes the stream", async () => {
  const source = sourceOf(writeGguf({ tensors: [f32("a", [8]), f32("b", [8])] }), { chunk: 64 });
  const file = await openGguf(source);
  for await (const _ of file.pieces({ alignRows: 1 })) break;
  expect(source.open).toBe(0);
});

test("a source is read to its end, where it may say that its bytes were wrong", async () => {
  const bytes = writeGguf({ tensors: [f32("a", [8])] });
  const wrong = new ModelError("wrong-checksum", "model.gguf is not what it should be.");
  const source = {
    name: "model.gguf",
    bytes: undefined,
    stream: () =>
      new ReadableStream<Uint8Array>({
        start: (controller) => controller.enqueue(bytes),
        pull: (controller) => controller.error(wrong),
      }),
  };
  await expect(readAll({ ...source, open: 0 })).rejects.toBe(wrong);
});

test("an aborted signal ends the reading with its reason and closes the stream", async () => {
  const source = sourceOf(writeTinyModel({ vocabTokens: 300 }), { chunk: 512 });
  const before = AbortSignal.abort(new Error("stopped"));
  await expect(openGguf(source, { signal: before })).rejects.toThrow("stopped");
  expect(source.open).toBe(0);

  const controller = new AbortController();
  const file = await openGguf(source, { signal: controller.signal });
  const read = async () => {
    for await (const _ of file.pieces({ alignRows: 1 })) controller.abort(new Error("stopped"));
  };
  await expect(read()).rejects.toThrow("stopped");
  expect(source.open).toBe(0);
});

test("a file cut off anywhere is truncated, whether its length is known or not", async () => {
  const whole = writeTinyModel({ vocabTokens: 260, layers: 1, hidden: 32, heads: 2, ffn: 32 });
  for (let length = 0; length < whole.byteLength; length += Math.ceil(length / 40) + 1) {
    const source = sourceOf(whole.slice(0, length), { sized: length % 2 === 0 });
    expect([length, await codeOf(source)]).toEqual([length, "gguf-truncated"]);
  }
});

test("a file too short for its tensors is refused before any is read, where the length is known", async () => {
  const whole = writeGguf({ tensors: [f32("a", [8])] });
  await expect(openGguf(sourceOf(whole.slice(0, -1)))).rejects.toMatchObject({ code: "gguf-truncated" });
});

test("what is no GGUF, or another version or byte order, is refused by name", async () => {
  const file = (...bytes: number[]) => codeOf(sourceOf(Uint8Array.from(bytes)));
  expect(await codeOf(sourceOf(new TextEncoder().encode("<!doctype html><title>404</title>")))).toBe(
    "not-gguf",
  );
  expect(await file(0x47, 0x47, 0x4d, 0x4c)).toBe("not-gguf");
  for (const version of [0, 1, 4, 0x0300_0000]) expect(await codeOfFile({ version })).toBe("gguf-version");
  await expect(openGguf(sourceOf(writeGguf({ version: 0x0300_0000 })))).rejects.toThrow("big-endian");
});

test("a source that cannot be opened or fails on the way is unreadable", async () => {
  const bytes = writeGguf({ tensors: [f32("a", [1000])] });
  for (const failAt of [0, 64, 1024])
    expect(await codeOf(sourceOf(bytes, { chunk: 64, failAt }))).toBe("file-unreadable");
  const closed = {
    name: "model.gguf",
    bytes: 1,
    open: 0,
    stream: () => Promise.reject(new Error("no access")),
  };
  expect(await codeOf(closed)).toBe("file-unreadable");
});

/** A header by hand: magic, version 3, then 64-bit and 32-bit words and texts. */
function header(...fields: (bigint | number | string)[]): Uint8Array {
  const parts = fields.map((field) => {
    if (typeof field === "bigint") return new Uint8Array(BigUint64Array.of(field).buffer);
    if (typeof field === "number") return new Uint8Array(Uint32Array.of(field).buffer);
    return Uint8Array.from([
      ...new Uint8Array(BigUint64Array.of(BigInt(field.length)).buffer),
      ...new TextEncoder().encode(field),
    ]);
  });
  return Uint8Array.from([0x47, 0x47, 0x55, 0x46, 3, 0, 0, 0, ...parts.flatMap((part) => [...part])]);
}

const HUGE = 2n ** 63n;
const damaged: [string, Uint8Array][] = [
  ["counts 2^63 tensors", header(HUGE, 0n)],
  ["counts 2^63 metadata entries", header(0n, HUGE)],
  ["has a key of 2^63 bytes", header(0n, 1n, HUGE)],
  ["has a text of 4 GiB", header(0n, 1n, "k", 8, 2n ** 32n)],
  ["has an array of 2^63 elements", header(0n, 1n, "k", 9, 4, HUGE)],
  ["has arrays that are too many together", header(0n, 2n, "a", 9, 9, 2n, 0, 0n, 0, 2n ** 21n)],
  ["nests arrays without end", header(0n, 1n, "k", ...Array.from({ length: 20 }, () => [9, 9, 1n]).flat())],
  ["has a value of no known type", header(0n, 1n, "k", 13)],
  ["has an array of no known type", header(0n, 1n, "k", 9, 99, 1n)],
  ["has a key twice", header(0n, 2n, "k", 0x04, 1, "k", 4, 1)],
  ["has a tensor of no dimensions", header(1n, 0n, "t", 0)],
  ["has a tensor of 2^32 - 1 dimensions", header(1n, 0n, "t", 0xffff_ffff)],
  ["has an empty dimension", header(1n, 0n, "t", 2, 32n, 0n, 0, 0n)],
  ["has dimensions whose product overflows", header(1n, 0n, "t", 3, 1024n, 2n ** 40n, 2n ** 40n, 0, 0n)],
  ["has a dimension of 2^64 - 1", header(1n, 0n, "t", 1, 2n ** 64n - 1n, 0, 0n)],
  ["has a row of 2^31 values", header(1n, 0n, "t", 1, 2n ** 31n, 0, 0n)],
  ["has rows that are not whole blocks", header(1n, 0n, "t", 2, 33n, 1n, 3, 0n)],
  ["has a tensor that ends past 2^53", header(1n, 0n, "t", 1, 1024n, 0, 2n ** 53n - 256n)],
  ["has an offset of 2^63", header(1n, 0n, "t", 1, 1n, 0, HUGE)],
];

test.each(damaged)("a header that %s is invalid", async (_, bytes) => {
  expect(await codeOf(sourceOf(bytes))).toBe("gguf-invalid");
});

test("tensors that overlap, share a name or stand askew make a file invalid", async () => {
  const [a, b] = [f32("a", [16]), f32("b", [16])];
  expect(await codeOfFile({ tensors: [a, { ...b, offset: 32 }] })).toBe("gguf-invalid");
  expect(await codeOfFile({ tensors: [a, { ...b, name: "a" }] })).toBe("gguf-invalid");
  expect(await codeOfFile({ tensors: [a, { ...b, offset: 65 }] })).toBe("gguf-invalid");
  expect(await codeOfFile({ tensors: [a, { ...b, offset: 96 }], alignment: 64 })).toBe("gguf-invalid");
  expect(await codeOfFile({ tensors: [a, { ...b, offset: 96 }] })).toBe(undefined);
});

test("an alignment that is no power of two makes a file invalid", async () => {
  for (const field of [["u32", 0], ["u32", 48], ["u32", 2 ** 30], "32", ["f32", 0.5]] as const)
    expect(await codeOfFile({ metadata: { "general.alignment": field } })).toBe("gguf-invalid");
});

test("a tensor of a type that cannot be read is named with its type", async () => {
  const tensors = [{ ...f32("odd", [256]), type: 23 }];
  const opened = openGguf(sourceOf(writeGguf({ tensors })));
  await expect(opened).rejects.toMatchObject({
    code: "unknown-tensor-type",
    fields: { type: "IQ4_XS", tensor: "odd" },
  });
});
