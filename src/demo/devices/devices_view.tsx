import type { Session } from "../session.ts";
import { LoadCard } from "../shell/load_card.tsx";
import { useStore } from "../store.ts";
import { Adapters } from "./adapters.tsx";
import { Loaded } from "./loaded.tsx";
import { ModelPicker } from "./model_picker.tsx";
import { Storage } from "./storage.tsx";
import { Tuning } from "./tuning.tsx";

export function DevicesView({ session }: { readonly session: Session }) {
  const state = useStore(session.state);
  return (
    <section aria-labelledby="devices-title">
      <div class="view-head">
        <h2 id="devices-title">Devices and model</h2>
      </div>
      {state.kind !== "empty" && <LoadCard session={session} title="Load a model" />}
      {state.kind === "ready" && <Loaded runtime={state.runtime} />}
      <ModelPicker session={session} />
      {state.kind === "ready" && <Tuning key={state.runtime.model.name} runtime={state.runtime} />}
      <Adapters />
      <Storage session={session} />
    </section>
  );
}
