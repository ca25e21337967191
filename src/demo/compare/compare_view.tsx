import type { ComparisonReport } from "../../comparison/report.ts";
import type { PolicyName } from "../../index.ts";
import type { Cell } from "../../metrics/replay_cell.ts";
import { policyTexts } from "../fleet/settings.ts";
import type { Session } from "../session.ts";
import { actionsOf } from "../shell/actions.ts";
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
  const ready = useStore(session.state).kind === "ready";
  const running = state.kind === "running";
  const few = settings.policies.length < 2;
  return (
    <details class="card compare">
      <summary>
        <h3>Compare policies</h3>
      </summary>
      <p class="quiet">
        The same generated conversations under each policy, one after the other, on a prefiller and a decoder
        of this machine. The model is loaded anew for each.
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
      {running && <progress aria-label="Conversations replayed" max={state.total} value={state.done} />}
      {state.kind === "failed" && <TroubleCard trouble={state.trouble} actions={actionsOf(session)} />}
      {state.kind === "done" && <Result state={state} />}
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
        They come at {settings.ratePerSecond} a second
        <input
          type="range"
          min="0.1"
          max="10"
          step="0.1"
          value={settings.ratePerSecond}
          onInput={({ currentTarget }) => set({ ratePerSecond: currentTarget.valueAsNumber })}
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
  if (state.kind === "running") return `${state.policy}: ${state.done} of ${state.total} conversations`;
  if (state.kind === "done") return "The comparison is done.";
  return few ? "Choose two policies at least." : "";
}

type Column = readonly [title: string, of: (cell: Cell) => string];

const ms = (value: number) => (Number.isFinite(value) ? `${value.toFixed(0)} ms` : "none");

const COLUMNS: readonly Column[] = [
  ["TTFET p95", ({ ttfetMs }) => ms(ttfetMs.p95)],
  ["First TTFT p95", ({ firstTtftMs }) => ms(firstTtftMs.p95)],
  ["Later TTFT p95", ({ laterTtftMs }) => ms(laterTtftMs.p95)],
  ["Last TBT p95", ({ lastTurnTbtMs }) => ms(lastTurnTbtMs.p95)],
  ["SLOs kept", ({ sloShare }) => `${Math.round(100 * sloShare)}%`],
  ["Goodput", ({ goodput }) => `${goodput.toFixed(2)}/s`],
  ["Handoffs each", ({ handoffs, conversations }) => (handoffs / conversations).toFixed(1)],
];

function Result({ state }: { readonly state: Extract<CompareState, { kind: "done" }> }) {
  const { report, replays } = state;
  return (
    <>
      <Scroll label="Policies compared">
        <Table report={report} />
      </Scroll>
      <p class="quiet">{describeObjectives(report)}</p>
      <div class="row">
        <button type="button" onClick={() => downloadJson(report)}>
          Download as JSON
        </button>
        <button type="button" onClick={() => void downloadHtml(report, replays)}>
          Download as a page with plots
        </button>
      </div>
    </>
  );
}

function Table({ report: { cells } }: { readonly report: ComparisonReport }) {
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">Policy</th>
          {COLUMNS.map(([title]) => (
            <th key={title} scope="col" class="number">
              {title}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {cells.map((cell) => (
          <tr key={cell.policy}>
            <th scope="row">{cell.policy}</th>
            {COLUMNS.map(([title, of]) => (
              <td key={title} class="number">
                {of(cell)}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function describeObjectives({ slo, workload }: ComparisonReport): string {
  return `${workload}. Goodput counts conversations whose every turn had its first token within ${slo.ttftMs / 1000} s and whose mean time between tokens was at most ${slo.tbtMs} ms. So few conversations say little: differences of some percent are noise.`;
}
