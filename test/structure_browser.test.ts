import { builtinModules } from "node:module";
import { resolve } from "node:path";
import { build, type Plugin } from "vite";
import { expect, test } from "vitest";

/** Fails the bundle at the first Node module or Node-only package, wherever it is imported. */
const refuseNode: Plugin = {
  name: "refuse-node",
  enforce: "pre",
  resolveId(name, importer) {
    // In a branch that browsers never take; the package's build leaves it out.
    if (name === "module" && importer?.includes("web-xgrammar")) return undefined;
    if (name.startsWith("node:") || builtinModules.includes(name) || name === "webgpu") {
      throw new Error(`${importer} imports ${name}`);
    }
  },
};

/** Bundles an entry and all its packages for a browser, and gives the code. */
async function bundle(entry: string): Promise<string> {
  const result = await build({
    configFile: false,
    logLevel: "silent",
    plugins: [refuseNode],
    worker: { format: "es", plugins: () => [refuseNode] },
    build: { write: false, minify: false, target: "es2022", lib: { entry: resolve(entry), formats: ["es"] } },
  });
  const outputs = [result].flat().flatMap((one) => ("output" in one ? one.output : []));
  return outputs.map((file) => (file.type === "chunk" ? file.code : file.source)).join("\n");
}

test("the public API bundles for a browser with no Node module in it", async () => {
  expect(await bundle("src/index.ts")).toMatch(/createRuntime/);
});

test("the check finds a Node module where there is one", async () => {
  await expect(bundle("src/node.ts")).rejects.toThrow(/imports (node:|webgpu)/);
});
