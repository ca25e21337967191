import { build } from "vite";
import { beforeAll, expect, test } from "vitest";

/** The library as it is published: entries with their names, and a worker that users' bundlers find. */

const code = new Map<string, string>();
const assets = new Map<string, string>();

beforeAll(async () => {
  const result = await build({ logLevel: "silent", build: { write: false, sourcemap: false } });
  const outputs = [result].flat().flatMap((one) => ("output" in one ? one.output : []));
  for (const file of outputs) {
    if (file.type === "chunk") code.set(file.fileName, file.code);
    else assets.set(file.fileName, String(file.source));
  }
});

test("the page's entry opens the worker's, in the words that bundlers follow", () => {
  expect(code.get("worker.js")).toContain("expose(");
  expect(code.get("index.js")).toMatch(
    /new Worker\(new URL\("\.\/worker\.js", import\.meta\.url\), \{ type: "module" \}\)/,
  );
});

test("the page's entry for development is the same but for how it names the worker", () => {
  const development = assets.get("index.development.js") ?? "";
  const named =
    /new Worker\(new URL\(\/\*.*\*\/ "baton-webgpu\/worker", import\.meta\.url\), \{ type: "module" \}\)/;
  expect(development).toMatch(named);
  expect(development.replace(/\/\*.*\*\/ "baton-webgpu\/worker"/, '"./worker.js"')).toBe(
    code.get("index.js"),
  );
});

test("nothing but the page's entry opens a worker", () => {
  // The benchmarks' threads are Node's, and no part of the package.
  const may = ["index.js", "bench.js"];
  const others = [...code].filter(([name, text]) => !may.includes(name) && text.includes("new Worker("));
  expect(others.map(([name]) => name)).toEqual([]);
});

test("what runs the model is no part of what a page loads at once", () => {
  expect(code.get("index.js")).not.toMatch(/from "\.\/chunks\/runtime-/);
});
