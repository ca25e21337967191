import { useState } from "preact/hooks";
import { addressOf, models } from "../engine.ts";
import { formatBytes } from "../format.ts";
import type { Session } from "../session.ts";
import { useStore } from "../store.ts";
import { useProposal } from "./use_adapters.ts";

/** The ways to a model: the catalogue, a file, an address. */
export function ModelPicker({ session }: { readonly session: Session }) {
  return (
    <div class="card">
      <h3>Models</h3>
      <Catalogue session={session} />
      <FileTarget session={session} />
      <AddressField session={session} />
    </div>
  );
}

function Catalogue({ session }: { readonly session: Session }) {
  const state = useStore(session.state);
  const proposed = useProposal();
  const isLoaded = (name: string) =>
    state.kind === "ready" && state.choice.kind === "catalogue" && state.choice.name === name;
  return (
    <ul class="model-list">
      {models.map(({ name, title, bytes, licence }) => (
        <li key={name}>
          <span>
            <strong>{title}</strong>
            {name === proposed && " (suits this machine)"}
            <br />
            <span class="quiet">
              {formatBytes(bytes)}, {licence}
            </span>
          </span>
          <button
            type="button"
            disabled={isLoaded(name) || state.kind === "loading"}
            onClick={() => void session.load({ kind: "catalogue", name })}
          >
            {isLoaded(name) ? "Loaded" : "Load"}
          </button>
        </li>
      ))}
    </ul>
  );
}

function FileTarget({ session }: { readonly session: Session }) {
  const [over, setOver] = useState(false);
  const open = (file: File | undefined) => file && void session.load({ kind: "file", file });
  return (
    <fieldset
      class={over ? "drop over" : "drop"}
      aria-label="Open a file"
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        open(event.dataTransfer?.files[0]);
      }}
    >
      <label for="model-file">
        A GGUF file of this machine (llama, qwen2 or qwen3): choose it, or drop it here. It is read, and goes
        nowhere.
      </label>
      <input
        id="model-file"
        type="file"
        accept=".gguf"
        onChange={({ currentTarget }) => open(currentTarget.files?.[0])}
      />
    </fieldset>
  );
}

function AddressField({ session }: { readonly session: Session }) {
  const [text, setText] = useState("");
  const [problem, setProblem] = useState("");
  const load = (event: Event) => {
    event.preventDefault();
    const url = addressOf(text);
    setProblem(url === undefined ? "This is neither an address nor owner/repository/file.gguf." : "");
    if (url !== undefined) void session.load({ kind: "url", url });
  };
  return (
    <form class="address" onSubmit={load}>
      <label for="model-address">
        A file of the Hugging Face Hub, as owner/repository/file.gguf, or its address.
      </label>
      <input
        id="model-address"
        type="text"
        inputMode="url"
        autocomplete="off"
        spellcheck={false}
        value={text}
        aria-invalid={problem !== ""}
        aria-describedby="model-address-problem"
        onInput={({ currentTarget }) => setText(currentTarget.value)}
      />
      <button type="submit" disabled={text.trim() === ""}>
        Load
      </button>
      <p id="model-address-problem" class="problem" role="status">
        {problem}
      </p>
    </form>
  );
}
