import { useStore } from "../store.ts";
import type { Chat, ChatSettings } from "./chat.ts";

export function Settings({ chat }: { readonly chat: Chat }) {
  const settings = useStore(chat.settings);
  const set = (change: Partial<ChatSettings>) => chat.settings.update((now) => ({ ...now, ...change }));
  return (
    <details class="settings">
      <summary>Settings</summary>
      <div class="fields">
        <label>
          Temperature: {settings.temperature.toFixed(1)}{" "}
          {settings.temperature === 0 && "(always the likeliest)"}
          <input
            type="range"
            min="0"
            max="2"
            step="0.1"
            value={settings.temperature}
            onInput={({ currentTarget }) => set({ temperature: currentTarget.valueAsNumber })}
          />
        </label>
        <label>
          Most tokens of an answer (0: as suits the device)
          <input
            type="number"
            min="0"
            max="100000"
            step="1"
            value={settings.maxTokens}
            onInput={({ currentTarget }) => {
              const { valueAsNumber } = currentTarget;
              if (Number.isInteger(valueAsNumber) && valueAsNumber >= 0) set({ maxTokens: valueAsNumber });
            }}
          />
        </label>
        <label class="wide">
          What the model is told first (from the next new chat on)
          <textarea
            rows={2}
            value={settings.system}
            onInput={({ currentTarget }) => set({ system: currentTarget.value })}
          />
        </label>
      </div>
    </details>
  );
}
