import { type GpuDevice, openDevice } from "../../src/gpu/device.ts";
import { openGguf } from "../../src/loader/gguf.ts";
import { sourceOf } from "../../src/loader/sources/byte_sources.ts";
import { openAdapter } from "../../src/platform/node/gpu.ts";
import type { GpuRunner } from "../../src/runner/gpu_runner.ts";
import { openRunner } from "../../src/runner/open_runner.ts";
import { writeTinyModel } from "../harness/tiny_model.ts";

/** A prefiller and a decoder. */
export type DeviceId = "p" | "d";

export const VOCAB = 500;
const BLOCK_MIB = 2 ** -20;

export interface Slot {
  readonly adapter: string;
  gpu: GpuDevice;
  runner: GpuRunner;
  lost: boolean;
}

export interface RigOptions {
  /** Names of the adapters of the prefiller and the decoder. */
  readonly adapters: Readonly<Record<DeviceId, string>>;
  /** KV blocks of each device. */
  readonly blocks?: Readonly<Record<DeviceId, number>>;
}

/** Two real devices with a tiny random model on them, in `exact`. */
export class Rig {
  readonly #model = writeTinyModel({ vocabTokens: VOCAB, contextTokens: 512 });
  readonly #slots = new Map<DeviceId, Slot>();
  readonly #blocks: Readonly<Record<DeviceId, number>>;
  /** How often a device was opened again. */
  reopened = 0;

  private constructor({ blocks = { p: 128, d: 128 } }: RigOptions) {
    this.#blocks = blocks;
  }

  static async open(options: RigOptions): Promise<Rig> {
    const rig = new Rig(options);
    for (const id of ["p", "d"] as const) await rig.#open(id, options.adapters[id]);
    return rig;
  }

  slot(id: DeviceId): Slot {
    const slot = this.#slots.get(id);
    if (slot === undefined) throw new Error(`The rig has no device ${id}.`);
    return slot;
  }

  /** The device is gone, as when its driver fell over. */
  lose(id: DeviceId): void {
    const slot = this.slot(id);
    slot.lost = true;
    slot.gpu.device.destroy();
  }

  /** Opens again what is lost still. */
  async repair(): Promise<void> {
    for (const id of this.#slots.keys()) if (this.slot(id).lost) await this.reopen(id);
  }

  async reopen(id: DeviceId): Promise<Slot> {
    const { adapter, runner } = this.slot(id);
    runner.dispose();
    this.reopened += 1;
    return this.#open(id, adapter);
  }

  get liveBytes(): number {
    return [...this.#slots.values()].reduce((sum, { gpu }) => sum + gpu.liveBytes, 0);
  }

  dispose(): void {
    for (const { runner } of this.#slots.values()) runner.dispose();
  }

  async #open(id: DeviceId, adapter: string): Promise<Slot> {
    const gpu = await openDevice(await openAdapter({ name: adapter, sharers: 2 }));
    const bytes = new Uint8Array(this.#model);
    const file = await openGguf(sourceOf(new Blob([bytes])));
    const kvMiB = this.#blocks[id] * TINY_BLOCK_BYTES * BLOCK_MIB;
    const runner = await openRunner({ gpu, file, precision: "exact", maxStepTokens: 48, kvMiB });
    if (runner.limits.blocks !== this.#blocks[id])
      throw new Error("The tiny model's blocks have other bytes.");
    const slot = { adapter, gpu, runner, lost: false };
    void gpu.lost.then(() => {
      slot.lost = true;
    });
    this.#slots.set(id, slot);
    return slot;
  }
}

/** Two layers of two KV heads of 16 dimensions, K and V in 16 bits, for 16 tokens. */
const TINY_BLOCK_BYTES = 2 * 2 * 16 * 2 * 2 * 16;
