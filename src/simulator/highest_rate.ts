/** How far it is looked for, either way: by so many doublings. */
const MOST_DOUBLINGS = 8;
/** The rate found is less than a twentieth below the highest: 2^(1/16). */
const HALVINGS = 4;

/**
 * The highest rate at which something holds that holds at low rates and not at high ones: by doubling or halving from `start`, and then by halving
 * the interval's logarithm. Where it holds at 256 times `start` that is given, and `start` where it does not hold at a 256th of it.
 */
export function highestRate(holds: (ratePerSecond: number) => boolean, start: number): number {
  const isAbove = holds(start);
  let low = start;
  let high = start;
  for (let n = 0; ; n++) {
    if (n === MOST_DOUBLINGS) return isAbove ? high : start;
    if (isAbove) {
      low = high;
      high *= 2;
      if (!holds(high)) break;
    } else {
      high = low;
      low /= 2;
      if (holds(low)) break;
    }
  }
  for (let n = 0; n < HALVINGS; n++) {
    const middle = Math.sqrt(low * high);
    if (holds(middle)) low = middle;
    else high = middle;
  }
  return low;
}
