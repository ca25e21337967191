import type { GpuDevice } from "../gpu/device.ts";
import { Kernel, type KernelVariant } from "../gpu/kernel.ts";
import type { OnProgress } from "../protocol/progress.ts";
import { shaderSources } from "./shaders.ts";

/** Kernels of one device, each compiled once however many layers ask for it; those asked for together compile together. */
export class KernelLibrary {
  readonly gpu: GpuDevice;
  readonly #onProgress: OnProgress | undefined;
  readonly #kernels = new Map<string, Promise<Kernel>>();
  #compiled = 0;

  constructor(gpu: GpuDevice, onProgress?: OnProgress) {
    this.gpu = gpu;
    this.#onProgress = onProgress;
  }

  get(variant: KernelVariant): Promise<Kernel> {
    const key = JSON.stringify(variant);
    const known = this.#kernels.get(key);
    if (known) return known;
    const kernel = Kernel.create(this.gpu, shaderSources, variant).then((made) => {
      this.#compiled++;
      this.#report(variant.shader);
      return made;
    });
    this.#kernels.set(key, kernel);
    return kernel;
  }

  /** All that have been asked for. */
  all(): Promise<readonly Kernel[]> {
    return Promise.all(this.#kernels.values());
  }

  #report(label: string): void {
    this.#onProgress?.({
      phase: "compile",
      done: this.#compiled,
      total: this.#kernels.size,
      unit: "pipelines",
      label,
    });
  }
}
