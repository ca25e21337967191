import { createXXHash3, type IHasher } from "hash-wasm";
import type { ByteSource } from "../protocol/bytes.ts";
import { ByteReader } from "./byte_reader.ts";
import { truncated } from "./gguf_fields.ts";
import { type GgufHeader, type GgufMetadata, readGgufHeader, type TensorInfo } from "./gguf_header.ts";

export type { GgufValue } from "./gguf_fields.ts";
export type { GgufMetadata, TensorInfo } from "./gguf_header.ts";
export type { GgmlType } from "./quantisation/ggml_types.ts";

/** Whole rows of one tensor. */
export interface TensorPiece {
  readonly tensor: TensorInfo;
  readonly firstRow: number;
  readonly rows: number;
  /** `rows` rows as the file has them; valid until the next piece is asked for. */
  readonly bytes: Uint8Array;
}

const PIECE_BYTES = 2 * 2 ** 20;

/** A GGUF file whose header is read and whose tensors are still in the stream. Whoever opened it closes it. */
export class GgufFile {
  readonly version: 2 | 3;
  /** Has no prototype. */
  readonly metadata: GgufMetadata;
  /** In the order of their bytes in the file, which is the order of the pieces. */
  readonly tensors: readonly TensorInfo[];
  /** Values of all tensors together. */
  readonly parameters: number;
  readonly #reader: ByteReader;
  readonly #hasher: IHasher;
  #hash: string | undefined;

  constructor(reader: ByteReader, header: GgufHeader, hasher: IHasher) {
    this.#reader = reader;
    this.#hasher = hasher;
    this.version = header.version;
    this.metadata = header.metadata;
    this.tensors = header.tensors;
    this.parameters = header.tensors.reduce((sum, { rows, cols }) => sum + rows * cols, 0);
  }

  /** XXH3 over the bytes of all tensors, in hexadecimal; undefined before all of them have been read. */
  get hash(): string | undefined {
    return this.#hash;
  }

  /**
   * All tensors' bytes, once, in pieces of at most 2 MiB (or one bundle of `alignRows` rows, where that is more); each
   * begins at a multiple of `alignRows`. One buffer serves them all. Reads the stream to its end and closes it, also
   * when the loop is left early.
   * @throws ModelError `gguf-truncated`, `file-unreadable`, and what the source throws at its end; the signal's reason.
   */
  async *pieces({ alignRows }: { readonly alignRows: number }): AsyncGenerator<TensorPiece, void, void> {
    const reader = this.#reader;
    const sizes = this.tensors.map((tensor) => pieceSize(tensor, alignRows).bytes);
    const buffer = new Uint8Array(sizes.reduce((a, b) => Math.max(a, b), 0));
    this.#hasher.init();
    try {
      for (const tensor of this.tensors) {
        const size = pieceSize(tensor, alignRows);
        if (!(await reader.skip(tensor.offset - reader.position))) throw cut(reader.name, tensor);
        for (let firstRow = 0; firstRow < tensor.rows; firstRow += size.rows) {
          const rows = Math.min(size.rows, tensor.rows - firstRow);
          const bytes = buffer.subarray(0, (rows * tensor.bytes) / tensor.rows);
          if (!(await reader.fill(bytes))) throw cut(reader.name, tensor);
          this.#hasher.update(bytes);
          yield { tensor, firstRow, rows, bytes };
        }
      }
      this.#hash = this.#hasher.digest("hex");
      await reader.drain();
    } finally {
      await this.close();
    }
  }

  /** Cancels the stream. */
  async close(): Promise<void> {
    await this.#reader.close();
  }
}

/**
 * Opens a GGUF file (version 2 or 3, little-endian) and reads its header.
 * @throws ModelError `not-gguf`, `gguf-version`, `gguf-truncated`, `gguf-invalid`, `unknown-tensor-type`,
 * `file-unreadable`; the signal's reason when it is aborted. The stream is cancelled then.
 */
export async function openGguf(
  source: ByteSource,
  { signal }: { readonly signal?: AbortSignal | undefined } = {},
): Promise<GgufFile> {
  const reader = await ByteReader.open(source, signal);
  try {
    const header = await readGgufHeader(reader);
    const last = header.tensors.at(-1);
    if (last !== undefined && source.bytes !== undefined && last.offset + last.bytes > source.bytes)
      throw cut(source.name, last);
    return new GgufFile(reader, header, await createXXHash3());
  } catch (error) {
    await reader.close();
    throw error;
  }
}

/** Rows of a piece (all pieces of a tensor but the last) and their bytes. */
function pieceSize(tensor: TensorInfo, alignRows: number): { rows: number; bytes: number } {
  const row = tensor.bytes / tensor.rows;
  const bundles = Math.max(1, Math.floor(PIECE_BYTES / (row * alignRows)));
  const rows = Math.min(tensor.rows, bundles * alignRows);
  return { rows, bytes: rows * row };
}

function cut(file: string, tensor: TensorInfo) {
  return truncated(file, `before or within the tensor ${tensor.name}`);
}
