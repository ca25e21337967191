/** What a runtime tells whoever watches it: plain data, which crosses any border. All times in ms since the runtime began to load. */

export type RuntimeEvent =
  | StepBegan
  | StepEnded
  | CopyBegan
  | CopyEnded
  | KvBlocks
  | DeviceLost
  /** It was opened again after a loss, with an empty KV pool. */
  | { readonly kind: "device-joined"; readonly atMs: number; readonly device: string };

export interface DeviceLost {
  readonly kind: "device-lost";
  readonly atMs: number;
  readonly device: string;
  /** It is being opened again. Where that cannot be, the loss is told of once more, without. */
  readonly recovering: boolean;
}

/** What a step holds. */
export interface StepContent {
  readonly device: string;
  /** Counts up, over all devices. */
  readonly step: number;
  /** Prompt tokens that it runs; conversations whose next token it computes; tokens that were guessed and are checked in it. */
  readonly prefillTokens: number;
  readonly decodes: number;
  readonly draftTokens: number;
  /** Those that have a row in it. */
  readonly conversations: readonly string[];
}

/** The device was given the step; others may still be before it. */
export interface StepBegan extends StepContent {
  readonly kind: "step-began";
  readonly atMs: number;
}

export interface StepEnded extends StepContent {
  readonly kind: "step-ended";
  readonly atMs: number;
  /** How long the device worked on it. */
  readonly ms: number;
  readonly failed: boolean;
}

/** KV blocks that leave a device for host memory, or enter one from there. `host` is host memory itself, where idle conversations are parked. */
export interface CopyContent {
  readonly device: string;
  readonly direction: "export" | "import";
  /** Of the conversation's way from one device to another, which all copies for it share. */
  readonly handoff: number;
  /** Undefined where it has been closed meanwhile. */
  readonly conversation: string | undefined;
  readonly blocks: number;
  readonly bytes: number;
}

export interface CopyBegan extends CopyContent {
  readonly kind: "copy-began";
  readonly atMs: number;
}

export interface CopyEnded extends CopyContent {
  readonly kind: "copy-ended";
  readonly atMs: number;
  readonly ms: number;
  readonly failed: boolean;
}

/** Whose the KV blocks are, every `kvEveryMs`. */
export interface KvBlocks {
  readonly kind: "kv-blocks";
  readonly atMs: number;
  readonly pools: readonly KvPoolBlocks[];
}

export interface KvPoolBlocks {
  /** The devices of the pool; `host` for parked conversations. */
  readonly devices: readonly string[];
  /** How many blocks there are; they are numbered from 0. */
  readonly blocks: number;
  /** Each conversation's blocks in the order of its tokens. A block of several conversations is shared by them. */
  readonly owners: readonly { readonly conversation: string; readonly blocks: readonly number[] }[];
}

export interface ObserveOptions {
  /** How often to tell whose the KV blocks are. Range [10, 3600000]; never when absent. */
  readonly kvEveryMs?: number;
}
