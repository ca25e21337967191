import { type FileHandle, open } from "node:fs/promises";
import type { Validators } from "../../loader/sources/ranges.ts";
import { type CacheEntry, writeJson } from "./cache_entry.ts";
import { writeFailure } from "./file_failures.ts";

/** A cache entry's partial file, open for appending. */
export class PartialFile {
  readonly #path: string;
  readonly #handle: FileHandle;
  /** Size so far. */
  bytes: number;

  private constructor(path: string, handle: FileHandle, bytes: number) {
    this.#path = path;
    this.#handle = handle;
    this.bytes = bytes;
  }

  /**
   * Begins an empty file when `start` is 0, and otherwise goes on at byte `start` of what is there.
   * @throws ModelError `disk-full`, `cache-unwritable`
   */
  static async open(entry: CacheEntry, start: number, validators: Validators): Promise<PartialFile> {
    try {
      if (start === 0) await writeJson(entry.partialNote, validators);
      return new PartialFile(entry.partial, await open(entry.partial, start > 0 ? "r+" : "w"), start);
    } catch (error) {
      throw writeFailure(error, entry.partial);
    }
  }

  /** Written at its place in the file, so that two writers of the same file could not spoil it. */
  async append(piece: Uint8Array): Promise<void> {
    try {
      for (let offset = 0; offset < piece.length; ) {
        const { bytesWritten } = await this.#handle.write(piece, offset, piece.length - offset, this.bytes);
        offset += bytesWritten;
        this.bytes += bytesWritten;
      }
    } catch (error) {
      throw writeFailure(error, this.#path);
    }
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}
