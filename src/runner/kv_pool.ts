import { DeviceError } from "../errors.ts";
import type { GpuCapabilities, GpuDevice } from "../gpu/device.ts";
import type { LayerPool } from "../kernels/attention.ts";
import type { ModelConfig } from "../model/config.ts";

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

/** What a pool takes unless asked for another size: some whole contexts, as far as these bytes and half the largest buffer reach. */
const DEFAULT_CONTEXTS = 4;
const DEFAULT_BYTES = 256 << 20;

/**
 * Sizes the pool: as many blocks as `kvMiB` holds (or the default: four whole contexts, at most 256 MiB and half of what the
 * adapter allows a buffer), over as many buffers as the adapter's binding limit asks for.
 * @throws DeviceError `adapter-limit` where not even one block fits
 */
export function planKvPool(
  config: ModelConfig,
  { maxBindingBytes, maxBufferBytes }: Pick<GpuCapabilities, "maxBindingBytes" | "maxBufferBytes">,
  kvMiB: number | undefined,
): KvPoolShape {
  const layerWords = 2 * config.kvHeads * config.headDim * (BLOCK_TOKENS / 2);
  const blockBytes = layerWords * 4 * config.layers;
  const defaultBytes = Math.min(DEFAULT_BYTES, maxBufferBytes / 2);
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
  readonly #layers: number;
  readonly #buffers: readonly GPUBuffer[];

  constructor(gpu: GpuDevice, config: ModelConfig, shape: KvPoolShape) {
    this.shape = shape;
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
}
