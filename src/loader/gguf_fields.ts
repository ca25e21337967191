import { ModelError } from "../errors.ts";
import type { ByteReader } from "./byte_reader.ts";
import { ggufLimits } from "./gguf_limits.ts";

/** 64-bit integers are numbers where a number holds them exactly, bigint beyond. */
export type GgufValue = string | number | bigint | boolean | readonly GgufValue[];

/** The fields a GGUF header is made of, read one after another with every limit checked before anything is allocated. */
export class GgufFields {
  readonly #reader: ByteReader;
  // Without ignoreBOM a token that begins with U+FEFF would lose it.
  readonly #text = new TextDecoder("utf-8", { ignoreBOM: true });
  #elements = 0;

  constructor(reader: ByteReader) {
    this.#reader = reader;
  }

  get position(): number {
    return this.#reader.position;
  }

  async u32(): Promise<number> {
    if (!this.#reader.has(4)) await this.#need(4);
    const at = this.#reader.take(4);
    return this.#reader.view.getUint32(at, true);
  }

  /** A 64-bit count, offset or dimension. @throws ModelError `gguf-invalid` above `limit`. */
  async u64(limit: number, what: string): Promise<number> {
    if (!this.#reader.has(8)) await this.#need(8);
    return this.#count(limit, what);
  }

  async string(limit: number, what: string): Promise<string> {
    const length = await this.u64(limit, `length of ${what}`);
    if (!this.#reader.has(length)) await this.#need(length);
    return this.#decode(length);
  }

  /** A value of a metadata type (0 to 12). */
  async value(type: number, key: string, depth = 0): Promise<GgufValue> {
    if (type === 8) return this.string(ggufLimits.stringBytes, `text of ${key}`);
    if (type === 9) return this.#array(key, depth);
    const scalar = scalars[type];
    if (scalar === undefined) throw this.invalid(`${key} has the unknown value type ${type}`);
    if (!this.#reader.has(scalar.bytes)) await this.#need(scalar.bytes);
    const at = this.#reader.take(scalar.bytes);
    return scalar.read(this.#reader.view, at);
  }

  invalid(what: string): ModelError {
    return new ModelError(
      "gguf-invalid",
      `${this.#reader.name} is damaged or not a model: ${what} (near byte ${this.position}). Get the file again.`,
      { file: this.#reader.name, at: this.position },
    );
  }

  async #array(key: string, depth: number): Promise<GgufValue[]> {
    const type = await this.u32();
    const count = await this.u64(ggufLimits.arrayElements - this.#elements, `element count of ${key}`);
    this.#elements += count;
    if (depth === ggufLimits.arrayDepth) throw this.invalid(`${key} nests arrays too deep`);
    const list: GgufValue[] = [];
    // Vocabularies are most of a header: what has arrived is read without waiting.
    while (list.length < count)
      list.push((type === 8 ? this.#stringHere() : undefined) ?? (await this.value(type, key, depth + 1)));
    return list;
  }

  #stringHere(): string | undefined {
    if (!this.#reader.has(8)) return undefined;
    const { view } = this.#reader;
    const at = this.#reader.offset;
    if (view.getUint32(at + 4, true) !== 0) return undefined;
    const length = view.getUint32(at, true);
    if (length > ggufLimits.nameBytes || !this.#reader.has(8 + length)) return undefined;
    this.#reader.take(8);
    return this.#decode(length);
  }

  #count(limit: number, what: string): number {
    const at = this.#reader.take(8);
    const count = this.#reader.view.getBigUint64(at, true);
    if (count > BigInt(limit)) throw this.invalid(`the ${what} is ${count}, more than ${limit}`);
    return Number(count);
  }

  #decode(length: number): string {
    const at = this.#reader.take(length);
    return this.#text.decode(this.#reader.bytes.subarray(at, at + length));
  }

  async #need(count: number): Promise<void> {
    if (this.position + count > ggufLimits.headerBytes)
      throw this.invalid(`its header goes on past ${ggufLimits.headerBytes} bytes`);
    if (!(await this.#reader.wait(count))) throw truncated(this.#reader.name, "in its header");
  }
}

export function truncated(name: string, where: string): ModelError {
  return new ModelError("gguf-truncated", `${name} ends too early, ${where}. Get the file again.`, {
    file: name,
  });
}

interface Scalar {
  readonly bytes: number;
  read(view: DataView, at: number): GgufValue;
}

/** By the GGUF specification's value types; 8 (string) and 9 (array) have no fixed size. */
const scalars: Readonly<Record<number, Scalar>> = {
  0: { bytes: 1, read: (view, at) => view.getUint8(at) },
  1: { bytes: 1, read: (view, at) => view.getInt8(at) },
  2: { bytes: 2, read: (view, at) => view.getUint16(at, true) },
  3: { bytes: 2, read: (view, at) => view.getInt16(at, true) },
  4: { bytes: 4, read: (view, at) => view.getUint32(at, true) },
  5: { bytes: 4, read: (view, at) => view.getInt32(at, true) },
  6: { bytes: 4, read: (view, at) => view.getFloat32(at, true) },
  7: { bytes: 1, read: (view, at) => view.getUint8(at) !== 0 },
  10: { bytes: 8, read: (view, at) => asNumber(view.getBigUint64(at, true)) },
  11: { bytes: 8, read: (view, at) => asNumber(view.getBigInt64(at, true)) },
  12: { bytes: 8, read: (view, at) => view.getFloat64(at, true) },
};

function asNumber(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
