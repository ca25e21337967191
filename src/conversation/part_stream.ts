import type { Part } from "../api.ts";

/** Parts on their way from the turn, which does not wait, to the reader, who may. */
export class PartStream {
  readonly #parts: Part[] = [];
  #closed = false;
  #error: Error | undefined;
  #wake: () => void = () => {};

  push(...parts: readonly Part[]): void {
    this.#parts.push(...parts);
    this.#wake();
  }

  /** Nothing more comes. The reader still gets what is there, and then the error, if there is one. */
  close(error?: Error): void {
    this.#closed = true;
    this.#error = error;
    this.#wake();
  }

  async *read(): AsyncGenerator<Part, void> {
    for (;;) {
      for (let part = this.#parts.shift(); part !== undefined; part = this.#parts.shift()) yield part;
      if (this.#error !== undefined) throw this.#error;
      if (this.#closed) return;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
