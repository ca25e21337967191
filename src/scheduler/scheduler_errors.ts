import type { PlainError } from "../protocol/plain_error.ts";
import type { RunnerLimits } from "../protocol/step.ts";
import type { TurnRequest } from "../protocol/turn.ts";
import type { ConversationState } from "./state.ts";

/** Why a turn cannot run, as plain data. */

export function disposed(conversation: string): PlainError {
  return {
    name: "InputError",
    code: "disposed",
    message: `${conversation} was disposed: begin a new conversation.`,
    fields: { conversation },
  };
}

function busy(conversation: string): PlainError {
  return {
    name: "InputError",
    code: "conversation-busy",
    message: `${conversation} is still answering: read that answer to its end, or abort it, before sending again.`,
    fields: { conversation },
  };
}

export function kvFull(
  conversation: string,
  blocks: { readonly needed: number; readonly missing: number; readonly total: number },
): PlainError {
  const { needed, missing, total } = blocks;
  return {
    name: "CapacityError",
    code: "kv-full",
    message:
      `The KV cache is full: ${conversation} needs ${needed} more of the ${total} blocks, and ${missing} of these are missing. ` +
      "Dispose conversations that are not needed any more, or give the runtime a larger kvMiB.",
    fields: { conversation, needed, missing, total },
  };
}

/** Undefined when the turn can begin. */
export function refusalOf(
  request: TurnRequest,
  conversation: ConversationState | undefined,
  limits: Iterable<RunnerLimits>,
): PlainError | undefined {
  if (conversation?.turn !== undefined) return busy(conversation.id);
  // Where all devices are lost and one will be back, that one decides.
  let best: PlainError | undefined;
  for (const device of limits) {
    const refusal = promptTooLong(request, device);
    if (refusal === undefined) return undefined;
    // What is missing is missing on the device with most room.
    if (best === undefined || mostOf(refusal) > mostOf(best)) best = refusal;
  }
  return best;
}

function mostOf({ fields }: PlainError): number {
  return Number(fields.most ?? 0);
}

/** Undefined when the prompt can run at all: in the model's context, with room for an answer if one is wanted, and in an empty pool. */
function promptTooLong(
  { keep, tokens, output }: TurnRequest,
  { contextTokens, blocks, blockTokens }: RunnerLimits,
): PlainError | undefined {
  const promptTokens = keep + tokens.length;
  const contextRoom = contextTokens - (output.kind === "tokens" ? 1 : 0);
  const most = Math.min(contextRoom, blocks * blockTokens);
  if (promptTokens <= most) return undefined;
  const tooLong = { name: "InputError", code: "prompt-too-long" } as const;
  const length = `The prompt has ${promptTokens} tokens and`;
  if (most === contextRoom)
    return {
      ...tooLong,
      message: `${length} the model's context has room for ${most}. Shorten it.`,
      fields: { promptTokens, most },
    };
  const missing = Math.ceil(promptTokens / blockTokens) - blocks;
  const are = missing === 1 ? "1 KV block is" : `${missing} KV blocks are`;
  return {
    ...tooLong,
    message: `${length} the KV cache has room for ${most}: ${are} missing. Shorten it, or give the runtime a larger kvMiB.`,
    fields: { promptTokens, most, missing, total: blocks },
  };
}
