import type { Work } from "../src/cli/progress_display.ts";
import { quantile } from "../src/metrics/summary.ts";
import type { Runner } from "../src/protocol/step.ts";
import type { GpuRunner } from "../src/runner/gpu_runner.ts";
import { type CopyCost, type CopyTime, copyOf, costOf } from "./copy_cost.ts";
import { HandoffBench, type HandoffSample } from "./handoff_bench.ts";
import { type BenchedModel, openModelRunner } from "./model_runner.ts";
import { type Spread, spread } from "./spread.ts";
import { linkMs, throttled } from "./throttled_runner.ts";

/**
 * What a handoff costs a turn: the time from the end of its last prefill step to the start of the decoder's first step for it, against
 * that of the same copy alone between idle devices.
 */

export interface HandoffRequest {
  /** Of the prefiller and of the decoder; empty for the best. */
  readonly adapters: readonly [string, string];
  readonly model: BenchedModel;
  /** Tokens of the prompts. */
  readonly prompts: readonly number[];
  readonly samples: number;
  /** Conversations that decode meanwhile where the decoder is busy. */
  readonly others: number;
  /** Simulated links, in MiB a second. */
  readonly links: readonly number[];
  readonly kvMiB: number | undefined;
}

export interface Measuring {
  readonly signal: AbortSignal;
  readonly onProgress: (work: Work) => void;
  readonly onSoftware: (adapter: string) => void;
}

/** Medians and 95th percentiles in ms, of one prompt length. */
export interface HandoffResult {
  readonly decoder: "idle" | "busy";
  readonly promptTokens: number;
  readonly samples: number;
  /** Blocks that leave behind the last prefill step, and all of them. */
  readonly lastBlocks: number;
  readonly blocks: number;
  /** Bytes moved over the bytes of the prompt's KV. */
  readonly bytesRatio: Spread;
  readonly transfers: Spread;
  /** From the end of the last prefill step to the start of the decoder's first step for the turn. */
  readonly visibleMs: Percentiles;
  /** Of that, what the handoff takes: until all KV is there. */
  readonly ownMs: Percentiles;
  /** Of that, how long the first step then waits for steps in flight. */
  readonly stepWaitMs: Percentiles;
  /** As many blocks as left last, copied alone between the idle devices, a moment before. */
  readonly copyMs: Percentiles;
  /** Own time over that of the copy alone, by the medians. */
  readonly ratio: number;
  readonly met: boolean;
}

export interface Percentiles {
  readonly p50: number;
  readonly p95: number;
  readonly min: number;
  readonly max: number;
}

export interface LinkResult {
  readonly mibPerSecond: number;
  readonly promptTokens: number;
  readonly samples: number;
  readonly visibleMs: Spread;
  /** What the link takes to carry the last chunk's blocks out and in, and all blocks, by its rate. */
  readonly lastChunkMs: number;
  readonly wholeMs: number;
}

export interface HandoffRun {
  readonly devices: readonly { readonly role: string; readonly adapter: string }[];
  readonly blockBytes: number;
  readonly copies: readonly CopyTime[];
  readonly copyCost: CopyCost;
  readonly results: readonly HandoffResult[];
  readonly links: readonly LinkResult[];
}

/** The bar: so many times the copy alone at most. */
export const BAR = 1.2;
const COPY_BLOCKS = [1, 2, 4, 8, 16, 32];
/** A link's time is its rate's, so that few samples show it. */
const LINK_SAMPLES = 3;

/** @throws BatonError; the signal's reason */
export async function runHandoff(request: HandoffRequest & Measuring): Promise<HandoffRun> {
  const opened: GpuRunner[] = [];
  try {
    for (const adapter of request.adapters) {
      const runner = await openModelRunner({ ...request, adapter, sharers: 2 });
      opened.push(runner);
    }
    const [prefiller, decoder] = opened;
    if (prefiller === undefined || decoder === undefined) throw new Error("two devices were asked for");
    if (decoder.tunable.gpu.summary.software) request.onSoftware(decoder.name);
    const pair = { prefiller, decoder };
    const count = counter(request);
    const copies = await measureCopies(pair, request, count);
    const results = await measureHandoffs(pair, request, count);
    const links = await measureLinks(pair, request, count);
    return {
      devices: [
        { role: "prefiller", adapter: prefiller.name },
        { role: "decoder", adapter: decoder.name },
      ],
      blockBytes: decoder.limits.blockBytes,
      copies,
      copyCost: costOf(copies),
      results,
      links,
    };
  } finally {
    for (const runner of opened) runner.dispose();
  }
}

interface Pair {
  readonly prefiller: Runner;
  readonly decoder: Runner;
}

function counter({ prompts, samples, links, onProgress }: HandoffRequest & Measuring): () => void {
  const total = COPY_BLOCKS.length * samples + prompts.length * samples * 2 + links.length * LINK_SAMPLES;
  let done = 0;
  return () => onProgress({ phase: "measure", done: ++done, total, unit: "samples", label: "" });
}

