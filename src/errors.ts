/**
 * Every error Baton throws on purpose: few classes, each with a `code` to switch on and `fields` of plain data.
 * The message is one or two plain sentences: what was wrong, where, and what to do.
 */

/** What a caller passed in: an option, a prompt, a name. */
export type InputCode =
  | "invalid-option"
  | "empty-prompt"
  | "prompt-too-long"
  | "unknown-model"
  | "conversation-busy"
  | "invalid-template"
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

export type ErrorCode = InputCode | ModelCode | DeviceCode | CapacityCode;
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

export abstract class BatonError<Code extends ErrorCode = ErrorCode> extends Error {
  readonly code: Code;
  readonly fields: ErrorFields;

  constructor(code: Code, message: string, fields: ErrorFields = {}, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
    this.fields = fields;
  }

  toPlain(): PlainError {
    return { name: this.name, code: this.code, message: this.message, fields: this.fields };
  }
}

export class InputError extends BatonError<InputCode> {}
export class ModelError extends BatonError<ModelCode> {}
export class DeviceError extends BatonError<DeviceCode> {}
export class CapacityError extends BatonError<CapacityCode> {}

/** The same error again on the other side of a border; the class follows from `plain.name`. */
export function fromPlain(plain: PlainError): BatonError {
  const classes = { InputError, ModelError, DeviceError, CapacityError } as const;
  const Class = classes[plain.name as keyof typeof classes] as new (
    code: ErrorCode,
    message: string,
    fields: ErrorFields,
  ) => BatonError;
  return new Class(plain.code, plain.message, plain.fields);
}
