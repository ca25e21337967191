import type { DonePart, Part } from "../api.ts";
import { turnTimings } from "../metrics/turn_metrics.ts";
import type { TurnRequest } from "../protocol/turn.ts";
import { createStopMatcher } from "../text/stop_strings.ts";
import type { Tokenizer } from "../text/tokenizer.ts";
import { Answer } from "./answer.ts";
import { PartStream } from "./part_stream.ts";
import type { TurnOptions } from "./send_options.ts";
import type { TurnLoop } from "./turn_loop.ts";
import type { TurnSink } from "./turn_sinks.ts";

/** One turn from its tokens to its parts. */
export class ChatTurn implements TurnSink {
  readonly ended: Promise<void>;
  readonly #loop: TurnLoop;
  readonly #options: TurnOptions;
  readonly #endTokens: readonly number[];
  readonly #answer: Answer;
  readonly #stream = new PartStream();
  readonly #arrivedMs: number;
  readonly #tokenMs: number[] = [];
  #turn: number | undefined;
  #end: (answer: string | undefined) => void = () => {};

  /** `onAnswer` hears the whole answer when the turn has ended, unless it left nothing. */
  constructor(
    { loop, tokenizer }: { readonly loop: TurnLoop; readonly tokenizer: Tokenizer },
    options: TurnOptions,
    onAnswer: (answer: string) => void,
  ) {
    this.#loop = loop;
    this.#options = options;
    this.#arrivedMs = loop.nowMs;
    this.#endTokens = [...tokenizer.endTokens];
    const silent = new Set([...this.#endTokens, ...options.stopTokens]);
    this.#answer = new Answer(tokenizer.detokenizer(), createStopMatcher(options.stop), (id) =>
      silent.has(id),
    );
    this.ended = new Promise((resolve) => {
      this.#end = (answer) => {
        if (answer !== undefined) onAnswer(answer);
        resolve();
      };
    });
  }

  /** @throws InputError `disposed` */
  begin(prompt: Pick<TurnRequest, "conversation" | "keep" | "tokens">): void {
    const { sampling, maxTokens, stopTokens, priority } = this.#options;
    const output = { kind: "tokens", sampling, maxTokens, stopTokens, endTokens: this.#endTokens } as const;
    this.#turn = this.#loop.start({ ...prompt, output, priority }, this);
  }

  abort(): void {
    if (this.#turn !== undefined) this.#loop.stop(this.#turn, "abort");
  }

  parts(): AsyncGenerator<Part, void> {
    return this.#stream.read();
  }

  token(token: number, atMs: number): void {
    this.#tokenMs.push(atMs);
    this.#show(this.#answer.push(token));
    if (this.#answer.stopped && this.#turn !== undefined) this.#loop.stop(this.#turn, "stop");
  }

  finished(reason: DonePart["finishReason"], usage: DonePart["usage"], endedMs: number): void {
    this.#show(this.#answer.end());
    const timings = turnTimings({ arrivedMs: this.#arrivedMs, tokenMs: this.#tokenMs, endedMs });
    this.#stream.push({ type: "done", finishReason: this.#answer.reason(reason), usage, timings });
    this.#stream.close();
    this.#end(usage.completionTokens > 0 ? this.#answer.text : undefined);
  }

  failed(error: Error): void {
    this.#stream.close(error);
    this.#end(undefined);
  }

  /** What a turn says whose signal was aborted before it came. */
  neverBegun(cachedTokens: number, promptTokens: number): DonePart {
    const timings = turnTimings({ arrivedMs: this.#arrivedMs, tokenMs: [], endedMs: this.#loop.nowMs });
    const usage = { promptTokens, cachedTokens, completionTokens: 0 };
    return { type: "done", finishReason: "abort", usage, timings };
  }

  #show(text: string): void {
    if (text !== "") this.#stream.push({ type: "text", text });
  }
}
