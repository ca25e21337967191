import type { AdapterSummary, Platform } from "../platform/platform.ts";
import type { Message, ToolDefinition } from "../protocol/chat.ts";
import type { DeviceRole } from "../protocol/device.ts";
import type { OnProgress } from "../protocol/progress.ts";
import type { PolicyName } from "../scheduler/policies/table.ts";
import type { CandidateOutcome, CandidateReport, TunedChoice, Tuning } from "../tuner/tuning.ts";

import type { Conversation, ConversationOptions } from "./conversation.ts";
import type { ObserveOptions, RuntimeEvent } from "./observe.ts";

export type { CandidateOutcome, CandidateReport, DeviceRole, PolicyName, TunedChoice, Tuning };

/** What a caller passes to `createRuntime` and gets from it. */

/**
 * Numeric class. `exact`: 32-bit activations and fixed kernels, so a sequence's logits are bit-equal on one adapter however it
 * is batched or chunked. `default`: activations as packed 16-bit floats. `fast`: what norms leave for the matrix products as pairs
 * of int8, which GPUs multiply in integers; it is as exact as `default`.
 */
export type Precision = "exact" | "default" | "fast";

export type Speculation = "auto" | "off";

export type Thread = "worker" | "page";

export interface RuntimeOptions {
  /** A name of the catalogue, a URL, a path (Node), a `File` or `Blob`, or a stream of the GGUF file's bytes. */
  readonly model: string | URL | Blob | ReadableStream<Uint8Array>;
  /** Default `default`. */
  readonly precision?: Precision;
  /** Part of an adapter's name, for one device that does everything. */
  readonly adapter?: string;
  /** A device of the caller's own, which does everything; it is used and not destroyed. Push no error scopes on it while it loads or tunes. */
  readonly device?: GPUDevice;
  /**
   * Several devices, each with a copy of the model and a KV pool of its own, in place of `adapter` and `device`. A conversation's KV cache
   * is copied from one to another once at the most; `policy: "conserve"` copies each from a prefiller to a decoder after its first prompt.
   * `auto`, the default without `adapter` and `device`, is one device of the best adapter; or, where there are several GPUs of which none
   * is much slower than the others, and all can hold the model, one of each in the role that suits it. What suits them is measured once
   * and remembered. In `exact` it is always one.
   */
  readonly devices?: "auto" | readonly DeviceOptions[];
  /** Where turns run and in what order. Default `baton`. */
  readonly policy?: PolicyName;
  /** Size of each KV pool in MiB. Range (0, 1048576]; chosen from the model's context and the adapter's limits when absent. */
  readonly kvMiB?: number;
  /**
   * Host memory in MiB for the KV of idle conversations that have to make room: it comes back without prefilling. Taken as it is needed.
   * Range [0, 1048576]; default 256.
   */
  readonly hostKvMiB?: number;
  /** Most tokens one step runs, prefill chunks included. Range [1, 4096]; default 256. */
  readonly maxStepTokens?: number;
  /** Most tokens whose logits one step computes, all of them for `evaluate`. Range [1, 4096]; default 64. */
  readonly maxLogitRows?: number;
  /**
   * `idle`: once nobody has asked for anything for some seconds after the first turn, measure which kernels are best here, as `tune`
   * does, for the next start; a turn that comes waits for one measurement at most. Default `never`. In `exact` nothing is tuned.
   */
  readonly tune?: "never" | "idle";
  /**
   * `auto` guesses tokens from what the conversation has seen and checks several in one step, where observed times say that it
   * pays. In `exact` the text is the same; in the others the size of a step may change the last bits of logits, as a batch does.
   * Default `auto`.
   */
  readonly speculation?: Speculation;
  readonly onProgress?: OnProgress;
  /** Aborts the loading. */
  readonly signal?: AbortSignal;
  readonly platform?: Platform;
  /**
   * Where the runtime's own work runs. `worker`, the default of a page: in a Web Worker of its own, so that the page never waits for it.
   * `page`: in the thread that creates it; the default in Node, in a worker, where there are none, and beside a `GPUDevice` or a `platform`
   * of the caller's own, which cannot cross into another thread.
   */
  readonly thread?: Thread;
  /** The worker's script, the package's `dist/worker.js` as bundled, for bundlers that do not find it by themselves. */
  readonly workerUrl?: string | URL;
  /**
   * In a browser, a folder on the page's own origin in which the catalogue's models may lie as `NAME.gguf`, relative to the page's address: asked
   * before the hub, and passed over where it has no such file. A `platform` of the caller's own is told of it by itself.
   */
  readonly modelsUrl?: string | URL;
}

