import type { ByteSource } from "../protocol/bytes.ts";
import type { OnProgress } from "../protocol/progress.ts";
import type { XGrammar } from "../protocol/xgrammar.ts";
import type { Settings } from "./settings.ts";

/** A GPU as the user knows it, before a device is made of it. */
export interface AdapterSummary {
  /** The name `BATON_ADAPTER` and `--adapter` match (case-insensitive, part of it suffices). */
  readonly name: string;
  readonly vendor: string;
  readonly architecture: string;
  readonly driver: string;
  /** True when the "GPU" is the CPU (lavapipe, SwiftShader): announced as slow. */
  readonly software: boolean;
}

/** Awaits a promise of WebGPU's. */
export type Wait = <T>(pending: Promise<T>) => Promise<T>;

/** An adapter, and what must stay referenced as long as it or a device of it lives. */
export interface OpenAdapter {
  readonly summary: AdapterSummary;
  readonly adapter: GPUAdapter;
  /** Where to await plainly what its devices do would take a core that they compute on. */
  readonly wait?: Wait;
  /**
   * Opens the adapter a second time, where its driver compiles in a thread for each device and keeps what it compiled for all of them:
   * two devices are then ready in half of the time.
   */
  readonly openTwin?: () => Promise<OpenAdapter>;
  /** The other adapters there are, from best to worst; absent where this one was asked for by name. */
  readonly alternatives?: readonly AdapterSummary[];
  /** Lets go of the GPU instance. Call after the device is destroyed: in Node the process cannot exit before. */
  release(): void;
}

export interface AdapterRequest {
  /** Part of an adapter's name; the best adapter when absent. */
  readonly name?: string;
  /** How many devices will share the machine's cores with this one, itself included, where the adapter is the CPU. Default 1. */
  readonly sharers?: number;
  /** GPU timestamps to the nanosecond, for measuring, where the platform can say so; rounded by default. */
  readonly exactTimestamps?: boolean;
}

export interface ResolveOptions {
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

/** Everything that differs between Chrome and Node, behind one interface. */
export interface Platform {
  readonly name: "node" | "browser";
  /** Adapters from best to worst: real GPUs before software ones. */
  listAdapters(): Promise<readonly AdapterSummary[]>;
  /** @throws DeviceError `no-adapter` */
  openAdapter(request: AdapterRequest): Promise<OpenAdapter>;
  /**
   * The bytes behind a catalogue name, a URL or (in Node) a path, downloaded and checked first where needed.
   * @throws InputError `unknown-model`, ModelError `file-not-found`, `download-failed`, `wrong-checksum`, `disk-full` …
   */
  resolveModel(model: string | URL, options: ResolveOptions): Promise<ByteSource>;
  /** What implements WebGPU here, with its version: npm `webgpu`, or the browser. */
  readonly implementation: string;
  readonly settings: Settings;
  /** What constrained decoding needs, and nothing else does. */
  loadXgrammar(): Promise<XGrammar>;
}
