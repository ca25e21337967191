import type { Precision } from "../src/api.ts";
import { greedy } from "../src/conversation/send_options.ts";
import { createRuntime } from "../src/node.ts";
import type { Progress } from "../src/protocol/progress.ts";
import { HostMemory, type HostPeaks } from "./host_memory.ts";
import { openRandomRunner } from "./random_runner.ts";

/** A program that runs a model up to its first token and says when it had come how far. */

export interface FirstTokenJob {
  /** A model, or with `random` the name of a shape. */
  readonly model: string;
  readonly random: boolean;
  readonly seed: number;
  readonly adapter: string | undefined;
  readonly precision: Precision;
}

export interface FirstTokenMarks {
  /** What had ended, and how many milliseconds after the start of the process; in order. */
  readonly marks: readonly (readonly [string, number])[];
  readonly promptTokens: number;
  readonly memory: StartMemory;
}

/** Of the process, up to its first token. */
export interface StartMemory extends HostPeaks {
  /** Of all GPU buffers at the first token. */
  readonly gpuBytes: number;
}

const PROMPT = "In two or three short sentences, why does the sky look blue at noon and red in the evening?";
/** Of random weights, which have no text. */
const PROMPT_TOKENS = 48;

class Marks {
  readonly #startedMs: number;
  readonly #marks = new Map<string, number>();

  constructor(startedMs: number) {
    this.#startedMs = startedMs;
  }

  /** Again moves it: of work that reports its progress, the last report is its end. */
  set(name: string): void {
    this.#marks.set(name, performance.timeOrigin + performance.now() - this.#startedMs);
  }

  readonly onProgress = ({ phase }: Progress): void => {
    if (!this.#marks.has("device and header")) this.set("device and header");
    this.set(phase);
  };

  list(): [string, number][] {
    return [...this.#marks].sort(([, a], [, b]) => a - b);
  }
}

interface FirstRun {
  readonly promptTokens: number;
  readonly gpuBytes: number;
}

async function runModel({ model, adapter, precision }: FirstTokenJob, marks: Marks): Promise<FirstRun> {
  const options = {
    model,
    precision,
    onProgress: marks.onProgress,
    ...(adapter !== undefined && { adapter }),
  };
  const runtime = await createRuntime(options);
  let promptTokens = 0;
  for await (const part of runtime.conversation().send(PROMPT, { temperature: 0, maxTokens: 1 })) {
    if (part.type === "done") promptTokens = part.usage.promptTokens;
  }
  marks.set("first token");
  const gpuBytes = runtime.stats().liveGpuBytes;
  await runtime.dispose();
  return { promptTokens, gpuBytes };
}

async function runRandom(job: FirstTokenJob, marks: Marks): Promise<FirstRun> {
  const { gpu, runner } = await openRandomRunner(job, marks.onProgress);
  const blocks = Array.from(
    { length: Math.ceil(PROMPT_TOKENS / runner.limits.blockTokens) },
    (_, index) => index,
  );
  const tokens = Array.from({ length: PROMPT_TOKENS }, (_, index) => (index * 7) % runner.limits.vocabTokens);
  const sampling = { ...greedy, promptTokens: [], completionTokens: [] };
  const output = { kind: "token", sampling } as const;
  await runner.run({ id: 0, rows: [{ sequence: "first", tokens, position: 0, blocks, output }] });
  marks.set("first token");
  const gpuBytes = gpu.liveBytes;
  runner.dispose();
  return { promptTokens: PROMPT_TOKENS, gpuBytes };
}

const job = JSON.parse(process.argv[2] ?? "") as FirstTokenJob & { readonly startedMs: number };
const marks = new Marks(job.startedMs);
marks.set("start and imports");
const memory = new HostMemory();
const { promptTokens, gpuBytes } = await (job.random ? runRandom(job, marks) : runModel(job, marks));
const answer: FirstTokenMarks = {
  marks: marks.list(),
  promptTokens,
  memory: { ...memory.peaks(), gpuBytes },
};
process.stdout.write(JSON.stringify(answer));
