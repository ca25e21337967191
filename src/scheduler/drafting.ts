import { needsLogits } from "../protocol/sampling.ts";
import type { RowResult, RunnerLimits, StepResult, StepRow } from "../protocol/step.ts";
import { DraftSource } from "./draft_source.ts";
import type { Flight } from "./flight.ts";
import type { Pool } from "./pool.ts";
import { chancesOf, Speculation } from "./speculation.ts";
import {
  completionTokens,
  decodes,
  mostTokens,
  nextPosition,
  pendingTokens,
  promptTokens,
  type TurnState,
} from "./state.ts";
import type { StepBudget } from "./step_composition.ts";

/**
 * Speculation without a second model: a decode row takes guessed tokens along, a token is sampled after each of them, and those up to
 * the first wrong guess are the turn's. A draft is one certain guess, so taking the sampled token and going on while it is the
 * guessed one is rejection sampling, and gives the text that single steps give. Turns that the host samples have no drafts.
 */
export class Drafting {
  readonly #limits: RunnerLimits;
  readonly #pool: Pool;
  readonly #speculation = new Speculation();
  /** Tokens that were guessed and run, and those of them that were right, of all turns. */
  drafted = 0;
  accepted = 0;

  constructor(limits: RunnerLimits, pool: Pool) {
    this.#limits = limits;
    this.#pool = pool;
  }

  /** The turn has a new token, the last of its completion. */
  learn(turn: TurnState, token: number): void {
    if (!hasDrafts(turn)) return;
    if (turn.drafts === undefined) {
      turn.drafts = new DraftSource();
      const { values, length } = turn.conversation.tokens;
      turn.drafts.read(values.subarray(0, length));
    }
    turn.drafts.push(token);
  }

  /** Whether these turns, some in flight, should wait until their tokens are known, because drafts behind them will pay. */
  holdsBack(turns: readonly TurnState[]): boolean {
    if (!turns.every((turn) => decodes(turn) && hasDrafts(turn))) return false;
    return this.#choose(turns, this.#limits.maxStepTokens).some((count) => count > 0);
  }

  /** The rows with the drafts that pay; as they are when a row is none of a decode, or one that the host samples. */
  extend(rows: readonly StepRow[], turns: readonly TurnState[], budget: StepBudget): readonly StepRow[] {
    if (!rows.every((row, index) => isDecode(row, turns[index]))) return rows;
    const counts = this.#choose(turns, Math.min(budget.tokens, budget.logitRows));
    return rows.map((row, index) => {
      const turn = turns[index];
      return turn ? this.#extendRow(row, turn, counts[index] ?? 0) : row;
    });
  }

  /** A step has ended: how long one of its size takes. */
  record({ plan, turns }: Flight, { ms, rows: results }: StepResult): void {
    const { rows } = plan;
    if (!rows.every((row, index) => isDecode(row, turns[index]))) return;
    const tokens = rows.reduce((sum, row) => sum + row.tokens.length, 0);
    const taken = rows.reduce((sum, row, index) => sum + takenOf(row, results[index]), 0);
    this.#speculation.record(tokens, ms, tokens > rows.length ? { rows: rows.length, taken } : undefined);
  }

  #choose(turns: readonly TurnState[], room: number): readonly number[] {
    const chances = turns.map((turn) => chancesOf(turn, this.#left(turn)));
    return this.#speculation.choose(chances, room);
  }

  /** How many drafts may be right before the turn ends anyway. */
  #left(turn: TurnState): number {
    const most = mostTokens(turn, this.#limits.contextTokens);
    return most - completionTokens(turn) - pendingTokens(turn) - (turn.ahead === 0 ? 1 : 0);
  }

  /** The blocks that drafts need go back when the step has ended; where there are none, there are fewer drafts. */
  #extendRow(row: StepRow, turn: TurnState, wanted: number): StepRow {
    if (wanted === 0 || row.output.kind !== "token") return row;
    const { residence } = turn;
    if (residence === undefined) return row;
    const { table } = residence;
    const position = row.position + 1;
    const reservation = this.#pool.allocator.reserve(table.missingFor(position + wanted));
    if (reservation.kind === "ok") this.#pool.extend(residence, reservation.blocks);
    const room = table.blocks.length * table.blockTokens - position;
    const drafts = turn.drafts?.draft(Math.min(wanted, room)) ?? [];
    if (drafts.length === 0) return row;
    turn.ahead += drafts.length;
    turn.drafted = drafts.length;
    this.drafted += drafts.length;
    return {
      ...row,
      tokens: [...row.tokens, ...drafts],
      blocks: table.covering(nextPosition(turn)),
      output: { kind: "tokens", sampling: row.output.sampling },
    };
  }
}

/** Tokens that a row gave: one more than its drafts that were right. */
function takenOf({ tokens }: StepRow, result: RowResult | undefined): number {
  if (result?.kind !== "tokens") return 1;
  const wrong = result.tokens.findIndex((token, index) => tokens[index + 1] !== token);
  return wrong === -1 ? result.tokens.length : wrong + 1;
}

function hasDrafts({ request: { output } }: TurnState): boolean {
  return output.kind === "tokens" && !needsLogits(output.sampling);
}

/** A row of a turn that answers, sampled on the GPU. */
function isDecode({ position, tokens, output }: StepRow, turn: TurnState | undefined): boolean {
  if (turn === undefined || position < promptTokens(turn)) return false;
  if (output.kind === "tokens") return true;
  return output.kind === "token" && tokens.length === 1 && !needsLogits(output.sampling);
}
