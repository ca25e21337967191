import type { ByteSource } from "../../protocol/bytes.ts";

/** Chunks a reader may be behind the one that is furthest. */
const MOST_BEHIND = 4;

type Listener = ReadableStreamDefaultController<Uint8Array>;

/**
 * One source for several readers at once: it is opened and read once, as fast as the slowest of them takes it, and closed when none is
 * left. Readers must not write into what they get.
 */
export function broadcast(source: ByteSource, readers: number): readonly ByteSource[] {
  if (readers === 1) return [source];
  const shared = new SharedStream(source, readers);
  const { name, bytes } = source;
  return Array.from({ length: readers }, () => ({ name, bytes, stream: () => shared.open() }));
}

class SharedStream {
  readonly #source: ByteSource;
  readonly #listeners = new Set<Listener>();
  /** Who has not opened it yet: nothing is read before all have. */
  #missing: number;
  #reader: Promise<ReadableStreamDefaultReader<Uint8Array>> | undefined;
  #reading = false;

  constructor(source: ByteSource, readers: number) {
    this.#source = source;
    this.#missing = readers;
  }

  open(): ReadableStream<Uint8Array> {
    let listener: Listener | undefined;
    return new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          listener = controller;
          this.#listeners.add(controller);
          this.#missing -= 1;
        },
        pull: () => this.#advance(),
        cancel: async () => {
          if (listener) this.#listeners.delete(listener);
          if (this.#listeners.size === 0 && this.#missing <= 0) await (await this.#reader)?.cancel();
          else void this.#advance();
        },
      },
      { highWaterMark: MOST_BEHIND },
    );
  }

  /** Reads on while every reader can take a chunk. */
  async #advance(): Promise<void> {
    if (this.#reading || this.#missing > 0) return;
    this.#reading = true;
    try {
      this.#reader ??= Promise.resolve(this.#source.stream()).then((stream) => stream.getReader());
      const reader = await this.#reader;
      while (this.#listeners.size > 0 && this.#all(({ desiredSize }) => (desiredSize ?? 0) > 0)) {
        const { done, value } = await reader.read();
        for (const listener of [...this.#listeners]) {
          if (!done) listener.enqueue(value);
          else {
            this.#listeners.delete(listener);
            listener.close();
          }
        }
      }
    } catch (cause) {
      for (const listener of this.#listeners) listener.error(cause);
      this.#listeners.clear();
    } finally {
      this.#reading = false;
    }
  }

  #all(holds: (listener: Listener) => boolean): boolean {
    return [...this.#listeners].every(holds);
  }
}
