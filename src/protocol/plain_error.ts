/** Errors as plain data, and every code there is; `errors.ts` has the classes. */

/** What a caller passed in: an option, a prompt, a name. */
export type InputCode =
  | "invalid-option"
  | "empty-prompt"
  | "prompt-too-long"
  | "unknown-model"
  | "conversation-busy"
  | "invalid-template"
  | "invalid-schema"
  | "artefact-damaged"
  | "artefact-version"
  | "artefact-model"
  | "model-busy"
  | "disposed";

/** The model's file, or the way to it. */
export type ModelCode =
  | "file-not-found"
  | "file-unreadable"
  | "not-gguf"
  | "gguf-version"
  | "gguf-truncated"
  | "gguf-invalid"
  | "unknown-architecture"
  | "unknown-tensor-type"
  | "unknown-tokenizer"
  | "missing-tensor"
  | "wrong-shape"
  | "wrong-checksum"
  | "wrong-size"
  | "download-failed"
  | "disk-full"
  | "cache-unwritable"
  | "tool-missing";

/** The GPU: adapter, device, shader. */
export type DeviceCode =
  | "no-adapter"
  | "adapter-limit"
  | "device-lost"
  | "gpu-out-of-memory"
  | "gpu-error"
  | "shader-invalid";

/** Room: the turn that asked is refused, everything else goes on. */
export type CapacityCode = "kv-full";

/** What keeps conversations: they go on without it. */
export type StorageCode = "storage-full" | "storage-missing" | "storage-failed";

export type ErrorCode = InputCode | ModelCode | DeviceCode | CapacityCode | StorageCode;
export type ErrorFields = Readonly<
  Record<string, string | number | boolean | readonly string[] | readonly number[]>
>;

/** A `BatonError` as plain data: what crosses a worker border or goes into JSON. */
export interface PlainError {
  readonly name: string;
  readonly code: ErrorCode;
  readonly message: string;
  readonly fields: ErrorFields;
}
