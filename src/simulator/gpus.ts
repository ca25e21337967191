import type { PowerSpec } from "./energy.ts";
import type { DeviceRates } from "./roofline.ts";
import type { LinkSpec } from "./simulated_link.ts";

/** Cards by their makers' figures, and what is assumed of them. Every field can be given otherwise. */

export interface Gpu {
  readonly title: string;
  readonly rates: DeviceRates;
  readonly memoryGiB: number;
  readonly link: LinkSpec;
  readonly power: PowerSpec;
  /** What renting or owning it costs an hour, relative to an A40: for provisioning, an assumption. */
  readonly pricePerHour: number;
  /** Where peak rate, bandwidth and power are from. */
  readonly source: string;
}

/**
 * Assumptions. Large prompts reach half of the peak of a matrix product, reading weights and KV three quarters of the bandwidth: what serving
 * engines report for models of some billion weights; small ones reach less. Launching a step takes a server 2 ms.
 */
const KERNELS = { computeEfficiency: 0.5, memoryEfficiency: 0.75, stepOverheadMs: 2 };

/** PCIe 4.0 and 5.0 x16 by their specification, of which copies reach about four fifths. */
const PCIE_4: LinkSpec = { bytesPerMs: 25e6, latencyMs: 0.05 };
const PCIE_5: LinkSpec = { bytesPerMs: 50e6, latencyMs: 0.05 };
/** Devices whose memory is the host's: a copy within it. */
const SHARED_MEMORY: LinkSpec = { bytesPerMs: 20e6, latencyMs: 0.02 };

/**
 * Of the card's limit: prompts keep it near that, and decoding, which waits for memory, at about half or less (POLCA, arXiv 2308.12908, for
 * A100 and H100; arXiv 2605.11999 has 0.2 to 0.43 for decoding on an H200). Idle watts are what such cards report with nothing to do.
 */
function power(peakWatts: number, idleWatts: number): PowerSpec {
  return { idleWatts, prefillWatts: 0.95 * peakWatts, decodeWatts: idleWatts + 0.45 * (peakWatts - idleWatts), peakWatts }; // biome-ignore format: one record
}

export const gpus: Readonly<Record<string, Gpu>> = {
  a40: {
    title: "NVIDIA A40 48 GB",
    rates: { peakTflops: 149.7, bandwidthGBps: 696, ...KERNELS },
    memoryGiB: 48,
    link: PCIE_4,
    power: power(300, 30),
    pricePerHour: 1,
    source: "NVIDIA A40 datasheet: 149.7 TFLOPS dense 16-bit, 696 GB/s, 300 W",
  },
  a100: {
    title: "NVIDIA A100 SXM 80 GB",
    rates: { peakTflops: 312, bandwidthGBps: 2039, ...KERNELS },
    memoryGiB: 80,
    link: PCIE_4,
    power: power(400, 55),
    pricePerHour: 3,
    source: "NVIDIA A100 datasheet: 312 TFLOPS dense 16-bit, 2,039 GB/s, 400 W",
  },
  h100: {
    title: "NVIDIA H100 SXM 80 GB",
    rates: { peakTflops: 989, bandwidthGBps: 3350, ...KERNELS },
    memoryGiB: 80,
    link: PCIE_5,
    power: power(700, 70),
    pricePerHour: 5.5,
    source: "NVIDIA H100 datasheet: 989 TFLOPS dense 16-bit, 3,350 GB/s, 700 W",
  },
  l4: {
    title: "NVIDIA L4 24 GB",
    rates: { peakTflops: 121, bandwidthGBps: 300, ...KERNELS },
    memoryGiB: 24,
    link: PCIE_4,
    power: power(72, 16),
    pricePerHour: 0.9,
    source: "NVIDIA L4 datasheet: 242 TFLOPS 16-bit with sparsity, half of it dense, 300 GB/s, 72 W",
  },
  rtx4090: {
    title: "NVIDIA GeForce RTX 4090 24 GB",
    rates: { peakTflops: 165.2, bandwidthGBps: 1008, ...KERNELS },
    memoryGiB: 24,
    link: PCIE_4,
    power: power(450, 22),
    pricePerHour: 0.9,
    source: "NVIDIA Ada architecture whitepaper: 165.2 TFLOPS dense 16-bit, 32-bit sums; 1,008 GB/s, 450 W",
  },
  "m2-max": {
    title: "Apple M2 Max, 38 GPU cores, 32 GB",
    rates: { peakTflops: 13.6, bandwidthGBps: 400, ...KERNELS },
    memoryGiB: 24,
    link: SHARED_MEMORY,
    power: power(45, 1),
    pricePerHour: 0.5,
    source:
      "Apple: 400 GB/s; 13.6 TFLOPS in 32-bit floats; power of the GPU alone as measured by reviewers; 3/4 of the memory is the GPU's",
  },
  "iris-xe": {
    title: "Intel Iris Xe, 96 units (integrated)",
    rates: { peakTflops: 4.1, bandwidthGBps: 68, ...KERNELS },
    memoryGiB: 6,
    link: SHARED_MEMORY,
    power: power(20, 1),
    pricePerHour: 0.1,
    source:
      "Intel: 96 units of 8 lanes at 1.35 GHz, twice that in 16-bit; two channels of LPDDR4X-4267; power is the package's, assumed",
  },
};
