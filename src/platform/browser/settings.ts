import { type Settings, settingsFile, settingsName } from "../settings.ts";

const FOLDER = "baton-settings";

/** Notes as files of the origin's private file system, in pages and workers. Nothing is kept where there is none, as outside secure contexts. */
export const originSettings: Settings = {
  read: async (name) => {
    const file = settingsFile(name);
    try {
      const folder = await openFolder(false);
      const handle = await folder?.getFileHandle(file);
      return handle && JSON.parse(await (await handle.getFile()).text());
    } catch {
      return undefined; // missing, or cut short: as good as missing
    }
  },
  write: async (name, value) => {
    const file = settingsFile(name);
    try {
      const folder = await openFolder(true);
      const handle = await folder?.getFileHandle(file, { create: true });
      // What is written becomes the file when the stream is closed, and not before.
      const stream = await handle?.createWritable();
      await stream?.write(`${JSON.stringify(value)}\n`);
      await stream?.close();
      return stream !== undefined;
    } catch {
      return false;
    }
  },
  names: async () => {
    const names: string[] = [];
    try {
      for await (const file of (await openFolder(false))?.keys() ?? []) {
        const name = settingsName(file);
        if (name !== undefined) names.push(name);
      }
    } catch {
      // No folder yet.
    }
    return names;
  },
};

async function openFolder(create: boolean): Promise<FileSystemDirectoryHandle | undefined> {
  const { storage } = globalThis.navigator as Partial<Navigator>;
  const root = await storage?.getDirectory?.();
  return root?.getDirectoryHandle(FOLDER, { create });
}
