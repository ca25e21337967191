import { ModelError } from "../errors.ts";
import type { GpuDevice } from "../gpu/device.ts";
import type { WeightSlice } from "../kernels/matmul.ts";
import type { GgufFile, TensorPiece } from "../loader/gguf.ts";
import { GROUP, layoutWords, packedWords } from "../loader/layout.ts";
import { rowBytes } from "../loader/quantisation/ggml_types.ts";
import { PackScratch, packRows, toFloat32 } from "../loader/quantisation/pack_rows.ts";
import type { Progress } from "../protocol/progress.ts";
import { type LayerTensorNames, tensorNames } from "./architectures/architecture.ts";
import type { ModelConfig } from "./config.ts";
import { TensorTable } from "./tensor_table.ts";
import {
  type Placement,
  type PlanLimits,
  type PlannedProduct,
  type PlannedSlice,
  planPair,
  planStack,
} from "./weight_plan.ts";

/** A product's slices on the GPU, with where each stacked tensor's columns begin. */
export interface ProductWeights {
  readonly slices: readonly WeightSlice[];
  readonly offsets: readonly number[];
  readonly outStride: number;
}

export interface LayerWeights {
  readonly attentionNorm: GPUBuffer;
  readonly qkv: ProductWeights;
  /** [qkv.outStride], padding included. */
  readonly qkvBias: GPUBuffer | undefined;
  readonly headNorms: { readonly q: GPUBuffer; readonly k: GPUBuffer } | undefined;
  readonly attentionOutput: ProductWeights;
  readonly ffnNorm: GPUBuffer;
  readonly gateUp: ProductWeights;
  readonly down: ProductWeights;
}

export interface ModelWeights {
  readonly embedding: ProductWeights;
  readonly layers: readonly LayerWeights[];
  readonly outputNorm: GPUBuffer;
  /** The embedding itself where the file ties them. */
  readonly output: ProductWeights;
  readonly bytes: number;
}

/** Writes queued before the host waits for the GPU to take them: bounds what waits in between. */
const UPLOAD_WINDOW_BYTES = 16 << 20;

/** A model's weights with a place each, and what fills the places. */
export interface PlannedWeights {
  readonly weights: ModelWeights;
  /**
   * Reads the file to its end; only a few pieces of it are in host memory at any time. Resolves to the divisors of the RoPE
   * frequencies (llama3 scaling), if the file has any.
   * @throws ModelError and whatever reading the file throws; DeviceError
   */
  stream(onProgress?: (progress: Progress) => void): Promise<Float32Array | undefined>;
}

/**
 * Plans and allocates all weights of a model on the GPU, so that kernels can be bound to them while they arrive.
 * @throws ModelError for missing or misshapen tensors; DeviceError
 */
export function planWeights(
  gpu: GpuDevice,
  file: GgufFile,
  config: ModelConfig,
  limits: PlanLimits,
): PlannedWeights {
  const loader = new WeightLoader(gpu, limits, new TensorTable(file));
  const planned = loader.plan(config);
  return {
    weights: { ...planned, bytes: loader.bytes },
    async stream(onProgress) {
      await loader.stream(file, onProgress);
      return loader.ropeFactors(config);
    },
  };
}

/** Where a tensor's rows go while the file streams by. */
interface VectorTarget {
  readonly buffer: GPUBuffer;
  readonly offsetBytes: number;
}

class WeightLoader {
  readonly #gpu: GpuDevice;
  readonly #limits: PlanLimits;
  readonly #table: TensorTable;
  readonly #placements = new Map<string, Placement[]>();
  readonly #vectors = new Map<string, VectorTarget>();
  readonly #buffers = new Map<PlannedSlice, { values: GPUBuffer; scales: GPUBuffer | undefined }>();
  readonly #scratch = new PackScratch();
  #ropeFactors: Float32Array | undefined;
  bytes = 0;

