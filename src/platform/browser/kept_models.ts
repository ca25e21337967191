import { ModelError } from "../../errors.ts";
import type { CatalogueModel } from "../../loader/sources/catalogue.ts";
import { downloadFailed, shownUrl } from "../../loader/sources/failures.ts";
import { lengthOf, validatorsOf } from "../../loader/sources/ranges.ts";
import type { ByteSource } from "../../protocol/bytes.ts";
import { openBody } from "./addresses.ts";
import { type FetchContext, report } from "./fetch_context.ts";
import { keepDownload } from "./kept_download.ts";
import { catalogueEntry, entryLock, ModelEntry, type ModelNote, urlEntry } from "./model_entry.ts";
import { removeEntry } from "./origin_folder.ts";
import { withLock } from "./origin_lock.ts";
import { PartialModel } from "./partial_model.ts";
import { askToPersist, isAboutKeeping, needRoom, writeFailure } from "./storage_room.ts";
import { fromSources, labelOf, straightCatalogue, straightUrl } from "./straight.ts";

/** Models as files of the origin: from there where they are whole, and otherwise fetched there first, by one tab or worker at a time. */

type Folder = FileSystemDirectoryHandle;

/**
 * A catalogue's model, checked before it counts as whole; no request is made for one that is there.
 * @throws ModelError of the last source that was tried; with `whenFull: "fail"`, `disk-full`, `cache-unwritable`; the signal's reason
 */
export async function keptCatalogue(
  models: Folder,
  model: CatalogueModel,
  context: FetchContext,
): Promise<ByteSource> {
  const { name, bytes, sha256 } = model;
  const about = { name, bytes, sha256 };
  const fetchInto = async (entry: ModelEntry) => {
    const label = `checking ${name}`;
    const onHashed = (done: number) => report(context, { phase: "verify", done, total: bytes, label });
    const partial = await PartialModel.open(entry, { hashed: true, onHashed, signal: context.signal });
    await needRoom(name, bytes - partial.bytes);
    const fetchFrom = (url: string) => fetchChecked({ url, entry, partial, about }, model, context);
    await fromSources(model, context, fetchFrom, isAboutKeeping);
  };
  const keep = { models, id: catalogueEntry(model), about, fetchInto };
  return keepOr(keep, context, async () => {
    const { stream } = await straightCatalogue(model, context, false);
    return { name, bytes, stream: () => stream };
  });
}

/**
 * The file behind a URL. Nobody says its checksum: it is kept as what the server calls this version, and fetched again when the
 * server has another; one that cannot be reached leaves the kept one in use.
 * @throws ModelError `download-failed`; with `whenFull: "fail"`, `disk-full`, `cache-unwritable`; the signal's reason
 */
export async function keptUrl(models: Folder, url: URL, context: FetchContext): Promise<ByteSource> {
  const label = shownUrl(url);
  const about = { name: url.href };
  const fetchInto = async (entry: ModelEntry) => {
    const partial = await PartialModel.open(entry, { hashed: false, onHashed: () => {} });
    const onBytes = (done: number, total: number | undefined) => report(context, { done, total, label });
    const { patience, signal } = context;
    await keepDownload({ url: url.href, entry, partial, about, patience, onBytes, signal });
    await land(entry, { ...((await entry.note()) ?? about), bytes: partial.bytes });
  };
  const isCurrent = (note: ModelNote) => isCurrentUrl(url, note, context);
  const keep = { models, id: await urlEntry(url), about, fetchInto, isCurrent };
  const source = await keepOr(keep, context, () => straightUrl(url, context, false));
  return { ...source, name: label };
}

interface Keep {
  readonly models: Folder;
  readonly id: string;
  readonly about: Pick<ModelNote, "name">;
  /** Makes the entry whole. */
  fetchInto(entry: ModelEntry): Promise<void>;
  /** Whether what is there is still what would be fetched; nobody asks when absent. */
  isCurrent?(note: ModelNote): Promise<boolean>;
}

