/** Folders of the origin's private file system, in pages and workers alike. */

/**
 * The folder of that name; undefined where it does not exist and is not to be made, and where there are none: outside secure contexts,
 * in some private windows, in browsers that cannot write there without blocking.
 */
export async function originFolder(
  name: string,
  { create }: { readonly create: boolean },
): Promise<FileSystemDirectoryHandle | undefined> {
  const Handle = globalThis.FileSystemFileHandle as { readonly prototype: object } | undefined;
  if (Handle && !("createWritable" in Handle.prototype)) return undefined;
  const navigator = globalThis.navigator as Partial<Navigator> | undefined;
  try {
    const root = await navigator?.storage?.getDirectory?.();
    return await root?.getDirectoryHandle(name, { create });
  } catch {
    return undefined;
  }
}

/** Undefined: missing, or cut short, which is as good as missing. */
export async function readJson(folder: FileSystemDirectoryHandle, name: string): Promise<unknown> {
  try {
    const handle = await folder.getFileHandle(name);
    return JSON.parse(await (await handle.getFile()).text());
  } catch {
    return undefined;
  }
}

/** Writes the file, at once or not at all: what is written becomes the file when the stream is closed. @throws DOMException */
export async function replaceFile(
  folder: FileSystemDirectoryHandle,
  name: string,
  content: string | Uint8Array<ArrayBuffer>,
): Promise<void> {
  const handle = await folder.getFileHandle(name, { create: true });
  const stream = await handle.createWritable();
  try {
    await stream.write(content);
    await stream.close();
  } catch (error) {
    await stream.abort().catch(() => undefined); // it may have ended already
    throw error;
  }
}

/** False where there was nothing of that name. @throws DOMException where it is in use */
export async function removeEntry(folder: FileSystemDirectoryHandle, name: string): Promise<boolean> {
  try {
    await folder.removeEntry(name, { recursive: true });
    return true;
  } catch (error) {
    if (isNamed(error, "NotFoundError")) return false;
    throw error;
  }
}

/** Whether it is the browser's error of that name. */
export function isNamed(error: unknown, name: string): boolean {
  return error instanceof Error && error.name === name;
}
