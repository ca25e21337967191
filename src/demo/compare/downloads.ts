import { comparisonText } from "../../comparison/text.ts";
import type { ComparedPolicies } from "../../index.ts";

/** What the benchmark writes of its comparison, with the browser in place of the machine. */
export function downloadJson({ comparison }: ComparedPolicies): void {
  const report = { benchmark: "agents", browser: navigator.userAgent, ...comparison };
  download("baton-policies.json", "application/json", `${JSON.stringify(report, undefined, 2)}\n`);
}

/** The same page that the benchmark writes. It brings its plots along, so it is fetched when it is wanted. */
export async function downloadHtml({ comparison, replays }: ComparedPolicies): Promise<void> {
  const { comparisonHtml } = await import("../../comparison/html.ts");
  const table = comparisonText(comparison, [["browser", navigator.userAgent]]);
  download("baton-policies.html", "text/html", comparisonHtml(comparison, table, replays));
}

function download(name: string, type: string, content: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], { type }));
  link.download = name;
  link.click();
  // The download has begun by then.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
