import { greedy } from "../src/conversation/send_options.ts";
import { CapacityError, DeviceError } from "../src/errors.ts";
import { FED_TOKEN, type RowResult, type StepPlan, type StepRow } from "../src/protocol/step.ts";
import type { GpuRunner } from "../src/runner/gpu_runner.ts";
import type { EngineCase } from "./cases.ts";
import { RandomWords } from "./random_model.ts";

/** One run of a case. */
export interface Sample {
  /** Of each step. */
  readonly stepMs: readonly number[];
  /** When each step began, by `performance.now()`. */
  readonly startedMs: readonly number[];
  /** What was sampled, step by step and row by row. */
  readonly tokens: readonly number[];
  readonly dispatches: number;
}

const sampled = {
  kind: "token",
  sampling: { ...greedy, promptTokens: [], completionTokens: [] },
} as const;
const unsampled = { kind: "none" } as const;
const withLogits = { kind: "logits" } as const;

/**
 * Runs cases as step plans, the way conversations run. Every sample of a case starts from the same prompts, cache and blocks,
 * so that greedy sampling has to give the same tokens each time.
 */
export class EngineBench {
  readonly #runner: GpuRunner;
  readonly #prompts: readonly (readonly number[])[];
  /** Block tables of prefill and, by context and row, of decode: contexts stay in the cache from the first round to the last. */
  readonly #scratch: readonly number[];
  readonly #tables = new Map<string, readonly number[]>();
  #plan = 0;
  #nextBlock: number;

  /**
   * `firstBlock`: the pool's blocks before it are somebody else's.
   * @throws CapacityError `kv-full` where the pool does not hold all contexts at once
   */
  constructor(runner: GpuRunner, cases: readonly EngineCase[], seed: number, firstBlock = 0) {
    this.#runner = runner;
    this.#nextBlock = firstBlock;
    const rows = Math.max(...cases.map(({ batch }) => batch));
    const longest = Math.max(...cases.map(({ contextTokens, tokens }) => contextTokens + tokens));
    const random = new RandomWords(seed);
    const { vocabTokens } = runner.limits;
    this.#prompts = Array.from({ length: rows }, () => random.integers(longest, vocabTokens));
    this.#scratch = this.#take(scratchTokens(cases));
    for (const [key, tokens] of tableTokens(cases)) this.#tables.set(key, this.#take(tokens));
    this.#assertFits();
  }

  /**
   * Before anything is timed: logits are numbers, and what the GPU samples is their largest. Resolves to the dispatches of
   * a step that decodes one token.
   * @throws DeviceError `gpu-error`
   */
  async check(): Promise<number> {
    const prompt = this.#prompt(0).slice(0, CHECKED_TOKENS);
    await this.#prefill("check", prompt, this.#scratch, false);
    const last = {
      sequence: "check",
      tokens: prompt.slice(-1),
      position: prompt.length - 1,
      blocks: this.#scratch,
    };
    const [logits] = await this.#step([{ ...last, output: withLogits }]);
    const before = this.#runner.dispatches;
    const [token] = await this.#step([{ ...last, output: sampled }]);
    const dispatches = this.#runner.dispatches - before;
    if (logits?.kind !== "logits" || !logits.logits.every(Number.isFinite)) {
      throw wrongResult(this.#runner.name, "logits that are no numbers");
    }
    const likeliest = logits.logits.indexOf(logits.logits.reduce((a, b) => Math.max(a, b)));
    if (tokenOf(token) !== likeliest) {
      throw wrongResult(
        this.#runner.name,
        `the token ${tokenOf(token)} where ${likeliest} has the largest logit`,
      );
    }
    return dispatches;
  }

  /** Brings a case's contexts into the cache. */
  async prepare({ group, batch, contextTokens }: EngineCase): Promise<void> {
    if (group === "prefill" || contextTokens === 0) return;
    for (let row = 0; row < batch; row++) {
      const tokens = this.#prompt(row).slice(0, contextTokens);
      await this.#prefill(`${row}`, tokens, this.#table(contextTokens, row), false);
    }
  }

  async sample(one: EngineCase): Promise<Sample> {
    const before = this.#runner.dispatches;
    const timed = one.group === "prefill" ? await this.#samplePrefill(one) : await this.#sampleDecode(one);
    const { stepMs, startedMs, tokens } = timed;
    return { stepMs, startedMs, tokens, dispatches: this.#runner.dispatches - before };
  }

  /** A step of the case: of decode the first one, of prefill the last chunk. For a case that was prepared and sampled. */
  planOf({ group, id, batch, contextTokens, tokens }: EngineCase): StepPlan {
    const planId = this.#plan++;
    if (group !== "prefill") {
      const rows = this.#decodeRows(this.#firstTokens(batch, contextTokens), contextTokens, contextTokens);
      return { id: planId, rows };
    }
    const { maxStepTokens } = this.#runner.limits;
    const position = Math.floor((tokens - 1) / maxStepTokens) * maxStepTokens;
    const chunk = this.#prompt(0).slice(position, tokens);
    const row = { sequence: id, tokens: chunk, position, blocks: this.#scratch, output: sampled };
    return { id: planId, rows: [row] };
  }

  async #samplePrefill({ id, tokens }: EngineCase): Promise<Omit<Sample, "dispatches">> {
    return this.#prefill(id, this.#prompt(0).slice(0, tokens), this.#scratch, true);
  }

  async #sampleDecode({ batch, contextTokens, tokens }: EngineCase): Promise<Omit<Sample, "dispatches">> {
    const steps = new TimedSteps(this.#runner.limits.plansInFlight);
    for (let step = 0; step < tokens; step++) {
      const first = this.#firstTokens(batch, contextTokens);
      // What the steps in flight sample goes on without the host.
      const next =
        steps.inFlight > 0 ? first.map(() => FED_TOKEN) : step > 0 ? steps.tokens.slice(-batch) : first;
      await steps.add(() => this.#step(this.#decodeRows(next, contextTokens, contextTokens + step)));
    }
    return steps.landed();
  }

  #firstTokens(batch: number, contextTokens: number): number[] {
    return Array.from({ length: batch }, (_, row) => this.#prompt(row)[contextTokens] ?? 0);
  }

  #decodeRows(tokens: readonly number[], contextTokens: number, position: number): StepRow[] {
    return tokens.map((token, row) => ({
      sequence: `${row}`,
      tokens: [token],
      position,
      blocks: this.#table(contextTokens, row),
      output: sampled,
    }));
  }

  /** In chunks of what a step holds; with `sample`, the last one gives a token. */
  async #prefill(
    sequence: string,
    tokens: readonly number[],
    blocks: readonly number[],
    sample: boolean,
  ): Promise<Omit<Sample, "dispatches">> {
    const { maxStepTokens } = this.#runner.limits;
    const steps = new TimedSteps(this.#runner.limits.plansInFlight);
    for (let position = 0; position < tokens.length; position += maxStepTokens) {
      const chunk = tokens.slice(position, position + maxStepTokens);
      const isLast = position + chunk.length === tokens.length;
      const output = sample && isLast ? sampled : unsampled;
      const row = { sequence, tokens: chunk, position, blocks, output };
      await steps.add(() => this.#step([row]));
    }
    return steps.landed();
  }

  async #step(rows: readonly StepRow[]): Promise<readonly RowResult[]> {
    const result = await this.#runner.run({ id: this.#plan++, rows });
    return result.rows;
  }

  #prompt(row: number): readonly number[] {
    return this.#prompts[row] ?? [];
  }

  #table(contextTokens: number, row: number): readonly number[] {
    return this.#tables.get(`${contextTokens}/${row}`) ?? [];
  }

