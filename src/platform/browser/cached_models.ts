import type { CatalogueModel } from "../../loader/sources/catalogue.ts";
import { downloadFailed } from "../../loader/sources/failures.ts";
import type { ByteSource } from "../../protocol/bytes.ts";
import type { FetchContext } from "./fetch_context.ts";
import { straightCatalogue } from "./straight.ts";

/** Catalogue models in the Cache API, for browsers without files of the origin: whole or not at all, and not continued. */

const CACHE = "baton-models";

/** From the cache, into which only checked files come; or downloaded and checked now. Straight through where there is none. */
export async function cachedCatalogue(model: CatalogueModel, context: FetchContext): Promise<ByteSource> {
  const { name, bytes } = model;
  const cache = await openCache();
  const key = `https://baton.invalid/models/${model.sha256}`;
  const cached = (await cache?.match(key))?.body;
  if (cached) return { name, bytes, stream: () => cached };
  const { stream, failure } = await straightCatalogue(model, context, cache ? undefined : false);
  if (!cache) return { name, bytes, stream: () => stream };
  try {
    // A stream that fails its check fails the put, and nothing is kept.
    await cache.put(key, new Response(stream));
  } catch (error) {
    if (failure() !== undefined || context.signal?.aborted) throw failure() ?? error;
    // The cache has no room, or does not take it: straight through, then.
    const again = await straightCatalogue(model, context, false);
    return { name, bytes, stream: () => again.stream };
  }
  const kept = (await cache.match(key))?.body;
  if (!kept) throw downloadFailed(name, "the browser's cache has lost it; try again");
  return { name, bytes, stream: () => kept };
}

/** Takes away what is in the cache. */
export async function clearCachedModels(): Promise<void> {
  await globalThis.caches?.delete(CACHE).catch(() => false);
}

/** Absent outside secure contexts; refused in some private windows. */
async function openCache(): Promise<Cache | undefined> {
  return await globalThis.caches?.open(CACHE).catch(() => undefined);
}
