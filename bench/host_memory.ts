/** Watches what the process holds; a peak between two looks is seen by the system's own count alone. */
export class HostMemory {
  readonly #timer: NodeJS.Timeout;
  #peakBytes = 0;

  constructor() {
    this.#look();
    this.#timer = setInterval(() => this.#look(), INTERVAL_MS);
    this.#timer.unref();
  }

  /** The peaks so far. */
  peaks(): HostPeaks {
    this.#look();
    return { residentBytes: process.resourceUsage().maxRSS * 1024, heapAndBufferBytes: this.#peakBytes };
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    // `external` has the array buffers in it.
    const { heapUsed, external } = process.memoryUsage();
    this.#peakBytes = Math.max(this.#peakBytes, heapUsed + external);
  }
}

export interface HostPeaks {
  /** Most memory of the process, by the system; on a software adapter with all that the GPU holds, its compiler included. */
  readonly residentBytes: number;
  /** Most of JavaScript's heap, external memory and buffers, looked at every few milliseconds. */
  readonly heapAndBufferBytes: number;
}

const INTERVAL_MS = 10;
