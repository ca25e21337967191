import { useProposal } from "../devices/use_adapters.ts";
import { models, type Setup } from "../engine.ts";
import { formatBytes, formatCount, formatWait } from "../format.ts";
import { isKept, type PhaseProgress, phaseTitles } from "../progress.ts";
import type { Session } from "../session.ts";
import { useStore } from "../store.ts";
import { actionsOf, chooseFile } from "./actions.ts";
import { TroubleCard } from "./trouble_card.tsx";

interface LoadCardProps {
  readonly session: Session;
  readonly title: string;
  /** What the view needs. */
  readonly setup?: Setup;
}

/** In place of a view that needs a model: how to get one, how far it is, or why there is none. */
export function LoadCard({ session, title, setup }: LoadCardProps) {
  const state = useStore(session.state);
  switch (state.kind) {
    case "ready":
      return null;
    case "empty":
      return <Offer session={session} title={title} {...(setup && { setup })} />;
    case "loading":
      return <Loading phases={state.phases} stop={session.stop} />;
    case "failed":
    case "elsewhere":
      return <TroubleCard trouble={state.trouble} actions={actionsOf(session)} />;
    default:
      return state satisfies never;
  }
}

function Offer({ session, title, setup }: LoadCardProps) {
  const proposed = useProposal();
  const model = models.find(({ name }) => name === proposed);
  const file = () => chooseFile((chosen) => void session.load({ kind: "file", file: chosen }, setup));
  return (
    <div class="card offer">
      <h3>{title}</h3>
      <p>
        It is downloaded once, stays in this browser, and runs on your own GPU: nothing that you type leaves
        this page.
      </p>
      <div class="row">
        {model && (
          <button
            type="button"
            class="primary"
            onClick={() => void session.load({ kind: "catalogue", name: model.name }, setup)}
          >
            Load {model.title} ({formatBytes(model.bytes)})
          </button>
        )}
        <button type="button" onClick={file}>
          Open a GGUF file
        </button>
        <a href="#devices">Other models</a>
      </div>
    </div>
  );
}

export function Loading({
  phases,
  stop,
}: {
  readonly phases: readonly PhaseProgress[];
  readonly stop: () => void;
}) {
  return (
    <div class="card loading">
      <h3>Loading the model</h3>
      {phases.length === 0 && <p>Asking for the GPU …</p>}
      {phases.map((phase) => (
        <PhaseBar key={phase.phase} {...phase} />
      ))}
      {!isKept(phases) && (
        <p>The browser has no room to keep this model, so it goes straight onto the GPU.</p>
      )}
      <div class="row">
        <button type="button" onClick={stop}>
          Stop
        </button>
      </div>
    </div>
  );
}

export function PhaseBar(progress: Omit<PhaseProgress, "kept">) {
  const { phase, done, total, label } = progress;
  const title = phaseTitles[phase];
  return (
    <div class="phase">
      <div class="phase-head">
        <span>{title}</span>
        <span class="quiet">{describeProgress(progress)}</span>
      </div>
      <progress
        aria-label={`${title}: ${label}`}
        {...(total !== undefined && total > 0 && { max: total, value: Math.min(done, total) })}
      />
    </div>
  );
}

function describeProgress({ done, total, unit, secondsLeft }: Omit<PhaseProgress, "kept">): string {
  const count = unit === "bytes" ? formatBytes : formatCount;
  const suffix = unit === "bytes" ? "" : ` ${unit}`;
  const parts = [
    total === undefined ? `${count(done)}${suffix}` : `${count(done)} of ${count(total)}${suffix}`,
  ];
  if (secondsLeft !== undefined && total !== undefined && done < total)
    parts.push(`${formatWait(secondsLeft)} left`);
  return parts.join(", ");
}
