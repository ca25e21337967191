import { useEffect, useState } from "preact/hooks";
import type { Progress, Runtime, TunedChoice, TuneResult } from "../../index.ts";
import { rememberedTunings } from "../engine.ts";
import { formatMs } from "../format.ts";
import { PhaseBar } from "../shell/load_card.tsx";
import { Scroll } from "../shell/scroll.tsx";
import { type Trouble, troubleOf } from "../trouble.ts";

type TuningState =
  | { readonly kind: "idle" }
  | { readonly kind: "running"; readonly progress: Progress | undefined; readonly stop: () => void }
  | { readonly kind: "done"; readonly result: TuneResult }
  | { readonly kind: "failed"; readonly trouble: Trouble };

/** Which kernels run here, and measuring which are best. */
export function Tuning({ runtime }: { readonly runtime: Runtime }) {
  const [state, setState] = useState<TuningState>({ kind: "idle" });
  const tune = async () => {
    const stopping = new AbortController();
    const stop = () => stopping.abort();
    setState({ kind: "running", progress: undefined, stop });
    try {
      const onProgress = (progress: Progress) => setState({ kind: "running", progress, stop });
      const result = await runtime.tune({ onProgress, signal: stopping.signal });
      setState({ kind: "done", result });
    } catch (error) {
      setState(stopping.signal.aborted ? { kind: "idle" } : { kind: "failed", trouble: troubleOf(error) });
    }
  };
  return (
    <div class="card">
      <h3>Kernels</h3>
      <Chosen runtime={runtime} />
      {state.kind === "running" ? (
        <Running {...state} />
      ) : (
        <div class="row">
          <button type="button" onClick={() => void tune()}>
            Measure which kernels are best here
          </button>
          <span class="quiet">
            Takes {runtime.adapter.software ? "20" : "3"} seconds at the most; the next load takes what it
            found.
          </span>
        </div>
      )}
      <div role="status">
        {state.kind === "done" && <Outcome result={state.result} />}
        {state.kind === "failed" && <p>{state.trouble.text}</p>}
      </div>
      {state.kind === "done" && <Choices choices={state.result.choices} />}
    </div>
  );
}

function Chosen({ runtime }: { readonly runtime: Runtime }) {
  const [remembered, setRemembered] = useState<number>();
  useEffect(() => {
    rememberedTunings().then(
      (names) => setRemembered(names.length),
      () => {},
    );
  }, []);
  const { tunedProducts } = runtime.stats();
  return (
    <p>
      {tunedProducts === 0
        ? "The model runs the kernels that Baton's table names for this kind of adapter."
        : `${tunedProducts} of the model's products run kernels that were measured to be quicker here than those of the table.`}{" "}
      {remembered !== undefined && remembered > 0 && `Measurements that are remembered: ${remembered}.`}
    </p>
  );
}

function Running({ progress, stop }: { readonly progress: Progress | undefined; readonly stop: () => void }) {
  return (
    <>
      {progress && <PhaseBar {...progress} secondsLeft={undefined} />}
      <div class="row">
        <button type="button" onClick={stop}>
          Stop measuring
        </button>
      </div>
    </>
  );
}

function Outcome({ result: { choices, ms, complete, remembered } }: { readonly result: TuneResult }) {
  const changed = choices.filter(({ ratio }) => ratio < 1).length;
  return (
    <p>
      Measured in {formatMs(ms)}: {changed} of {choices.length} choices differ from the table's.
      {!complete && " The time was up before all was decided: measure again to go on."}
      {!remembered && " It cannot be remembered, as this browser keeps nothing for the page."}
    </p>
  );
}

function Choices({ choices }: { readonly choices: readonly TunedChoice[] }) {
  return (
    <details>
      <summary>All choices</summary>
      <Scroll label="Choices of kernels">
        <table>
          <thead>
            <tr>
              <th scope="col">Product or attention</th>
              <th scope="col">Tokens</th>
              <th scope="col">Chosen</th>
              <th scope="col" class="number">
                Quicker
              </th>
            </tr>
          </thead>
          <tbody>
            {choices.map((choice) => (
              <tr key={`${choice.key} ${choice.upToTokens}`}>
                <td>{choice.key}</td>
                <td>{choice.upToTokens === null ? "more" : `up to ${choice.upToTokens}`}</td>
                <td>{describeTile(choice.chosen)}</td>
                <td class="number">{choice.ratio < 1 ? `${(1 / choice.ratio).toFixed(2)}×` : "as it was"}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </details>
  );
}

function describeTile({ kernel, ...numbers }: TunedChoice["chosen"]): string {
  return [kernel, Object.values(numbers).join("/")].filter((part) => part !== undefined).join(" ");
}
