import type { RuntimeOptions } from "../api.ts";
import type { Sent } from "./messages.ts";

type Given = Pick<RuntimeOptions, "model"> &
  Partial<
    Pick<
      RuntimeOptions,
      "device" | "platform" | "onProgress" | "signal" | "thread" | "workerUrl" | "modelsUrl"
    >
  >;

/** What can be sent of the options. */
export function sentOptions<Options extends Given>(options: Options): Sent<Options> {
  const { model, device, platform, onProgress, signal, thread, workerUrl, modelsUrl, ...sent } = options;
  return {
    ...sent,
    model: model instanceof URL ? model.href : model,
    ...(modelsUrl !== undefined && { modelsUrl: String(modelsUrl) }),
  };
}