/** What is kept, after it was fetched where needed; or, where that fails for keeping's sake, what `otherwise` gives. */
async function keepOr(
  keep: Keep,
  context: FetchContext,
  otherwise: () => Promise<ByteSource>,
): Promise<ByteSource> {
  const { id, about } = keep;
  const label = `waiting for another tab, which is fetching ${about.name}`;
  const onWait = () => report(context, { done: 0, total: undefined, label });
  try {
    return await withLock(entryLock(id), { signal: context.signal, onWait }, () => kept(keep));
  } catch (error) {
    if (!isAboutKeeping(error) || context.whenFull === "fail") throw error;
    report(context, { done: 0, total: undefined, label: error.message, kept: false });
    return otherwise();
  }
}

async function kept({ models, id, about: { name }, fetchInto, isCurrent }: Keep): Promise<ByteSource> {
  const entry = new ModelEntry(await openEntry(models, id, name));
  const there = await entry.source();
  const note = await entry.note();
  if (there && (!isCurrent || (note && (await isCurrent(note))))) return there;
  if (there) await entry.cut(0); // of another version
  await askToPersist();
  try {
    await fetchInto(entry);
  } catch (error) {
    // What cannot be continued takes no room.
    const isUseless = isAboutKeeping(error) || (await entry.parts()).length === 0;
    if (isUseless) await removeEntry(models, id).catch(() => false);
    throw error;
  }
  await removeOthers(models, id, name);
  const fetched = await entry.source();
  if (!fetched) throw downloadFailed(name, "the browser has lost it; try again");
  return fetched;
}

interface Checked {
  readonly url: string;
  readonly entry: ModelEntry;
  readonly partial: PartialModel;
  readonly about: Pick<ModelNote, "name"> & { readonly bytes: number; readonly sha256: string };
}

async function fetchChecked(job: Checked, model: CatalogueModel, context: FetchContext): Promise<void> {
  const { url, entry, partial, about } = job;
  const { patience, signal } = context;
  const label = labelOf(model, url);
  const onBytes = (done: number) => report(context, { done, total: model.bytes, label });
  const { resumed } = await keepDownload({ ...job, patience, onBytes, signal });
  try {
    partial.check(model.name, model);
  } catch (error) {
    await partial.restart();
    // The part from an earlier download may have been the wrong one: once more from the start.
    if (resumed) return fetchChecked(job, model, context);
    throw error;
  }
  await land(entry, about);
}

/** From now on the entry's file is whole. */
async function land(entry: ModelEntry, about: Omit<ModelNote, "whole" | "usedMs">): Promise<void> {
  await entry.setNote({ ...about, whole: true, usedMs: Date.now() }).catch(async (error: unknown) => {
    throw await writeFailure(error, about.name, 0);
  });
}

/** Other versions of a model that has just come. */
async function removeOthers(models: Folder, id: string, name: string): Promise<void> {
  const others: string[] = [];
  for await (const [other, handle] of models.entries()) {
    if (other === id || handle.kind !== "directory") continue;
    const note = await new ModelEntry(handle as Folder).note();
    if (note?.name === name) others.push(other);
  }
  // One that is in use stays until the next time.
  for (const other of others) await removeEntry(models, other).catch(() => false);
}

async function openEntry(models: Folder, id: string, name: string): Promise<Folder> {
  try {
    return await models.getDirectoryHandle(id, { create: true });
  } catch (error) {
    throw await writeFailure(error, name, 0);
  }
}

async function isCurrentUrl(url: URL, note: ModelNote, context: FetchContext): Promise<boolean> {
  const done = new AbortController();
  const signal = context.signal ? AbortSignal.any([context.signal, done.signal]) : done.signal;
  try {
    const { response } = await openBody(url.href, { ...context, signal });
    const now = validatorsOf(response);
    return (
      now.etag === note.etag && now.lastModified === note.lastModified && lengthOf(response) === note.bytes
    );
  } catch (error) {
    context.signal?.throwIfAborted();
    // A server in trouble is no reason to do without.
    if (error instanceof ModelError) return true;
    throw error;
  } finally {
    done.abort();
  }
}
