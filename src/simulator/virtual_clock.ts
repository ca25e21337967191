import TinyQueue from "tinyqueue";

interface Alarm {
  readonly atMs: number;
  /** Alarms of the same moment ring in the order in which they were set. */
  readonly order: number;
  readonly ring: () => void;
}

/** Time that passes only from one thing that happens to the next. */
export class VirtualClock {
  readonly #alarms = new TinyQueue<Alarm>([], (a, b) => a.atMs - b.atMs || a.order - b.order);
  #nowMs = 0;
  #set = 0;

  get nowMs(): number {
    return this.#nowMs;
  }

  /** How many alarms have been set. */
  get set(): number {
    return this.#set;
  }

  /** @throws RangeError for a moment that is past or no number */
  at(atMs: number, ring: () => void): void {
    if (!(atMs >= this.#nowMs))
      throw new RangeError(`It is ${this.#nowMs} ms and an alarm is set for ${atMs}.`);
    this.#alarms.push({ atMs, order: this.#set++, ring });
  }

  after(ms: number, ring: () => void): void {
    this.at(this.#nowMs + ms, ring);
  }

  /** Until nothing is left to happen. */
  run(): void {
    for (let next = this.#alarms.pop(); next !== undefined; next = this.#alarms.pop()) {
      this.#nowMs = next.atMs;
      next.ring();
    }
  }
}
