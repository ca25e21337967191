import type { EvaluateRequest, EvaluateResult } from "./api.ts";
import {
  checkNumber,
  checkObject,
  checkOptionalNumber,
  checkSignal,
  checkTokens,
} from "./conversation/option_checks.ts";
import { greedy } from "./conversation/send_options.ts";
import type { TurnLoop } from "./conversation/turn_loop.ts";
import type { TurnSink } from "./conversation/turn_sinks.ts";
import { InputError } from "./errors.ts";
import { TokenScores } from "./metrics/token_scores.ts";
import type { RunnerLimits } from "./protocol/step.ts";
import type { TurnRequest } from "./protocol/turn.ts";
import type { Tokenizer } from "./text/tokenizer.ts";

export interface EvaluateParts {
  readonly loop: TurnLoop;
  readonly tokenizer: Tokenizer;
  readonly limits: RunnerLimits;
}

/** One turn for the logits of all `ids`, one that goes on greedily, in a conversation of its own. */
export async function evaluate(
  { loop, tokenizer, limits }: EvaluateParts,
  conversation: string,
  request: EvaluateRequest,
): Promise<EvaluateResult> {
  const { ids, top, generate, chunk, signal } = checkRequest(request, limits);
  const scores = new TokenScores(ids, top, limits.vocabTokens);
  const generated: number[] = [];
  try {
    const logits = { output: { kind: "logits" }, keep: 0, tokens: ids, ...chunk } as const;
    await runTurn(loop, { conversation, ...logits }, signal, { logits: (at, rows) => scores.add(at, rows) });
    if (generate > 0 && ids.length < limits.contextTokens) {
      const endTokens = [...tokenizer.endTokens];
      const output = {
        kind: "tokens",
        sampling: greedy,
        maxTokens: generate,
        endTokens,
        stopTokens: [],
      } as const;
      // The last token runs once more, so that the runner chooses the first one generated as it does the others.
      const last = { keep: ids.length - 1, tokens: ids.slice(-1) };
      await runTurn(loop, { conversation, output, ...last }, signal, {
        token: (id) => void generated.push(id),
      });
    }
  } finally {
    loop.close(conversation);
  }
  return { ids, ...scores.result(), generated: { ids: generated, text: tokenizer.decode(generated) } };
}

/** Resolves when the turn has ended. @throws what the turn failed with, and the signal's reason */
async function runTurn(
  loop: TurnLoop,
  request: Omit<TurnRequest, "turn">,
  signal: AbortSignal | undefined,
  sink: Pick<TurnSink, "token" | "logits">,
): Promise<void> {
  signal?.throwIfAborted();
  let abort = () => {};
  try {
    await new Promise<void>((finished, failed) => {
      const turn = loop.start(request, { ...sink, finished: () => finished(), failed });
      abort = () => loop.stop(turn, "abort");
      signal?.addEventListener("abort", abort);
    });
  } finally {
    signal?.removeEventListener("abort", abort);
  }
  signal?.throwIfAborted();
}

function checkRequest(request: EvaluateRequest, { vocabTokens, maxStepTokens }: RunnerLimits) {
  checkObject("request", request);
  checkSignal(request.signal);
  const ids = [...checkTokens("ids", request.ids, vocabTokens)];
  if (ids.length === 0)
    throw new InputError("empty-prompt", "There are no ids to evaluate: pass at least one.");
  const top = checkNumber("top", request.top, { min: 0, max: 1000, integer: true });
  const generate = checkNumber("generate", request.generate, { min: 0, integer: true });
  const range = { min: 1, max: maxStepTokens, integer: true };
  const chunkTokens = checkOptionalNumber("chunkTokens", request.chunkTokens, range);
  const chunk = chunkTokens === undefined ? {} : { chunkTokens };
  return { ids, top, generate, chunk, signal: request.signal };
}
