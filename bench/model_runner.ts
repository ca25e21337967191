import type { Work } from "../src/cli/progress_display.ts";
import { invalidOption } from "../src/conversation/option_checks.ts";
import { openDevice } from "../src/gpu/device.ts";
import { type GgufFile, openGguf } from "../src/loader/gguf.ts";
import { shapes } from "../src/model/shapes.ts";
import { openAdapter } from "../src/platform/node/gpu.ts";
import { createNodePlatform } from "../src/platform/node/node_platform.ts";
import type { GpuRunner } from "../src/runner/gpu_runner.ts";
import { openRunner } from "../src/runner/open_runner.ts";
import { openRandomModel } from "./random_model.ts";

/** Weights of a file, or random ones of a named shape. */
export interface BenchedModel {
  readonly kind: "shape" | "file";
  readonly name: string;
}

export interface ModelRunnerRequest {
  readonly model: BenchedModel;
  /** Part of the adapter's name; empty for the best. */
  readonly adapter: string;
  /** Devices that share the machine's cores, where the adapter is the CPU. */
  readonly sharers: number;
  readonly kvMiB?: number | undefined;
  readonly signal: AbortSignal;
  readonly onProgress: (work: Work) => void;
}

/** A name of a shape, of the catalogue, or the path of a file. @throws InputError `invalid-option` */
export function benchedModel(option: string, name: string): BenchedModel {
  if (name.trim() === "") throw invalidOption(option, name, "a shape, a model's name or a file");
  return { kind: Object.hasOwn(shapes, name) ? "shape" : "file", name };
}

export function modelText({ kind, name }: BenchedModel): string {
  return kind === "shape" ? `${name}, random weights` : name;
}

/** @throws BatonError; the signal's reason */
export async function openModelRunner(request: ModelRunnerRequest): Promise<GpuRunner> {
  const { adapter, sharers, kvMiB, onProgress } = request;
  const gpu = await openDevice(await openAdapter({ sharers, ...(adapter !== "" && { name: adapter }) }));
  const file = await openFile(request).catch((error: unknown) => {
    gpu.destroy();
    throw error;
  });
  try {
    const sized = kvMiB === undefined ? {} : { kvMiB };
    return await openRunner({ gpu, file, precision: "default", maxStepTokens: 256, onProgress, ...sized });
  } finally {
    await file.close();
  }
}

async function openFile({ model, signal, onProgress }: ModelRunnerRequest): Promise<GgufFile> {
  const shape = model.kind === "shape" ? shapes[model.name] : undefined;
  if (shape) return openRandomModel(model.name, shape, 1, signal);
  return openGguf(await createNodePlatform().resolveModel(model.name, { onProgress, signal }), { signal });
}
