import { type Trouble, wayTitles } from "../trouble.ts";
import type { Actions } from "./actions.ts";

/** What went wrong and what can be done about it. */
export function TroubleCard({ trouble, actions }: { readonly trouble: Trouble; readonly actions: Actions }) {
  const { title, text, ways, detail } = trouble;
  return (
    <div class="card trouble" role="alert">
      <h3>{title}</h3>
      <p>{text}</p>
      {ways.length > 0 && (
        <div class="row">
          {ways.map((way) => (
            <button type="button" key={way} onClick={actions[way]}>
              {wayTitles[way]}
            </button>
          ))}
        </div>
      )}
      {detail !== text && (
        <details>
          <summary>What exactly happened</summary>
          <p class="detail">{detail}</p>
        </details>
      )}
    </div>
  );
}
