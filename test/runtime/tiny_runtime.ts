import type { Runtime, RuntimeOptions } from "../../src/api.ts";
import { createRuntime } from "../../src/node.ts";
import type { Platform } from "../../src/platform/platform.ts";
import { type TinyModelOptions, writeTinyModel } from "../harness/tiny_model.ts";

/** A GGUF file of a tiny random model, as a caller would hand it over. */
export function tinyModel(options: TinyModelOptions = {}): Blob {
  return new Blob([writeTinyModel({ vocabTokens: 600, ...options }) as Uint8Array<ArrayBuffer>]);
}

/** A runtime of a tiny random model, in `exact`. */
export function openTiny(options: Partial<RuntimeOptions> = {}): Promise<Runtime> {
  return createRuntime({ model: tinyModel(), precision: "exact", kvMiB: 2, ...options });
}

/** The same platform; `opened` gets every device that is made of its adapters. */
export function watched(platform: Platform, opened: GPUDevice[]): Platform {
  return {
    ...platform,
    openAdapter: async (request) => {
      const open = await platform.openAdapter(request);
      const requestDevice = async (descriptor?: GPUDeviceDescriptor) => {
        const device = await open.adapter.requestDevice(descriptor);
        opened.push(device);
        return device;
      };
      const { features, limits, info } = open.adapter;
      return { ...open, adapter: { features, limits, info, requestDevice } as GPUAdapter };
    },
  };
}
