// Draws the report's plots in the page, from the data that stands in it. `uPlot` is loaded before.
/* global uPlot */
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
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
  const colourOf = (name) => colours[data.policies.indexOf(name) % colours.length];
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const ink = dark ? "#cbd5e1" : "#334155";
  const axis = (label) => ({
    label,
    stroke: ink,
    grid: { stroke: dark ? "#1e293b" : "#e2e8f0" },
    ticks: { stroke: ink },
  });

  /** Shares of conversations or turns that took at most so long. */
  function cdf(into, label, series) {
    const shares = Array.from({ length: 101 }, (_, at) => at / 100);
    new uPlot(
      {
        width: Math.min(640, into.clientWidth),
        height: 300,
        title: label,
        scales: { x: { time: false, distr: 3 }, y: { range: [0, 1] } },
        axes: [axis("ms"), axis("share")],
        series: [
          { label: "ms" },
          ...series.map(({ name }) => ({ label: name, stroke: colourOf(name), spanGaps: true })),
        ],
      },
      uPlot.join(series.map(({ values }) => [values, shares])),
      into,
    );
  }

  for (const { title, series } of data.cdfs) {
    const into = document.createElement("div");
    document.getElementById("cdfs").append(into);
    cdf(into, title, series);
  }

  for (const { policy, devices, steps, copies, occupancy, totalMs } of data.timelines) {
    const section = document.createElement("section");
    const heading = document.createElement("h3");
    heading.textContent = policy;
    const canvas = document.createElement("canvas");
    section.append(heading, canvas);
    document.getElementById("timelines").append(section);
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
        series: [{ label: "s" }, ...devices.map((id, at) => ({ label: id, stroke: colours[at] }))],
      },
      [
        occupancy.map(([atMs]) => atMs / 1000),
        ...devices.map((_, at) => occupancy.map((row) => row[at + 1])),
      ],
      used,
    );
  }

  /** A row for each device: prefill and decode steps, and where a conversation's KV leaves one and enters the other. */
  function gantt(canvas, { devices, steps, copies, totalMs }) {
    const width = Math.min(1200, canvas.parentElement.clientWidth);
    const row = 34;
    const scale = window.devicePixelRatio || 1;
    canvas.width = width * scale;
    canvas.height = (devices.length * row + 20) * scale;
    canvas.style.width = `${width}px`;
    const draw = canvas.getContext("2d");
    draw.scale(scale, scale);
    const x = (ms) => 80 + ((width - 90) * ms) / totalMs;
    draw.font = "12px system-ui";
    draw.fillStyle = ink;
    for (const [at, id] of devices.entries()) draw.fillText(id, 0, at * row + 18);
    for (const [device, startMs, endMs, prefill, decodes] of steps) {
      draw.fillStyle = prefill > 0 ? (decodes > 0 ? "#a855f7" : "#f97316") : "#38bdf8";
      draw.fillRect(x(startMs), device * row + 4, Math.max(0.5, x(endMs) - x(startMs)), row - 14);
    }
    draw.fillStyle = "#16a34a";
    for (const [device, startMs, endMs] of copies)
      draw.fillRect(x(startMs), device * row + row - 9, Math.max(1, x(endMs) - x(startMs)), 5);
    draw.fillStyle = ink;
    const seconds = Math.max(1, Math.round(totalMs / 10000));
    for (let at = 0; at * 1000 <= totalMs; at += seconds)
      draw.fillText(`${at} s`, x(at * 1000), devices.length * row + 14);
  }
})();
