import { DeviceError } from "../errors.ts";
import type { GpuCapabilities, GpuDevice } from "../gpu/device.ts";
import { bufferUsage } from "../gpu/usage.ts";
import type { LayerPool } from "../kernels/attention.ts";
import type { ModelConfig } from "../model/config.ts";
import type { BlockCopy } from "../protocol/step.ts";
import type { CopyRange } from "./readback.ts";

/** Token slots of a KV block; shaders/lib/kv.wesl says the same. */
export const BLOCK_TOKENS = 16;

export interface KvPoolShape {
  readonly blocks: number;
  /** Layers in each buffer; the last one may hold fewer. */
  readonly layersPerBuffer: number;
  /** One layer of one block: K and V. */
  readonly layerWords: number;
  readonly bytes: number;
}

/** What a pool takes unless asked for another size: some whole contexts, as far as these bytes, or those of these tokens, and half the largest buffer reach. */
const DEFAULT_CONTEXTS = 4;
const DEFAULT_BYTES = 256 << 20;
const DEFAULT_TOKENS = 4096;

/**
 * Sizes the pool: as many blocks as `kvMiB` holds (or the default: four whole contexts, at most 256 MiB or 4,096 tokens and half of
 * what the adapter allows a buffer), over as many buffers as the adapter's binding limit asks for.
 * @throws DeviceError `adapter-limit` where not even one block fits
 */
export function planKvPool(
  config: ModelConfig,
  { maxBindingBytes, maxBufferBytes }: Pick<GpuCapabilities, "maxBindingBytes" | "maxBufferBytes">,
  kvMiB: number | undefined,
): KvPoolShape {
  const layerWords = 2 * config.kvHeads * config.headDim * (BLOCK_TOKENS / 2);
  const blockBytes = layerWords * 4 * config.layers;
  const defaultBytes = Math.min(
    Math.max(DEFAULT_BYTES, (DEFAULT_TOKENS / BLOCK_TOKENS) * blockBytes),
    maxBufferBytes / 2,
  );
  const contextBlocks = Math.ceil(config.contextTokens / BLOCK_TOKENS);
  const wanted =
    kvMiB === undefined
      ? Math.min(DEFAULT_CONTEXTS * contextBlocks, Math.floor(defaultBytes / blockBytes))
      : Math.floor((kvMiB * 2 ** 20) / blockBytes);
  const blocks = Math.min(wanted, Math.floor(maxBindingBytes / (layerWords * 4)));
  if (blocks < 1) {
    throw new DeviceError(
      "adapter-limit",
      wanted < 1
        ? `A KV pool of ${kvMiB ?? defaultBytes / 2 ** 20} MiB holds no block of ${blockBytes} bytes. Give it more MiB.`
        : `One layer of a KV block takes ${layerWords * 4} bytes and the adapter binds ${maxBindingBytes}. Choose a smaller model.`,
      { blockBytes, maxBindingBytes },
    );
  }
  const layersPerBuffer = Math.min(config.layers, Math.floor(maxBindingBytes / (blocks * layerWords * 4)));
  return { blocks, layersPerBuffer, layerWords, bytes: blocks * blockBytes };
}

/**
 * K and V of all conversations: [blocks, layers, K and V] packed 16-bit floats, block-major, all layers of a block contiguous
 * within each buffer; split by groups of layers, so that a dispatch binds one buffer.
 */
export class KvPool {
  readonly shape: KvPoolShape;
  /** K and V of one block, all layers. */
  readonly blockBytes: number;
  readonly #gpu: GpuDevice;
  readonly #layers: number;
  readonly #buffers: readonly GPUBuffer[];
  /** What a block is copied through: WebGPU copies nothing within a buffer. Made with the first copy. */
  #scratch: GPUBuffer | undefined;

  constructor(gpu: GpuDevice, config: ModelConfig, shape: KvPoolShape) {
    this.shape = shape;
    this.#gpu = gpu;
    this.blockBytes = shape.bytes / shape.blocks;
    this.#layers = config.layers;
    const count = Math.ceil(config.layers / shape.layersPerBuffer);
    this.#buffers = Array.from({ length: count }, (_, index) => {
      const layers = Math.min(shape.layersPerBuffer, config.layers - index * shape.layersPerBuffer);
      return gpu.createStorage(`kv/pool-${index}`, shape.blocks * layers * shape.layerWords * 4);
    });
    // Hundreds of megabytes: here while the model loads, not with the first token.
    gpu.clear(this.#buffers);
  }

  layer(index: number): LayerPool {
    const { layersPerBuffer, layerWords } = this.shape;
    const buffer = this.#buffers[Math.floor(index / layersPerBuffer)];
    if (!buffer || index >= this.#layers) throw new RangeError(`the KV pool has no layer ${index}`);
    const blockWords = buffer.size / 4 / this.shape.blocks;
    return { buffer, layerWord: (index % layersPerBuffer) * layerWords, blockWords };
  }

  /** Queues copies of whole blocks behind what `encoder` holds. */
  encodeCopies(encoder: GPUCommandEncoder, copies: readonly BlockCopy[]): void {
    for (const { from, to } of copies) {
      for (const { buffer, bytes } of this.#parts()) {
        const scratch = this.#scratchOf(bytes);
        encoder.copyBufferToBuffer(buffer, from * bytes, scratch, 0, bytes);
        encoder.copyBufferToBuffer(scratch, 0, buffer, to * bytes, bytes);
      }
    }
  }

  /** Where the blocks are, to be read one after the other. */
  rangesOf(blocks: readonly number[]): readonly CopyRange[] {
    const ranges: CopyRange[] = [];
    const parts = this.#parts();
    for (const { at, block, count } of runsOf(blocks, parts.length === 1)) {
      let to = at * this.blockBytes;
      for (const { buffer, bytes } of parts) {
        ranges.push({ source: buffer, from: block * bytes, to, bytes: count * bytes });
        to += count * bytes;
      }
    }
    return ranges;
  }

  /** Writes blocks, given one after the other, ahead of what is submitted later. */
  write(blocks: readonly number[], data: Uint8Array<ArrayBuffer>): void {
    if (data.byteLength !== blocks.length * this.blockBytes)
      throw new RangeError(`${blocks.length} KV blocks have ${data.byteLength} bytes`);
    for (const { source, from, to, bytes } of this.rangesOf(blocks))
      this.#gpu.write(source, from, data.subarray(to, to + bytes));
  }

  /** The buffers, and how much of each belongs to one block. */
  #parts(): readonly { readonly buffer: GPUBuffer; readonly bytes: number }[] {
    return this.#buffers.map((buffer) => ({ buffer, bytes: buffer.size / this.shape.blocks }));
  }

  #scratchOf(bytes: number): GPUBuffer {
    const wanted = Math.max(bytes, this.#parts()[0]?.bytes ?? 0);
    this.#scratch ??= this.#gpu.createBuffer("kv/copy", wanted, bufferUsage.copySrc | bufferUsage.copyDst);
    return this.#scratch;
  }
}

/** Neighbours in a list of blocks that are neighbours in the pool, as one run each; every block by itself unless `joined`. */
function runsOf(
  blocks: readonly number[],
  joined: boolean,
): readonly { readonly at: number; readonly block: number; readonly count: number }[] {
  const runs: { at: number; block: number; count: number }[] = [];
  for (const [at, block] of blocks.entries()) {
    const last = runs.at(-1);
    if (joined && last && last.block + last.count === block) last.count += 1;
    else runs.push({ at, block, count: 1 });
  }
  return runs;
}
