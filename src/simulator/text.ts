import { comparisonText } from "../comparison/text.ts";
import { formatTable } from "../metrics/table.ts";
import type { Energy } from "./energy.ts";
import type { SimulationReport } from "./simulate_policies.ts";

/** What a simulation found, as tables. */
export function simulationText({ comparison, results }: SimulationReport): string {
  const rows = results.flatMap(({ policy, energy }) =>
    energy ? [[policy, ...columnsOf(energy.byPhase), ...columnsOf(energy.byUtilisation)]] : [],
  );
  const titles = ["policy", "J/token by phase", "kJ", "J/token by utilisation", "kJ"];
  const energy =
    rows.length === 0 ? "" : `\nenergy, by two models of power\n${formatTable([titles, ...rows])}`;
  return `${comparisonText(comparison, [["simulated", "on a virtual clock, by the scheduler that runs on real devices"]])}${energy}`;
}

function columnsOf({ joulesPerToken, joules }: Energy): readonly string[] {
  return [joulesPerToken.toPrecision(3), (joules / 1000).toPrecision(4)];
}
