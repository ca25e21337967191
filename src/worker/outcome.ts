import { errorOf } from "../conversation/loop_errors.ts";
import { BatonError, fromPlain, type PlainError } from "../errors.ts";

/** What a call came to, as plain data: a structured clone of an error loses its class, its code and its fields. */
export type Outcome<T> = { readonly kind: "value"; readonly value: T } | Failure;

export type Failure =
  | { readonly kind: "baton-error"; readonly error: PlainError }
  /** With its signal's reason, which stays where the signal is. */
  | { readonly kind: "aborted" }
  | { readonly kind: "other-error"; readonly message: string };

export async function outcomeOf<T>(work: () => T | Promise<T>, signal?: AbortSignal): Promise<Outcome<T>> {
  try {
    return { kind: "value", value: await work() };
  } catch (cause) {
    return failureOf(cause, signal);
  }
}

export function failureOf(cause: unknown, signal?: AbortSignal): Failure {
  if (cause instanceof BatonError) return { kind: "baton-error", error: cause.toPlain() };
  if (signal?.aborted && cause === signal.reason) return { kind: "aborted" };
  return { kind: "other-error", message: errorOf(cause).message };
}

/** @throws what the call failed with */
export function unwrap<T>(outcome: Outcome<T>, signal: AbortSignal | undefined): T {
  if (outcome.kind === "value") return outcome.value;
  throw errorOfFailure(outcome, signal);
}

/** What is to be thrown: a signal's reason can be anything. */
export function errorOfFailure(failure: Failure, signal: AbortSignal | undefined): unknown {
  switch (failure.kind) {
    case "baton-error":
      return fromPlain(failure.error);
    case "aborted":
      return signal?.reason ?? new DOMException("The call was aborted.", "AbortError");
    case "other-error":
      return new Error(failure.message);
    default:
      return failure satisfies never;
  }
}
