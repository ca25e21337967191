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
} from "./protocol/plain_error.ts";

export type * from "./protocol/plain_error.ts";

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
