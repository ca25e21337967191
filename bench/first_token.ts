import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { DeviceError } from "../src/errors.ts";
import { cacheFolder } from "../src/platform/node/cache_folder.ts";
import type { FirstTokenJob, FirstTokenMarks, StartMemory } from "./first_token_child.ts";
import { type Spread, spread } from "./spread.ts";

/** Time to the first token of a program that has just been started, each in a process of its own. */
export interface FirstToken {
  /** With nothing cached that a driver or Baton derives: compiled shaders, tuning. The model's file is there. */
  readonly cold: StartTimes;
  /** The same process again, with what the one before left. */
  readonly warm: StartTimes;
  readonly promptTokens: number;
  /** Peaks of all these processes, up to their first token; on a software adapter resident memory has the GPU's in it. */
  readonly memory: Readonly<Record<keyof StartMemory, Spread>>;
}

export interface StartTimes {
  /** From the start of the process to the first token. */
  readonly firstTokenMs: Spread;
  /** What it is made of, in order; each part lasts from the end of the one before to its own. */
  readonly parts: Readonly<Record<string, Spread>>;
}

/** What a start may take from the user's cache, so that nothing is downloaded. */
const KEPT_IN_CACHE = ["models", "urls", "swiftshader"];
const LIMIT_MS = 300_000;

/** Whether the program to start is there: it is built beside this one. */
export function canStart(): boolean {
  return existsSync(childPath());
}

/**
 * Starts a program cold and then warm, `starts` times.
 * @param onStart called with how many of the 2 * `starts` have ended
 * @throws DeviceError `gpu-error` where one does not come to its first token; the signal's reason
 */
export async function measureFirstToken(
  job: FirstTokenJob,
  starts: number,
  signal: AbortSignal,
  onStart: (done: number) => void,
): Promise<FirstToken> {
  const cold: FirstTokenMarks[] = [];
  const warm: FirstTokenMarks[] = [];
  for (let count = 0; count < starts; count++) {
    const folder = mkdtempSync(join(tmpdir(), "baton-start-"));
    try {
      const env = emptyCaches(folder);
      for (const list of [cold, warm]) {
        list.push(await start(job, env, signal));
        onStart(cold.length + warm.length);
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
  const memory = [...cold, ...warm].map(({ memory }) => memory);
  const of = (what: keyof StartMemory) => spread(memory.map((one) => one[what]));
  return {
    cold: timesOf(cold),
    warm: timesOf(warm),
    promptTokens: cold[0]?.promptTokens ?? 0,
    memory: {
      residentBytes: of("residentBytes"),
      heapAndBufferBytes: of("heapAndBufferBytes"),
      gpuBytes: of("gpuBytes"),
    },
  };
}

/** An environment in which drivers and Baton keep what they derive in `folder`. */
function emptyCaches(folder: string): NodeJS.ProcessEnv {
  const baton = join(folder, "baton");
  mkdirSync(baton);
  for (const name of KEPT_IN_CACHE) {
    const path = join(cacheFolder(), name);
    if (existsSync(path)) symlinkSync(path, join(baton, name));
  }
  return {
    ...process.env,
    BATON_CACHE: baton,
    // Mesa's, and NVIDIA's.
    MESA_SHADER_CACHE_DIR: join(folder, "mesa"),
    __GL_SHADER_DISK_CACHE_PATH: folder,
  };
}

async function start(
  job: FirstTokenJob,
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<FirstTokenMarks> {
  signal.throwIfAborted();
  const startedMs = performance.timeOrigin + performance.now();
  const child = spawn(process.execPath, [childPath(), JSON.stringify({ ...job, startedMs })], {
    env,
    stdio: ["ignore", "pipe", "pipe"],
    timeout: LIMIT_MS,
    signal,
  });
  const ended = once(child, "close");
  try {
    const [out, errors, [status]] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
    if (status !== 0) throw noFirstToken(errors);
    return JSON.parse(out) as FirstTokenMarks;
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}

function timesOf(starts: readonly FirstTokenMarks[]): StartTimes {
  const names = starts[0]?.marks.map(([name]) => name) ?? [];
  const parts = names.map((name, index) => {
    const values = starts.map(({ marks }) => (marks[index]?.[1] ?? 0) - (marks[index - 1]?.[1] ?? 0));
    return [name, spread(values)] as const;
  });
  const totals = starts.map(({ marks }) => marks.at(-1)?.[1] ?? 0);
  return { firstTokenMs: spread(totals), parts: Object.fromEntries(parts) };
}

function childPath(): string {
  return join(dirname(fileURLToPath(import.meta.url)), "first_token.js");
}

function noFirstToken(errors: string): DeviceError {
  const last = errors.trim().split("\n").at(-1) ?? "";
  return new DeviceError(
    "gpu-error",
    `A process that was started for its first token ended without one: ${last}. Leave that out with --starts 0.`,
    { stderr: errors.slice(-2000) },
  );
}
