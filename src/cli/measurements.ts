import type { Runtime } from "../api.ts";
import { type Summary, summarize } from "../metrics/summary.ts";
import { decodeTokensPerSecond, prefillTokensPerSecond, type TurnCost } from "../metrics/turn_metrics.ts";
import { formatBytes, formatMs, formatRate, formatTable } from "./format.ts";

/** What a program says it measured; null where there was nothing to measure. */
export interface Measurements {
  readonly adapter: string;
  readonly software: boolean;
  readonly model: string;
  readonly precision: string;
  readonly loadMs: number;
  readonly prefillTokens: number;
  readonly prefillTokensPerSecond: number | null;
  readonly decodeTokens: number;
  readonly decodeTokensPerSecond: number | null;
  /** Of each turn. */
  readonly ttftMs: readonly (number | null)[];
  readonly tbtMs: Summary | null;
  readonly kvBlocks: {
    readonly peak: number;
    readonly used: number;
    readonly total: number;
    readonly tokens: number;
  };
}

export type Measured = Pick<Runtime, "adapter" | "model" | "precision" | "stats">;

export function measure(runtime: Measured, turns: readonly TurnCost[]): Measurements {
  const { loadMs, kvBlocks, kvBlocksUsed, kvBlocksPeak, kvBlockTokens } = runtime.stats();
  const gaps = turns.flatMap(({ timings }) => timings.tbtMs);
  return {
    adapter: runtime.adapter.name,
    software: runtime.adapter.software,
    model: runtime.model.name,
    precision: runtime.precision,
    loadMs,
    prefillTokens: turns.reduce((sum, { usage }) => sum + usage.promptTokens - usage.cachedTokens, 0),
    prefillTokensPerSecond: prefillTokensPerSecond(turns) ?? null,
    decodeTokens: turns.reduce((sum, { usage }) => sum + usage.completionTokens, 0),
    decodeTokensPerSecond: decodeTokensPerSecond(turns) ?? null,
    ttftMs: turns.map(({ timings }) => timings.ttftMs),
    tbtMs: summarize(gaps) ?? null,
    kvBlocks: { peak: kvBlocksPeak, used: kvBlocksUsed, total: kvBlocks, tokens: kvBlockTokens },
  };
}

export function describeMeasurements(
  measured: Measurements,
  { parameters, fileBytes }: Runtime["model"],
): string {
  const { kvBlocks, tbtMs } = measured;
  const ttft = measured.ttftMs.map((ms) => (ms === null ? "none" : formatMs(ms)));
  return formatTable([
    ["adapter", `${measured.adapter}${measured.software ? " (software, slow)" : ""}`],
    ["model", `${measured.model} (${(parameters / 1e6).toFixed(1)} M parameters, ${formatBytes(fileBytes)})`],
    ["precision", measured.precision],
    ["load time", formatMs(measured.loadMs)],
    ["prefill", `${formatRate(measured.prefillTokensPerSecond)} (${measured.prefillTokens} tokens)`],
    ["decode", `${formatRate(measured.decodeTokensPerSecond)} (${measured.decodeTokens} tokens)`],
    [ttft.length > 1 ? "TTFT by turn" : "TTFT", ttft.join(", ")],
    ["TBT", tbtMs ? `median ${formatMs(tbtMs.median)}, p95 ${formatMs(tbtMs.p95)}` : "not measured"],
    ["KV blocks", `${kvBlocks.peak} of ${kvBlocks.total} at the peak, ${kvBlocks.tokens} tokens each`],
  ]);
}

/** One line on one turn. */
export function describeTurn(turn: TurnCost & { readonly finishReason: string }): string {
  const { ttftMs } = turn.timings;
  const parts = [
    `${turn.usage.completionTokens} tokens`,
    formatRate(decodeTokensPerSecond([turn])),
    ...(ttftMs === null ? [] : [`first after ${formatMs(ttftMs)}`]),
    ...(turn.finishReason === "length" ? ["cut off by the token limit"] : []),
    ...(turn.finishReason === "abort" ? ["stopped"] : []),
  ];
  return `(${parts.join(", ")})`;
}
