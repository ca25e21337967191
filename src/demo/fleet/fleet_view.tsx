import type { Comparer } from "../compare/compare.ts";
import { CompareView } from "../compare/compare_view.tsx";
import { counted } from "../format.ts";
import type { Session } from "../session.ts";
import { LoadCard } from "../shell/load_card.tsx";
import { useStore } from "../store.ts";
import { Agents } from "./agents.tsx";
import { BlockMaps } from "./block_map.tsx";
import { Charts } from "./charts.tsx";
import { Controls } from "./controls.tsx";
import type { AgentRecord, Fleet } from "./fleet.ts";
import { Gantt } from "./gantt.tsx";
import { Queues } from "./queues.tsx";
import { setupOf } from "./settings.ts";

interface FleetViewProps {
  readonly session: Session;
  readonly fleet: Fleet;
  readonly comparer: Comparer;
}

export function FleetView({ session, fleet, comparer }: FleetViewProps) {
  const state = useStore(fleet.state);
  const settings = useStore(fleet.settings);
  const hasRun = state.kind === "running" || state.kind === "ended";
  return (
    <section class="fleet" aria-labelledby="fleet-title">
      <div class="view-head">
        <h2 id="fleet-title">Fleet</h2>
        <p class="quiet">
          Agents that use tools, all at once. Under <em>conserve</em> each one's first prompt runs on the
          prefiller, its KV cache is copied once, and it stays on the decoder.
        </p>
      </div>
      <Controls session={session} fleet={fleet} />
      <LoadCard session={session} title="Load a model to start a fleet" setup={setupOf(settings)} />
      <p class="visually-hidden" role="status">
        {hasRun ? describe(state.agents) : ""}
      </p>
      {hasRun && (
        <>
          <Queues fleet={fleet} />
          <Gantt fleet={fleet} />
          <BlockMaps fleet={fleet} />
          <Charts fleet={fleet} />
          <Agents fleet={fleet} />
        </>
      )}
      <CompareView session={session} comparer={comparer} />
    </section>
  );
}

function describe(agents: readonly AgentRecord[]): string {
  const ended = agents.filter(({ state }) => state !== "waits" && state !== "works").length;
  return `${ended} of ${counted(agents.length, "agent")} have ended.`;
}
