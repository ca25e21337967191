// Draws the plots of sweeps in the page, from the data that stands in it. `uPlot` is loaded before.
(() => {
  /** @typedef {{ policy: string, mean: number[], low: number[], high: number[] }} Series */
  /** @typedef {{ title: string, series: Series[] }} Figure */
  /** @typedef {{ name: string, labels: string[], figures: Figure[] }} Sweep */

  /** @type {typeof import("uplot")} */
  const uPlot = Reflect.get(globalThis, "uPlot");
  /** @type {Sweep[]} */
  const sweeps = JSON.parse(document.getElementById("data")?.textContent ?? "[]");
  const colours = ["#2563eb", "#dc2626", "#059669", "#d97706", "#7c3aed", "#0891b2", "#be185d"];
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const ink = dark ? "#cbd5e1" : "#334155";
  const line = { stroke: ink, grid: { stroke: dark ? "#1e293b" : "#e2e8f0" }, ticks: { stroke: ink } };

  /**
   * The means of each policy, and around them a band in which they lie in 95 of 100 repetitions.
   * @param {HTMLElement} into
   * @param {string[]} labels
   * @param {Figure} figure
   */
  function draw(into, labels, { title, series }) {
    const places = labels.map((_, at) => at);
    /** @param {string[]} names */
    const named = (names) => names;
    new uPlot(
      {
        width: 390,
        height: 260,
        title,
        legend: { show: false },
        scales: {
          x: { time: false, range: () => /** @type {[number, number]} */ ([-0.3, labels.length - 0.7]) },
        },
        axes: [
          { ...line, splits: () => places, values: () => named(labels) },
          { ...line, size: 70 },
        ],
        series: [
          { label: "at", value: (_, at) => labels[at] ?? "" },
          ...series.flatMap(({ policy }, at) => {
            const stroke = colours[at % colours.length] ?? ink;
            return [
              { label: policy, stroke, width: 2, points: { show: true } },
              { label: `${policy}, at most`, points: { show: false } },
              { label: `${policy}, at least`, points: { show: false } },
            ];
          }),
        ],
        bands: series.map((_, at) => ({
          series: /** @type {[number, number]} */ ([3 * at + 2, 3 * at + 3]),
          fill: `${colours[at % colours.length] ?? ink}22`,
        })),
      },
      [places, ...series.flatMap(({ mean, low, high }) => [mean, high, low])],
      into,
    );
  }

  /**
   * Which colour is which policy.
   * @param {Series[]} series
   */
  function keyOf(series) {
    const key = document.createElement("p");
    key.className = "key";
    for (const [at, { policy }] of series.entries()) {
      const colour = document.createElement("span");
      colour.style.background = colours[at % colours.length] ?? ink;
      key.append(colour, policy);
    }
    return key;
  }

  for (const { name, labels, figures } of sweeps) {
    const section = document.getElementById(`sweep-${name}`);
    section?.before(keyOf(figures[0]?.series ?? []));
    for (const figure of figures) {
      const into = document.createElement("div");
      section?.append(into);
      draw(into, labels, figure);
    }
  }
})();
