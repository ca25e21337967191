import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { swiftshaderFolder } from "./cache.mjs";
import { canInstallLavapipe, installLavapipe } from "./lavapipe.mjs";
import { agrees, inClone, onTerminal, SetupError, say } from "./steps.mjs";
import { canFetchSwiftshader, fetchSwiftshader } from "./swiftshader.mjs";

const PROBE_MS = 60_000;

/** @typedef {{ name: string, software: boolean }} Adapter */

/** Sees to a WebGPU adapter: a real GPU or an installed driver if there is one, else lavapipe by apt, else SwiftShader by npm. */
export async function ensureAdapter() {
  if ((await findAdapters()).length > 0) return;
  say("no WebGPU adapter was found on this machine.");
  if (canInstallLavapipe() && (await mayChangeSystem())) {
    await installLavapipe();
    if (announce(await findAdapters())) return;
    say("Mesa's lavapipe is not usable here; trying SwiftShader.");
  }
  if (canFetchSwiftshader()) {
    await fetchSwiftshader();
    if (announce(await findAdapters())) return;
  }
  throw new SetupError(
    "no WebGPU adapter could be set up: install a Vulkan driver for this machine's GPU, or Mesa 25 or newer (Debian, Ubuntu: mesa-vulkan-drivers).",
  );
}

/** Sees to a second adapter for the full tests, where one can be had. */
export async function ensureSecondAdapter() {
  if ((await findAdapters()).length > 1) return;
  if (!canFetchSwiftshader()) return say("no second adapter can be had on this machine; testing with one.");
  await fetchSwiftshader();
}

/**
 * The adapters that Dawn gives a device of, best first; where a driver crashes or hangs, those that came before it.
 * @returns {Promise<Adapter[]>}
 */
export async function findAdapters() {
  const probe = promisify(execFile)(process.execPath, [inClone("scripts", "probe.mjs")], {
    env: probeEnvironment(),
    timeout: PROBE_MS,
  });
  // What a driver does at the end of its process is not the question here.
  const output = await probe.catch((/** @type {{ stdout: string }} */ error) => error);
  /** @type {Adapter[]} */
  const found = output.stdout.split("\n").flatMap((line) => (line ? [JSON.parse(line)] : []));
  return found.toSorted((a, b) => rank(a) - rank(b));
}

/**
 * The order in which Baton chooses; src/platform/gpu_choice.ts has the same.
 * @param {Adapter} adapter
 */
function rank({ name, software }) {
  return Number(software) + Number(/swiftshader/i.test(name));
}

/** The environment in which a new process finds the fetched SwiftShader; src/platform/node/gpu_drivers.ts does it from inside. */
function probeEnvironment() {
  const folder = swiftshaderFolder();
  const driver = join(folder, "vk_swiftshader_icd.json");
  if (!existsSync(driver)) return process.env;
  const joinPaths = (/** @type {(string | undefined)[]} */ ...paths) => paths.filter(Boolean).join(":");
  return {
    ...process.env,
    LD_LIBRARY_PATH: joinPaths(folder, process.env.LD_LIBRARY_PATH),
    VK_ADD_DRIVER_FILES: joinPaths(process.env.VK_ADD_DRIVER_FILES, driver),
  };
}

/** @param {Adapter[]} adapters */
function announce(adapters) {
  const [adapter] = adapters;
  if (adapter?.software) say(`${adapter.name} will be used: a software adapter, so everything is slow here.`);
  return adapter !== undefined;
}

async function mayChangeSystem() {
  if (!onTerminal()) return true;
  return agrees(
    "Install Mesa's lavapipe, a software adapter, as a system package by apt? Without it a slower one is fetched by npm.",
  );
}