  #take(tokens: number): number[] {
    const count = Math.ceil(tokens / this.#runner.limits.blockTokens);
    this.#nextBlock += count;
    return Array.from({ length: count }, (_, index) => this.#nextBlock - count + index);
  }

  #assertFits(): void {
    const { limits, kvBytes } = this.#runner;
    const needed = this.#nextBlock;
    if (needed <= limits.blocks) return;
    const mib = Math.ceil((needed * kvBytes) / limits.blocks / 2 ** 20);
    throw new CapacityError(
      "kv-full",
      `The measurements need ${needed} KV blocks at once and the pool has ${limits.blocks}. Give --kv-mib ${mib}, or measure less with --only.`,
      { needed, available: limits.blocks },
    );
  }
}

/** KV blocks that all contexts of the cases take at once. */
export function blocksOf(cases: readonly EngineCase[], blockTokens: number): number {
  const tables = [scratchTokens(cases), ...tableTokens(cases).values()];
  return tables.reduce((sum, tokens) => sum + Math.ceil(tokens / blockTokens), 0);
}

function scratchTokens(cases: readonly EngineCase[]): number {
  const prompts = cases.filter(({ group }) => group === "prefill").map(({ tokens }) => tokens);
  return Math.max(CHECKED_TOKENS, ...prompts);
}

/** Tokens of decode's block tables, by context and row. */
function tableTokens(cases: readonly EngineCase[]): ReadonlyMap<string, number> {
  const tables = new Map<string, number>();
  for (const { group, batch, contextTokens, tokens } of cases) {
    if (group === "prefill") continue;
    for (let row = 0; row < batch; row++) tables.set(`${contextTokens}/${row}`, contextTokens + tokens);
  }
  return tables;
}

/** Steps of a sample, as many in flight as a conversation has; each lasts from when the device had nothing before it to do. */
class TimedSteps {
  readonly stepMs: number[] = [];
  readonly startedMs: number[] = [];
  readonly tokens: number[] = [];
  readonly #most: number;
  readonly #flying: { readonly givenMs: number; readonly rows: Promise<readonly RowResult[]> }[] = [];
  #landedMs = 0;

  constructor(mostInFlight: number) {
    this.#most = mostInFlight;
  }

  get inFlight(): number {
    return this.#flying.length;
  }

  /** Gives a step; resolves when there is room for another. */
  async add(step: () => Promise<readonly RowResult[]>): Promise<void> {
    const givenMs = performance.now();
    const rows = step();
    // One that fails while others are before it is heard of when its turn comes.
    rows.catch(() => {});
    this.#flying.push({ givenMs, rows });
    if (this.#flying.length >= this.#most) await this.#land();
  }

  /** When all have landed. */
  async landed(): Promise<this> {
    while (this.#flying.length > 0) await this.#land();
    return this;
  }

  async #land(): Promise<void> {
    const next = this.#flying.shift();
    if (!next) return;
    const rows = await next.rows;
    const started = Math.max(next.givenMs, this.#landedMs);
    this.#landedMs = performance.now();
    this.stepMs.push(this.#landedMs - started);
    this.startedMs.push(started);
    for (const row of rows) if (row.kind !== "none") this.tokens.push(tokenOf(row));
  }
}

/** Length of the prompt that results are checked with. */
const CHECKED_TOKENS = 32;

/** Figures of wrong results are no figures. */
export function wrongResult(device: string, what: string): DeviceError {
  return new DeviceError(
    "gpu-error",
    `"${device}" gave ${what}, so nothing was measured. Run \`npm test\` to see which kernel is wrong there.`,
    { device },
  );
}

function tokenOf(result: RowResult | undefined): number {
  if (result?.kind !== "token") throw new TypeError(`a row came back as ${result?.kind}`);
  return result.token;
}
