import { useEffect, useState } from "preact/hooks";
import { clearModels, type StorageReport, storageReport } from "../engine.ts";
import { counted, formatBytes } from "../format.ts";
import type { Session } from "../session.ts";
import { useStore } from "../store.ts";

/** What this page keeps in the browser. */
export function Storage({ session }: { readonly session: Session }) {
  const loaded = useStore(session.state).kind;
  const [report, setReport] = useState<StorageReport>();
  const [said, setSaid] = useState("");
  const look = () => void storageReport().then(setReport, () => setReport(undefined));
  // What is kept changes when a model has been loaded.
  useEffect(look, [loaded]);
  const clear = async () => {
    await clearModels();
    setSaid("The downloaded models are cleared.");
    look();
  };
  return (
    <div class="card">
      <h3>Storage</h3>
      {report === undefined ? (
        <p class="quiet">The browser does not say what this page keeps.</p>
      ) : (
        <Usage {...report} />
      )}
      <div class="row">
        <button type="button" onClick={() => void clear()}>
          Clear the downloaded models
        </button>
        <span role="status">{said}</span>
      </div>
    </div>
  );
}

function Usage({ usedBytes, quotaBytes, models, persistent }: StorageReport) {
  return (
    <>
      <p>
        {counted(models, "downloaded model")} kept; this page uses {formatBytes(usedBytes)} of the{" "}
        {formatBytes(quotaBytes)} that the browser allows it.
        {persistent === false && " The browser may clear it when it needs room."}
      </p>
      <meter aria-label="Storage in use" min={0} max={quotaBytes || 1} value={usedBytes} />
    </>
  );
}
