import { useEffect, useMemo, useRef } from "preact/hooks";
import uPlot from "uplot";
import { formatMs } from "../format.ts";
import { useDarkChange, useWidth } from "./canvas.tsx";
import { type Palette, paletteOf } from "./colours.ts";
import type { Point } from "./log.ts";

interface Series {
  readonly name: string;
  readonly points: readonly Point[];
  readonly colour: keyof Palette;
}

interface ChartProps {
  readonly title: string;
  /** Another number when the points have changed. */
  readonly tick: number;
  readonly series: readonly Series[];
}

const HEIGHT = 240;

/** Points over time: seconds from the fleet's beginning, and milliseconds. */
export function Chart({ title, tick, series }: ChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);
  const width = useWidth(place);
  const dark = useDarkChange();
  // The points' lists grow, and `tick` says when.
  const data = useMemo(() => dataOf(series), [tick, series.map(({ points }) => points)]);
  const names = series.map(({ name }) => name).join();
  // It is made anew for another size and other colours alone.
  useEffect(() => {
    const element = place.current;
    if (element === null || width === 0) return;
    const made = new uPlot(optionsOf(series, width, paletteOf(element)), data, element);
    plot.current = made;
    return () => made.destroy();
  }, [width, dark, names]);
  useEffect(() => plot.current?.setData(data), [data]);
  return (
    <figure class="chart">
      <figcaption>{title}</figcaption>
      <div ref={place} class="plot" role="img" aria-label={`${title}. ${describe(series)}`} />
    </figure>
  );
}

function describe(series: readonly Series[]): string {
  return series
    .map(({ name, points }) => {
      const values = points.map(({ ms }) => ms).toSorted((a, b) => a - b);
      const median = values[Math.floor(values.length / 2)];
      return median === undefined
        ? `${name}: nothing yet`
        : `${name}: ${values.length}, median ${formatMs(median)}`;
    })
    .join("; ");
}

function dataOf(series: readonly Series[]): uPlot.AlignedData {
  const tables = series.map(({ points }): uPlot.AlignedData => {
    const sorted = points.toSorted((a, b) => a.atMs - b.atMs);
    // Two points at one moment would count as one.
    const times = sorted.map(({ atMs }, at) => atMs / 1000 + at * 1e-6);
    return [times, sorted.map(({ ms }) => ms)];
  });
  return uPlot.join(tables);
}

function optionsOf(series: readonly Series[], width: number, palette: Palette): uPlot.Options {
  const axis = {
    stroke: palette.ink,
    grid: { stroke: palette.line, width: 0.5 },
    ticks: { stroke: palette.line },
  };
  return {
    width,
    height: HEIGHT,
    cursor: { show: false },
    scales: { x: { time: false }, y: { range: { min: { hard: 0, soft: 0, mode: 1 }, max: { pad: 0.1 } } } },
    axes: [
      { ...axis, values: (_, splits) => splits.map((value) => `${value} s`) },
      { ...axis, size: 64, values: (_, splits) => splits.map((value) => formatMs(value)) },
    ],
    series: [
      {},
      ...series.map(({ name, colour }) => {
        const stroke = String(palette[colour]);
        return {
          label: name,
          stroke,
          paths: () => null,
          points: { show: true, size: 6, space: 0, fill: stroke },
        };
      }),
    ],
    legend: { live: false },
  };
}
