import { checkText, invalidOption } from "./option_checks.ts";

/** What evaluations run as, beside the conversations. */
const EVALUATION = "evaluation-";

/** The names of the conversations that are open: no two are alike. */
export class ConversationIds {
  readonly #open = new Set<string>();
  #numbered = 0;

  /** The name that the caller wants, or the next number. @throws InputError `invalid-option` */
  claim(wanted?: string): string {
    const id = wanted === undefined ? this.#next() : this.#checked(wanted);
    this.#open.add(id);
    return id;
  }

  /** The conversation is closed, and another one may have its name. */
  release(id: string): void {
    this.#open.delete(id);
  }

  /** A name that no conversation has or gets. */
  evaluation(): string {
    this.#numbered += 1;
    return `${EVALUATION}${this.#numbered}`;
  }

  #next(): string {
    for (;;) {
      this.#numbered += 1;
      const id = `conversation-${this.#numbered}`;
      if (!this.#open.has(id)) return id;
    }
  }

  #checked(wanted: string): string {
    checkText("id", wanted);
    if (wanted === "" || wanted.startsWith(EVALUATION))
      throw invalidOption("id", wanted, `a name that does not begin with "${EVALUATION}"`);
    if (this.#open.has(wanted)) throw invalidOption("id", wanted, "another: an open conversation has it");
    return wanted;
  }
}
