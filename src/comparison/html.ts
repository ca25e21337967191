import type { ConversationTimes } from "../metrics/conversation_metrics.ts";
import type { CopyRecord, Replay } from "../metrics/replay.ts";
import { timesOf } from "../metrics/replay_cell.ts";
import { quantile } from "../metrics/summary.ts";
import script from "./html_page.js?raw";
import { escaped, plotPage } from "./plot_page.ts";
import type { PolicyComparison } from "./report.ts";

/** How much of a replay the timelines show. */
const TIMELINE_MS = 60_000;

const READINGS: readonly (readonly [string, (times: ConversationTimes) => readonly number[]])[] = [
  ["TTFET, pauses taken out", ({ ttfetMs }) => [ttfetMs]],
  ["TTFET with pauses", ({ ttfetWithPausesMs }) => [ttfetWithPausesMs]],
  ["TTFT of first turns", ({ firstTtftMs }) => [firstTtftMs]],
  ["TTFT of later turns", ({ laterTtftMs }) => laterTtftMs],
  ["time between tokens", ({ tbtMs }) => tbtMs],
  ["mean TBT of last turns", ({ lastTurnTbtMs }) => (lastTurnTbtMs === undefined ? [] : [lastTurnTbtMs])],
];

/** One self-contained page of what a comparison found: its table, and plots of the replays, those of the highest load. */
export function comparisonHtml(report: PolicyComparison, table: string, replays: readonly Replay[]): string {
  const data = {
    policies: replays.map(({ policy }) => policy),
    cdfs: READINGS.map(([title, of]) => ({
      title,
      series: replays.flatMap(({ policy, conversations }) => {
        const times = conversations.flatMap((one) => timesOf(one) ?? []);
        const values = times.flatMap(of).toSorted((a, b) => a - b);
        return values.length === 0 ? [] : [{ name: policy, values: hundredths(values) }];
      }),
    })),
    timelines: replays.map(timelineOf),
  };
  const top = Math.max(...report.loads.map(({ load }) => load));
  const body = `<h1>Policies compared</h1>
<p>${escaped(report.takenAt)}. The same conversations under each policy; plots are of load ${top}, first seed.</p>
<pre>${escaped(table)}</pre>
<h2>How long things took</h2>
<div id="cdfs" class="plots"></div>
<h2>What the devices did</h2>
<p class="key"><span style="background:#f97316"></span>prefill<span style="background:#38bdf8"></span>decode<span
style="background:#a855f7"></span>both in one step<span style="background:#16a34a"></span>KV leaving and entering</p>
<div id="timelines"></div>
<h2>KV that was copied</h2>
<div id="handoffs"></div>`;
  return plotPage({ title: "Baton: policies compared", body, data, script });
}

function timelineOf({ policy, totalMs, steps, copies, occupancy }: Replay) {
  const devices = [...new Set(steps.map(({ device }) => device))].toSorted();
  const shown = <T extends { readonly startMs: number }>(records: readonly T[]) =>
    records.filter(({ startMs }) => startMs < TIMELINE_MS);
  const place = (device: string) => devices.indexOf(device);
  return {
    policy,
    devices,
    totalMs: Math.min(totalMs, TIMELINE_MS),
    steps: shown(steps).map(({ device, startMs, endMs, prefillTokens, decodes }) => [
      place(device),
      Math.round(startMs),
      Math.round(endMs),
      prefillTokens,
      decodes,
    ]),
    handoffMiB: cumulated(copies),
    copies: shown(copies).map(({ device, startMs, endMs }) => [
      place(device),
      Math.round(startMs),
      Math.round(endMs),
    ]),
    occupancy: occupancy.map(({ atMs, blocks }) => [
      Math.round(atMs),
      ...devices.map((id) => blocks[id] ?? 0),
    ]),
  };
}

/** How much has entered the devices that KV goes to, at each arrival there: seconds, MiB. */
function cumulated(copies: readonly CopyRecord[]): number[][] {
  let bytes = 0;
  return copies
    .filter(({ step }) => step === "import")
    .map((copy) => {
      bytes += copy.bytes;
      return [Math.round(copy.endMs) / 1000, Math.round((100 * bytes) / 2 ** 20) / 100];
    });
}

/** The values at every hundredth from the least to the greatest. */
function hundredths(sorted: readonly number[]): number[] {
  return Array.from({ length: 101 }, (_, at) => Math.max(0.01, quantile(sorted, at / 100)));
}
