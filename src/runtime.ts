import type {
  ConversationOptions,
  ConversationStatus,
  DeviceInfo,
  EvaluateRequest,
  EvaluateResult,
  ImportOptions,
  ModelInfo,
  ObserveOptions,
  PolicyName,
  Precision,
  Runtime,
  RuntimeEvent,
  RuntimeOptions,
  RuntimeStats,
  TextCodec,
  TuneOptions,
  TuneResult,
} from "./api.ts";
import { ChatConversation, type ConversationParts } from "./conversation/conversation.ts";
import { ConversationIds } from "./conversation/conversation_ids.ts";
import { HostBlocks } from "./conversation/host_blocks.ts";
import { disposed } from "./conversation/loop_errors.ts";
import { checkConversationOptions } from "./conversation/message_checks.ts";
import { Observers } from "./conversation/observers.ts";
import { invalidOption } from "./conversation/option_checks.ts";
import { TurnLoop } from "./conversation/turn_loop.ts";
import { BatonError } from "./errors.ts";
import { evaluate } from "./evaluate.ts";
import { decodeArtefact } from "./kv/artefact.ts";
import type { AdapterSummary, Platform } from "./platform/platform.ts";
import type { ByteSource } from "./protocol/bytes.ts";
import { HOST } from "./protocol/device.ts";
import type { Runner } from "./protocol/step.ts";
import { describeDevices, openDevices, type RuntimeDevice } from "./runtime_devices.ts";
import { type Loaded, type LoadedDevice, load, modelInfo, openSource, specOf } from "./runtime_load.ts";
import {
  type CheckedRuntimeOptions,
  checkObserveOptions,
  checkRuntimeOptions,
  checkTuneOptions,
} from "./runtime_options.ts";
import { recovery } from "./runtime_recovery.ts";
import { deviceStats, infoOf, statusOf } from "./runtime_status.ts";
import { RuntimeTuner } from "./runtime_tuner.ts";
import { policies } from "./scheduler/policies/table.ts";
import { Scheduler } from "./scheduler/scheduler.ts";
import type { ChatTemplate } from "./text/chat.ts";
import { Grammars } from "./text/grammar.ts";
import type { Tokenizer } from "./text/tokenizer.ts";

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
  // The devices first: without one there is no use in a download.
  const opened = await openDevices(checked, platform);
  try {
    const source = await openSource(checked, platform);
    const loaded = await load(checked, opened, source, platform);
    const runtime = new BatonRuntime({ ...loaded, options: checked, source, platform, startedMs });
    if (checked.tune === "idle") runtime.tuneWhenIdle();
    return runtime;
  } catch (error) {
    for (const { gpu } of opened.devices) gpu.destroy();
    throw error;
  }
}

interface RuntimeParts extends Loaded {
  readonly options: CheckedRuntimeOptions;
  readonly source: ByteSource;
  readonly platform: Platform;
  readonly startedMs: number;
}

class BatonRuntime implements Runtime {
  readonly model: ModelInfo;
  readonly adapter: AdapterSummary;
  readonly devices: readonly DeviceInfo[];
  readonly devicesReason: string;
  readonly policy: PolicyName;
  readonly precision: Precision;
  readonly tokenizer: TextCodec;
  readonly #devices: LoadedDevice[];
  /** Aborted when it is disposed. */
  readonly #disposing = new AbortController();
  readonly #scheduler: Scheduler;
  readonly #loop: TurnLoop;
  readonly #observers: Observers;
  readonly #parts: ConversationParts;
  readonly #tuner: RuntimeTuner;
  readonly #loadMs: number;
  readonly #ids = new ConversationIds();
  #disposal: Promise<void> | undefined;

