import { BatonError, ModelError } from "../errors.ts";
import type { ByteSource } from "../protocol/bytes.ts";

const CHUNK_BYTES = 1 << 18;

/** A reader that may bring its own buffer where the stream takes one (a file's does), so that long reads make no garbage. */
type ChunkReader =
  | { readonly kind: "byob"; readonly reader: ReadableStreamBYOBReader }
  | { readonly kind: "default"; readonly reader: ReadableStreamDefaultReader<Uint8Array> };

/**
 * Reads a stream from start to end in pieces of the caller's size, holding no more than the piece asked for and the
 * stream's last chunk. Every failure is a ModelError that names the file and the byte.
 */
export class ByteReader {
  readonly name: string;
  readonly #chunks: ChunkReader;
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort: () => void;
  /** What has arrived and is not consumed yet: `#window.subarray(#at)`. */
  #window: Uint8Array = new Uint8Array(0);
  #view: DataView = new DataView(this.#window.buffer);
  #at = 0;
  #consumed = 0;

  private constructor(name: string, chunks: ChunkReader, signal: AbortSignal | undefined) {
    this.name = name;
    this.#chunks = chunks;
    this.#signal = signal;
    this.#onAbort = () => void this.close();
    signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  /** @throws ModelError `file-unreadable`; the signal's reason when it is aborted. */
  static async open(source: ByteSource, signal: AbortSignal | undefined): Promise<ByteReader> {
    signal?.throwIfAborted();
    try {
      const reader = new ByteReader(source.name, chunkReader(await source.stream()), signal);
      if (signal?.aborted) await reader.close();
      signal?.throwIfAborted();
      return reader;
    } catch (cause) {
      signal?.throwIfAborted();
      throw unreadable(source.name, 0, cause);
    }
  }

  /** Bytes consumed so far, which is the offset in the file. */
  get position(): number {
    return this.#consumed;
  }

  /** Whether the next `count` bytes are here already, so that `take` may be called. */
  has(count: number): boolean {
    return this.#window.byteLength - this.#at >= count;
  }

  /** Waits for the next `count` bytes; false when the stream ends before them. */
  async wait(count: number): Promise<boolean> {
    while (!this.has(count)) {
      const chunk = await this.#next();
      if (chunk === undefined) return false;
      this.#append(chunk, count);
    }
    return true;
  }

  /** Consumes `count` bytes that `has` or `wait` promised: where they stand in `view` and `bytes`, until the next call. */
  take(count: number): number {
    const at = this.#at;
    this.#at += count;
    this.#consumed += count;
    return at;
  }

  /** Where the next byte stands in `view` and `bytes`. */
  get offset(): number {
    return this.#at;
  }

  get view(): DataView {
    return this.#view;
  }

  get bytes(): Uint8Array {
    return this.#window;
  }

  /** Fills `target`; false when the stream ends before it is full. */
  async fill(target: Uint8Array): Promise<boolean> {
    return this.#advance(target.byteLength, (bytes, done) => target.set(bytes, done));
  }

  /** Drops `count` bytes; false when the stream ends before them. */
  async skip(count: number): Promise<boolean> {
    return this.#advance(count, () => {});
  }

  /** Reads to the end, dropping everything: a source that checks its bytes as they pass says so there. */
  async drain(): Promise<void> {
    while ((await this.#next()) !== undefined);
  }

  /** Cancels the stream, if it has not ended. */
  async close(): Promise<void> {
    this.#signal?.removeEventListener("abort", this.#onAbort);
    this.#setWindow(new Uint8Array(0));
    await this.#chunks.reader.cancel().catch(() => {});
  }

  async #advance(count: number, use: (bytes: Uint8Array, done: number) => void): Promise<boolean> {
    let done = 0;
    while (done < count) {
      if (!(await this.wait(1))) return false;
      const length = Math.min(count - done, this.#window.byteLength - this.#at);
      const at = this.take(length);
      use(this.#window.subarray(at, at + length), done);
      done += length;
    }
    return true;
  }

  async #next(): Promise<Uint8Array | undefined> {
    let result: ReadableStreamReadResult<Uint8Array>;
    try {
      result = await this.#readChunk();
    } catch (cause) {
      this.#signal?.throwIfAborted();
      throw unreadable(this.name, this.#consumed + this.#window.byteLength - this.#at, cause);
    }
    this.#signal?.throwIfAborted();
    return result.done ? undefined : result.value;
  }

  #readChunk(): Promise<ReadableStreamReadResult<Uint8Array>> {
    const { kind, reader } = this.#chunks;
    if (kind === "default") return reader.read();
    // A window that is used up lends its buffer to the next chunk.
    const { buffer } = this.#window;
    const reusable = this.#at === this.#window.byteLength && buffer.byteLength === CHUNK_BYTES;
    if (reusable) this.#setWindow(new Uint8Array(0));
    return reader.read(new Uint8Array(reusable ? (buffer as ArrayBuffer) : new ArrayBuffer(CHUNK_BYTES)));
  }

  /** Grows by doubling, so that many small chunks cost no more than few large ones. */
  #append(chunk: Uint8Array, wanted: number): void {
    const rest = this.#window.subarray(this.#at);
    if (rest.byteLength === 0) {
      this.#setWindow(chunk);
      return;
    }
    const length = rest.byteLength + chunk.byteLength;
    const buffer = rest.buffer;
    const start = rest.byteOffset;
    if (this.#owned === buffer && start + length <= buffer.byteLength) {
      new Uint8Array(buffer).set(chunk, start + rest.byteLength);
      this.#setWindow(new Uint8Array(buffer, start, length), buffer);
      return;
    }
    const grown = new Uint8Array(Math.max(length, Math.min(2 * length, wanted)));
    grown.set(rest);
    grown.set(chunk, rest.byteLength);
    this.#setWindow(grown.subarray(0, length), grown.buffer);
  }

  /** The buffer behind the window when it is ours to write behind the window's end. */
  #owned: ArrayBufferLike | undefined;

  #setWindow(window: Uint8Array, owned?: ArrayBufferLike): void {
    this.#window = window;
    this.#view = new DataView(window.buffer, window.byteOffset, window.byteLength);
    this.#at = 0;
    this.#owned = owned;
  }
}

function chunkReader(stream: ReadableStream<Uint8Array>): ChunkReader {
  try {
    return { kind: "byob", reader: stream.getReader({ mode: "byob" }) };
  } catch {
    return { kind: "default", reader: stream.getReader() };
  }
}

function unreadable(name: string, at: number, cause: unknown): BatonError {
  if (cause instanceof BatonError) return cause;
  const why = cause instanceof Error ? cause.message : String(cause);
  return new ModelError(
    "file-unreadable",
    `${name} could not be read at byte ${at}: ${why}. Check the file and the way to it.`,
    { file: name, at },
    { cause },
  );
}
