import { createHash } from "node:crypto";
import { mkdir, open, readFile, rename, rm, stat, statfs, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Identity } from "../../loader/sources/catalogue.ts";
import { wrongChecksum, wrongSize } from "../../loader/sources/failures.ts";
import type { Validators } from "../../loader/sources/ranges.ts";
import { diskFull, writeFailure } from "./file_failures.ts";
import { streamFile } from "./file_source.ts";

/**
 * One file of the cache. At `path` there is nothing or a whole file: it is written elsewhere, checked, flushed and renamed.
 * Beside it stand files that no loader takes for a model.
 */
export interface CacheEntry {
  readonly path: string;
  /** What has come of it so far. */
  readonly partial: string;
  /** JSON: a `Note` on the whole file. */
  readonly note: string;
  /** JSON: `Validators` of what `partial` is part of. */
  readonly partialNote: string;
  /** Held by the process that is fetching the file. */
  readonly lock: string;
  /** Folder for what a source needs on the way; there only while `lock` is held. */
  readonly work: string;
}

/**
 * What is remembered of a whole file, so that it is not hashed at every start. A file whose size or time differs from its
 * note was truncated, altered or put there by hand, and is checked again.
 */
export interface Note extends Validators {
  readonly bytes: number;
  readonly mtimeMs: number;
  readonly sha256?: string;
}

export function cacheEntry(folder: string, file: string): CacheEntry {
  const path = join(folder, file);
  return {
    path,
    partial: `${path}.partial`,
    note: `${path}.json`,
    partialNote: `${path}.partial.json`,
    lock: `${path}.lock`,
    work: `${path}.work`,
  };
}

/** Makes the entry's folder. @throws ModelError `cache-unwritable`, `disk-full` */
export async function makeFolder(entry: CacheEntry): Promise<void> {
  const folder = dirname(entry.path);
  await mkdir(folder, { recursive: true }).catch((error: unknown) => {
    throw writeFailure(error, folder);
  });
}

/** The note on the entry's file, if the file is still as it was when the note was made. */
export async function noteOf(entry: CacheEntry): Promise<Note | undefined> {
  const note = await readJson<Note>(entry.note);
  const found = await stat(entry.path).catch(() => undefined);
  const same = note && found?.isFile() && found.size === note.bytes && found.mtimeMs === note.mtimeMs;
  return same ? note : undefined;
}

/** Makes the file at `from` the entry's, at once or not at all, and clears what led to it. */
export async function land(from: string, entry: CacheEntry, about: Omit<Note, "bytes" | "mtimeMs">) {
  try {
    await flush(from);
    await rename(from, entry.path);
    await flush(dirname(entry.path));
    await remember(entry, about);
    await dropPartial(entry);
    await rm(entry.work, { recursive: true, force: true });
  } catch (error) {
    throw writeFailure(error, entry.path);
  }
}

export async function remember(entry: CacheEntry, about: Omit<Note, "bytes" | "mtimeMs">): Promise<void> {
  const { size, mtimeMs } = await stat(entry.path);
  await writeJson(entry.note, { ...about, bytes: size, mtimeMs } satisfies Note);
}

export async function dropPartial(entry: CacheEntry): Promise<void> {
  await rm(entry.partial, { force: true });
  await rm(entry.partialNote, { force: true });
}

/**
 * Reads the whole file at `path` and compares.
 * @param name what messages call it
 * @param onBytes told how many bytes are hashed
 * @throws ModelError `wrong-size`, `wrong-checksum`, `file-unreadable`
 */
export async function checkFile(
  path: string,
  name: string,
  identity: Identity,
  onBytes: (bytes: number) => void,
  signal?: AbortSignal,
): Promise<void> {
  const { size } = await stat(path);
  if (size !== identity.bytes) throw wrongSize(name, size, identity.bytes);
  const hash = createHash("sha256");
  let bytes = 0;
  for await (const piece of await streamFile(path)) {
    signal?.throwIfAborted();
    hash.update(piece);
    bytes += piece.length;
    onBytes(bytes);
  }
  const sha256 = hash.digest("hex");
  if (sha256 !== identity.sha256) throw wrongChecksum(name, sha256, identity.sha256);
}

/** @throws ModelError `disk-full` when the disk of `path` has no `bytes` left */
export async function needRoom(path: string, bytes: number): Promise<void> {
  const { bavail, blocks, bsize } = await statfs(dirname(path));
  const free = bavail * bsize;
  // Some network file systems have no count and say zero of zero.
  if (blocks > 0 && free < bytes) throw diskFull(path, bytes, free);
}

export async function readJson<T>(path: string): Promise<T | undefined> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as T;
  } catch {
    return undefined; // missing, or cut short: as good as missing
  }
}

export async function writeJson(path: string, value: object): Promise<void> {
  await writeFile(path, `${JSON.stringify(value)}\n`);
}

async function flush(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
