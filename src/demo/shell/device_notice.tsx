import type { Runtime } from "../../index.ts";
import type { Session } from "../session.ts";
import { wayTitles } from "../trouble.ts";
import { type DeviceNews, useDeviceNews } from "./device_news.ts";

/** Tells of devices that are lost, that come back, and that cannot be had any more. */
export function DeviceNotice({ session, runtime }: { readonly session: Session; readonly runtime: Runtime }) {
  const { news, forget } = useDeviceNews(runtime);
  const [lost, back, gone] = [idsOf(news, "lost"), idsOf(news, "back"), idsOf(news, "gone")];
  const isAllGone = runtime.devices.every(({ id }) => news.get(id) === "gone");
  return (
    <>
      {lost !== "" && (
        <p class="notice" role="status">
          The GPU was lost ({lost}). It is being opened again; answers go on where they stopped.
        </p>
      )}
      {back !== "" && (
        <div class="notice row" role="status">
          <p>The GPU was lost and is back ({back}). Answers went on where they had stopped.</p>
          <button type="button" class="small" onClick={forget}>
            Hide this
          </button>
        </div>
      )}
      {gone !== "" && (
        <div class="notice trouble row" role="alert">
          <p>
            The GPU was lost ({gone}) and could not be opened again.{" "}
            {isAllGone
              ? "Nothing can be answered until a model is loaded."
              : "The other devices go on without it."}
          </p>
          <button type="button" class="small" onClick={() => void session.retry()}>
            {wayTitles["load-again"]}
          </button>
        </div>
      )}
    </>
  );
}

function idsOf(news: DeviceNews, fate: "lost" | "back" | "gone"): string {
  return [...news].flatMap(([id, now]) => (now === fate ? id : [])).join(", ");
}
