import type { ComparisonReport } from "../../comparison/report.ts";
import { comparisonText } from "../../comparison/text.ts";
import type { Replay } from "../../metrics/replay.ts";

export function downloadJson(report: ComparisonReport): void {
  download("baton-policies.json", "application/json", `${JSON.stringify(report, undefined, 2)}\n`);
}

/** The same page that the benchmark writes. It brings its plots along, so it is fetched when it is wanted. */
export async function downloadHtml(report: ComparisonReport, replays: readonly Replay[]): Promise<void> {
  const { comparisonHtml } = await import("../../comparison/html.ts");
  const table = comparisonText(report, [["browser", navigator.userAgent]]);
  download("baton-policies.html", "text/html", comparisonHtml(report, table, replays));
}

function download(name: string, type: string, content: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], { type }));
  link.download = name;
  link.click();
  // The download has begun by then.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
