/** Over so long a time the share is taken in which a device was busy, as the counters of real devices do. */
export const WINDOW_MS = 1000;
/** By the curve idle + (peak - idle) * utilisation ^ 0.7. */
const EXPONENT = 0.7;

export interface DeviceUseTotals {
  readonly busyMs: number;
  /** Of these, what prompts take, and what decoding does. */
  readonly prefillMs: number;
  readonly decodeMs: number;
  /** The sum over all windows of their length times their busy share ^ 0.7. */
  readonly curvedMs: number;
}

/** How much of its time a device has worked, and at what. Steps come in the order of their time. */
export class DeviceUse {
  #busyMs = 0;
  #prefillMs = 0;
  #curvedMs = 0;
  #window = 0;
  #inWindowMs = 0;

  /** `prefillShare`: of the step's time, what its prompts take. */
  add(startMs: number, endMs: number, prefillShare: number): void {
    this.#busyMs += endMs - startMs;
    this.#prefillMs += (endMs - startMs) * prefillShare;
    for (let fromMs = startMs; fromMs < endMs; ) {
      const window = Math.floor(fromMs / WINDOW_MS);
      if (window !== this.#window) {
        this.#curvedMs += curved(this.#inWindowMs);
        this.#window = window;
        this.#inWindowMs = 0;
      }
      const toMs = Math.min(endMs, (window + 1) * WINDOW_MS);
      this.#inWindowMs += toMs - fromMs;
      fromMs = toMs;
    }
  }

  get totals(): DeviceUseTotals {
    const [busyMs, prefillMs] = [this.#busyMs, this.#prefillMs];
    return { busyMs, prefillMs, decodeMs: busyMs - prefillMs, curvedMs: this.#curvedMs + curved(this.#inWindowMs) }; // biome-ignore format: one record
  }
}

function curved(busyMs: number): number {
  return WINDOW_MS * (busyMs / WINDOW_MS) ** EXPONENT;
}
