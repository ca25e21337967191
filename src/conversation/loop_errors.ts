import { BatonError, DeviceError, InputError, type PlainError } from "../errors.ts";

/** What the turn loop makes of failures. */

export function disposed(): InputError {
  return new InputError("disposed", "The runtime was disposed: create a new one.");
}

export function conversationDisposed(conversation: string): InputError {
  const message = `${conversation} was disposed: begin a new conversation.`;
  return new InputError("disposed", message, { conversation });
}

export function conversationBusy(conversation: string): InputError {
  const message = `${conversation} has a turn that runs: stop it, or wait for its end, before you roll back.`;
  return new InputError("conversation-busy", message, { conversation });
}

export function plainOf(cause: unknown, device: string): PlainError {
  if (cause instanceof BatonError) return cause.toPlain();
  const { message } = errorOf(cause);
  return new DeviceError("gpu-error", `A step failed on ${device}: ${message}`, { device }).toPlain();
}

export function brokenBy(cause: unknown): DeviceError {
  return new DeviceError(
    "gpu-error",
    `The runtime met a fault of its own and runs nothing any more: dispose it and create a new one. The fault: ${errorOf(cause).message}`,
    {},
    { cause },
  );
}

export function errorOf(cause: unknown): Error {
  return cause instanceof Error ? cause : new Error(String(cause));
}
