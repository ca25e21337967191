import type { WrittenCall } from "./call_value.ts";

/** Takes tool calls out of an answer while it streams. */
export interface ToolCallParser {
  /** What is sure after this text. */
  push(text: string): readonly AnswerPiece[];
  /** What was held back: nothing more comes. */
  flush(): readonly AnswerPiece[];
}

/** A run of what the model says, or a call. */
export type AnswerPiece = string | WrittenCall;

/** For answers without tools. */
export const noToolCalls: ToolCallParser = {
  push: (text) => (text === "" ? [] : [text]),
  flush: () => [],
};

/** A call's text beyond this is no call any more: something has to come out. */
export const MOST_CALL_CHARACTERS = 1 << 16;

/** White space next to a call belongs to the call: held until something else is said, or the answer ends without any call. */
export class SaidText {
  #held = "";
  #called = false;
  #afterCall = false;

  /** Nothing has been said since a call. */
  get afterCall(): boolean {
    return this.#afterCall;
  }

  /** What may be shown once `text` has been said. */
  say(text: string): readonly AnswerPiece[] {
    const all = this.#afterCall ? text.trimStart() : this.#held + text;
    const end = all.trimEnd().length;
    this.#held = all.slice(end);
    if (end === 0) return [];
    this.#afterCall = false;
    return [all.slice(0, end)];
  }

  call(calls: readonly WrittenCall[]): readonly AnswerPiece[] {
    this.#held = "";
    this.#called = true;
    this.#afterCall = true;
    return calls;
  }

  end(): readonly AnswerPiece[] {
    return this.#called || this.#held === "" ? [] : [this.#held];
  }
}

/** How many characters at the end of `text` are the beginning of `mark`, and not all of it. */
export function overlap(text: string, mark: string): number {
  for (let length = Math.min(text.length, mark.length - 1); length > 0; length--) {
    if (mark.startsWith(text.slice(-length))) return length;
  }
  return 0;
}
