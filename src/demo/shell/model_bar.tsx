import { describeChoice } from "../engine.ts";
import type { Session, SessionState } from "../session.ts";
import { useStore } from "../store.ts";

/** Which model is loaded, and where, in one line. */
export function ModelBar({ session }: { readonly session: Session }) {
  const state = useStore(session.state);
  return (
    <p class={`model-bar ${state.kind}`} role="status">
      <span class="dot" aria-hidden="true" />
      {describeState(state)}
    </p>
  );
}

function describeState(state: SessionState): string {
  switch (state.kind) {
    case "empty":
      return "No model is loaded.";
    case "loading":
      return `Loading ${describeChoice(state.choice)} …`;
    case "failed":
      return `${describeChoice(state.choice)} could not be loaded.`;
    case "elsewhere":
      return "The model is in use in another tab.";
    case "ready": {
      const { runtime, choice } = state;
      const places = runtime.devices.length === 1 ? "" : `, ${runtime.devices.length} devices`;
      return `${describeChoice(choice)} on ${runtime.adapter.name}${places}`;
    }
    default:
      return state satisfies never;
  }
}
