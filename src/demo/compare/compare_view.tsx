import { type ReportTable, tablesOf } from "../../comparison/text.ts";
import type { ComparedPolicies, PolicyComparison, PolicyName } from "../../index.ts";
import { policyTexts } from "../fleet/settings.ts";
import { type PhaseProgress, phaseTitles } from "../progress.ts";
import type { Session } from "../session.ts";
import { actionsOf } from "../shell/actions.ts";
import { PhaseBar } from "../shell/load_card.tsx";
import { Scroll } from "../shell/scroll.tsx";
import { TroubleCard } from "../shell/trouble_card.tsx";
import { useStore } from "../store.ts";
import type { Comparer, CompareSettings, CompareState } from "./compare.ts";
import { downloadHtml, downloadJson } from "./downloads.ts";

/** Policies beside each other, measured here. */
export function CompareView({
  session,
  comparer,
}: {
  readonly session: Session;
  readonly comparer: Comparer;
}) {
  const settings = useStore(comparer.settings);
  const state = useStore(comparer.state);
  const loaded = useStore(session.state);
  const ready = loaded.kind === "ready";
  const running = state.kind === "running";
  const few = settings.policies.length < 2;
  return (
    <details class="card compare">
      <summary>
        <h3>Compare policies</h3>
      </summary>
      <p class="quiet">
        The same generated conversations under each policy, one after the other, on a prefiller and a decoder
        of this machine, beside the model that is loaded.
        {ready && loaded.runtime.adapter.software && " On a software adapter it takes many minutes."}
      </p>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (!running) void comparer.start();
        }}
      >
        <Fields settings={settings} comparer={comparer} disabled={running} />
        <div class="row">
          {running ? (
            <button key="stop" type="button" onClick={comparer.stop}>
              Stop comparing
            </button>
          ) : (
            <button key="start" type="submit" disabled={!ready || few}>
              Compare
            </button>
          )}
          <span role="status">{describe(state, few)}</span>
        </div>
      </form>
      {state.kind === "running" && state.phases.map((phase) => <PhaseBar key={phase.phase} {...phase} />)}
      {state.kind === "failed" && (
        <TroubleCard
          trouble={state.trouble}
          actions={actionsOf(session, { retry: () => void comparer.start() })}
        />
      )}
      {state.kind === "done" && <Result compared={state.compared} />}
    </details>
  );
}

interface FieldsProps {
  readonly settings: CompareSettings;
  readonly comparer: Comparer;
  readonly disabled: boolean;
}

function Fields({ settings, comparer, disabled }: FieldsProps) {
  const set = (change: Partial<CompareSettings>) =>
    comparer.settings.update((now) => ({ ...now, ...change }));
  const toggle = (name: PolicyName) => {
    const { policies } = settings;
    set({ policies: policies.includes(name) ? policies.filter((one) => one !== name) : [...policies, name] });
  };
  return (
    <fieldset class="fields" disabled={disabled}>
      <legend class="visually-hidden">What is compared</legend>
      <label>
        Conversations: {settings.conversations}
        <input
          type="range"
          min="2"
          max="60"
          value={settings.conversations}
          onInput={({ currentTarget }) => set({ conversations: currentTarget.valueAsNumber })}
        />
      </label>
      <label>
        Different workloads of so many: {settings.seeds}
        <input
          type="range"
          min="1"
          max="6"
          value={settings.seeds}
          onInput={({ currentTarget }) => set({ seeds: currentTarget.valueAsNumber })}
        />
      </label>
      <label>
        They come at {Math.round(100 * settings.load)}% of what the devices manage
        <input
          type="range"
          min="0.25"
          max="1.5"
          step="0.05"
          value={settings.load}
          onInput={({ currentTarget }) => set({ load: currentTarget.valueAsNumber })}
        />
      </label>
      <fieldset class="tools wide">
        <legend>Policies</legend>
        {Object.keys(policyTexts).map((name) => (
          <label key={name}>
            <input
              type="checkbox"
              checked={settings.policies.includes(name as PolicyName)}
              onChange={() => toggle(name as PolicyName)}
            />
            {name}
          </label>
        ))}
      </fieldset>
    </fieldset>
  );
}

function describe(state: CompareState, few: boolean): string {
  if (state.kind === "running") return describeWork(state.phases.at(-1));
  if (state.kind === "done") return "The comparison is done.";
  return few ? "Choose two policies at least." : "";
}

function describeWork(phase: PhaseProgress | undefined): string {
  if (phase === undefined) return "Asking for the GPU …";
  return phase.phase === "measure" ? `Measuring ${phase.label}` : phaseTitles[phase.phase];
}

function Result({ compared }: { readonly compared: ComparedPolicies }) {
  const { comparison } = compared;
  const tables = comparison.loads.flatMap(({ load }) => tablesOf(comparison, load));
  return (
    <>
      {tables.map(({ title, rows }) => (
        <Scroll key={title} label={`Policies compared: ${title}`}>
          <Table title={title} rows={rows} />
        </Scroll>
      ))}
      <p class="quiet">{describeObjectives(comparison)}</p>
      <div class="row">
        <button type="button" onClick={() => downloadJson(compared)}>
          Download as JSON
        </button>
        <button type="button" onClick={() => void downloadHtml(compared)}>
          Download as a page with plots
        </button>
      </div>
    </>
  );
}

function Table({ title, rows: [head = [], ...rows] }: ReportTable) {
  return (
    <table>
      <caption>{title}</caption>
      <thead>
        <tr>
          {head.map((text, at) => (
            <th key={text} scope="col" {...(at > 0 && { class: "number" })}>
              {text}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map(([name, ...cells]) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            {cells.map((text, at) => (
              <td key={head[at + 1]} class="number">
                {text}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function describeObjectives({ slo, workload, loads }: PolicyComparison): string {
  const rates = loads.map(({ ratePerSecond }) => ratePerSecond.toFixed(2)).join(", ");
  return `${workload}; ${rates} conversations a second. Goodput counts conversations whose every turn had its first token within ${slo.ttftMs / 1000} s and whose mean time between tokens was at most ${slo.tbtMs} ms. So few conversations say little: differences of some percent are noise.`;
}
