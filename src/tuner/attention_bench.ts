import type { GpuDevice } from "../gpu/device.ts";
import { bufferUsage } from "../gpu/usage.ts";
import { activationWords } from "../kernels/activations.ts";
import {
  type AttentionParts,
  type AttentionTile,
  attentionParts,
  attentionStage,
  attentionTileTokens,
  type LayerPool,
} from "../kernels/attention.ts";
import type { KernelLibrary } from "../kernels/library.ts";
import { noCounts } from "../kernels/stage.ts";
import { type KernelChoice, paddedTokens } from "../kernels/variants.ts";
import { floatToHalf } from "../loader/half.ts";
import { GROUP } from "../loader/layout.ts";
import { benchActivations, resultsOf } from "./bench_activations.ts";
import { checked } from "./checked.ts";
import type { Candidate } from "./contest.ts";
import { type BoundCandidate, StageBench } from "./stage_bench.ts";
import type { Stopwatch } from "./stopwatch.ts";
import type { AttentionShape } from "./tuning.ts";

/** Token slots of a KV block. */
const SLOTS = 16;
/** K and V that are gone through before any is read again, in layers: a model's other layers push them out of caches as well. */
const COLD_BYTES = 24 << 20;
const MOST_LAYERS = 32;
/** Numbers of the cache repeat after so many: an odd count, so that no two rows or blocks are alike. */
const PERIOD = 65_537;

export interface AttentionBenchRequest {
  /** The books of all buffers made here. */
  readonly gpu: GpuDevice;
  readonly library: KernelLibrary;
  readonly stopwatch: Stopwatch;
  readonly choice: KernelChoice;
  readonly attention: AttentionShape;
  /** New tokens of one sequence, and all that its last one sees. */
  readonly tokens: number;
  readonly keys: number;
}

/** Runs the variants of attention of one sequence, on a cache of its own. */
export class AttentionBench {
  readonly #request: AttentionBenchRequest;
  readonly #made: GPUBuffer[] = [];
  readonly #bench: StageBench;
  readonly #layers: readonly LayerPool[];
  readonly #q: GPUBuffer;
  readonly #out: GPUBuffer;
  readonly #outStride: number;
  readonly #blockTables: GPUBuffer;

  /** @throws DeviceError `gpu-out-of-memory`, `gpu-error` */
  static open(request: AttentionBenchRequest): Promise<AttentionBench> {
    return checked(request.gpu, async () => new AttentionBench(request));
  }

  private constructor(request: AttentionBenchRequest) {
    const { gpu, stopwatch, choice, attention, tokens, keys } = request;
    const { activations } = choice;
    this.#request = request;
    const { heads, headDim } = attention;
    this.#outStride = Math.ceil((heads * headDim) / GROUP) * GROUP;
    const groups = (paddedTokens(tokens) * this.#outStride) / GROUP;
    this.#q = this.#filled("q", benchActivations(groups, activations));
    this.#out = this.#storage("out", groups * activationWords[activations] * 4);
    const blocks = Math.ceil(keys / SLOTS);
    // A step's blocks lie anywhere in the pool.
    const step = [7, 5, 3, 1].find((each) => blocks % each !== 0) ?? 1;
    this.#blockTables = this.#filled(
      "tables",
      Uint32Array.from({ length: blocks }, (_, at) => (at * step) % blocks),
    );
    this.#layers = this.#makePool(blocks);
    const numbersOf = (words: Uint32Array<ArrayBuffer>) => resultsOf(words, activations);
    this.#bench = new StageBench({ gpu, stopwatch, output: this.#out, numbersOf });
  }

  candidate(tile: AttentionTile): Candidate {
    return this.#bench.candidate(() => this.#bind(tile));
  }

  destroy(): void {
    this.#bench.close();
    for (const buffer of this.#made.splice(0)) this.#request.gpu.destroyBuffer(buffer);
  }

  async #bind(tile: AttentionTile): Promise<BoundCandidate> {
    const { library, choice, attention, tokens, keys } = this.#request;
    const decodes = tokens === 1;
    const own: KernelChoice = decodes
      ? { ...choice, decodeAttention: tile }
      : { ...choice, attention: tile, decodeAttention: undefined };
    const parts = decodes ? attentionParts(own, keys) : undefined;
    const tiles = this.#tiles(decodes ? 1 : attentionTileTokens(own, attention));
    const buffer = this.#filled("tiles", Uint32Array.from(tiles.flat()));
    const request = {
      shape: attention,
      limits: attention,
      q: this.#q,
      out: this.#out,
      outStride: this.#outStride,
      blockTables: this.#blockTables,
      singleTiles: buffer,
      tiles: buffer,
      parts: parts && this.#makeParts(parts),
    };
    const stages = await Promise.all(
      this.#layers.map((pool) => attentionStage(library, own, { ...request, pool })),
    );
    const counted = decodes
      ? { singleTiles: 1, singleParts: parts ? Math.ceil(keys / parts.keys) : 1 }
      : { tiles: tiles.length };
    return { stages, counts: { ...noCounts(), tokens, ...counted } };
  }

  /** (first token, tokens, first position, table) of each. */
  #tiles(tileTokens: number): readonly (readonly number[])[] {
    const { tokens, keys } = this.#request;
    return Array.from({ length: Math.ceil(tokens / tileTokens) }, (_, index) => {
      const first = index * tileTokens;
      return [first, Math.min(tileTokens, tokens - first), keys - tokens + first, 0];
    });
  }

  #makeParts(parts: Pick<AttentionParts, "keys" | "max">): AttentionParts {
    const { heads, headDim } = this.#request.attention;
    return {
      ...parts,
      results: this.#storage("part-results", heads * parts.max * headDim * 4),
      stats: this.#storage("part-stats", heads * parts.max * 2 * 4),
    };
  }

  /** So many layers of K and V of the blocks that caches hold none of them for long. */
  #makePool(blocks: number): readonly LayerPool[] {
    const { gpu, attention } = this.#request;
    const { kvHeads, headDim } = attention;
    const layerWords = SLOTS * kvHeads * headDim;
    const fitting = Math.floor(gpu.capabilities.maxBindingBytes / (blocks * layerWords * 4));
    const wanted = Math.ceil(COLD_BYTES / (blocks * layerWords * 4));
    const layers = Math.max(1, Math.min(wanted, MOST_LAYERS, fitting));
    const blockWords = layers * layerWords;
    const numbers = Uint16Array.from({ length: PERIOD }, (_, at) =>
      floatToHalf(Math.sin(at * 12.9898 + 1) % 1),
    );
    const words = new Uint16Array(2 * blocks * blockWords);
    for (let at = 0; at < words.length; at += PERIOD) words.set(numbers.subarray(0, words.length - at), at);
    const buffer = this.#filled("cache", new Uint32Array(words.buffer));
    return Array.from({ length: layers }, (_, layer) => ({
      buffer,
      layerWord: layer * layerWords,
      blockWords,
    }));
  }

  #filled(label: string, words: Uint32Array<ArrayBuffer>): GPUBuffer {
    const buffer = this.#storage(label, words.byteLength);
    this.#request.gpu.write(buffer, 0, words);
    return buffer;
  }

  #storage(label: string, bytes: number): GPUBuffer {
    const usage = bufferUsage.storage | bufferUsage.copyDst | bufferUsage.copySrc;
    const buffer = this.#request.gpu.createBuffer(`tuning/${label}`, bytes, usage);
    this.#made.push(buffer);
    return buffer;
  }
}
