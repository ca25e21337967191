import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { ensurePeerPackages } from "../../scripts/packages.mjs";
import { inClone, SetupError } from "../../scripts/steps.mjs";
import type { Work } from "../../src/cli/progress_display.ts";
import { openGguf } from "../../src/loader/gguf.ts";
import { cacheFolder } from "../../src/platform/node/cache_folder.ts";
import { createNodePlatform } from "../../src/platform/node/node_platform.ts";
import { describeMachine, loadAverage } from "../machine.ts";
import { PeerFailure } from "./peer_process.ts";
import { createPrompt, type Prompt } from "./prompt.ts";
import type { PeerJob } from "./protocol.ts";
import { type PeersReport, type SceneReport, sceneReport } from "./report.ts";
import { measurePeers } from "./rounds.ts";
import type { Scene, SceneEntry } from "./scenes.ts";

const PROMPT_TOKENS = 128;

export interface PeersJob {
  readonly model: string;
  readonly scenes: readonly Scene[];
  readonly rounds: number;
}

export interface PeersWatcher {
  readonly signal: AbortSignal;
  onProgress(work: Work): void;
  say(line: string): void;
}

/** @throws BatonError of the model; the signal's reason. What a peer throws is in the report. */
export async function runPeersJob(job: PeersJob, watcher: PeersWatcher): Promise<PeersReport> {
  const { signal, onProgress } = watcher;
  const source = await createNodePlatform().resolveModel(job.model, { signal, onProgress });
  const file = await openGguf(source, { signal });
  const prompt = createPrompt(file, PROMPT_TOKENS);
  await file.close();
  const jobs = new PeerJobs(source.name, prompt);
  await jobs.provide(job.scenes.flatMap(({ entries }) => entries.flatMap(({ needs }) => needs)));
  const before = loadAverage();
  const scenes: SceneReport[] = [];
  for (const scene of job.scenes) scenes.push(await runScene(scene, jobs, job.rounds, watcher));
  return {
    benchmark: "peers",
    takenAt: new Date().toISOString(),
    machine: describeMachine(),
    loadAverage: [before, loadAverage()],
    model: basename(source.name),
    promptTokens: prompt.ids.length,
    rounds: job.rounds,
    scenes,
  };
}

async function runScene(
  scene: Scene,
  jobs: PeerJobs,
  rounds: number,
  { signal, onProgress, say }: PeersWatcher,
): Promise<SceneReport> {
  const { env, reason } = await scene.prepare().then(
    (env) => ({ env, reason: undefined }),
    (error: unknown) => ({ env: {}, reason: reasonOf(error) }),
  );
  const peers = scene.entries.map((entry) => entry.open(env));
  try {
    const jobOf = (peer: (typeof peers)[number]) => {
      if (reason !== undefined) throw new PeerFailure(reason);
      return jobs.for(scene.entries[peers.indexOf(peer)]);
    };
    const outcomes = await measurePeers(peers, jobOf, {
      rounds,
      signal,
      onLoad: (name) => say(`${scene.title}: loading ${name}, and warming it up`),
      onRun: (done, total) => onProgress({ phase: "measure", done, total, unit: "samples", label: "" }),
    });
    const names = scene.entries.map(({ id, title, role }) => ({ id, title, role }));
    return sceneReport(scene.title, names, outcomes, PROMPT_TOKENS);
  } finally {
    await Promise.all(peers.map((peer) => peer.stop()));
  }
}

/** What each peer is given; where something that it needs could not be had, the reason. */
class PeerJobs {
  readonly #model: string;
  readonly #prompt: Prompt;
  readonly #missing = new Map<SceneEntry["needs"][number], string>();
  #onnx: string | undefined;

  constructor(model: string, prompt: Prompt) {
    this.#model = model;
    this.#prompt = prompt;
  }

  /** Installs and makes what is needed and not there. */
  async provide(needs: SceneEntry["needs"]): Promise<void> {
    const attempt = async (need: SceneEntry["needs"][number], action: () => Promise<void>) => {
      if (needs.includes(need) && this.#missing.size === 0)
        await action().catch((error: unknown) => this.#missing.set(need, reasonOf(error)));
    };
    await attempt("packages", ensurePeerPackages);
    await attempt("onnx", async () => {
      this.#onnx = await makeOnnx(this.#model);
    });
  }

  /** @throws PeerFailure */
  for(entry: SceneEntry | undefined): PeerJob {
    for (const need of entry?.needs ?? []) {
      const reason = this.#missing.get(need);
      if (reason !== undefined) throw new PeerFailure(reason);
    }
    const onnx = entry?.needs.includes("onnx") ? this.#onnx : undefined;
    return { model: this.#model, onnx, ...this.#prompt, threads: availableParallelism() };
  }
}

/** The reason of a setup that failed. @throws what is no such failure */
function reasonOf(error: unknown): string {
  if (error instanceof PeerFailure || error instanceof SetupError) return error.message;
  throw error;
}

const ONNX_SCRIPTS = ["make.mjs", "graph.mjs", "repack.mjs"];

/**
 * The same weights as ONNX, kept in the cache folder under a name that tells the file and the scripts which made it.
 * @throws PeerFailure where the scripts cannot
 */
async function makeOnnx(model: string): Promise<string> {
  const scripts = ONNX_SCRIPTS.map((name) => inClone("bench", "peers", "onnx", name));
  const hash = createHash("sha256").update(readFileSync(model));
  for (const script of scripts) hash.update(readFileSync(script));
  const folder = join(cacheFolder(), "peers", `onnx-${hash.digest("hex").slice(0, 16)}`);
  if (existsSync(folder)) return folder;
  const [make = ""] = scripts;
  try {
    await promisify(execFile)(process.execPath, [make, model, folder]);
  } catch (error) {
    const { stderr } = error as { readonly stderr?: string };
    const line = stderr?.split("\n").find((one) => one.startsWith("Error: ")) ?? String(error);
    throw new PeerFailure(`the weights could not be written as ONNX: ${line.replace("Error: ", "")}`);
  }
  return folder;
}
