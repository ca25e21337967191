import type {
  ConversationOptions,
  EvaluateRequest,
  EvaluateResult,
  ModelInfo,
  Precision,
  Runtime,
  RuntimeOptions,
  RuntimeStats,
  Speculation,
  TextCodec,
  TuneOptions,
  TuneResult,
} from "./api.ts";
import { ChatConversation, type ConversationParts } from "./conversation/conversation.ts";
import { checkObject, checkText } from "./conversation/option_checks.ts";
import { disposed, TurnLoop } from "./conversation/turn_loop.ts";
import { BatonError } from "./errors.ts";
import { evaluate } from "./evaluate.ts";
import { borrowDevice, type GpuDevice, openDevice } from "./gpu/device.ts";
import { type GgufFile, openGguf } from "./loader/gguf.ts";
import { sourceOf } from "./loader/sources/byte_sources.ts";
import { TensorTable, vocabOf } from "./model/tensor_table.ts";
import { summarizeAdapter } from "./platform/gpu_choice.ts";
import type { AdapterSummary, Platform } from "./platform/platform.ts";
import type { ByteSource } from "./protocol/bytes.ts";
import type { GpuRunner } from "./runner/gpu_runner.ts";
import { openRunner } from "./runner/open_runner.ts";
import { type CheckedRuntimeOptions, checkRuntimeOptions, checkTuneOptions } from "./runtime_options.ts";
import { RuntimeTuner, recallKernels } from "./runtime_tuner.ts";
import { Scheduler } from "./scheduler/scheduler.ts";
import type { DeviceSnapshot } from "./scheduler/snapshot.ts";
import { type ChatTemplate, createChatTemplate } from "./text/chat.ts";
import { createTokenizer, type Tokenizer } from "./text/tokenizer.ts";
import type { Tunable } from "./tuner/task.ts";

/**
 * The composition root: options in, a runtime out, everything let go of if that fails.
 * @throws InputError `invalid-option`, `unknown-model`; ModelError; DeviceError; the signal's reason
 */
export async function openRuntime(
  options: RuntimeOptions,
  defaultPlatform: () => Platform,
): Promise<Runtime> {
  const startedMs = performance.now();
  const checked = checkRuntimeOptions(options);
  checked.signal?.throwIfAborted();
  const platform = checked.platform ?? defaultPlatform();
  // The device first: without one there is no use in a download.
  const gpu = await openGpu(checked, platform);
  try {
    const source = await openSource(checked, platform);
    const file = await openGguf(source, { signal: checked.signal });
    const parts = await load(checked, gpu, file, platform);
    const { precision, speculation } = checked;
    const model = modelInfo(checked.model, source, file, parts.runner);
    const runtime = new BatonRuntime({ ...parts, gpu, model, platform, precision, speculation, startedMs });
    if (checked.tune === "idle") runtime.tuneWhenIdle();
    return runtime;
  } catch (error) {
    gpu.destroy();
    throw error;
  }
}

async function openGpu({ device, adapter }: CheckedRuntimeOptions, platform: Platform): Promise<GpuDevice> {
  if (device !== undefined) return borrowDevice(device, summaryOf(device));
  return openDevice(await platform.openAdapter(adapter === undefined ? {} : { name: adapter }));
}

/** Of a device little is known: browsers leave out the adapter's name. */
function summaryOf({ adapterInfo: info, label }: GPUDevice): AdapterSummary {
  const family = [info.vendor, info.architecture].filter((part) => part !== "").join(" ");
  return summarizeAdapter(info.description || info.device || family || label || "caller's device", info);
}

async function openSource(options: CheckedRuntimeOptions, platform: Platform): Promise<ByteSource> {
  const { model, onProgress, signal } = options;
  if (model instanceof Blob || model instanceof ReadableStream) return sourceOf(model);
  return platform.resolveModel(model, { ...(onProgress && { onProgress }), ...(signal && { signal }) });
}

interface Loaded {
  readonly tokenizer: Tokenizer;
  readonly template: ChatTemplate;
  readonly runner: GpuRunner;
}

/** Reads the file to its end, and closes it. */
async function load(
  options: CheckedRuntimeOptions,
  gpu: GpuDevice,
  file: GgufFile,
  platform: Platform,
): Promise<Loaded> {
  const { precision, maxStepTokens, maxLogitRows, kvMiB, onProgress, signal } = options;
  try {
    const tokenizer = createTokenizer(file.metadata, vocabOf(new TensorTable(file)));
    const template = createChatTemplate(file.metadata, tokenizer);
    const given = {
      ...(kvMiB !== undefined && { kvMiB }),
      ...(maxLogitRows !== undefined && { maxLogitRows }),
      ...(onProgress && { onProgress }),
      tuned: (tunable: Tunable) => recallKernels(tunable, platform),
    };
    const runner = await openRunner({ gpu, file, precision, maxStepTokens, ...given });
    signal?.throwIfAborted();
    return { tokenizer, template, runner };
  } finally {
    await file.close();
  }
}

function modelInfo(
  model: RuntimeOptions["model"],
  source: ByteSource,
  file: GgufFile,
  { config, limits, weightBytes }: GpuRunner,
): ModelInfo {
  const last = file.tensors.at(-1);
  return {
    name: modelName(typeof model === "string" || model instanceof URL ? String(model) : source.name),
    architecture: config.architecture.name,
    parameters: file.parameters,
    contextTokens: limits.contextTokens,
    vocabTokens: limits.vocabTokens,
    fileBytes: source.bytes ?? (last === undefined ? 0 : last.offset + last.bytes),
    weightBytes,
  };
}

