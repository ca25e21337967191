import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, onTestFinished, test } from "vitest";

/** Dawn on a machine with these drivers, in this order. */
const DAWN = `
  const drivers = {
    "SwiftShader Device": (open) => open(),
    "Refusing GPU": () => { throw new Error("no Vulkan 1.3"); },
    "Deviceless GPU": () => ({ info: {}, requestDevice: () => Promise.reject(new Error("out of memory")) }),
    "Good GPU": (open) => open(),
    "Crashing GPU": () => process.kill(process.pid, "SIGKILL"),
    "GPU after the crash": (open) => open(),
  };
  const list = Object.keys(drivers).map((name) => "backend: 'vulkan', name: '" + name + "'").join("\\n");
  const open = () => ({ info: {}, requestDevice: async () => ({ destroy() {} }) });
  export const create = ([option]) => ({
    requestAdapter: async () => {
      const driver = drivers[option.slice("adapter=".length)];
      if (!driver) throw new Error(list);
      return driver(open);
    },
  });`;

/** The adapters that the setup finds with this in Dawn's place; drivers that crash are not at hand. */
function findAdaptersWith(dawn: string): unknown {
  const clone = mkdtempSync(join(tmpdir(), "baton-clone-"));
  onTestFinished(() => rmSync(clone, { recursive: true }));
  cpSync("scripts", join(clone, "scripts"), { recursive: true });
  const webgpu = join(clone, "node_modules", "webgpu");
  mkdirSync(webgpu, { recursive: true });
  writeFileSync(join(webgpu, "package.json"), '{"type": "module", "exports": "./index.js"}');
  writeFileSync(join(webgpu, "index.js"), dawn);
  const adapters = pathToFileURL(join(clone, "scripts", "adapters.mjs")).href;
  const program = `import(${JSON.stringify(adapters)}).then((m) => m.findAdapters()).then((found) => console.log(JSON.stringify(found)));`;
  const { stdout, stderr } = spawnSync(process.execPath, ["-e", program], { encoding: "utf8" });
  expect(stderr).toBe("");
  return JSON.parse(stdout);
}

test("adapters whose drivers refuse are passed over, and a crash hides none that came before it", () => {
  expect(findAdaptersWith(DAWN)).toEqual([
    { name: "Good GPU", software: false },
    { name: "SwiftShader Device", software: true },
  ]);
});

test("a machine whose only driver crashes has no adapter", () => {
  expect(findAdaptersWith('export const create = () => process.kill(process.pid, "SIGKILL");')).toEqual([]);
});
