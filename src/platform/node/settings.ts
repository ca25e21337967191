import { randomUUID } from "node:crypto";
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { type Settings, settingsFile, settingsName } from "../settings.ts";
import { readJson, writeJson } from "./cache_entry.ts";

/** Notes as files of a folder, which is made when the first one is written. */
export function fileSettings(folder: string): Settings {
  return {
    read: (name) => readJson(join(folder, settingsFile(name))),
    write: async (name, value) => {
      const path = join(folder, settingsFile(name));
      const partial = `${path}.${randomUUID()}.partial`;
      try {
        await mkdir(folder, { recursive: true });
        await writeJson(partial, value);
        await rename(partial, path);
        return true;
      } catch {
        await rm(partial, { force: true }).catch(() => {});
        return false;
      }
    },
    names: async () => {
      const files = await readdir(folder).catch(() => []);
      return files.flatMap((file) => settingsName(file) ?? []);
    },
  };
}
