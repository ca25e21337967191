import { type GgmlType, ggmlTypes } from "../../src/loader/quantisation/ggml_types.ts";

/** GGUF's value types by their numbers in a file. */
const valueTypes = {
  u8: 0,
  i8: 1,
  u16: 2,
  i16: 3,
  u32: 4,
  i32: 5,
  f32: 6,
  bool: 7,
  string: 8,
  array: 9,
  u64: 10,
  i64: 11,
  f64: 12,
} as const;

export type ScalarType = Exclude<keyof typeof valueTypes, "array">;
type Scalar = string | number | bigint | boolean;

/** A metadata value with its type: `["u32", 30]`, `["string", ["a", "b"]]` (an array); bare strings and booleans are themselves. */
export type GgufField = string | boolean | readonly [ScalarType, Scalar | readonly Scalar[]];

export interface GgufTensor {
  readonly name: string;
  /** A number stands for a type the project does not know. */
  readonly type: GgmlType | number;
  /** The fastest first. */
  readonly dims: readonly (number | bigint)[];
  readonly data: Uint8Array;
  /** From the start of the tensor data; the next aligned place when absent. */
  readonly offset?: number;
}

export interface GgufContents {
  readonly version?: number;
  readonly metadata?: Readonly<Record<string, GgufField>>;
  readonly tensors?: readonly GgufTensor[];
  /** Written to the metadata when it is not 32. */
  readonly alignment?: number;
}

/** Writes a GGUF file, as `docs/gguf.md` of ggml describes it: little-endian, tensors in the given order. */
export function writeGguf(contents: GgufContents): Uint8Array {
  const { version = 3, tensors = [], alignment = 32 } = contents;
  const entries = Object.entries(contents.metadata ?? {});
  if (alignment !== 32) entries.push(["general.alignment", ["u32", alignment]]);
  const bytes = new ByteWriter();
  for (const letter of "GGUF") bytes.scalar("u8", letter.charCodeAt(0));
  bytes.scalar("u32", version);
  bytes.scalar("u64", tensors.length);
  bytes.scalar("u64", entries.length);
  for (const [key, field] of entries) {
    bytes.scalar("string", key);
    writeField(bytes, field);
  }
  const places = placeTensors(tensors, alignment);
  tensors.forEach((tensor, i) => {
    bytes.scalar("string", tensor.name);
    bytes.scalar("u32", tensor.dims.length);
    for (const dim of tensor.dims) bytes.scalar("u64", dim);
    bytes.scalar("u32", typeof tensor.type === "number" ? tensor.type : ggmlTypes[tensor.type].id);
    bytes.scalar("u64", places[i] ?? 0);
  });
  const start = alignUp(bytes.length, alignment);
  const ends = tensors.map(({ data }, i) => start + (places[i] ?? 0) + data.byteLength);
  const file = new Uint8Array(Math.max(start, ...ends));
  file.set(bytes.written());
  tensors.forEach(({ data }, i) => {
    file.set(data, start + (places[i] ?? 0));
  });
  return file;
}

function placeTensors(tensors: readonly GgufTensor[], alignment: number): number[] {
  let next = 0;
  return tensors.map(({ data, offset = next }) => {
    next = alignUp(offset + data.byteLength, alignment);
    return offset;
  });
}

function writeField(bytes: ByteWriter, field: GgufField): void {
  const [type, value] = typed(field);
  if (typeof value !== "object") {
    bytes.scalar("u32", valueTypes[type]);
    bytes.scalar(type, value);
    return;
  }
  bytes.scalar("u32", valueTypes.array);
  bytes.scalar("u32", valueTypes[type]);
  bytes.scalar("u64", value.length);
  for (const element of value) bytes.scalar(type, element);
}

function typed(field: GgufField): readonly [ScalarType, Scalar | readonly Scalar[]] {
  if (typeof field === "string") return ["string", field];
  if (typeof field === "boolean") return ["bool", field];
  return field;
}

function alignUp(value: number, alignment: number): number {
  return Math.ceil(value / alignment) * alignment;
}

class ByteWriter {
  #bytes = new Uint8Array(1 << 16);
  #view = new DataView(this.#bytes.buffer);
  length = 0;

  written(): Uint8Array {
    return this.#bytes.subarray(0, this.length);
  }

  scalar(type: ScalarType, value: Scalar): void {
    if (type === "string") {
      const text = new TextEncoder().encode(String(value));
      this.scalar("u64", text.byteLength);
      const at = this.#reserve(text.byteLength);
      this.#bytes.set(text, at);
      return;
    }
    const [bytes, write] = scalarWriters[type];
    const at = this.#reserve(bytes);
    write(this.#view, at, value);
  }

  #reserve(count: number): number {
    const at = this.length;
    this.length += count;
    if (this.length > this.#bytes.byteLength) {
      const grown = new Uint8Array(2 * this.length);
      grown.set(this.#bytes);
      this.#bytes = grown;
      this.#view = new DataView(grown.buffer);
    }
    return at;
  }
}

type ScalarWriter = readonly [bytes: number, write: (view: DataView, at: number, value: Scalar) => void];

const scalarWriters: Readonly<Record<Exclude<ScalarType, "string">, ScalarWriter>> = {
  u8: [1, (view, at, value) => view.setUint8(at, Number(value))],
  i8: [1, (view, at, value) => view.setInt8(at, Number(value))],
  u16: [2, (view, at, value) => view.setUint16(at, Number(value), true)],
  i16: [2, (view, at, value) => view.setInt16(at, Number(value), true)],
  u32: [4, (view, at, value) => view.setUint32(at, Number(value), true)],
  i32: [4, (view, at, value) => view.setInt32(at, Number(value), true)],
  f32: [4, (view, at, value) => view.setFloat32(at, Number(value), true)],
  bool: [1, (view, at, value) => view.setUint8(at, value ? 1 : 0)],
  u64: [8, (view, at, value) => view.setBigUint64(at, BigInt(value), true)],
  i64: [8, (view, at, value) => view.setBigInt64(at, BigInt(value), true)],
  f64: [8, (view, at, value) => view.setFloat64(at, Number(value), true)],
};
