import { homedir } from "node:os";
import { join, resolve } from "node:path";

/** The per-user folder for what was downloaded; src/platform/node/cache_folder.ts has the same rule, and a test compares. */
export function cacheFolder(env = process.env) {
  if (env.BATON_CACHE) return resolve(env.BATON_CACHE);
  if (process.platform === "darwin") return join(homedir(), "Library", "Caches", "baton");
  if (process.platform === "win32" && env.LOCALAPPDATA) return join(env.LOCALAPPDATA, "baton", "cache");
  const xdg = env.XDG_CACHE_HOME?.startsWith("/") ? env.XDG_CACHE_HOME : join(homedir(), ".cache");
  return join(xdg, "baton");
}

/** Where the fetched SwiftShader lies, with its Vulkan loader and its `vk_swiftshader_icd.json`. */
export function swiftshaderFolder(env = process.env) {
  return join(cacheFolder(env), "swiftshader");
}

/** Where the fetched Chromium lies, with the libraries it needs. */
export function chromiumFolder(env = process.env) {
  return join(cacheFolder(env), "chromium");
}
