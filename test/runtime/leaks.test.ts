import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { build, type InlineConfig } from "vite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import manifest from "../../package.json" with { type: "json" };
import { collect } from "./fake_chat.ts";
import { openTiny, tinyModel } from "./tiny_runtime.ts";

test("ten runtimes one after another leave no memory behind", async () => {
  const model = tinyModel();
  const round = async () => {
    const runtime = await openTiny({ model, kvMiB: 32 });
    await collect(runtime.conversation().send("Hello", { maxTokens: 3 }));
    await runtime.dispose();
    expect(runtime.stats().liveGpuBytes).toBe(0);
  };
  // What is loaded once, and what allocators keep for the next round.
  for (let n = 0; n < 3; n++) await round();
  const before = await memoryMiB();
  for (let n = 0; n < 10; n++) await round();
  const after = await memoryMiB();
  expect(after.javascript - before.javascript).toBeLessThan(10);
  // The driver's own caches still grow a little; ten models, pools and devices would be far more.
  expect(after.resident - before.resident).toBeLessThan(160);
});

/** After what is unreachable has gone: buffers go only after the finalizers of a collection have had their turn. */
async function memoryMiB() {
  setFlagsFromString("--expose-gc");
  for (let n = 0; n < 3; n++) {
    runInNewContext("gc")();
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { heapUsed, external, rss } = process.memoryUsage();
  return { javascript: (heapUsed + external) / 2 ** 20, resident: rss / 2 ** 20 };
}

describe("a Node process", () => {
  // Inside the project, so that the packages are found.
  const folder = mkdtempSync(resolve("node_modules/.baton-test-"));
  const model = join(folder, "tiny.gguf");
  beforeAll(async () => {
    await build(libraryTo(folder));
    writeFileSync(model, new Uint8Array(await tinyModel().arrayBuffer()));
    writeFileSync(join(folder, "bad.gguf"), "this is no GGUF file");
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const program = (use: string) => `
    import { createRuntime } from ${JSON.stringify(pathToFileURL(join(folder, "node.js")).href)};
    const open = (options) => createRuntime({ model: ${JSON.stringify(model)}, kvMiB: 2, ...options });
    ${use}
    console.log("at the end");`;

  test.each([
    [
      "after a turn",
      "const runtime = await open(); for await (const _ of runtime.conversation().send('Hi', { maxTokens: 2 })); await runtime.dispose();",
    ],
    [
      "when disposed in the middle of a turn",
      "const runtime = await open(); const parts = runtime.conversation().send('Hi')[Symbol.asyncIterator](); await parts.next(); await runtime.dispose(); await parts.return();",
    ],
    [
      "when loading was aborted half way",
      "const c = new AbortController(); await open({ signal: c.signal, onProgress: (p) => p.phase === 'load' && c.abort() }).catch((e) => console.log(e.name));",
    ],
    [
      "when the model is no model",
      `await open({ model: ${JSON.stringify(join(folder, "bad.gguf"))} }).catch((e) => console.log(e.code));`,
    ],
  ])("exits by itself %s", async (_, use) => {
    const { status, output } = await run(program(use));
    expect(output).toContain("at the end");
    expect(status, output).toBe(0);
  });
});

function libraryTo(outDir: string): InlineConfig {
  const packages = [...Object.keys(manifest.dependencies), ...Object.keys(manifest.optionalDependencies)];
  const isExternal = (id: string) => id.startsWith("node:") || packages.some((name) => id === name || id.startsWith(`${name}/`)); // biome-ignore format: one line reads best
  const lib = { entry: { node: resolve("src/node.ts") }, formats: ["es" as const] };
  return {
    configFile: false,
    logLevel: "error",
    build: { outDir, target: "es2022", minify: false, lib, rollupOptions: { external: isExternal } },
  };
}

/** A process that does not exit by itself is what the test's own time limit ends. */
function run(source: string): Promise<{ status: number | null; output: string }> {
  const child = spawn(process.execPath, ["--input-type=module", "-e", source]);
  let output = "";
  child.stdout.on("data", (text) => (output += text));
  child.stderr.on("data", (text) => (output += text));
  return new Promise((done, failed) => {
    child.on("error", failed);
    child.on("close", (status) => done({ status, output }));
  });
}
