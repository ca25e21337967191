import { useStore } from "../store.ts";
import { Chart } from "./chart.tsx";
import type { Fleet } from "./fleet.ts";

/** How long things took, as they happen. */
export function Charts({ fleet }: { readonly fleet: Fleet }) {
  const log = useStore(fleet.log);
  const tick = useStore(fleet.tick);
  return (
    <div class="card charts">
      <h3>Times</h3>
      <div class="chart-row">
        <Chart
          title="Time to first token, and to first effective token"
          tick={tick}
          series={[
            { name: "TTFT of each answer", points: log.ttft, colour: "prefill" },
            { name: "TTFET of each agent", points: log.ttfet, colour: "both" },
          ]}
        />
        <Chart
          title="Time between tokens"
          tick={tick}
          series={[{ name: "TBT", points: log.tbt, colour: "decode" }]}
        />
      </div>
    </div>
  );
}
