import type { Precision } from "../api.ts";
import type { ProductShape } from "../kernels/matmul_kernels.ts";

/** What tuning found, as plain data: it is kept as JSON, and shown. */

/** How a kernel cuts its work; which fields it has is the family's affair. */
export type Tile = Readonly<Record<string, string | number>>;

/** What became of a candidate. Only `measured` ones can be chosen. */
export type CandidateOutcome =
  | "measured"
  /** It took longer to compile and run for the first time than the rules allow. */
  | "slow-to-compile"
  /** Its results differ from the default's. */
  | "wrong-results"
  /** It gave no pipeline, or the GPU reported an error. */
  | "failed"
  /** The time was up, or there was no other to compare it with. */
  | "not-measured";

export interface CandidateReport {
  readonly tile: Tile;
  readonly outcome: CandidateOutcome;
  /** The least of its measurements, per product; null when there is none. */
  readonly ms: number | null;
  /** Until its first results were there. */
  readonly compileMs: number | null;
}

/** One decision: which variant a family of kernels takes for one shape, in steps of up to so many tokens. */
export interface TunedChoice {
  readonly family: "matmul" | "attention";
  /** The shape, as the family names it. */
  readonly key: string;
  /** Null: any number. */
  readonly upToTokens: number | null;
  /** Tokens it was measured with. */
  readonly tokens: number;
  readonly default: Tile;
  readonly chosen: Tile;
  /** The chosen one's time over the default's, measured turn by turn; 1 where the default stays. */
  readonly ratio: number;
  /** The default first. */
  readonly candidates: readonly CandidateReport[];
}

/** Heads, their size, which keys they see and how many there are at most. */
export interface AttentionShape {
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly window: number;
  readonly softCap: number;
  readonly contextTokens: number;
}

/** What a result holds for; where anything of it differs, it is of no use. */
export interface TuningIdentity {
  readonly adapter: string;
  readonly vendor: string;
  readonly architecture: string;
  readonly driver: string;
  /** What implements WebGPU, with its version. */
  readonly implementation: string;
  readonly precision: Precision;
  readonly products: readonly ProductShape[];
  readonly attention: AttentionShape;
  /** A hash of all shaders and of what could be chosen. */
  readonly code: string;
}

export interface Tuning {
  readonly identity: TuningIdentity;
  /** As a person knows it; models of one shape share a tuning. */
  readonly model: string;
  readonly takenAt: string;
  readonly budgetMs: number;
  readonly ms: number;
  /** False where the time was up before everything was decided: the rest keeps its default until another tuning goes on. */
  readonly complete: boolean;
  readonly choices: readonly TunedChoice[];
}

export function sameTile(a: Tile, b: Tile): boolean {
  const names = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...names].every((name) => a[name] === b[name]);
}