  constructor(gpu: GpuDevice, limits: PlanLimits, table: TensorTable) {
    this.#gpu = gpu;
    this.#limits = limits;
    this.#table = table;
  }

  plan(config: ModelConfig): Omit<ModelWeights, "bytes"> {
    const { hidden, vocab } = config;
    if (this.#table.find(tensorNames.ropeFactors))
      this.#table.matrix(tensorNames.ropeFactors, 1, config.rope.dims / 2);
    const embedding = this.#stack([[tensorNames.embedding, vocab]], hidden);
    const tied = this.#table.find(tensorNames.output) === undefined;
    const weights = {
      embedding,
      layers: Array.from({ length: config.layers }, (_, index) =>
        this.#layer(config, tensorNames.layer(index)),
      ),
      outputNorm: this.#vector(tensorNames.outputNorm, hidden),
      output: tied ? embedding : this.#stack([[tensorNames.output, vocab]], hidden),
    };
    this.#refuseUnknownTensors(config);
    return weights;
  }

  /** A layer's tensor that nothing reads is a part of the model that would be left out, and its results wrong. */
  #refuseUnknownTensors({ architecture }: ModelConfig): void {
    const unknown = this.#table.names.find(
      (name) => name.startsWith("blk.") && !this.#placements.has(name) && !this.#vectors.has(name),
    );
    if (unknown === undefined) return;
    throw new ModelError(
      "unknown-architecture",
      `The file has a tensor "${unknown}" that Baton's ${architecture.name} does not know, so its results would be wrong. Choose another model.`,
      { tensor: unknown, architecture: architecture.name },
    );
  }

  #layer(config: ModelConfig, names: LayerTensorNames): LayerWeights {
    const { architecture, hidden, heads, kvHeads, headDim, ffn } = config;
    const [qRows, kvRows] = [heads * headDim, kvHeads * headDim];
    const qkv = this.#stack(
      [
        [names.q, qRows],
        [names.k, kvRows],
        [names.v, kvRows],
      ],
      hidden,
    );
    const biases = [
      [names.qBias, qRows],
      [names.kBias, kvRows],
      [names.vBias, kvRows],
    ] as const;
    return {
      attentionNorm: this.#vector(names.attentionNorm, hidden),
      qkv,
      qkvBias: architecture.qkvBias ? this.#stackedVectors(biases, qkv) : undefined,
      headNorms: architecture.qkNorm
        ? { q: this.#vector(names.qNorm, headDim), k: this.#vector(names.kNorm, headDim) }
        : undefined,
      attentionOutput: this.#stack([[names.attentionOutput, hidden]], qRows),
      ffnNorm: this.#vector(names.ffnNorm, hidden),
      gateUp: this.#pair([names.gate, names.up], ffn, hidden),
      down: this.#stack([[names.down, hidden]], ffn),
    };
  }

  #stack(parts: readonly (readonly [string, number])[], cols: number): ProductWeights {
    const tensors = parts.map(([name, rows]) => this.#table.matrix(name, rows, cols));
    return this.#allocate(planStack(tensors, this.#limits));
  }

  #pair([first, second]: readonly [string, string], rows: number, cols: number): ProductWeights {
    const table = this.#table;
    return this.#allocate(
      planPair(table.matrix(first, rows, cols), table.matrix(second, rows, cols), this.#limits),
    );
  }

  #allocate({ slices, offsets, outStride, placements }: PlannedProduct): ProductWeights {
    const { interleave } = this.#limits;
    for (const [name, placed] of placements) this.#placements.set(name, [...placed]);
    const bound = slices.map((slice) => {
      const words = packedWords({
        rows: slice.paddedRows,
        cols: slice.cols,
        layout: slice.layout,
        interleave,
      });
      const values = this.#buffer(`weights/${slice.label}`, words.values * 4);
      const scales = words.scales > 0 ? this.#buffer(`scales/${slice.label}`, words.scales * 4) : undefined;
      this.#buffers.set(slice, { values, scales });
      const { layout, rows, halfRows, outOffset } = slice;
      return { layout, groups: Math.ceil(slice.cols / GROUP), rows, halfRows, outOffset, values, scales };
    });
    return { slices: bound, offsets, outStride };
  }

  #vector(name: string, length: number): GPUBuffer {
    this.#table.matrix(name, 1, length);
    const buffer = this.#buffer(`vector/${name}`, length * 4);
    this.#vectors.set(name, { buffer, offsetBytes: 0 });
    return buffer;
  }

  #stackedVectors(parts: readonly (readonly [string, number])[], product: ProductWeights): GPUBuffer {
    const buffer = this.#buffer(`vector/${parts.map(([name]) => name).join("+")}`, product.outStride * 4);
    for (const [index, [name, length]] of parts.entries()) {
      this.#table.matrix(name, 1, length);
      this.#vectors.set(name, { buffer, offsetBytes: (product.offsets[index] ?? 0) * 4 });
    }
    return buffer;
  }

  #buffer(label: string, bytes: number): GPUBuffer {
    this.bytes += bytes;
    return this.#gpu.createStorage(label, bytes);
  }

  async stream(file: GgufFile, onProgress: ((progress: Progress) => void) | undefined): Promise<void> {
    const total = file.tensors.reduce((sum, tensor) => sum + tensor.bytes, 0);
    let done = 0;
    let waiting = 0;
    for await (const piece of file.pieces({ alignRows: this.#limits.interleave })) {
      this.#take(piece);
      done += piece.bytes.byteLength;
      waiting += piece.bytes.byteLength;
      if (waiting >= UPLOAD_WINDOW_BYTES) {
        await this.#gpu.idle();
        this.#gpu.assertAlive();
        waiting = 0;
      }
      onProgress?.({ phase: "load", done, total, unit: "bytes", label: piece.tensor.name });
    }
  }

  #take(piece: TensorPiece): void {
    const { tensor, bytes } = piece;
    const vector = this.#vectors.get(tensor.name);
    if (vector) this.#gpu.write(vector.buffer, vector.offsetBytes, toFloat32(tensor.type, bytes));
    if (tensor.name === tensorNames.ropeFactors) this.#ropeFactors = toFloat32(tensor.type, bytes);
    for (const placement of this.#placements.get(tensor.name) ?? []) this.#place(piece, placement);
  }

  /** Packs the rows of a piece that belong to one slice and writes them; both begin at whole bundles of rows. */
  #place(
    { tensor, firstRow, rows, bytes }: TensorPiece,
    { slice, fromRow, rows: placed, atRow }: Placement,
  ): void {
    const first = Math.max(firstRow, fromRow);
    const end = Math.min(firstRow + rows, fromRow + placed);
    const target = this.#buffers.get(slice);
    if (first >= end || !target) return;
    const { interleave } = this.#limits;
    const stride = rowBytes(tensor.type, tensor.cols);
    const part = bytes.subarray((first - firstRow) * stride, (end - firstRow) * stride);
    const shape = { rows: end - first, cols: tensor.cols, layout: slice.layout, interleave };
    const packed = packRows(tensor.type, part, shape, this.#scratch);
    const groups = (atRow + first - fromRow) * Math.ceil(tensor.cols / GROUP);
    const words = layoutWords[slice.layout];
    this.#gpu.write(target.values, groups * words.values * 4, packed.values);
    if (target.scales) this.#gpu.write(target.scales, groups * words.scales * 4, packed.scales);
  }

  ropeFactors({ rope }: ModelConfig): Float32Array | undefined {
    const factors = this.#ropeFactors;
    if (factors?.some((factor) => !(factor > 0))) {
      throw new ModelError(
        "gguf-invalid",
        `The tensor "${tensorNames.ropeFactors}" holds a factor that is not positive. Download the file again.`,
        {
          pairs: rope.dims / 2,
        },
      );
    }
    return factors;
  }
}
