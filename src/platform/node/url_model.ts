import { createHash } from "node:crypto";
import { basename, join } from "node:path";
import { shownUrl } from "../../loader/sources/failures.ts";
import { fetchHeaders } from "../../loader/sources/fetch_headers.ts";
import { lengthOf, validatorsOf } from "../../loader/sources/ranges.ts";
import { type CacheEntry, cacheEntry, land, makeFolder, type Note, noteOf } from "./cache_entry.ts";
import { download } from "./download.ts";
import type { FetchContext } from "./fetch_context.ts";
import { withLock } from "./lock.ts";

/** Where the cache keeps what came from `url`. */
export function urlEntry(cache: string, url: URL): CacheEntry {
  const key = createHash("sha256").update(url.href).digest("hex").slice(0, 16);
  const name =
    basename(url.pathname)
      .replace(/[^\w.-]/g, "_")
      .slice(-80) || "model.gguf";
  return cacheEntry(join(cache, "urls"), `${key}-${name}`);
}

/**
 * The path of the file behind a URL. Nobody says its checksum: it is whole by its size, and fetched again when the server
 * has another version; a server that cannot be reached leaves the cached one in use.
 * @throws ModelError as `download` does
 */
export async function urlFile(url: URL, context: FetchContext): Promise<string> {
  const { signal, patience } = context;
  const entry = urlEntry(context.cacheFolder, url);
  await makeFolder(entry);
  const label = shownUrl(url);
  const onWait = (pid: number) => context.step(`waiting for process ${pid}, which is fetching ${label}`);
  await withLock(entry.lock, { signal, onWait }, async () => {
    const note = await noteOf(entry);
    if (note && (await isCurrent(url, note, context))) return;
    const onBytes = (done: number, total: number | undefined) =>
      context.report("download", done, total, label);
    const job = { url: url.href, entry, bytes: undefined, patience, onBytes, signal };
    const { resumed: _, ...validators } = await download(job);
    await land(entry.partial, entry, validators);
  });
  return entry.path;
}

async function isCurrent(url: URL, note: Note, context: FetchContext): Promise<boolean> {
  const done = new AbortController();
  const signal = context.signal ? AbortSignal.any([context.signal, done.signal]) : done.signal;
  const headers = {
    "accept-encoding": "identity",
    ...(note.etag === undefined ? {} : { "if-none-match": note.etag }),
    ...(note.lastModified === undefined ? {} : { "if-modified-since": note.lastModified }),
  };
  try {
    const response = await fetchHeaders(url, { headers, signal }, context.patience.answerMs);
    if (!response.ok) return true; // 304; or a server in trouble, which is no reason to do without
    const now = validatorsOf(response);
    const bytes = lengthOf(response);
    return now.etag === note.etag && now.lastModified === note.lastModified && bytes === note.bytes;
  } catch {
    context.signal?.throwIfAborted();
    context.step(`${shownUrl(url)} cannot be reached; its cached file is used`);
    return true;
  } finally {
    done.abort();
  }
}
