import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { checkPackage, createPackageFromTarballData } from "@arethetypeswrong/core";
import { build as esbuild } from "esbuild";
import { gzipSync } from "fflate";
import { publint } from "publint";
import { build as viteBuild } from "vite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

/** The package as somebody gets it who installs it: packed, put into an empty project, bundled by what people use. */

const MOST_CORE_BYTES = 150_000;

const clone = resolve(import.meta.dirname, "..");
const folder = mkdtempSync(join(tmpdir(), "baton-package-"));
const project = join(folder, "project");
let tarball = "";

beforeAll(() => {
  execFileSync("npm", ["pack", "--pack-destination", folder], { cwd: clone, stdio: "pipe" });
  tarball = join(folder, readdirSync(folder).find((name) => name.endsWith(".tgz")) ?? "");
  mkdirSync(join(project, "src"), { recursive: true });
  writeFileSync(
    join(project, "package.json"),
    JSON.stringify({ name: "project", private: true, type: "module" }),
  );
  execFileSync("npm", ["install", "--no-audit", "--no-fund", tarball], { cwd: project, stdio: "pipe" });
  writeFileSync(
    join(project, "index.html"),
    '<!doctype html><script type="module" src="/src/main.ts"></script>',
  );
  writeFileSync(
    join(project, "src/main.ts"),
    `import { createAgent, createRuntime, tool } from "baton-webgpu";
     const runtime = await createRuntime({ model: "smollm2-135m-instruct" });
     const add = tool({ name: "add", parameters: { type: "object" }, execute: ({ a, b }) => Number(a) + Number(b) });
     for await (const event of createAgent(runtime, { tools: [add] }).send("2 + 3?")) console.log(event);`,
  );
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("publint finds nothing", async () => {
  const { messages } = await publint({ pkgDir: join(project, "node_modules/baton-webgpu"), strict: true });
  expect(messages).toEqual([]);
});

test("the types are right for whoever imports modules", async () => {
  const analysis = await checkPackage(createPackageFromTarballData(new Uint8Array(readFileSync(tarball))));
  // The package is made of ES modules alone, which the oldest resolution and require() do not know.
  const modern = "problems" in analysis ? analysis.problems : [];
  const wrong = modern.filter(
    (problem) => !("resolutionKind" in problem && ["node10", "node16-cjs"].includes(problem.resolutionKind)),
  );
  expect(wrong).toEqual([]);
});

test("it holds no sources, tests or benchmarks", () => {
  const names = readdirSync(join(project, "node_modules/baton-webgpu"), {
    recursive: true,
    encoding: "utf8",
  });
  expect(names.filter((name) => /(^|\/)(src|test|bench)\b|bench\.js|first_token/.test(name))).toEqual([]);
  expect(names).toEqual(
    expect.arrayContaining(["dist/index.js", "dist/node.js", "dist/ai-sdk.js", "LICENSE"]),
  );
});

describe("in an empty project", () => {
  test("Vite builds it", async () => {
    await viteBuild({ root: project, logLevel: "silent", configFile: false, worker: { format: "es" }, build: { target: "es2022" } });
    expect(readdirSync(join(project, "dist/assets")).length).toBeGreaterThan(1);
  }); // biome-ignore format: one line

  test("esbuild bundles it for browsers, with no Node module in it", async () => {
    const node: string[] = [];
    const refuse = {
      name: "refuse-node",
      setup(build: import("esbuild").PluginBuild) {
        build.onResolve({ filter: /.*/ }, ({ path, importer }) => {
          if (path.startsWith("node:") || builtinModules.includes(path))
            node.push(`${importer} imports ${path}`);
          return undefined;
        });
      },
    };
    const { outputFiles } = await esbuild({
      entryPoints: [join(project, "src/main.ts")],
      bundle: true,
      splitting: true,
      format: "esm",
      target: "es2022",
      minify: true,
      write: false,
      metafile: true,
      outdir: join(project, "out"),
      plugins: [refuse],
      logLevel: "silent",
    });
    expect(node).toEqual([]);
    const entry = outputFiles.find(({ path }) => path.endsWith("main.js"));
    const loaded = withStaticImports(entry?.path ?? "", outputFiles);
    const bytes = loaded.reduce((sum, { contents }) => sum + gzipSync(contents).length, 0);
    console.log(`core: ${bytes} bytes gzipped in ${loaded.length} files`);
    expect(bytes).toBeLessThan(MOST_CORE_BYTES);
  });

  test("Node imports it, and the AI SDK's model", () => {
    const program = `
      import { createAgent, createRuntime, tool } from "baton-webgpu";
      import { batonModel } from "baton-webgpu/ai-sdk";
      console.log([createAgent, createRuntime, tool, batonModel].map((one) => typeof one).join());`;
    const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", program], {
      cwd: project,
      encoding: "utf8",
    });
    expect(stderr).toBe("");
    expect(stdout.trim()).toBe("function,function,function,function");
  });
});

interface Output {
  readonly path: string;
  readonly contents: Uint8Array;
  readonly text: string;
}

/** A file and all that the browser loads with it before it runs. */
function withStaticImports(path: string, files: readonly Output[]): readonly Output[] {
  const found = new Set<Output>();
  const visit = (name: string) => {
    const file = files.find((one) => one.path === name);
    if (file === undefined || found.has(file)) return;
    found.add(file);
    for (const [, specifier = ""] of file.text.matchAll(/(?:\bfrom|\bimport)\s*"(\.[^"]+)"/g))
      visit(resolve(name, "..", specifier));
  };
  visit(path);
  return [...found];
}
