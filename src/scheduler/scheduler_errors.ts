import { CapacityError, InputError, type PlainError } from "../errors.ts";
import type { RunnerLimits } from "../protocol/step.ts";
import type { TurnRequest } from "../protocol/turn.ts";

/** Why a turn cannot run, as plain data. */

export function disposed(conversation: string): PlainError {
  return new InputError("disposed", `${conversation} was disposed: begin a new conversation.`, {
    conversation,
  }).toPlain();
}

export function busy(conversation: string): PlainError {
  return new InputError(
    "conversation-busy",
    `${conversation} is still answering: read its turn to the end, or abort it, before sending the next.`,
    { conversation },
  ).toPlain();
}

export function kvFull(
  conversation: string,
  blocks: { readonly needed: number; readonly missing: number; readonly total: number },
): PlainError {
  return new CapacityError(
    "kv-full",
    `The KV cache is full: ${conversation} needs ${blocks.needed} more of its ${blocks.total} blocks and ${blocks.missing} are missing. ` +
      "Dispose conversations that are not needed any more, or give the runtime a larger kvMiB.",
    { conversation, ...blocks },
  ).toPlain();
}

/** Undefined when the prompt can run at all: in the model's context, with room for an answer if one is wanted, and in an empty pool. */
export function promptTooLong(
  { keep, tokens, output }: TurnRequest,
  limits: RunnerLimits,
): PlainError | undefined {
  const promptTokens = keep + tokens.length;
  const contextRoom = limits.contextTokens - (output.kind === "tokens" ? 1 : 0);
  const poolRoom = limits.blocks * limits.blockTokens;
  const most = Math.min(contextRoom, poolRoom);
  if (promptTokens <= most) return undefined;
  const where = contextRoom <= poolRoom ? "the model's context" : "the KV cache";
  const remedy = contextRoom <= poolRoom ? "Shorten it." : "Shorten it, or give the runtime a larger kvMiB.";
  return new InputError(
    "prompt-too-long",
    `The prompt has ${promptTokens} tokens and ${where} has room for ${most}. ${remedy}`,
    { promptTokens, most },
  ).toPlain();
}
