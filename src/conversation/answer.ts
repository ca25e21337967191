import type { FinishReason } from "../api.ts";
import type { Detokenizer } from "../text/detokenizer.ts";
import type { StopMatcher } from "../text/stop_strings.ts";

/** The text of one answer as its tokens come, cut where the first stop string begins. */
export class Answer {
  readonly #detokenizer: Detokenizer;
  readonly #matcher: StopMatcher;
  readonly #silent: (token: number) => boolean;
  #text = "";
  #stopped = false;

  /** `silent`: tokens that end the answer and are no part of its text. */
  constructor(detokenizer: Detokenizer, matcher: StopMatcher, silent: (token: number) => boolean) {
    this.#detokenizer = detokenizer;
    this.#matcher = matcher;
    this.#silent = silent;
  }

  /** All that may be shown so far. */
  get text(): string {
    return this.#text;
  }

  /** A stop string has come: nothing more will be shown. */
  get stopped(): boolean {
    return this.#stopped;
  }

  /** The text that `token` makes sure of; may be empty. */
  push(token: number): string {
    return this.#silent(token) ? "" : this.#show(this.#detokenizer.push(token));
  }

  /** The text that was held back: no more tokens come. */
  end(): string {
    return this.#show(this.#detokenizer.flush()) + this.#keep(this.#matcher.flush());
  }

  /** A stop string is why the answer ends, also when its last token met another limit at the same time. */
  reason(reason: FinishReason): FinishReason {
    return this.#stopped ? "stop" : reason;
  }

  #show(text: string): string {
    const { text: shown, stopped } = this.#matcher.push(text);
    this.#stopped = stopped;
    return this.#keep(shown);
  }

  #keep(text: string): string {
    this.#text += text;
    return text;
  }
}