/** A catalogue's name as it is; of a path or a URL, the file's name. */
function modelName(model: string): string {
  const [path = ""] = model.split(/[?#]/);
  return (
    path
      .split(/[\\/]/)
      .at(-1)
      ?.replace(/\.gguf$/i, "") || model
  );
}

/** The one device's id in the scheduler. */
const DEVICE = "gpu";

interface RuntimeParts extends Loaded {
  readonly gpu: GpuDevice;
  readonly model: ModelInfo;
  readonly platform: Platform;
  readonly precision: Precision;
  readonly speculation: Speculation;
  readonly startedMs: number;
}

class BatonRuntime implements Runtime {
  readonly model: ModelInfo;
  readonly adapter: AdapterSummary;
  readonly precision: Precision;
  readonly tokenizer: TextCodec;
  readonly #gpu: GpuDevice;
  readonly #runner: GpuRunner;
  readonly #scheduler: Scheduler;
  readonly #loop: TurnLoop;
  readonly #parts: ConversationParts;
  readonly #tuner: RuntimeTuner;
  readonly #loadMs: number;
  #conversations = 0;
  #disposal: Promise<void> | undefined;

  constructor(parts: RuntimeParts) {
    const { gpu, runner, tokenizer, template, model, platform, precision, speculation, startedMs } = parts;
    this.model = model;
    this.adapter = gpu.summary;
    this.precision = precision;
    this.tokenizer = textCodec(tokenizer, template);
    this.#gpu = gpu;
    this.#runner = runner;
    const { limits } = runner;
    this.#scheduler = new Scheduler({ devices: [{ id: DEVICE, role: "both", limits }], speculation });
    this.#loop = new TurnLoop(this.#scheduler, new Map([[DEVICE, runner]]));
    const history = (id: string) => this.#scheduler.history(id);
    const cachedTokens = (id: string) => this.#scheduler.cachedTokens(id);
    this.#parts = { loop: this.#loop, tokenizer, template, limits, history, cachedTokens };
    const { tunable } = runner;
    this.#tuner = new RuntimeTuner({ tunable, memory: platform, model: model.name, activity: this.#loop });
    reportLoss(gpu, this.#loop);
    this.#loadMs = performance.now() - startedMs;
  }

  stats(): RuntimeStats {
    const { devices, steps } = this.#scheduler.snapshot();
    const sum = (count: (device: DeviceSnapshot) => number) =>
      devices.reduce((all, device) => all + count(device), 0);
    return {
      loadMs: this.#loadMs,
      kvBlocks: sum(({ blocks }) => blocks.total),
      kvBlocksUsed: sum(({ blocks }) => blocks.used),
      kvBlocksPeak: sum(({ blocks }) => blocks.peak),
      kvBlockTokens: this.#runner.limits.blockTokens,
      kvBytes: this.#runner.kvBytes,
      steps,
      dispatches: this.#runner.dispatches,
      draftedTokens: sum(({ drafts }) => drafts.drafted),
      acceptedTokens: sum(({ drafts }) => drafts.accepted),
      liveGpuBytes: this.#gpu.liveBytes,
      tunedProducts: this.#runner.tunedProducts,
    };
  }

  conversation(options: ConversationOptions = {}): ChatConversation {
    this.#loop.assertAlive();
    checkObject("options", options);
    if (options.system !== undefined) checkText("system", options.system);
    return new ChatConversation(this.#newId("conversation"), options.system, this.#parts);
  }

  async evaluate(request: EvaluateRequest): Promise<EvaluateResult> {
    this.#loop.assertAlive();
    return evaluate(this.#parts, this.#newId("evaluation"), request);
  }

  async tune(options: TuneOptions = {}): Promise<TuneResult> {
    this.#loop.assertAlive();
    return this.#tuner.tune(checkTuneOptions(options));
  }

  tuneWhenIdle(): void {
    if (this.precision !== "exact") this.#tuner.tuneWhenIdle();
  }

  dispose(): Promise<void> {
    this.#disposal ??= Promise.all([this.#loop.dispose(), this.#tuner.dispose(disposed())]).then(() =>
      this.#runner.dispose(),
    );
    return this.#disposal;
  }

  #newId(kind: string): string {
    this.#conversations += 1;
    return `${kind}-${this.#conversations}`;
  }
}

/** The loop is held weakly: a caller's own device may outlive many runtimes. */
function reportLoss(gpu: GpuDevice, loop: TurnLoop): void {
  const weakly = new WeakRef(loop);
  void gpu.lost.then(() => {
    try {
      gpu.assertAlive();
    } catch (error) {
      if (error instanceof BatonError) weakly.deref()?.lose(DEVICE, error.toPlain());
    }
  });
}

function textCodec(tokenizer: Tokenizer, template: ChatTemplate): TextCodec {
  return {
    encode: (text) => tokenizer.encode(text, { control: false }),
    decode: (ids) => tokenizer.decode(ids),
    encodeChat: (messages) => template.encode(messages, { generationPrompt: true }),
  };
}
