import type { Runtime } from "../../index.ts";
import { formatBytes, formatCount, formatMs } from "../format.ts";
import { Scroll } from "../shell/scroll.tsx";

/** What is loaded, and on what it runs. */
export function Loaded({ runtime }: { readonly runtime: Runtime }) {
  const { model, devices, devicesReason, precision, policy } = runtime;
  const { loadMs, kvBytes, liveGpuBytes } = runtime.stats();
  const facts: readonly (readonly [string, string])[] = [
    ["Model", `${model.name} (${model.architecture}), ${formatCount(model.parameters)} parameters`],
    ["Context", `${formatCount(model.contextTokens)} tokens, vocabulary ${formatCount(model.vocabTokens)}`],
    ["On the GPU", `${formatBytes(liveGpuBytes)}, of which ${formatBytes(kvBytes)} for the KV cache`],
    ["Loaded in", formatMs(loadMs)],
    ["Numbers", precision],
    ["Devices", devices.map(({ id, adapter }) => `${id} on ${adapter.name}`).join("; ")],
    ["Policy", policy],
  ];
  return (
    <div class="card">
      <h3>What is loaded</h3>
      <p class="quiet">{devicesReason}</p>
      <Scroll label="What is loaded">
        <table>
          <tbody>
            {facts.map(([name, value]) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td>{value}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </div>
  );
}
