import { StorageError } from "../../errors.ts";
import type { ConversationStore, StoredBytes } from "../conversation_store.ts";
import { isNamed, originFolder, removeEntry, replaceFile } from "./origin_folder.ts";

const FOLDER = "baton-conversations";
/** Of a file that another tab replaces while it is read. */
const READS = 3;

/** Newer than the type library. */
type Movable = FileSystemFileHandle & { readonly move?: (name: string) => Promise<void> };

/** Saved conversations as files of the origin's private file system, in pages and workers. */
export const originConversations: ConversationStore = {
  async read(name) {
    const folder = await openFolder();
    for (let reads = 1; ; reads += 1) {
      try {
        const file = await (await folder.getFileHandle(name)).getFile();
        // An empty one was begun, by a tab that ended before it was written.
        return file.size === 0 ? undefined : new Uint8Array(await file.arrayBuffer());
      } catch (error) {
        if (isNamed(error, "NotFoundError")) return undefined;
        if (!isNamed(error, "NotReadableError") || reads === READS) throw error;
      }
    }
  },
  async write(name, bytes) {
    await replaceFile(await openFolder(), name, bytes);
  },
  async move(from, to) {
    const folder = await openFolder();
    const handle: Movable = await folder.getFileHandle(from);
    if (handle.move) return handle.move(to);
    await replaceFile(folder, to, new Uint8Array(await (await handle.getFile()).arrayBuffer()));
    await removeEntry(folder, from);
  },
  async remove(name) {
    const folder = await originFolder(FOLDER, { create: false });
    return folder ? removeEntry(folder, name) : false;
  },
  async list() {
    const folder = await originFolder(FOLDER, { create: false });
    const names: string[] = [];
    for await (const name of folder?.keys() ?? []) names.push(name);
    const found = await Promise.all(names.map((name) => folder && describe(folder, name)));
    return found.flatMap((one) => one ?? []);
  },
};

/** Undefined where it was removed meanwhile, or has not been written yet. */
async function describe(folder: FileSystemDirectoryHandle, name: string): Promise<StoredBytes | undefined> {
  try {
    const file = await (await folder.getFileHandle(name)).getFile();
    return file.size === 0 ? undefined : { name, bytes: file.size, savedMs: file.lastModified };
  } catch {
    return undefined;
  }
}

async function openFolder(): Promise<FileSystemDirectoryHandle> {
  const folder = await originFolder(FOLDER, { create: true });
  if (folder) return folder;
  throw new StorageError(
    "storage-missing",
    "There are no files of the origin here, so conversations are not saved: open the page over https or from localhost, or give a store of your own.",
  );
}
