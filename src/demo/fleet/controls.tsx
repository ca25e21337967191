import type { PolicyName } from "../../index.ts";
import type { Session } from "../session.ts";
import { useStore } from "../store.ts";
import { type ToolName, toolTitles } from "../tools/toolbox.ts";
import type { Fleet } from "./fleet.ts";
import { type DevicesName, deviceTexts, type FleetSettings, policyTexts } from "./settings.ts";

/** Who runs where, how many, and how often. */
export function Controls({ session, fleet }: { readonly session: Session; readonly fleet: Fleet }) {
  const settings = useStore(fleet.settings);
  const { kind } = useStore(fleet.state);
  const loaded = useStore(session.state).kind;
  const set = (change: Partial<FleetSettings>) => fleet.settings.update((now) => ({ ...now, ...change }));
  const busy = kind === "running" || kind === "loading";
  return (
    <form
      class="card"
      onSubmit={(event) => {
        event.preventDefault();
        if (!busy) void fleet.start();
      }}
    >
      <fieldset class="fields" disabled={busy}>
        <legend class="visually-hidden">The fleet</legend>
        <label>
          Agents: {settings.agents}
          <input
            type="range"
            min="1"
            max="12"
            value={settings.agents}
            onInput={({ currentTarget }) => set({ agents: currentTarget.valueAsNumber })}
          />
        </label>
        <label>
          Begin: {settings.ratePerSecond === 0 ? "all at once" : `${settings.ratePerSecond} a second`}
          <input
            type="range"
            min="0"
            max="4"
            step="0.5"
            value={settings.ratePerSecond}
            onInput={({ currentTarget }) => set({ ratePerSecond: currentTarget.valueAsNumber })}
          />
        </label>
        <label>
          Devices
          <select
            value={settings.devices}
            onChange={({ currentTarget }) => set({ devices: currentTarget.value as DevicesName })}
          >
            {Object.entries(deviceTexts).map(([name, text]) => (
              <option key={name} value={name}>
                {text}
              </option>
            ))}
          </select>
        </label>
        <label>
          Policy
          <select
            value={settings.policy}
            aria-describedby="policy-text"
            onChange={({ currentTarget }) => set({ policy: currentTarget.value as PolicyName })}
          >
            {Object.keys(policyTexts).map((name) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <label>
          Most tokens of an agent
          <input
            type="number"
            min="16"
            max="4096"
            value={settings.maxTokens}
            onInput={({ currentTarget: { valueAsNumber } }) => {
              if (Number.isInteger(valueAsNumber) && valueAsNumber >= 1) set({ maxTokens: valueAsNumber });
            }}
          />
        </label>
        <Tools settings={settings} set={set} />
      </fieldset>
      <p id="policy-text" class="quiet">
        {policyTexts[settings.policy]}
      </p>
      <div class="row">
        {/* Two elements by their keys: one that became a submit button while it is clicked would submit. */}
        {kind === "running" ? (
          <button key="stop" type="button" class="primary" onClick={fleet.stop}>
            Stop the fleet
          </button>
        ) : (
          <button key="start" type="submit" class="primary" disabled={busy || loaded !== "ready"}>
            Start the fleet
          </button>
        )}
        <span class="quiet">Other devices or another policy load the model again.</span>
      </div>
    </form>
  );
}

interface ToolsProps {
  readonly settings: FleetSettings;
  readonly set: (change: Partial<FleetSettings>) => void;
}

function Tools({ settings: { tools }, set }: ToolsProps) {
  const toggle = (name: ToolName) =>
    set({ tools: tools.includes(name) ? tools.filter((one) => one !== name) : [...tools, name] });
  return (
    <fieldset class="tools wide">
      <legend>Tools (each is told to every agent, which makes prompts longer)</legend>
      {Object.entries(toolTitles).map(([name, title]) => (
        <label key={name}>
          <input
            type="checkbox"
            checked={tools.includes(name as ToolName)}
            onChange={() => toggle(name as ToolName)}
          />
          {title}
        </label>
      ))}
    </fieldset>
  );
}
