import { createSHA256, type IHasher } from "hash-wasm";
import type { Identity } from "../../loader/sources/catalogue.ts";
import { wrongChecksum, wrongSize } from "../../loader/sources/failures.ts";
import { piecesOf } from "../../loader/sources/pieces.ts";
import type { ModelEntry } from "./model_entry.ts";

/** Bytes of a part: as many are lost at the most when the tab ends. A multiple of `WRITE_BYTES`. */
const PART_BYTES = 32 << 20;
/** Bytes per write: each is a message to another process. */
const WRITE_BYTES = 1 << 20;

export interface PartialOptions {
  /** Whether it is hashed, so that it can be checked at its end. */
  readonly hashed: boolean;
  /** Told how much of what was there is hashed. */
  readonly onHashed: (bytes: number) => void;
  readonly signal?: AbortSignal | undefined;
}

/** An entry's file that is still coming, written and hashed in the order of its bytes. */
export class PartialModel {
  readonly #entry: ModelEntry;
  readonly #hash: IHasher | undefined;
  readonly #buffer = new Uint8Array(WRITE_BYTES);
  /** Bytes of the buffer that are to be written. */
  #buffered = 0;
  #part: FileSystemWritableFileStream | undefined;
  /** Bytes written to the part that is open. */
  #partBytes = 0;
  /** Bytes of the file that are in parts. */
  #written = 0;
  /** Bytes of the file that have come. */
  bytes = 0;

  private constructor(entry: ModelEntry, hash: IHasher | undefined) {
    this.#entry = entry;
    this.#hash = hash;
    hash?.init();
  }

  /** Goes on with what is there, which is read once to hash it. */
  static async open(entry: ModelEntry, options: PartialOptions): Promise<PartialModel> {
    const partial = new PartialModel(entry, options.hashed ? await createSHA256() : undefined);
    const parts = await entry.parts();
    if (options.hashed) await partial.#hashParts(parts, options);
    else partial.bytes = parts.reduce((sum, { size }) => sum + size, 0);
    partial.#written = partial.bytes;
    await entry.cut(partial.bytes); // whatever lies behind a gap
    return partial;
  }

  /** @throws DOMException as the browser says it */
  async append(piece: Uint8Array): Promise<void> {
    for (let offset = 0; offset < piece.length; ) {
      const taken = piece.subarray(offset, offset + WRITE_BYTES - this.#buffered);
      this.#buffer.set(taken, this.#buffered);
      this.#buffered += taken.length;
      offset += taken.length;
      if (this.#buffered === WRITE_BYTES) await this.#write();
      if (this.#partBytes === PART_BYTES) await this.#closePart();
    }
    this.#hash?.update(piece);
    this.bytes += piece.length;
  }

  /** Makes what has come stay. @throws DOMException */
  async keep(): Promise<void> {
    if (this.#buffered > 0) await this.#write();
    await this.#closePart();
  }

  /** Begins again with nothing. */
  async restart(): Promise<void> {
    await this.#part?.abort().catch(() => undefined);
    this.#part = undefined;
    this.#partBytes = 0;
    this.#buffered = 0;
    this.#written = 0;
    this.bytes = 0;
    this.#hash?.init();
    await this.#entry.cut(0);
  }

  /** Once, when all has come. @throws ModelError `wrong-size`, `wrong-checksum` */
  check(name: string, identity: Identity): void {
    if (this.bytes !== identity.bytes) throw wrongSize(name, this.bytes, identity.bytes);
    const sha256 = this.#hash?.digest("hex") ?? "";
    if (sha256 !== identity.sha256) throw wrongChecksum(name, sha256, identity.sha256);
  }

  async #hashParts(parts: readonly File[], { onHashed, signal }: PartialOptions): Promise<void> {
    for await (const piece of piecesOf(new Blob([...parts]).stream())) {
      signal?.throwIfAborted();
      this.#hash?.update(piece);
      this.bytes += piece.length;
      onHashed(this.bytes);
    }
  }

  async #write(): Promise<void> {
    this.#part ??= await this.#entry.openPart(this.#written);
    await this.#part.write(this.#buffer.subarray(0, this.#buffered));
    this.#written += this.#buffered;
    this.#partBytes += this.#buffered;
    this.#buffered = 0;
  }

  async #closePart(): Promise<void> {
    const part = this.#part;
    this.#part = undefined;
    this.#partBytes = 0;
    await part?.close();
  }
}
