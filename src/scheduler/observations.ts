/** What is seen of a device while it runs: measured times, smoothed, and nothing guessed. */
export class Observations {
  readonly #stepMs = new Smoothed();
  /** Of steps that hold nothing but decodes. */
  readonly #decodeMs = new Smoothed();
  readonly #prefill = new SmoothedRatio();
  readonly #ttfts: { readonly atMs: number; readonly ms: number }[] = [];

  /** @param prefillMsPerToken as it was tried out before */
  constructor(prefillMsPerToken?: number) {
    if (prefillMsPerToken !== undefined) this.#prefill.add(prefillMsPerToken * TRIED_TOKENS, TRIED_TOKENS);
  }

  get stepMs(): number | undefined {
    return this.#stepMs.value;
  }

  get prefillMsPerToken(): number | undefined {
    return this.#prefill.value;
  }

  /** Mean of the last ten seconds; undefined where there was none. */
  ttftMs(nowMs: number): number | undefined {
    this.#forgetOld(nowMs);
    if (this.#ttfts.length === 0) return undefined;
    return this.#ttfts.reduce((sum, { ms }) => sum + ms, 0) / this.#ttfts.length;
  }

  /** A step of so many prompt tokens and so many decodes has ended. */
  step(prefillTokens: number, decodes: number, ms: number): void {
    if (decodes > 0) this.#stepMs.add(ms);
    if (prefillTokens === 0) this.#decodeMs.add(ms);
    const decodeMs = decodes > 0 ? Math.min(ms / 2, this.#decodeMs.value ?? 0) : 0;
    if (prefillTokens > 0) this.#prefill.add(ms - decodeMs, prefillTokens);
  }

  /** A turn's first token has come. */
  firstToken(ms: number, atMs: number): void {
    this.#forgetOld(atMs);
    this.#ttfts.push({ atMs, ms });
  }

  #forgetOld(nowMs: number): void {
    while (nowMs - (this.#ttfts[0]?.atMs ?? nowMs) > WINDOW_MS) this.#ttfts.shift();
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

/**
 * One sum over another, both exponentially weighted: of steps, those with few tokens, which say more of what a step costs than of what a token
 * costs, weigh little.
 */
class SmoothedRatio {
  #over = 0;
  #under = 0;

  get value(): number | undefined {
    return this.#under === 0 ? undefined : this.#over / this.#under;
  }

  add(over: number, under: number): void {
    const share = this.#under === 0 ? 1 : FOLLOWING;
    this.#over += share * (over - this.#over);
    this.#under += share * (under - this.#under);
  }
}

const WINDOW_MS = 10_000;
/** What was tried out before counts as a step of so many tokens. */
const TRIED_TOKENS = 64;
/** How far one observation moves what is expected. */
const FOLLOWING = 0.2;