/** Copies of several sizes in turn between the idle devices, after one of each that does not count. */
async function measureCopies(
  { prefiller, decoder }: Pair,
  { samples, signal }: HandoffRequest & Measuring,
  count: () => void,
): Promise<readonly CopyTime[]> {
  const taken = new Map<number, number[]>(COPY_BLOCKS.map((blocks) => [blocks, []]));
  for (let round = -1; round < samples; round++) {
    for (const [blocks, list] of taken) {
      signal.throwIfAborted();
      const ms = await copyOf(prefiller, decoder, blocks);
      if (round < 0) continue;
      list.push(ms);
      count();
    }
  }
  const { blockBytes } = decoder.limits;
  return [...taken].map(([blocks, list]) => ({ blocks, bytes: blocks * blockBytes, ms: spread(list) }));
}

interface Taken {
  readonly handoff: HandoffSample;
  readonly copyMs: number;
}

/** Each length in turn, with an idle decoder and then with a busy one. */
async function measureHandoffs(
  pair: Pair,
  request: HandoffRequest & Measuring,
  count: () => void,
): Promise<readonly HandoffResult[]> {
  const { prompts, samples, signal, others } = request;
  const results: HandoffResult[] = [];
  const bench = new HandoffBench(pair, 1);
  try {
    for (const decoder of ["idle", "busy"] as const) {
      const taken = new Map<number, Taken[]>(prompts.map((tokens) => [tokens, []]));
      for (let round = -1; round < samples; round++) {
        // Copies alone first, while the decoder is idle in any case.
        const alone = new Map<number, number>();
        for (const tokens of prompts) {
          const last = taken.get(tokens)?.[0]?.handoff.lastBlocks ?? 1;
          alone.set(tokens, await copyOf(pair.prefiller, pair.decoder, last));
        }
        const busy = decoder === "busy" ? await bench.occupy(others) : undefined;
        for (const [tokens, list] of taken) {
          signal.throwIfAborted();
          const handoff = await bench.sample(tokens);
          const copyMs = alone.get(tokens) ?? Number.NaN;
          // The first round warms up, and says how many blocks leave last.
          if (round <= 0) list.length = 0;
          list.push({ handoff, copyMs });
          if (round >= 0) count();
        }
        await busy?.stop();
      }
      for (const [tokens, list] of taken) results.push(resultOf(decoder, tokens, list));
    }
  } finally {
    await bench.dispose();
  }
  return results;
}

function resultOf(decoder: "idle" | "busy", promptTokens: number, taken: readonly Taken[]): HandoffResult {
  const of = (value: (sample: HandoffSample) => number) => taken.map(({ handoff }) => value(handoff));
  const ownMs = percentiles(of((sample) => sample.ownMs));
  const copyMs = percentiles(taken.map(({ copyMs }) => copyMs));
  const [first] = taken;
  const ratio = ownMs.p50 / copyMs.p50;
  return {
    decoder,
    promptTokens,
    samples: taken.length,
    lastBlocks: first?.handoff.lastBlocks ?? 0,
    blocks: first?.handoff.blocks ?? 0,
    bytesRatio: spread(of(({ bytes, kvBytes }) => bytes / kvBytes)),
    transfers: spread(of(({ transfers }) => transfers)),
    visibleMs: percentiles(of((sample) => sample.visibleMs)),
    ownMs,
    stepWaitMs: percentiles(of((sample) => sample.stepWaitMs)),
    copyMs,
    ratio,
    met: ratio <= BAR,
  };
}

/** The longest prompt over links of several rates, with an idle decoder. */
async function measureLinks(
  { prefiller, decoder }: Pair,
  { prompts, links, signal }: HandoffRequest & Measuring,
  count: () => void,
): Promise<readonly LinkResult[]> {
  const tokens = Math.max(...prompts);
  const results: LinkResult[] = [];
  for (const mibPerSecond of links) {
    const linked = {
      prefiller: throttled(prefiller, mibPerSecond),
      decoder: throttled(decoder, mibPerSecond),
    };
    const bench = new HandoffBench(linked, 2);
    const taken: HandoffSample[] = [];
    try {
      for (let round = 0; round < LINK_SAMPLES; round++) {
        signal.throwIfAborted();
        taken.push(await bench.sample(tokens));
        count();
      }
    } finally {
      await bench.dispose();
    }
    const [first] = taken;
    const bytes = decoder.limits.blockBytes;
    results.push({
      mibPerSecond,
      promptTokens: tokens,
      samples: taken.length,
      visibleMs: spread(taken.map(({ visibleMs }) => visibleMs)),
      lastChunkMs: 2 * linkMs((first?.lastBlocks ?? 0) * bytes, mibPerSecond),
      wholeMs: 2 * linkMs((first?.blocks ?? 0) * bytes, mibPerSecond),
    });
  }
  return results;
}

function percentiles(values: readonly number[]): Percentiles {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (q: number) => round(quantile(sorted, q));
  return { p50: at(0.5), p95: at(0.95), min: at(0), max: at(1) };
}

function round(value: number): number {
  return Number(value.toPrecision(5));
}
