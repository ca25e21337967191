import { borrowDevice, type GpuDevice } from "../gpu/device.ts";
import { KernelLibrary } from "../kernels/library.ts";
import type { WeightSlice } from "../kernels/matmul.ts";
import { chooseKernels, type KernelChoice } from "../kernels/variants.ts";
import { GROUP, packedWords } from "../loader/layout.ts";
import { MatmulBench } from "../tuner/matmul_bench.ts";
import { Stopwatch } from "../tuner/stopwatch.ts";

/** How quick an adapter is at either half of a conversation, by one product of a matrix as a model's steps run it. */
export interface Rates {
  /** Prefill is bound by arithmetic: multiply-adds a second with many tokens. */
  readonly macsPerSecond: number;
  /** Decode is bound by memory: bytes of weights that are read in a second for one token. */
  readonly bytesPerSecond: number;
}

interface Extent {
  readonly rows: number;
  readonly cols: number;
  /** Of a prefill. */
  readonly tokens: number;
}

/** Work for a whole GPU, and of some milliseconds where the CPU does it. */
const EXTENTS = {
  gpu: { rows: 4096, cols: 4096, tokens: 128 },
  software: { rows: 1024, cols: 1024, tokens: 64 },
} as const satisfies Record<string, Extent>;
const SAMPLES = 5;
const HALVES = 2;
/** Samples of one adapter in all. */
export const RATE_SAMPLES = SAMPLES * HALVES;

/**
 * Measures with the kernels that Baton runs on the adapter by default: two of them, some milliseconds of work each. The device should have
 * nothing else to do.
 * @throws DeviceError; the signal's reason
 */
export async function measureRates(
  gpu: GpuDevice,
  { signal, onSample }: { readonly signal?: AbortSignal | undefined; readonly onSample?: () => void } = {},
): Promise<Rates> {
  // Books of its own: what is made for measuring is freed at the end, whatever happens.
  const own = borrowDevice(gpu.device, gpu.summary);
  const stopwatch = new Stopwatch(own);
  const choice = chooseKernels(own.capabilities, "default");
  const extent = EXTENTS[own.summary.software ? "software" : "gpu"];
  const { slice, bytes } = weightsOf(own, choice, extent);
  const library = new KernelLibrary(own);
  const msOf = async (tokens: number): Promise<number> => {
    const tile = choice.matmul.find(({ upToTokens }) => tokens <= upToTokens)?.tile;
    if (tile === undefined) throw new RangeError(`no tile takes ${tokens} tokens`);
    const request = {
      gpu: own,
      library,
      stopwatch,
      choice,
      epilogue: "store",
      slices: [slice],
      tokens,
    } as const;
    const bench = await MatmulBench.open(request);
    try {
      const candidate = bench.candidate(tile);
      await candidate.prepare();
      const samples: number[] = [];
      while (samples.length < SAMPLES) {
        signal?.throwIfAborted();
        samples.push(await candidate.measure());
        onSample?.();
      }
      // What else the machine does makes samples longer and never shorter.
      return Math.min(...samples);
    } finally {
      bench.destroy();
    }
  };
  try {
    const prefillMs = await msOf(extent.tokens);
    const decodeMs = await msOf(1);
    return {
      macsPerSecond: (extent.rows * extent.cols * extent.tokens * 1000) / prefillMs,
      bytesPerSecond: (bytes * 1000) / decodeMs,
    };
  } finally {
    stopwatch.destroy();
    own.destroy();
  }
}

/** A matrix of 4-bit weights of no meaning. */
function weightsOf(
  gpu: GpuDevice,
  { interleave }: KernelChoice,
  { rows, cols }: Extent,
): { readonly slice: WeightSlice; readonly bytes: number } {
  const words = packedWords({ rows, cols, layout: "q4", interleave });
  const values = gpu.createStorage("rates/values", words.values * 4);
  const scales = gpu.createStorage("rates/scales", words.scales * 4);
  gpu.write(
    values,
    0,
    Uint32Array.from({ length: words.values }, (_, i) => Math.imul(i + 1, 0x9e3779b1)),
  );
  gpu.write(scales, 0, new Uint32Array(words.scales).fill(SCALE_AND_MINIMUM));
  const slice = {
    layout: "q4",
    groups: cols / GROUP,
    rows,
    halfRows: 0,
    outOffset: 0,
    values,
    scales,
  } as const;
  return { slice, bytes: (words.values + words.scales) * 4 };
}

/** 16-bit floats 2^-7 (low) and -2^-4 (high), so that weights lie around 0. */
const SCALE_AND_MINIMUM = 0xac002000;
