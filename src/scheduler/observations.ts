/** What is seen of a device while it runs: measured times, smoothed, and nothing guessed. */
export class Observations {
  readonly #stepMs = new Smoothed();
  /** Of steps that hold nothing but decodes. */
  readonly #decodeMs = new Smoothed();
  readonly #prefillMsPerToken: Smoothed;
  readonly #ttfts: { readonly atMs: number; readonly ms: number }[] = [];

  /** @param prefillMsPerToken as it was tried out before */
  constructor(prefillMsPerToken?: number) {
    this.#prefillMsPerToken = new Smoothed(prefillMsPerToken);
  }

  get stepMs(): number | undefined {
    return this.#stepMs.value;
  }

  /** Of a step that holds nothing but decodes. */
  get decodeMs(): number | undefined {
    return this.#decodeMs.value;
  }

  get prefillMsPerToken(): number | undefined {
    return this.#prefillMsPerToken.value;
  }

  /** Mean of the last ten seconds; undefined where there was none. */
  ttftMs(nowMs: number): number | undefined {
    const first = this.#ttfts.findIndex(({ atMs }) => nowMs - atMs <= WINDOW_MS);
    this.#ttfts.splice(0, first === -1 ? this.#ttfts.length : first);
    if (this.#ttfts.length === 0) return undefined;
    return this.#ttfts.reduce((sum, { ms }) => sum + ms, 0) / this.#ttfts.length;
  }

  /** A step of so many prompt tokens and so many decodes has ended. */
  step(prefillTokens: number, decodes: number, ms: number): void {
    if (decodes > 0) this.#stepMs.add(ms);
    if (prefillTokens === 0) this.#decodeMs.add(ms);
    const decodeMs = decodes > 0 ? Math.min(ms / 2, this.#decodeMs.value ?? 0) : 0;
    if (prefillTokens >= LEAST_TOKENS) this.#prefillMsPerToken.add((ms - decodeMs) / prefillTokens);
  }

  /** A turn's first token has come. */
  firstToken(ms: number, atMs: number): void {
    this.#ttfts.push({ atMs, ms });
  }
}

/** An exponentially weighted mean. */
export class Smoothed {
  value: number | undefined;

  constructor(value?: number) {
    this.value = value;
  }

  add(seen: number): void {
    this.value = this.value === undefined ? seen : this.value + FOLLOWING * (seen - this.value);
  }
}

const WINDOW_MS = 10_000;
/** Steps of fewer prompt tokens say more of what a step costs than of what a token costs. */
const LEAST_TOKENS = 16;
/** How far one observation moves what is expected. */
const FOLLOWING = 0.2;