export interface DeviceOptions {
  /** What the device is for. Default `both`. */
  readonly role?: DeviceRole;
  /** Part of an adapter's name; the best adapter when absent. One adapter may serve several devices. */
  readonly adapter?: string;
  /**
   * A device of the caller's own, as `RuntimeOptions.device`. It may be given more than once, with different roles: these then share one copy
   * of the model and one KV pool, and a conversation goes from one to the other without being copied.
   */
  readonly device?: GPUDevice;
  /** Size of its KV pool in MiB; the runtime's when absent. */
  readonly kvMiB?: number;
}

export interface DeviceInfo {
  readonly id: string;
  readonly role: DeviceRole;
  readonly adapter: AdapterSummary;
}

export interface ModelInfo {
  readonly name: string;
  readonly architecture: string;
  readonly parameters: number;
  readonly contextTokens: number;
  readonly vocabTokens: number;
  readonly fileBytes: number;
  readonly weightBytes: number;
}

export interface RuntimeStats {
  readonly loadMs: number;
  readonly kvBlocks: number;
  readonly kvBlocksUsed: number;
  readonly kvBlocksPeak: number;
  /** Tokens one KV block holds. */
  readonly kvBlockTokens: number;
  readonly kvBytes: number;
  readonly steps: number;
  readonly dispatches: number;
  /** Tokens that were guessed and checked, and how many of them were right. */
  readonly draftedTokens: number;
  readonly acceptedTokens: number;
  readonly liveGpuBytes: number;
  /** Products of the model that run kernels which tuning chose in place of the defaults. */
  readonly tunedProducts: number;
  /** Of conversations that are still open: how often one went from a device to another, and the bytes of KV that were copied for it. */
  readonly handoffs: number;
  readonly handoffBytes: number;
  /** Of the same conversations: how often the KV of one went to host memory, and the bytes that are there now. */
  readonly parks: number;
  readonly parkedBytes: number;
  /** Each device's part of the blocks. */
  readonly devices: readonly DeviceStats[];
}

/** Of blocks: those of its pool, which devices of one `GPUDevice` share. */
export interface DeviceStats extends DeviceInfo {
  readonly kvBlocks: number;
  readonly kvBlocksUsed: number;
  readonly kvBlocksPeak: number;
  /** Turns that share its steps now, and turns that wait for blocks there. */
  readonly turns: number;
  readonly queued: number;
}

/** What a conversation does at the moment. */
export interface ConversationStatus {
  readonly id: string;
  /** `waits`: for a place, or for KV blocks; `handoff`: for its KV to cross to another device; `parked`: idle, its KV in host memory. */
  readonly phase: "idle" | "waits" | "prefill" | "handoff" | "decode" | "parked";
  /** Where its turn runs, or its KV is; undefined where it is nowhere or on its way. */
  readonly device: string | undefined;
  readonly cachedTokens: number;
  /** Of the turn that runs: tokens that are known and have not run, and tokens of the answer. */
  readonly tokensLeft: number;
  readonly completionTokens: number;
  /** How often it went to another device, and the bytes that were copied for it. */
  readonly handoffs: number;
  readonly handoffBytes: number;
}

