import { existsSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { cacheFolder } from "./cache_folder.ts";

/** dlopen's RTLD_NODELETE on Linux, which `os.constants.dlopen` leaves out. */
const RTLD_NODELETE = 0x1000;

/**
 * Makes the SwiftShader that `npm run setup` put into the cache folder count as an installed Vulkan driver, beside the system's
 * own. Its Vulkan loader comes with it, for machines that have none or one that is too old to know VK_ADD_DRIVER_FILES. Call
 * before the first GPU instance of the process; again does no harm. Drivers that the user chose by environment stay alone.
 */
export function addCachedDriver(env: NodeJS.ProcessEnv = process.env): void {
  const folder = join(cacheFolder(env), "swiftshader");
  const driver = join(folder, "vk_swiftshader_icd.json");
  if (process.platform !== "linux" || !existsSync(driver)) return;
  keepLoaded(join(folder, "libvulkan.so.1"));
  const drivers = env.VK_ADD_DRIVER_FILES?.split(":") ?? [];
  if (!drivers.includes(driver)) env.VK_ADD_DRIVER_FILES = [...drivers, driver].join(":");
}

/** Loads a shared library for good, so that a later dlopen of its bare name finds it. */
function keepLoaded(library: string): void {
  try {
    process.dlopen({ exports: {} }, library, constants.dlopen.RTLD_LAZY | RTLD_NODELETE);
  } catch {
    // Always: Node refuses a library that is no addon, after having loaded it. If it could not be loaded, the
    // system's Vulkan loader serves, or no adapter is found, and that error says what to do.
  }
}
