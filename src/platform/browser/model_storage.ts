import { InputError } from "../../errors.ts";
import { clearCachedModels, listCachedModels, removeCachedModel } from "./cached_models.ts";
import { entryLock, ModelEntry, modelsFolder } from "./model_entry.ts";
import { removeEntry } from "./origin_folder.ts";
import { ifFree } from "./origin_lock.ts";
import { type StorageUsage, storageUsage } from "./storage_room.ts";

export interface StoredModel {
  /** A catalogue's name, or a URL. */
  readonly name: string;
  /** Of its file, as far as it is there. */
  readonly bytes: number;
  /** Of the whole file; undefined where the server has not said. */
  readonly totalBytes: number | undefined;
  /** False where a download was cut: the next one goes on from there. */
  readonly whole: boolean;
  /** When it was last loaded or fetched, in ms since 1970. */
  readonly usedMs: number;
}

/** The models that the browser keeps for this origin. */
export interface ModelStorage {
  /** What was used last comes first. */
  list(): Promise<readonly StoredModel[]>;
  /**
   * Takes away a model, whole or partial; false where it is not there.
   * @throws InputError `model-busy` while a tab or worker fetches it
   */
  remove(name: string | URL): Promise<boolean>;
  /** Takes away all of them. @throws InputError `model-busy` while a tab or worker fetches one; the others are gone */
  clear(): Promise<void>;
  usage(): Promise<StorageUsage>;
}

/**
 * As files of the origin and, of browsers without these, in its cache, whole ones of the catalogue alone. Nothing is in it where there is neither,
 * as outside secure contexts, and in Node.
 */
export function modelStorage(): ModelStorage {
  return {
    list,
    async remove(name) {
      const wanted = String(name);
      const described = await Promise.all((await entries()).map(describe));
      const found = described.filter(({ model }) => model?.name === wanted);
      for (const { id } of found) await removeModel(id, wanted);
      const wasCached = await removeCachedModel(wanted);
      return wasCached || found.length > 0;
    },
    async clear() {
      await clearCachedModels();
      const busy: unknown[] = [];
      for (const { id, entry } of await entries()) {
        const { name = id } = (await entry.note()) ?? {};
        await removeModel(id, name).catch((error: unknown) => busy.push(error));
      }
      if (busy.length > 0) throw busy[0];
    },
    async usage() {
      const usage = await storageUsage();
      // Not every browser that keeps something says how much.
      const listed = (await list()).reduce((sum, { bytes }) => sum + bytes, 0);
      return { ...usage, usedBytes: Math.max(usage.usedBytes, listed) };
    },
  };
}

async function list(): Promise<readonly StoredModel[]> {
  const files = await Promise.all((await entries()).map(describe));
  const cached = (await listCachedModels()).map(({ name, bytes, usedMs }) => {
    return { name, bytes, totalBytes: bytes, whole: true, usedMs };
  });
  return [...files.flatMap(({ model }) => model ?? []), ...cached].toSorted((a, b) => b.usedMs - a.usedMs);
}

interface Found {
  readonly id: string;
  readonly entry: ModelEntry;
}

async function entries(): Promise<readonly Found[]> {
  const found: Found[] = [];
  const folder = await modelsFolder({ create: false });
  for await (const [id, handle] of folder?.entries() ?? []) {
    if (handle.kind === "directory")
      found.push({ id, entry: new ModelEntry(handle as FileSystemDirectoryHandle) });
  }
  return found;
}

async function describe({
  id,
  entry,
}: Found): Promise<{ readonly id: string; readonly model?: StoredModel }> {
  try {
    const note = await entry.note();
    if (!note) return { id };
    const { name, whole, usedMs } = note;
    const bytes = (await entry.parts()).reduce((sum, { size }) => sum + size, 0);
    return { id, model: { name, bytes, totalBytes: note.bytes, whole, usedMs } };
  } catch {
    return { id }; // it has just been removed
  }
}

async function removeModel(id: string, name: string): Promise<void> {
  const removed = await ifFree(entryLock(id), async () => {
    const folder = await modelsFolder({ create: false });
    if (folder) await removeEntry(folder, id);
  });
  if (removed) return;
  const message = `${name} is being fetched by this tab, another one or a worker: stop that first.`;
  throw new InputError("model-busy", message, { model: name });
}
