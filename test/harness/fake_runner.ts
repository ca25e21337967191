import {
  FED_TOKEN,
  type RowResult,
  type Runner,
  type RunnerLimits,
  type StepPlan,
  type StepResult,
  type StepRow,
} from "../../src/protocol/step.ts";

/**
 * A runner without a model, for tests of books and faults. It keeps a "KV pool" of token ids and answers every row with a hash of the
 * sequence as read back through the block table, so that a wrong, shared or stale block shows as a wrong token. It also refuses plans
 * that break its limits.
 */
export class FakeRunner implements Runner {
  readonly name = "fake";
  readonly limits: RunnerLimits;
  /** Every plan that was run, in order. */
  readonly plans: StepPlan[] = [];
  disposed = false;
  readonly #pool: Int32Array;
  /** What the plan before sampled, by sequence; undefined when it failed. */
  #sampled: Map<string, number> | undefined = new Map<string, number>();
  #tail: Promise<unknown> = Promise.resolve();
  /** Called before each step: throw or wait in it to inject a fault. */
  beforeStep: (plan: StepPlan) => void | Promise<void> = () => {};
  /** How long a step of so many tokens takes. */
  stepMs: (tokens: number) => number = () => 1;
  /** The token that follows a sequence. */
  next: (sequence: readonly number[]) => number = (sequence) => fakeToken(sequence, this.limits.vocabTokens);

  /** `shares`: another runner whose pool this one uses as well. */
  constructor(limits: Partial<RunnerLimits> = {}, shares?: FakeRunner) {
    this.limits = { ...fakeLimits, ...limits };
    this.#pool = shares
      ? shares.#pool
      : new Int32Array(this.limits.blocks * this.limits.blockTokens).fill(-1);
  }

  run(plan: StepPlan): Promise<StepResult> {
    this.plans.push(plan);
    const result = this.#tail.then(async () => {
      await this.beforeStep(plan);
      return this.execute(plan);
    });
    this.#tail = result.catch(() => this.fail());
    return result;
  }

  async exportBlocks(blocks: readonly number[]): Promise<Uint8Array<ArrayBuffer>> {
    await this.#tail;
    return this.readBlocks(blocks);
  }

  async importBlocks(blocks: readonly number[], data: Uint8Array<ArrayBuffer>): Promise<void> {
    this.writeBlocks(blocks, data);
  }

  /** The copies without the waiting. */
  readBlocks(blocks: readonly number[]): Uint8Array<ArrayBuffer> {
    const { blockTokens } = this.limits;
    const data = new Int32Array(blocks.length * blockTokens);
    for (const [at, block] of blocks.entries()) data.set(this.blockOf(block), at * blockTokens);
    return new Uint8Array(data.buffer);
  }

  writeBlocks(blocks: readonly number[], data: Uint8Array<ArrayBuffer>): void {
    const { blockTokens } = this.limits;
    const tokens = new Int32Array(data.slice().buffer);
    for (const [at, block] of blocks.entries())
      this.blockOf(block).set(tokens.subarray(at * blockTokens, (at + 1) * blockTokens));
  }

  /** What a pool's block holds. */
  blockOf(block: number): Int32Array {
    const { blockTokens } = this.limits;
    return this.#pool.subarray(block * blockTokens, (block + 1) * blockTokens);
  }

  /** The step without the waiting. */
  execute(plan: StepPlan): StepResult {
    assertWithin(plan, this.limits);
    for (const { from, to } of plan.copies ?? []) this.blockOf(to).set(this.blockOf(from));
    for (const row of plan.rows) this.#write(row);
    const rows = plan.rows.map((row) => this.#answer(row));
    this.#sampled = new Map();
    for (const [index, { sequence }] of plan.rows.entries()) {
      const answer = rows[index];
      if (answer?.kind === "token") this.#sampled.set(sequence, answer.token);
    }
    const tokens = plan.rows.reduce((sum, row) => sum + row.tokens.length, 0);
    return { plan: plan.id, rows, ms: this.stepMs(tokens) };
  }

  /** The step fails: what the next one would be fed with does not exist. */
  fail(): void {
    this.#sampled = undefined;
  }

  dispose(): void {
    this.disposed = true;
  }

  #write({ sequence, tokens, position, blocks }: StepRow): void {
    for (const [index, token] of tokens.entries()) {
      const fed = token === FED_TOKEN ? (this.#sampled ?? failed).get(sequence) : token;
      if (fed === undefined) throw new Error(`The step before sampled nothing for ${sequence}.`);
      this.#pool[this.#slot(blocks, position + index)] = fed;
    }
  }

  #answer(row: StepRow): RowResult {
    const end = row.position + row.tokens.length;
    const sequence = Array.from(
      { length: end },
      (_, index) => this.#pool[this.#slot(row.blocks, index)] ?? -1,
    );
    switch (row.output.kind) {
      case "none":
        return { kind: "none" };
      case "token":
        return { kind: "token", token: this.next(sequence) };
      case "tokens":
        return {
          kind: "tokens",
          tokens: row.tokens.map((_, index) => this.next(sequence.slice(0, row.position + index + 1))),
        };
      case "logits": {
        const rows = row.tokens.map((_, index) =>
          fakeLogits(sequence.slice(0, row.position + index + 1), this.limits.vocabTokens),
        );
        return { kind: "logits", logits: Float32Array.from(rows.flat()) };
      }
    }
  }

  #slot(blocks: readonly number[], index: number): number {
    const block = blocks[Math.floor(index / this.limits.blockTokens)];
    if (block === undefined) throw new Error(`Token ${index} has no block.`);
    return block * this.limits.blockTokens + (index % this.limits.blockTokens);
  }
}

