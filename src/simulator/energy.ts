import type { DeviceUseTotals } from "./device_use.ts";
import type { Simulation } from "./simulation.ts";

/** What a device draws, in watts. */
export interface PowerSpec {
  readonly idleWatts: number;
  /** While it runs prompts, and while it decodes. */
  readonly prefillWatts: number;
  readonly decodeWatts: number;
  /** The most that it draws. */
  readonly peakWatts: number;
}

export interface Energy {
  readonly joules: number;
  /** By device, and of all links. */
  readonly byDevice: Readonly<Record<string, number>>;
  readonly linkJoules: number;
  readonly joulesPerToken: number;
  readonly joulesPerConversation: number;
}

/** What a simulation took, by two models of power that differ in what they take for its cause. */
export interface EnergyReadings {
  /** A device draws what its phase draws: idle, prefill, decode; steps with both by their share of the time. */
  readonly byPhase: Energy;
  /** idle + (peak - idle) * utilisation ^ 0.7, the utilisation of each second: the curve between idle and busy that servers follow. */
  readonly byUtilisation: Energy;
}

/** Moving a byte through PCIe and host memory, both ways of a copy counted: about 10 pJ a bit for the link and as much for the memory. An assumption. */
export const LINK_JOULES_PER_BYTE = 160e-12;

/** `power`: of every device of the simulation, by id. Devices are taken to be on from its beginning to its end. */
export function energyOf(
  simulation: Simulation,
  power: Readonly<Record<string, PowerSpec>>,
  linkJoulesPerByte: number = LINK_JOULES_PER_BYTE,
): EnergyReadings {
  const read = (joulesOf: (use: DeviceUseTotals, power: PowerSpec, totalMs: number) => number): Energy => {
    const byDevice = Object.fromEntries(
      Object.entries(simulation.use).map(([id, use]) => {
        const own = power[id];
        return [id, own === undefined ? 0 : joulesOf(use, own, simulation.totalMs) / 1000];
      }),
    );
    const linkJoules = simulation.copiedBytes * linkJoulesPerByte;
    const joules = linkJoules + Object.values(byDevice).reduce((sum, one) => sum + one, 0);
    const { tokens, conversations } = simulation.totals;
    return {
      joules: round(joules),
      byDevice: Object.fromEntries(Object.entries(byDevice).map(([id, one]) => [id, round(one)])),
      linkJoules: round(linkJoules),
      joulesPerToken: round(joules / tokens),
      joulesPerConversation: round(joules / conversations),
    };
  };
  return { byPhase: read(phaseMilliJoules), byUtilisation: read(utilisationMilliJoules) };
}

function phaseMilliJoules(use: DeviceUseTotals, power: PowerSpec, totalMs: number): number {
  const idleMs = Math.max(0, totalMs - use.busyMs);
  return power.idleWatts * idleMs + power.prefillWatts * use.prefillMs + power.decodeWatts * use.decodeMs;
}

function utilisationMilliJoules(use: DeviceUseTotals, power: PowerSpec, totalMs: number): number {
  return power.idleWatts * totalMs + (power.peakWatts - power.idleWatts) * use.curvedMs;
}

function round(value: number): number {
  return Number(value.toPrecision(5));
}
