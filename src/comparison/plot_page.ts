import uplot from "uplot/dist/uPlot.iife.min.js?raw";
import uplotStyle from "uplot/dist/uPlot.min.css?raw";

export interface PlotPage {
  readonly title: string;
  /** HTML of what the page says, with the places that plots are drawn in. */
  readonly body: string;
  /** What the script finds in the element `data`. */
  readonly data: unknown;
  /** Draws the plots: it runs at the end of the page, with `uPlot` there. */
  readonly script: string;
}

/** A page that needs nothing but itself, in light and dark. */
export function plotPage({ title, body, data, script }: PlotPage): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escaped(title)}</title>
<style>${uplotStyle}
:root { color-scheme: light dark; font-family: system-ui, sans-serif; }
body { max-width: 1240px; margin: 2rem auto; padding: 0 1rem; }
pre { overflow-x: auto; font-size: 12px; line-height: 1.5; }
.plots { display: flex; flex-wrap: wrap; gap: 1rem; }
.plots > div { flex: 1 1 380px; }
.key span { display: inline-block; width: 1em; height: 0.8em; margin: 0 0.3em 0 1em; }
</style>
${body}
<script type="application/json" id="data">${JSON.stringify(data).replaceAll("<", "\\u003c")}</script>
<script>${uplot}</script>
<script>${script}</script>
</html>
`;
}

export function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