export const fakeLimits: RunnerLimits = {
  blockTokens: 4,
  blockBytes: 16,
  blocks: 64,
  maxStepTokens: 16,
  maxStepRows: 4,
  maxLogitRows: 6,
  contextTokens: 200,
  vocabTokens: 97,
  plansInFlight: 2,
};

/** Feeds a zero to every sequence, as nobody uses what comes out. */
const failed = { get: () => 0 };

/** The token that the fake runner answers after `sequence`. */
export function fakeToken(sequence: readonly number[], vocabTokens: number): number {
  let hash = 2166136261;
  for (const token of sequence) hash = Math.imul(hash ^ (token + 1), 16777619) >>> 0;
  return (hash >>> 8) % vocabTokens;
}

/** Logits whose largest is that of `fakeToken`. */
export function fakeLogits(sequence: readonly number[], vocabTokens: number): number[] {
  const token = fakeToken(sequence, vocabTokens);
  return Array.from({ length: vocabTokens }, (_, id) => (id === token ? 8 : Math.sin(id * (token + 1))));
}

function assertWithin({ rows }: StepPlan, limits: RunnerLimits): void {
  const tokens = rows.reduce((sum, row) => sum + row.tokens.length, 0);
  const logitRows = rows.reduce((sum, { output, tokens }) => {
    return sum + (output.kind === "none" ? 0 : output.kind === "token" ? 1 : tokens.length);
  }, 0);
  if (rows.length === 0 || rows.some((row) => row.tokens.length === 0)) throw new Error("An empty step.");
  if (rows.length > limits.maxStepRows) throw new Error("Too many rows.");
  if (tokens > limits.maxStepTokens) throw new Error("Too many tokens.");
  if (logitRows > limits.maxLogitRows) throw new Error("Too many rows of logits.");
  if (new Set(rows.map((row) => row.sequence)).size !== rows.length)
    throw new Error("A sequence has two rows.");
  if (rows.some((row) => row.position + row.tokens.length > limits.contextTokens))
    throw new Error("Too long.");
}
