import { useEffect, useState } from "preact/hooks";
import { clearModels, type StorageReport, storageReport } from "../engine.ts";
import { counted, formatBytes } from "../format.ts";
import type { Session } from "../session.ts";

/** The model runs, and the browser had no room for its file: what that means, and how there is room. */
export function NotKept({ session }: { readonly session: Session }) {
  const [report, setReport] = useState<StorageReport>();
  useEffect(() => void storageReport().then(setReport, () => {}), []);
  const others = report?.models ?? 0;
  const loadAgain = () => void session.retry();
  return (
    <div class="notice" role="status">
      <p>
        <strong>The browser has no room to keep this model.</strong> It runs all the same, and will be
        downloaded again when it is loaded next.
        {report &&
          ` This page uses ${formatBytes(report.usedBytes)} of the ${formatBytes(report.quotaBytes)} that the browser allows it.`}{" "}
        To keep it, {others > 0 ? "clear the models that are kept, or " : ""}make room on the disk.
      </p>
      <div class="row">
        {others > 0 && (
          <button type="button" class="small" onClick={() => void clearModels().then(loadAgain)}>
            Clear {counted(others, "kept model")} and load again
          </button>
        )}
        <button type="button" class="small" onClick={loadAgain}>
          There is room now: load it again
        </button>
      </div>
    </div>
  );
}
