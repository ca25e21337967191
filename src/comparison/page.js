// Draws the report's plots in the page, from the data that stands in it. `uPlot` is loaded before.
(() => {
  /** @typedef {{ name: string, values: number[] }} Curve */
  /** @typedef {{ policy: string, devices: string[], totalMs: number, steps: number[][], copies: number[][], handoffMiB: number[][], occupancy: number[][] }} Timeline */
  /** @typedef {{ policies: string[], cdfs: { title: string, series: Curve[] }[], timelines: Timeline[] }} Data */

  /** @type {typeof import("uplot")} */
  const uPlot = Reflect.get(globalThis, "uPlot");
  /** @type {Data} */
  const data = JSON.parse(element("data").textContent ?? "");
  const colours = [
    "#2563eb",
    "#dc2626",
    "#059669",
    "#d97706",
    "#7c3aed",
    "#0891b2",
    "#be185d",
    "#4d7c0f",
    "#475569",
    "#a16207",
  ];
  /** @param {number} at */
  const colour = (at) => colours[at % colours.length] ?? "";
  /** @param {string} name */
  const colourOf = (name) => colour(data.policies.indexOf(name));
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const ink = dark ? "#cbd5e1" : "#334155";
  /** @param {string} label */
  const axis = (label) => ({
    label,
    stroke: ink,
    grid: { stroke: dark ? "#1e293b" : "#e2e8f0" },
    ticks: { stroke: ink },
  });

  /** @param {string} id */
  function element(id) {
    const found = document.getElementById(id);
    if (found === null) throw new Error(`The page has no ${id}.`);
    return found;
  }

  /**
   * Shares of conversations or turns that took at most so long.
   * @param {HTMLElement} into
   * @param {string} label
   * @param {Curve[]} series
   */
  function cdf(into, label, series) {
    const shares = Array.from({ length: 101 }, (_, at) => at / 100);
    new uPlot(
      {
        width: Math.min(640, into.clientWidth),
        height: 300,
        title: label,
        scales: { x: { time: false, distr: 3 }, y: { range: /** @type {[number, number]} */ ([0, 1]) } },
        axes: [axis("ms"), axis("share")],
        series: [
          { label: "ms" },
          ...series.map(({ name }) => ({ label: name, stroke: colourOf(name), spanGaps: true })),
        ],
      },
      uPlot.join(series.map(({ values }) => /** @type {[number[], number[]]} */ ([values, shares]))),
      into,
    );
  }

  for (const { title, series } of data.cdfs) {
    const into = document.createElement("div");
    element("cdfs").append(into);
    cdf(into, title, series);
  }

  for (const { policy, devices, steps, copies, occupancy, totalMs } of data.timelines) {
    const section = document.createElement("section");
    const heading = document.createElement("h3");
    heading.textContent = policy;
    const canvas = document.createElement("canvas");
    section.append(heading, canvas);
    element("timelines").append(section);
    gantt(canvas, { devices, steps, copies, totalMs });
    const used = document.createElement("div");
    section.append(used);
    new uPlot(
      {
        width: Math.min(1200, section.clientWidth),
        height: 180,
        title: "KV blocks in use",
        scales: { x: { time: false } },
        axes: [axis("s"), axis("blocks")],
        series: [{ label: "s" }, ...devices.map((id, at) => ({ label: id, stroke: colour(at) }))],
      },
      [
        occupancy.map(([atMs = 0]) => atMs / 1000),
        ...devices.map((_, at) => occupancy.map((row) => row[at + 1] ?? 0)),
      ],
      used,
    );
  }

  const moving = data.timelines.filter(({ handoffMiB }) => handoffMiB.length > 0);
  if (moving.length > 0) {
    new uPlot(
      {
        width: Math.min(1200, element("handoffs").clientWidth),
        height: 300,
        title: "handed over so far",
        scales: { x: { time: false } },
        axes: [axis("s"), axis("MiB")],
        series: [
          { label: "s" },
          ...moving.map(({ policy }) => ({ label: policy, stroke: colourOf(policy), spanGaps: true })),
        ],
      },
      uPlot.join(
        moving.map(
          ({ handoffMiB }) =>
            /** @type {[number[], number[]]} */ ([
              handoffMiB.map(([at = 0]) => at),
              handoffMiB.map(([, mib = 0]) => mib),
            ]),
        ),
      ),
      element("handoffs"),
    );
  }

  /**
   * A row for each device: prefill and decode steps, and where a conversation's KV leaves one and enters the other.
   * @param {HTMLCanvasElement} canvas
   * @param {Pick<Timeline, "devices" | "steps" | "copies" | "totalMs">} timeline
   */
  function gantt(canvas, { devices, steps, copies, totalMs }) {
    const width = Math.min(1200, canvas.parentElement?.clientWidth ?? 1200);
    const row = 34;
    const scale = window.devicePixelRatio || 1;
    canvas.width = width * scale;
    canvas.height = (devices.length * row + 20) * scale;
    canvas.style.width = `${width}px`;
    const draw = canvas.getContext("2d");
    if (draw === null) return;
    draw.scale(scale, scale);
    /** @param {number} ms */
    const x = (ms) => 80 + ((width - 90) * ms) / totalMs;
    draw.font = "12px system-ui";
    draw.fillStyle = ink;
    for (const [at, id] of devices.entries()) draw.fillText(id, 0, at * row + 18);
    for (const [device = 0, startMs = 0, endMs = 0, prefill = 0, decodes = 0] of steps) {
      draw.fillStyle = prefill > 0 ? (decodes > 0 ? "#a855f7" : "#f97316") : "#38bdf8";
      draw.fillRect(x(startMs), device * row + 4, Math.max(0.5, x(endMs) - x(startMs)), row - 14);
    }
    draw.fillStyle = "#16a34a";
    for (const [device = 0, startMs = 0, endMs = 0] of copies)
      draw.fillRect(x(startMs), device * row + row - 9, Math.max(1, x(endMs) - x(startMs)), 5);
    draw.fillStyle = ink;
    const seconds = Math.max(1, Math.round(totalMs / 10000));
    for (let at = 0; at * 1000 <= totalMs; at += seconds)
      draw.fillText(`${at} s`, x(at * 1000), devices.length * row + 14);
  }
})();
