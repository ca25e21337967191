import type { Runner, RunnerLimits, StepResult } from "../protocol/step.ts";

/** KV blocks in host memory, where idle conversations are parked: a device that only keeps. */
export class HostBlocks implements Runner {
  readonly name = "host memory";
  readonly limits: RunnerLimits;
  readonly #blocks = new Map<number, Uint8Array<ArrayBuffer>>();

  constructor(blocks: number, limits: RunnerLimits) {
    this.limits = { ...limits, blocks };
  }

  run(): Promise<StepResult> {
    return Promise.reject(new Error("Nothing runs in host memory."));
  }

  async exportBlocks(blocks: readonly number[]): Promise<Uint8Array<ArrayBuffer>> {
    const { blockBytes } = this.limits;
    const data = new Uint8Array(blocks.length * blockBytes);
    for (const [at, block] of blocks.entries()) {
      const kept = this.#blocks.get(block);
      if (kept === undefined) throw new Error(`Host memory has no KV block ${block}.`);
      data.set(kept, at * blockBytes);
    }
    return data;
  }

  async importBlocks(blocks: readonly number[], data: Uint8Array<ArrayBuffer>): Promise<void> {
    const { blockBytes } = this.limits;
    for (const [at, block] of blocks.entries()) {
      const kept = this.#blocks.get(block) ?? new Uint8Array(blockBytes);
      kept.set(data.subarray(at * blockBytes, (at + 1) * blockBytes));
      this.#blocks.set(block, kept);
    }
  }

  dispose(): void {
    this.#blocks.clear();
  }
}
