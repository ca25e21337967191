import { type Settings, settingsFile, settingsName } from "../settings.ts";
import { originFolder, readJson, replaceFile } from "./origin_folder.ts";

const FOLDER = "baton-settings";

/** Notes as files of the origin's private file system, in pages and workers. Nothing is kept where there is none, as outside secure contexts. */
export const originSettings: Settings = {
  read: async (name) => {
    const file = settingsFile(name);
    const folder = await originFolder(FOLDER, { create: false });
    return folder && readJson(folder, file);
  },
  write: async (name, value) => {
    const file = settingsFile(name);
    try {
      const folder = await originFolder(FOLDER, { create: true });
      if (folder) await replaceFile(folder, file, `${JSON.stringify(value)}\n`);
      return folder !== undefined;
    } catch {
      return false;
    }
  },
  names: async () => {
    const names: string[] = [];
    try {
      for await (const file of (await originFolder(FOLDER, { create: false }))?.keys() ?? []) {
        const name = settingsName(file);
        if (name !== undefined) names.push(name);
      }
    } catch {
      // It was cleared meanwhile.
    }
    return names;
  },
};
