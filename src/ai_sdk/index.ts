import type {
  LanguageModelV3,
  LanguageModelV3CallOptions,
  LanguageModelV3Content,
  LanguageModelV3FinishReason,
  LanguageModelV3StreamPart,
  LanguageModelV3ToolChoice,
  LanguageModelV3Usage,
  SharedV3Warning,
} from "@ai-sdk/provider";
import type { DonePart, FinishReason, Part, Runtime, SendOptions, ToolCallPart, Usage } from "../api.ts";
import { OpenConversations } from "./open_conversations.ts";
import { promptOf, toolsOf } from "./prompt.ts";

/**
 * Baton as a model of the AI SDK (`ai`), by version 3 of its specification: `ai` 6 has it, and `ai` 7 takes it as it is, with some options more
 * than it knows.
 */

export interface BatonModelOptions {
  /** Decode tool calls under a grammar, so that each is valid. Default true. */
  readonly constrained?: boolean;
  /** As `SendOptions.priority`. */
  readonly priority?: number;
}

export interface BatonModel extends LanguageModelV3 {
  /** Lets go of the conversations it keeps open for calls to come. The runtime stays. */
  dispose(): void;
}

/** The runtime's model for `generateText`, `streamText` and what else `ai` has. */
export function batonModel(
  runtime: Pick<Runtime, "conversation" | "model">,
  { constrained = true, priority = 0 }: BatonModelOptions = {},
): BatonModel {
  const conversations = new OpenConversations(runtime);

  async function* run(options: LanguageModelV3CallOptions): AsyncGenerator<Part, void> {
    const prompt = promptOf(options.prompt);
    const conversation = conversations.take(prompt, toolsOf(options.tools));
    try {
      yield* conversation.send(prompt.request, { ...sendOptions(options), constrained, priority });
    } finally {
      conversations.release(conversation);
    }
  }

  return {
    specificationVersion: "v3",
    provider: "baton",
    modelId: runtime.model.name,
    supportedUrls: {},
    async doGenerate(options) {
      const content: LanguageModelV3Content[] = [];
      let text = "";
      let done: DonePart | undefined;
      for await (const part of run(options)) {
        if (part.type === "text") text += part.text;
        else if (part.type === "tool-call") content.push(toolCall(part));
        else done = part;
      }
      if (text !== "") content.unshift({ type: "text", text });
      return { content, ...endOf(done), warnings: warningsFor(options) };
    },
    async doStream(options) {
      const parts = streamParts(run(options), warningsFor(options));
      return { stream: asStream(parts) };
    },
    dispose: () => conversations.dispose(),
  };
}

async function* streamParts(
  parts: AsyncIterable<Part>,
  warnings: SharedV3Warning[],
): AsyncGenerator<LanguageModelV3StreamPart, void> {
  yield { type: "stream-start", warnings };
  let block = 0;
  let open = false;
  try {
    for await (const part of parts) {
      const id = `text-${block}`;
      if (part.type === "text") {
        if (!open) yield { type: "text-start", id };
        open = true;
        yield { type: "text-delta", id, delta: part.text };
        continue;
      }
      if (open) yield { type: "text-end", id };
      if (open) block += 1;
      open = false;
      if (part.type === "done") yield { type: "finish", ...endOf(part) };
      else yield* callParts(part);
    }
  } catch (error) {
    yield { type: "error", error };
  }
}

function* callParts(part: ToolCallPart): Generator<LanguageModelV3StreamPart, void> {
  const call = toolCall(part);
  const { toolCallId: id, toolName, input } = call;
  yield { type: "tool-input-start", id, toolName };
  yield { type: "tool-input-delta", id, delta: input };
  yield { type: "tool-input-end", id };
  yield call;
}

/** The reader's cancelling ends the loop over the parts, and so the turn. */
function asStream<T>(parts: AsyncGenerator<T, void>): ReadableStream<T> {
  return new ReadableStream<T>({
    async pull(controller) {
      const { value, done } = await parts.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    async cancel() {
      await parts.return();
    },
  });
}

function toolCall({ id, name, arguments: given }: ToolCallPart) {
  return { type: "tool-call", toolCallId: id, toolName: name, input: JSON.stringify(given) } as const;
}

function sendOptions(options: LanguageModelV3CallOptions): SendOptions {
  const { maxOutputTokens, temperature, topP, topK, seed, presencePenalty, frequencyPenalty } = options;
  const { stopSequences, responseFormat, toolChoice, abortSignal } = options;
  return {
    ...(maxOutputTokens !== undefined && { maxTokens: maxOutputTokens }),
    ...(temperature !== undefined && { temperature }),
    ...(topP !== undefined && { topP }),
    ...(topK !== undefined && { topK }),
    ...(seed !== undefined && { seed }),
    ...(presencePenalty !== undefined && { presencePenalty }),
    ...(frequencyPenalty !== undefined && { frequencyPenalty }),
    ...(stopSequences !== undefined && { stop: stopSequences }),
    ...(toolChoice !== undefined && { toolChoice: choiceOf(toolChoice) }),
    ...(responseFormat?.type === "json" && {
      responseFormat: {
        type: "json",
        ...(responseFormat.schema !== undefined && { schema: { ...responseFormat.schema } }),
      },
    }),
    ...(abortSignal !== undefined && { signal: abortSignal }),
  };
}

function choiceOf(choice: LanguageModelV3ToolChoice): NonNullable<SendOptions["toolChoice"]> {
  return choice.type === "tool" ? { tool: choice.toolName } : choice.type;
}

/**
 * Headers, which `ai` gives with every call, are for servers.
 * @param options with what version 4 of the specification adds
 */
function warningsFor(
  options: LanguageModelV3CallOptions & { readonly reasoning?: string },
): SharedV3Warning[] {
  const { includeRawChunks, reasoning = "provider-default" } = options;
  const unheeded = [includeRawChunks && "includeRawChunks", reasoning !== "provider-default" && "reasoning"];
  return unheeded.flatMap((feature) => (feature ? [{ type: "unsupported", feature }] : []));
}

function endOf(done: DonePart | undefined): {
  finishReason: LanguageModelV3FinishReason;
  usage: LanguageModelV3Usage;
} {
  const raw = done?.finishReason;
  return {
    finishReason: { unified: raw === undefined ? "other" : UNIFIED[raw], raw },
    usage: usageOf(done?.usage),
  };
}

const UNIFIED = {
  end: "stop",
  stop: "stop",
  length: "length",
  "tool-calls": "tool-calls",
  abort: "other",
} as const satisfies Record<FinishReason, LanguageModelV3FinishReason["unified"]>;

function usageOf(usage: Usage | undefined): LanguageModelV3Usage {
  const { promptTokens, cachedTokens, completionTokens } = usage ?? {};
  const noCache =
    promptTokens === undefined || cachedTokens === undefined ? undefined : promptTokens - cachedTokens;
  return {
    inputTokens: { total: promptTokens, noCache, cacheRead: cachedTokens, cacheWrite: undefined },
    outputTokens: { total: completionTokens, text: completionTokens, reasoning: undefined },
  };
}
