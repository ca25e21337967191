/** What the program and a peer's process say to each other: plain data. */

/** What every peer is given to run. */
export interface PeerJob {
  /** Path of the GGUF file. */
  readonly model: string;
  /** Folder of the same weights as ONNX; undefined for peers that read the GGUF file. */
  readonly onnx: string | undefined;
  /** The prompt as token ids. */
  readonly ids: readonly number[];
  /** The user's message that becomes these ids by the model's chat template. */
  readonly text: string;
  readonly threads: number;
}

/** `tokens`: how many to generate after the prompt, at least two; the cache is empty before. */
export type PeerRequest =
  | { readonly kind: "load"; readonly job: PeerJob }
  | { readonly kind: "run"; readonly tokens: number };

export type PeerAnswer =
  | ({ readonly kind: "loaded" } & PeerIdentity)
  | ({ readonly kind: "ran" } & PeerSample)
  | { readonly kind: "failed"; readonly reason: string };

export interface PeerIdentity {
  /** The engine's packages and versions. */
  readonly version: string;
  /** The device as the engine names it; undefined where it does not say. */
  readonly device?: string | undefined;
}

export interface PeerSample {
  /** From the prompt to its first sampled token. */
  readonly prefillMs: number;
  /** From the first token to the last. */
  readonly decodeMs: number;
  readonly tokens: readonly number[];
}

/** A peer's side, in whatever process or page it runs. */
export interface PeerEngine {
  load(job: PeerJob): Promise<PeerIdentity>;
  run(tokens: number): Promise<PeerSample>;
}
