import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { arch, cpus, loadavg, release, totalmem, type } from "node:os";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { version } from "../package.json";

/** Where figures were taken: without it they say little. */
export interface Machine {
  readonly baton: string;
  /** `git describe` of the clone; null outside of one. */
  readonly commit: string | null;
  readonly node: string;
  /** Version of npm `webgpu`, Dawn for Node. */
  readonly dawn: string;
  readonly os: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
}

export function describeMachine(): Machine {
  const [first] = cpus();
  return {
    baton: version,
    commit: commit(),
    node: process.versions.node,
    dawn: dawnVersion(),
    os: `${type()} ${release()} ${arch()}`,
    cpu: first?.model.trim() ?? "unknown",
    cores: cpus().length,
    memoryBytes: totalmem(),
  };
}

/** Runnable processes, averaged over the last minute: on software adapters others' work shows in every figure. */
export function loadAverage(): number {
  return loadavg()[0] ?? 0;
}

function dawnVersion(): string {
  const path = createRequire(import.meta.url).resolve("webgpu/package.json");
  const { version } = JSON.parse(readFileSync(path, "utf8")) as { readonly version: string };
  return version;
}

function commit(): string | null {
  try {
    const args = ["describe", "--always", "--dirty", "--exclude=*"];
    const cwd = dirname(fileURLToPath(import.meta.url));
    return execFileSync("git", args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  } catch {
    return null;
  }
}
