import type { GpuDevice } from "../gpu/device.ts";
import type { Kernel } from "../gpu/kernel.ts";
import type { OnProgress } from "../protocol/progress.ts";

type Untried = Pick<Kernel, "tryOut" | "copyTo">;

export interface WarmUpRequest {
  readonly gpu: Pick<GpuDevice, "openTwin">;
  readonly kernels: readonly Untried[];
  readonly onProgress?: OnProgress;
}

/** A first dispatch that takes so long compiles. */
const COMPILING_MS = 100;

/**
 * Dispatches every kernel once. Some drivers compile a pipeline only then, and take seconds: that belongs to loading, under a bar, and not
 * to somebody's first token. Where they do, and the device has a twin, the twin compiles a share of them at the same time.
 */
export async function warmUp({ gpu, kernels, onProgress }: WarmUpRequest): Promise<void> {
  const compiled = new Set<Untried>();
  const hear = (kernel: Untried) => {
    compiled.add(kernel);
    const counts = { done: compiled.size, total: kernels.length, unit: "pipelines" } as const;
    onProgress?.({ phase: "warm-up", ...counts, label: "first run of each kernel" });
  };
  const waiting = [...kernels];
  let shared: Promise<readonly Untried[]> | undefined;
  for (let kernel = waiting.shift(); kernel; kernel = waiting.shift()) {
    const startedMs = performance.now();
    await kernel.tryOut();
    hear(kernel);
    if (performance.now() - startedMs > COMPILING_MS) shared ??= compileOnTwin(gpu, waiting, hear);
  }
  for (const kernel of (await shared) ?? []) {
    await kernel.tryOut();
    if (!compiled.has(kernel)) hear(kernel);
  }
}

/**
 * Compiles the last of those that wait, one after the other, on a device that is then gone: what stays is in the driver's cache. Returns
 * those it took; what fails here the first device will do.
 */
async function compileOnTwin(
  { openTwin }: Pick<GpuDevice, "openTwin">,
  waiting: Untried[],
  hear: (kernel: Untried) => void,
): Promise<readonly Untried[]> {
  const taken: Untried[] = [];
  let twin: GpuDevice | undefined;
  try {
    twin = await openTwin?.();
    for (let kernel = twin && waiting.pop(); twin && kernel; kernel = waiting.pop()) {
      taken.push(kernel);
      const copy = await kernel.copyTo(twin);
      await copy.tryOut();
      hear(kernel);
    }
  } catch {
    // A second device may be one too many.
  } finally {
    twin?.destroy();
  }
  return taken;
}
