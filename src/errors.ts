/**
 * Every error Baton throws on purpose: few classes, each with a `code` to switch on and `fields` of plain data.
 * The message is one or two plain sentences: what was wrong, where, and what to do.
 */

import type {
  CapacityCode,
  DeviceCode,
  ErrorCode,
  ErrorFields,
  InputCode,
  ModelCode,
  PlainError,
  StorageCode,
} from "./protocol/plain_error.ts";

export type * from "./protocol/plain_error.ts";

export abstract class BatonError<Code extends ErrorCode = ErrorCode> extends Error {
  /** Written out in each class: a minifier renames the classes themselves. */
  abstract override readonly name: string;
  readonly code: Code;
  readonly fields: ErrorFields;

  constructor(code: Code, message: string, fields: ErrorFields = {}, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.fields = fields;
  }

  toPlain(): PlainError {
    return { name: this.name, code: this.code, message: this.message, fields: this.fields };
  }
}

export class InputError extends BatonError<InputCode> {
  override readonly name = "InputError";
}
export class ModelError extends BatonError<ModelCode> {
  override readonly name = "ModelError";
}
export class DeviceError extends BatonError<DeviceCode> {
  override readonly name = "DeviceError";
}
export class CapacityError extends BatonError<CapacityCode> {
  override readonly name = "CapacityError";
}
export class StorageError extends BatonError<StorageCode> {
  override readonly name = "StorageError";
}

/** Of a name that this version does not know. */
class OtherError extends BatonError {
  override readonly name: string;

  constructor({ name, code, message, fields }: PlainError) {
    super(code, message, fields);
    this.name = name;
  }
}

/** The same error again on the other side of a border; the class follows from `plain.name`. Never throws. */
export function fromPlain(plain: PlainError): BatonError {
  const Class = classOf(plain.name);
  return Class === undefined ? new OtherError(plain) : new Class(plain.code, plain.message, plain.fields);
}

type AnyClass = new (code: ErrorCode, message: string, fields: ErrorFields) => BatonError;

function classOf(name: string): AnyClass | undefined {
  const classes = { InputError, ModelError, DeviceError, CapacityError, StorageError } as const;
  return Object.hasOwn(classes, name) ? (classes[name as keyof typeof classes] as AnyClass) : undefined;
}
