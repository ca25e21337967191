import type { VirtualClock } from "./virtual_clock.ts";

/** A way between devices and host memory. */
export interface LinkSpec {
  readonly bytesPerMs: number;
  /** Of each copy. */
  readonly latencyMs: number;
}

/** Copies go over it one after the other, in the order in which they could begin. */
export class SimulatedLink {
  readonly #spec: LinkSpec;
  readonly #clock: VirtualClock;
  #freeMs = 0;

  constructor(spec: LinkSpec, clock: VirtualClock) {
    this.#spec = spec;
    this.#clock = clock;
  }

  /** From now on. */
  copy(bytes: number, onEnd: (startMs: number, endMs: number) => void): void {
    const startMs = Math.max(this.#freeMs, this.#clock.nowMs);
    const endMs = startMs + this.#spec.latencyMs + bytes / this.#spec.bytesPerMs;
    this.#freeMs = endMs;
    this.#clock.at(endMs, () => onEnd(startMs, endMs));
  }
}
