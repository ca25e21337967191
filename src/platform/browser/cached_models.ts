import type { CatalogueModel } from "../../loader/sources/catalogue.ts";
import { downloadFailed } from "../../loader/sources/failures.ts";
import type { ByteSource } from "../../protocol/bytes.ts";
import type { FetchContext } from "./fetch_context.ts";
import { straightCatalogue } from "./straight.ts";

/** Catalogue models in the Cache API, for browsers without files of the origin: whole or not at all, and not continued. */

const CACHE = "baton-models";
/** The cache is by address; nobody has this one. A model is there under its checksum, and beside it the note by which it is listed. */
const ADDRESS = "https://baton.invalid/models/";
const NOTE = "/note.json";

export interface CachedModel extends Pick<CatalogueModel, "name" | "bytes" | "sha256"> {
  /** When it was last loaded or fetched, in ms since 1970. */
  readonly usedMs: number;
}

/** From the cache, into which only checked files come; or downloaded and checked now. Straight through where there is none. */
export async function cachedCatalogue(model: CatalogueModel, context: FetchContext): Promise<ByteSource> {
  const { name, bytes } = model;
  const cache = await openCache({ create: true });
  const cached = await cachedBody(cache, model);
  if (cached) return { name, bytes, stream: () => cached };
  const { stream, failure } = await straightCatalogue(model, context, cache ? undefined : false);
  if (!cache) return { name, bytes, stream: () => stream };
  try {
    // A stream that fails its check fails the put, and nothing is kept.
    await cache.put(`${ADDRESS}${model.sha256}`, new Response(stream));
  } catch (error) {
    if (failure() !== undefined || context.signal?.aborted) throw failure() ?? error;
    // The cache has no room, or does not take it: straight through, then.
    const again = await straightCatalogue(model, context, false);
    return { name, bytes, stream: () => again.stream };
  }
  await removeFrom(cache, (other) => other.name === name && other.sha256 !== model.sha256);
  const kept = await cachedBody(cache, model);
  if (!kept) throw downloadFailed(name, "the browser's cache has lost it; try again");
  return { name, bytes, stream: () => kept };
}

export async function listCachedModels(): Promise<readonly CachedModel[]> {
  const cache = await openCache({ create: false });
  return cache ? notesIn(cache) : [];
}

/** False where it is not there. */
export async function removeCachedModel(name: string): Promise<boolean> {
  const cache = await openCache({ create: false });
  return cache !== undefined && removeFrom(cache, (model) => model.name === name);
}

/** Takes away what is in the cache. */
export async function clearCachedModels(): Promise<void> {
  await globalThis.caches?.delete(CACHE).catch(() => false);
}

/** Absent outside secure contexts; refused in some private windows. */
async function openCache({ create }: { readonly create: boolean }): Promise<Cache | undefined> {
  try {
    const caches = globalThis.caches as CacheStorage | undefined;
    return create || (await caches?.has(CACHE)) ? await caches?.open(CACHE) : undefined;
  } catch {
    return undefined;
  }
}

/** The model's bytes where it is there, with a note that it is used. */
async function cachedBody(cache: Cache | undefined, { name, bytes, sha256 }: CatalogueModel) {
  const body = (await cache?.match(`${ADDRESS}${sha256}`))?.body;
  if (!body) return undefined;
  const note: CachedModel = { name, bytes, sha256, usedMs: Date.now() };
  // One that cannot be written keeps nobody from using the model.
  await cache?.put(`${ADDRESS}${sha256}${NOTE}`, Response.json(note)).catch(() => undefined);
  return body;
}

async function notesIn(cache: Cache): Promise<readonly CachedModel[]> {
  const addresses = (await cache.keys()).map(({ url }) => url).filter((url) => url.endsWith(NOTE));
  const notes = await Promise.all(
    addresses.map(async (url): Promise<Partial<CachedModel> | undefined> => (await cache.match(url))?.json()),
  );
  return notes.filter((note): note is CachedModel => typeof note?.name === "string");
}

/** Whether there was one. The note goes first: without it the model is still found by whoever loads it. */
async function removeFrom(cache: Cache, isMeant: (model: CachedModel) => boolean): Promise<boolean> {
  const found = (await notesIn(cache)).filter(isMeant);
  for (const { sha256 } of found) {
    await cache.delete(`${ADDRESS}${sha256}${NOTE}`);
    await cache.delete(`${ADDRESS}${sha256}`);
  }
  return found.length > 0;
}
