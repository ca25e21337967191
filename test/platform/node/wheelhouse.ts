import { spawnSync } from "node:child_process";
import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { zipSync } from "fflate";
import type { ModelSource } from "../../../src/loader/sources/catalogue.ts";
import { createNodePlatform, type NodePlatformOptions } from "../../../src/platform/node/node_platform.ts";
import { catalogueOf, someBytes, tempFolder } from "./fixtures.ts";

export const content = someBytes();
export const MEMBER = "baton_tiny/tiny.gguf";
export const source: ModelSource = { kind: "pypi", project: "baton-tiny", version: "0.1", member: MEMBER };
export const hasPip = spawnSync("python3", ["-m", "pip", "--version"]).status === 0;
export const python = spawnSync("python3", ["-c", "import sys; print(sys.executable)"], {
  encoding: "utf8",
}).stdout?.trim();
export const isRoot = process.getuid?.() === 0;

/** A folder with a real wheel, and an environment in which pip looks there and nowhere else. */
export async function wheelhouse(files: Record<string, Uint8Array>): Promise<NodeJS.ProcessEnv> {
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

export function tinyBy(options: NodePlatformOptions, sources = [source]) {
  const folder = tempFolder();
  const catalogue = catalogueOf(content, sources);
  return { folder, platform: createNodePlatform({ cacheFolder: folder, catalogue, ...options }) };
}

/** A PATH with the given programs (shell scripts) and nothing else. */
export async function onlyPrograms(programs: Record<string, string>): Promise<string> {
  const folder = tempFolder();
  for (const [name, script] of Object.entries(programs)) {
    await writeFile(join(folder, name), `#!/bin/sh\n${script}\n`);
    await chmod(join(folder, name), 0o755);
  }
  return folder;
}
