/** A number that says something of groups of values, of which each counts so many times: what does not depend on that is done once. */
export type Measure<T> = (groups: readonly (readonly T[])[]) => (times: Uint32Array) => number;

export function sumOf<T>(value: (one: T) => number): Measure<T> {
  return (groups) => {
    const sums = groups.map((group) => group.reduce((sum, one) => sum + value(one), 0));
    return (times) => sums.reduce((sum, each, group) => sum + each * (times[group] ?? 0), 0);
  };
}

/** The 95th percentile of all values of all, linear between neighbours; NaN where there are none. */
export function p95Of<T>(values: (one: T) => readonly number[] | number | undefined): Measure<T> {
  return (groups) => {
    const all = groups.map((group) => group.flatMap((one) => values(one) ?? []));
    const descending = all
      .flatMap((own, group) => own.map((value) => ({ value, group })))
      .sort((a, b) => b.value - a.value);
    return (times) => {
      const count = all.reduce((sum, own, group) => sum + own.length * (times[group] ?? 0), 0);
      const above = 0.05 * (count - 1);
      const high = valueAt(descending, times, Math.floor(above));
      const low = valueAt(descending, times, Math.ceil(above));
      return high + (low - high) * (above - Math.floor(above));
    };
  };
}

interface Grouped {
  readonly value: number;
  readonly group: number;
}

/** That which `rank` others stand before. */
function valueAt(descending: readonly Grouped[], times: Uint32Array, rank: number): number {
  let before = 0;
  for (const { value, group } of descending) {
    before += times[group] ?? 0;
    if (before > rank) return value;
  }
  return Number.NaN;
}