export interface Runtime {
  readonly model: ModelInfo;
  /** The first device's. */
  readonly adapter: AdapterSummary;
  readonly devices: readonly DeviceInfo[];
  /** Which adapters have which roles and why, in one sentence for a person. */
  readonly devicesReason: string;
  readonly policy: PolicyName;
  readonly precision: Precision;
  /** As of now; of a runtime in a worker, as it was at the end of the last turn or call, and while any run at most 100 ms ago. */
  stats(): RuntimeStats;
  /** Every open conversation that has run or waits to, in the order in which they began. As of the same moment as `stats`. */
  conversations(): readonly ConversationStatus[];
  /** @throws InputError `invalid-option`, `disposed`; DeviceError `device-lost` when its worker has ended */
  conversation(options?: ConversationOptions): Conversation;
  /**
   * A conversation that `Conversation.export` has saved. Without room for its KV its next turn prefills it.
   * @throws InputError `artefact-damaged`, `artefact-version`, `artefact-model`, `invalid-option`, `disposed`
   */
  import(saved: Uint8Array<ArrayBuffer> | Blob, options?: ImportOptions): Promise<Conversation>;
  /** Log-probabilities of given tokens, and greedy tokens after them, by the same steps as a conversation's. */
  evaluate(request: EvaluateRequest): Promise<EvaluateResult>;
  /**
   * Measures which kernels are best for this model on an adapter, in the pauses between turns, and remembers it: a runtime created
   * later takes them. Takes 20 seconds at the most on a software adapter and 3 on a GPU, or what `budgetMs` says.
   * @throws InputError `invalid-option` in `exact`, where there is nothing to choose, and for a device that is not there, `disposed`; DeviceError; the signal's reason
   */
  tune(options?: TuneOptions): Promise<TuneResult>;
  /**
   * Tells of every step, of every copy of KV between devices, of devices that are lost and come back, and, where asked to, of whose the KV blocks
   * are. Costs nothing while nobody listens. What a listener throws is reported as uncaught and changes nothing. Returns what ends it.
   * @throws InputError `invalid-option`, `disposed`
   */
  observe(listener: (event: RuntimeEvent) => void, options?: ObserveOptions): () => void;
  readonly tokenizer: TextCodec;
  /** Stops every turn and frees everything; safe to call twice. */
  dispose(): Promise<void>;
}

export interface ImportOptions {
  /** As `ConversationOptions.id`. */
  readonly id?: string;
}

export interface TuneOptions {
  /** Range (0, 3600000]. */
  readonly budgetMs?: number;
  /** Which of `Runtime.devices`, by its id, where there are several. Default: the first. */
  readonly device?: string;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

export interface TuneResult extends Tuning {
  /** False where nothing can be kept: a folder that cannot be written, a browser without storage. */
  readonly remembered: boolean;
}

/** Promises, since the model's vocabulary may be in a worker; there they end with InputError `disposed` after the runtime. */
export interface TextCodec {
  /** Ids of plain text: control tokens in it are not parsed. */
  encode(text: string): Promise<number[]>;
  decode(ids: readonly number[]): Promise<string>;
  /** Ids of messages by the model's chat template, with the generation prompt. */
  encodeChat(messages: readonly Message[], tools?: readonly ToolDefinition[]): Promise<number[]>;
}

export interface EvaluateRequest {
  readonly ids: readonly number[];
  /** How many likeliest next tokens to report at every position. Range [0, 1000]. */
  readonly top: number;
  /** How many greedy tokens to generate afterwards; fewer where the model ends its turn or its context is full. */
  readonly generate: number;
  /** Most tokens of one prefill chunk; what a step can hold when absent. */
  readonly chunkTokens?: number;
  readonly signal?: AbortSignal;
}

export interface EvaluateResult {
  readonly ids: readonly number[];
  /** Log-probability of each given token after its predecessors; the first has none. */
  readonly logprobs: readonly (number | null)[];
  /** At every position, the likeliest next tokens: [id, log-probability], likeliest first. */
  readonly top: readonly (readonly (readonly [number, number])[])[];
  /** Mean negative log-likelihood of the given tokens. */
  readonly nll: number;
  readonly generated: { readonly ids: readonly number[]; readonly text: string };
}
