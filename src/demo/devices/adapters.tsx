import type { AdapterReport } from "../engine.ts";
import { formatBytes, formatCount } from "../format.ts";
import { Scroll } from "../shell/scroll.tsx";
import { useAdapters } from "./use_adapters.ts";

/** What the browser gives. */
export function Adapters() {
  const { adapters, trouble } = useAdapters();
  return (
    <div class="card">
      <h3>Adapters of this browser</h3>
      {adapters === undefined && <p class="quiet">Asking the browser …</p>}
      {trouble && <p>{trouble.text}</p>}
      {adapters?.length === 0 && trouble === undefined && (
        <p>
          The browser has WebGPU and gives no adapter. Turn on graphics acceleration in its settings, or start
          Chrome with --enable-unsafe-swiftshader for a slow one in software.
        </p>
      )}
      {adapters?.map((report) => (
        <Adapter key={report.summary.name} {...report} />
      ))}
    </div>
  );
}

function Adapter({ summary, features, limits }: AdapterReport) {
  const { name, vendor, architecture, driver, software } = summary;
  const family = [vendor, architecture].filter((part) => part !== "").join(", ");
  return (
    <details>
      <summary>
        <strong>{name}</strong> {software ? "(software: the processor plays GPU, slowly)" : "(a GPU)"}
      </summary>
      <p class="quiet">
        {family}
        {driver !== "" && driver !== name && `; ${driver}`}
      </p>
      <Scroll label="Limits of the adapter">
        <table>
          <caption class="visually-hidden">Limits of {name}</caption>
          <tbody>
            {limits.map(([limit, value]) => (
              <tr key={limit}>
                <th scope="row">{limit}</th>
                <td class="number">
                  {/Size$/.test(limit) && value > 65_536 ? formatBytes(value) : formatCount(value)}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
      <p class="features">
        <strong>Features:</strong> {features.join(", ")}
      </p>
    </details>
  );
}
