import { FED_TOKEN, type RunnerLimits, type StepPlan, type StepRow } from "../protocol/step.ts";

/** Rows of logits a plan's row computes. */
export function logitRowsOf(row: StepRow): number {
  const { kind } = row.output;
  return kind === "none" ? 0 : kind === "token" ? 1 : row.tokens.length;
}

/**
 * A plan beyond the limits is a defect of the caller; a kernel would read or write where it must not.
 * @throws RangeError
 */
export function assertWithin(plan: StepPlan, limits: RunnerLimits): void {
  const tokens = plan.rows.reduce((sum, row) => sum + row.tokens.length, 0);
  const logitRows = plan.rows.reduce((sum, row) => sum + logitRowsOf(row), 0);
  const { maxStepTokens, maxStepRows, maxLogitRows, vocabTokens, blocks } = limits;
  if (tokens === 0 || tokens > maxStepTokens || plan.rows.length > maxStepRows || logitRows > maxLogitRows) {
    throw new RangeError(
      `step ${plan.id}: ${tokens} tokens, ${plan.rows.length} rows, ${logitRows} logit rows; ` +
        `the limits are ${maxStepTokens}, ${maxStepRows}, ${maxLogitRows}`,
    );
  }
  const below = (limit: number) => (value: number) => Number.isInteger(value) && value >= 0 && value < limit;
  const copied = (plan.copies ?? []).flatMap(({ from, to }) => [from, to]);
  if (!copied.every(below(blocks)))
    throw new RangeError(`step ${plan.id}: a copied block is not below ${blocks}`);
  for (const row of plan.rows) {
    const where = `step ${plan.id}, row ${row.sequence}`;
    if (row.tokens.length === 0) throw new RangeError(`${where}: it has no token`);
    const isFed = row.tokens.length === 1 && row.tokens[0] === FED_TOKEN;
    if (!isFed && !row.tokens.every(below(vocabTokens)))
      throw new RangeError(`${where}: a token id is not below ${vocabTokens}`);
    if (!row.blocks.every(below(blocks))) throw new RangeError(`${where}: a block is not below ${blocks}`);
  }
}
