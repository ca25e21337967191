import { type EnergyReadings, energyOf, LINK_JOULES_PER_BYTE, type PowerSpec } from "./energy.ts";
import type { Simulation } from "./simulation.ts";

/** What a simulation takes where a constant of the models of energy is otherwise: one at a time, by as much as it may well be off. */

interface Change {
  readonly name: string;
  readonly power: (given: PowerSpec) => PowerSpec;
  /** By how many times moving a byte takes more. */
  readonly link: number;
}

const same = (given: PowerSpec): PowerSpec => given;

export const ENERGY_CHANGES: readonly Change[] = [
  { name: "as given", power: same, link: 1 },
  { name: "idle watts halved", power: (p) => ({ ...p, idleWatts: p.idleWatts / 2 }), link: 1 },
  { name: "idle watts doubled", power: (p) => ({ ...p, idleWatts: Math.min(2 * p.idleWatts, p.decodeWatts) }), link: 1 }, // biome-ignore format: one change a line
  { name: "prefill at 0.7 of its watts", power: (p) => ({ ...p, prefillWatts: 0.7 * p.prefillWatts }), link: 1 }, // biome-ignore format: one change a line
  { name: "decode at 0.6 of its watts", power: (p) => ({ ...p, decodeWatts: Math.max(p.idleWatts, 0.6 * p.decodeWatts) }), link: 1 }, // biome-ignore format: one change a line
  { name: "decode at 1.6 of its watts", power: (p) => ({ ...p, decodeWatts: Math.min(p.peakWatts, 1.6 * p.decodeWatts) }), link: 1 }, // biome-ignore format: one change a line
  { name: "peak at 0.8 of its watts", power: (p) => ({ ...p, peakWatts: 0.8 * p.peakWatts }), link: 1 },
  { name: "links at a tenth", power: same, link: 0.1 },
  { name: "links at ten times", power: same, link: 10 },
];

/** By change, in the order of `ENERGY_CHANGES`. `power`: of every device of the simulation, by id. */
export function energySensitivity(
  simulation: Simulation,
  power: Readonly<Record<string, PowerSpec>>,
): readonly EnergyReadings[] {
  return ENERGY_CHANGES.map(({ power: changed, link }) => {
    const own = Object.fromEntries(Object.entries(power).map(([id, given]) => [id, changed(given)]));
    return energyOf(simulation, own, link * LINK_JOULES_PER_BYTE);
  });
}
