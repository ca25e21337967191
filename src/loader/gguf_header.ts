import { ModelError } from "../errors.ts";
import type { ByteReader } from "./byte_reader.ts";
import { GgufFields, type GgufValue, truncated } from "./gguf_fields.ts";
import { ggufLimits } from "./gguf_limits.ts";
import { type GgmlType, ggmlTypeOf, ggmlTypes, rowBytes, unreadTypes } from "./quantisation/ggml_types.ts";

export interface TensorInfo {
  readonly name: string;
  readonly type: GgmlType;
  /** Product of all dimensions but the fastest; 1 for a vector. */
  readonly rows: number;
  /** The fastest dimension. */
  readonly cols: number;
  /** As GGUF has them: the fastest first. */
  readonly dims: readonly number[];
  readonly bytes: number;
  /** From the start of the file. */
  readonly offset: number;
}

export type GgufMetadata = Readonly<Record<string, GgufValue>>;

export interface GgufHeader {
  readonly version: 2 | 3;
  readonly metadata: GgufMetadata;
  /** In the order of their bytes in the file. */
  readonly tensors: readonly TensorInfo[];
}

const MAGIC = [0x47, 0x47, 0x55, 0x46];

/**
 * Reads a GGUF header: magic, version, counts, metadata, tensor infos (ggml's docs/gguf.md).
 * @throws ModelError `not-gguf`, `gguf-version`, `gguf-truncated`, `gguf-invalid`, `unknown-tensor-type`, `file-unreadable`
 */
export async function readGgufHeader(reader: ByteReader): Promise<GgufHeader> {
  await readMagic(reader);
  const fields = new GgufFields(reader);
  const version = versionOf(reader.name, await fields.u32());
  const tensorCount = await fields.u64(ggufLimits.tensors, "number of tensors");
  const metadataCount = await fields.u64(ggufLimits.metadataEntries, "number of metadata entries");
  const metadata = await readMetadata(fields, metadataCount);
  const tensors: TensorInfo[] = [];
  const names = new Set<string>();
  for (let i = 0; i < tensorCount; i++) {
    const tensor = await readTensorInfo(fields, reader.name);
    if (names.has(tensor.name)) throw fields.invalid(`it has two tensors named ${tensor.name}`);
    names.add(tensor.name);
    tensors.push(tensor);
  }
  return { version, metadata, tensors: place(tensors, alignmentOf(metadata, fields), fields) };
}

async function readMagic(reader: ByteReader): Promise<void> {
  for (const byte of MAGIC) {
    if (!(await reader.wait(1))) throw truncated(reader.name, `after ${reader.position} bytes`);
    const at = reader.take(1);
    if (reader.view.getUint8(at) !== byte)
      throw new ModelError("not-gguf", `${reader.name} is not a GGUF file. Give a model in GGUF format.`, {
        file: reader.name,
      });
  }
}

function versionOf(name: string, version: number): 2 | 3 {
  if (version === 2 || version === 3) return version;
  // A big-endian 1, 2 or 3, read the other way round.
  const bigEndian = version !== 0 && (version & 0xffff) === 0;
  const what = bigEndian ? "a big-endian GGUF file" : `a GGUF file of version ${version}`;
  throw new ModelError(
    "gguf-version",
    `${name} is ${what}, and only versions 2 and 3, little-endian, can be read. Convert it with a newer llama.cpp.`,
    { file: name, version, bigEndian },
  );
}

async function readMetadata(fields: GgufFields, count: number): Promise<GgufMetadata> {
  // No prototype: a key may be any text, "__proto__" too.
  const metadata: Record<string, GgufValue> = Object.create(null);
  for (let i = 0; i < count; i++) {
    const key = await fields.string(ggufLimits.nameBytes, "metadata key");
    if (key in metadata) throw fields.invalid(`it has the metadata key ${key} twice`);
    metadata[key] = await fields.value(await fields.u32(), key);
  }
  return metadata;
}

function alignmentOf(metadata: GgufMetadata, fields: GgufFields): number {
  const alignment = metadata["general.alignment"] ?? 32;
  const valid =
    typeof alignment === "number" &&
    alignment >= 1 &&
    alignment <= ggufLimits.alignment &&
    Number.isInteger(Math.log2(alignment));
  if (!valid)
    throw fields.invalid(`its alignment is ${alignment}, not a power of two up to ${ggufLimits.alignment}`);
  return alignment;
}

/** A tensor info; `offset` still counts from the start of the tensor data. */
async function readTensorInfo(fields: GgufFields, file: string): Promise<TensorInfo> {
  const name = await fields.string(ggufLimits.nameBytes, "tensor name");
  const rank = await fields.u32();
  if (rank < 1 || rank > ggufLimits.dims) throw fields.invalid(`${name} has ${rank} dimensions`);
  const dims: number[] = [];
  for (let i = 0; i < rank; i++)
    dims.push(await fields.u64(ggufLimits.tensorValues, `dimension ${i} of ${name}`));
  const id = await fields.u32();
  const offset = await fields.u64(Number.MAX_SAFE_INTEGER, `offset of ${name}`);
  const type = ggmlTypeOf(id);
  if (type === undefined) throw unknownType(file, name, id);
  const [cols = 0, ...slower] = dims;
  const rows = slower.reduce((product, dim) => product * dim, 1);
  if (dims.includes(0)) throw fields.invalid(`${name} has an empty dimension`);
  if (cols > ggufLimits.rowValues) throw fields.invalid(`${name} has rows of ${cols} values`);
  if (rows * cols > ggufLimits.tensorValues) throw fields.invalid(`${name} has too many values`);
  if (cols % ggmlTypes[type].blockValues !== 0)
    throw fields.invalid(`${name} has rows of ${cols} values, which is not whole ${type} blocks`);
  return { name, type, rows, cols, dims, bytes: rows * rowBytes(type, cols), offset };
}

function unknownType(file: string, tensor: string, id: number): ModelError {
  const type = unreadTypes[id] ?? `number ${id}`;
  return new ModelError(
    "unknown-tensor-type",
    `${file} has the tensor ${tensor} in type ${type}, which cannot be read. Use a file in ${Object.keys(ggmlTypes).join(", ")}.`,
    { file, tensor, type, id },
  );
}

/** Offsets from the start of the file, and tensors by offset: aligned, none over another. */
function place(tensors: readonly TensorInfo[], alignment: number, fields: GgufFields): TensorInfo[] {
  const start = Math.ceil(fields.position / alignment) * alignment;
  const placed = tensors.map((tensor) => ({ ...tensor, offset: start + tensor.offset }));
  placed.sort((a, b) => a.offset - b.offset);
  let end = start;
  for (const { name, offset, bytes } of placed) {
    if (offset % alignment !== 0) throw fields.invalid(`${name} is not aligned to ${alignment} bytes`);
    if (offset < end) throw fields.invalid(`${name} overlaps the tensor before it`);
    end = offset + bytes;
    if (!Number.isSafeInteger(end)) throw fields.invalid(`${name} ends beyond any file`);
  }
  return placed;
}
