import { LogHistogram } from "../metrics/log_histogram.ts";

/** What all turns come to, without any of them being kept. Times in ms. */
export class TurnTotals {
  readonly firstTtftMs = new LogHistogram();
  readonly laterTtftMs = new LogHistogram();
  /** Of each turn, the mean time between its tokens. */
  readonly tbtMs = new LogHistogram();
  conversations = 0;
  turns = 0;
  tokens = 0;
  failed = 0;

  add(turn: {
    readonly isFirst: boolean;
    readonly arrivedMs: number;
    readonly firstTokenMs: number | undefined;
    readonly lastTokenMs: number;
    readonly tokens: number;
    readonly failed: boolean;
  }): void {
    const { isFirst, arrivedMs, firstTokenMs, lastTokenMs, tokens } = turn;
    if (isFirst) this.conversations += 1;
    this.turns += 1;
    this.tokens += tokens;
    if (turn.failed) this.failed += 1;
    if (firstTokenMs === undefined) return;
    (isFirst ? this.firstTtftMs : this.laterTtftMs).add(firstTokenMs - arrivedMs);
    if (tokens > 1) this.tbtMs.add((lastTokenMs - firstTokenMs) / (tokens - 1));
  }
}
