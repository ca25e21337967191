/** What agents ask of a machine: conversations, when they come, and what each of their turns is made of. Plain data. */

export interface WorkloadTurn {
  /** New tokens of the prompt; what came before is the conversation's history. At least one. */
  readonly inputTokens: number;
  /** At least one. */
  readonly outputTokens: number;
  /** From the end of the turn before to this one's arrival: a tool that runs, a person who reads. 0 for a first turn. */
  readonly delayMs: number;
}

export interface WorkloadConversation {
  readonly id: string;
  /** From the beginning of the workload to the first turn's arrival. */
  readonly arrivalMs: number;
  /** At least one. */
  readonly turns: readonly WorkloadTurn[];
}

export interface WorkloadTotals {
  readonly conversations: number;
  readonly turns: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** Of first turns alone. */
  readonly firstTurnTokens: number;
  /** Tokens of the longest conversation. */
  readonly longestTokens: number;
}

export function totalsOf(workload: readonly WorkloadConversation[]): WorkloadTotals {
  const turns = workload.flatMap((conversation) => conversation.turns);
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  return {
    conversations: workload.length,
    turns: turns.length,
    inputTokens: sum(turns.map(({ inputTokens }) => inputTokens)),
    outputTokens: sum(turns.map(({ outputTokens }) => outputTokens)),
    firstTurnTokens: sum(workload.map((conversation) => conversation.turns[0]?.inputTokens ?? 0)),
    longestTokens: workload.reduce((longest, { turns }) => Math.max(longest, lengthOf(turns)), 0),
  };
}

/** The first so many of a trace, squeezed or stretched to a rate; pauses stay. */
export function atRate(
  trace: readonly WorkloadConversation[],
  conversations: number,
  ratePerSecond: number,
): readonly WorkloadConversation[] {
  const first = trace.slice(0, conversations);
  const lastMs = first.at(-1)?.arrivalMs ?? 0;
  const scale = lastMs === 0 ? 0 : (first.length * 1000) / ratePerSecond / lastMs;
  return first.map((conversation) => ({ ...conversation, arrivalMs: conversation.arrivalMs * scale }));
}

/** Tokens of the whole conversation. */
export function lengthOf(turns: readonly WorkloadTurn[]): number {
  return turns.reduce((sum, { inputTokens, outputTokens }) => sum + inputTokens + outputTokens, 0);
}