  constructor(parts: RuntimeParts) {
    const { devices, why, tokenizer, template, options, source, file, platform, startedMs } = parts;
    const [{ runner, gpu }] = devices;
    this.model = modelInfo(options.model, source, file, runner);
    this.adapter = gpu.summary;
    this.devices = devices.map(infoOf);
    this.devicesReason = describeDevices(devices, why);
    this.policy = options.policy ?? "baton";
    this.precision = options.precision;
    this.tokenizer = textCodec(tokenizer, template);
    this.#devices = [...devices];
    const specs = devices.map(specOf);
    const { speculation, hostKvMiB } = options;
    const hostBlocks = Math.floor((hostKvMiB * 2 ** 20) / runner.limits.blockBytes);
    const policy = policies[this.policy];
    const adapters = new Set(
      devices.map((device) => `${device.gpu.summary.name} ${device.gpu.summary.driver}`),
    );
    const sharesPrefixes = this.precision !== "exact" || adapters.size === 1;
    this.#scheduler = new Scheduler({ devices: specs, policy, speculation, hostBlocks, sharesPrefixes });
    const recover = recovery({
      options,
      platform,
      devices: this.#devices,
      onReopened: (device) => this.#replace(device),
      signal: this.#disposing.signal,
    });
    const runners = new Map<string, Runner>(devices.map((device) => [device.id, device.runner]));
    runners.set(HOST, new HostBlocks(hostBlocks, runner.limits));
    this.#observers = new Observers({
      scheduler: this.#scheduler,
      now: () => performance.now() - startedMs,
      blockBytes: runner.limits.blockBytes,
    });
    this.#loop = new TurnLoop(this.#scheduler, runners, { recover, observers: this.#observers });
    this.#parts = {
      loop: this.#loop,
      tokenizer,
      template,
      grammars: new Grammars({
        tokenizer,
        vocabTokens: runner.limits.vocabTokens,
        load: () => platform.loadXgrammar(),
      }),
      limits: runner.limits,
      history: (id) => this.#scheduler.history(id),
      cachedTokens: (id) => this.#scheduler.cachedTokens(id),
      ids: this.#ids,
      artefactModel: {
        name: this.model.name,
        hash: file.hash ?? "",
        blockTokens: runner.limits.blockTokens,
        blockBytes: runner.limits.blockBytes,
      },
    };
    this.#tuner = new RuntimeTuner({
      // Runners may have been opened again. Devices that share a pool are one GPU.
      tunables: () => {
        const own = this.#devices.filter(({ id, pool }) => id === pool);
        return new Map(own.map(({ id, runner }) => [id, runner.tunable]));
      },
      memory: platform,
      model: this.model.name,
      activity: this.#loop,
    });
    for (const device of devices) reportLoss(device, this.#loop);
    this.#loadMs = performance.now() - startedMs;
  }

  stats(): RuntimeStats {
    const { devices, conversations, steps, host } = this.#scheduler.snapshot();
    const { blockTokens, blockBytes } = this.#parts.limits;
    const drafts = devices.map((device) => device.drafts);
    const perDevice = this.devices.map((info) => deviceStats(info, devices));
    // Devices that share a pool are one GPU, which counts once.
    const own = this.#devices.filter(({ id, pool }) => id === pool);
    const pools = perDevice.filter(({ id }) => own.some((device) => device.id === id));
    const sum = <T>(items: readonly T[], count: (item: T) => number) =>
      items.reduce((total, item) => total + count(item), 0);
    return {
      loadMs: this.#loadMs,
      kvBlocks: sum(pools, ({ kvBlocks }) => kvBlocks),
      kvBlocksUsed: sum(pools, ({ kvBlocksUsed }) => kvBlocksUsed),
      kvBlocksPeak: sum(pools, ({ kvBlocksPeak }) => kvBlocksPeak),
      kvBlockTokens: blockTokens,
      kvBytes: sum(own, ({ runner }) => runner.kvBytes),
      steps,
      dispatches: sum(this.#devices, ({ runner }) => runner.dispatches),
      draftedTokens: sum(drafts, ({ drafted }) => drafted),
      acceptedTokens: sum(drafts, ({ accepted }) => accepted),
      liveGpuBytes: sum(own, ({ gpu }) => gpu.liveBytes),
      tunedProducts: sum(own, ({ runner }) => runner.tunedProducts),
      handoffs: sum(conversations, ({ transfers }) => transfers),
      handoffBytes: sum(conversations, ({ movedBlocks }) => movedBlocks) * blockBytes,
      parks: sum(conversations, ({ parks }) => parks),
      parkedBytes: (host?.used ?? 0) * blockBytes,
      devices: perDevice,
    };
  }

  conversations(): readonly ConversationStatus[] {
    const { blockBytes } = this.#parts.limits;
    const { conversations } = this.#scheduler.snapshot();
    return conversations.map((one) => statusOf(one, this.#devices, blockBytes));
  }

  conversation(options: ConversationOptions = {}): ChatConversation {
    this.#loop.assertAlive();
    const checked = checkConversationOptions(options);
    return new ChatConversation(this.#ids.claim(options.id), checked, this.#parts);
  }

  async import(
    saved: Uint8Array<ArrayBuffer> | Blob,
    options: ImportOptions = {},
  ): Promise<ChatConversation> {
    this.#loop.assertAlive();
    const bytes = saved instanceof Blob ? new Uint8Array(await saved.arrayBuffer()) : saved;
    if (!(bytes instanceof Uint8Array)) throw invalidOption("saved", saved, "a Uint8Array or a Blob");
    const { messages, tools, ...kv } = await decodeArtefact(bytes, this.#parts.artefactModel);
    const id = this.#ids.claim(options.id);
    this.#loop.load(id, kv);
    return new ChatConversation(id, { messages, tools }, this.#parts);
  }

  async evaluate(request: EvaluateRequest): Promise<EvaluateResult> {
    this.#loop.assertAlive();
    return evaluate(this.#parts, this.#ids.evaluation(), request);
  }

  async tune(options: TuneOptions = {}): Promise<TuneResult> {
    this.#loop.assertAlive();
    return this.#tuner.tune(checkTuneOptions(options));
  }

  observe(listener: (event: RuntimeEvent) => void, options: ObserveOptions = {}): () => void {
    this.#loop.assertAlive();
    const { kvEveryMs } = checkObserveOptions(listener, options);
    return this.#observers.add(listener, kvEveryMs);
  }

  tuneWhenIdle(): void {
    if (this.precision !== "exact") this.#tuner.tuneWhenIdle();
  }

  dispose(): Promise<void> {
    this.#disposing.abort();
    this.#disposal ??= Promise.all([this.#loop.dispose(), this.#tuner.dispose(disposed())]).then(() => {
      for (const { runner } of this.#devices) runner.dispose();
      this.#observers.clear();
    });
    return this.#disposal;
  }

  #replace(device: LoadedDevice): void {
    const at = this.#devices.findIndex(({ id }) => id === device.id);
    this.#devices[at] = device;
    reportLoss(device, this.#loop);
  }
}

/** The loop is held weakly: a caller's own device may outlive many runtimes. */
function reportLoss({ id, gpu }: RuntimeDevice, loop: TurnLoop): void {
  const weakly = new WeakRef(loop);
  void gpu.lost.then(() => {
    try {
      gpu.assertAlive();
    } catch (error) {
      if (error instanceof BatonError) weakly.deref()?.lose(id, error.toPlain());
    }
  });
}

function textCodec(tokenizer: Tokenizer, template: ChatTemplate): TextCodec {
  return {
    encode: async (text) => tokenizer.encode(text, { control: false }),
    decode: async (ids) => tokenizer.decode(ids),
    encodeChat: async (messages, tools = []) => template.encode(messages, { generationPrompt: true, tools }),
  };
}
