import { homedir } from "node:os";
import { join, resolve } from "node:path";

/**
 * The per-user folder for what was downloaded: `BATON_CACHE`, or the system's own place for caches
 * (on Linux `$XDG_CACHE_HOME/baton`, by default `~/.cache/baton`). scripts/cache.mjs follows the same rule.
 */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  if (env.BATON_CACHE) return resolve(env.BATON_CACHE);
  if (process.platform === "darwin") return join(homedir(), "Library", "Caches", "baton");
  if (process.platform === "win32" && env.LOCALAPPDATA) return join(env.LOCALAPPDATA, "baton", "cache");
  // The XDG specification: a path that is not absolute is to be ignored.
  const xdg = env.XDG_CACHE_HOME?.startsWith("/") ? env.XDG_CACHE_HOME : join(homedir(), ".cache");
  return join(xdg, "baton");
}
