import { useEffect, useState } from "preact/hooks";
import { observe } from "../engine.ts";
import type { Session } from "../session.ts";
import { useStore } from "../store.ts";

/** What a visitor has to know of this browser and this machine, before and while a model runs. */
export function Notices({ session }: { readonly session: Session }) {
  const state = useStore(session.state);
  const online = useOnline();
  const lost = useLostDevices(state.kind === "ready" ? state.runtime : undefined);
  const isSoftware = state.kind === "ready" && state.runtime.adapter.software;
  return (
    <div class="notices">
      {!("gpu" in navigator) && <NoWebGpu />}
      {!online && (
        <p class="notice" role="status">
          You are offline. Models that are here already go on working; others cannot be downloaded.
        </p>
      )}
      {lost.length > 0 && (
        <p class="notice" role="status">
          The GPU was lost ({lost.join(", ")}). It is being opened again; answers go on where they stopped.
        </p>
      )}
      {isSoftware && (
        <p class="notice">
          <strong>No GPU: this is a software adapter.</strong> The model runs on the processor, slowly, so
          answers are kept short. <SoftwareAdvice />
        </p>
      )}
    </div>
  );
}

function NoWebGpu() {
  return (
    <div class="notice trouble" role="alert">
      <strong>This browser has no WebGPU, which Baton needs.</strong>{" "}
      {window.isSecureContext
        ? "Use Chrome or Edge 113 or newer, or Safari 26; on Linux, WebGPU may have to be enabled in chrome://flags."
        : "Browsers give WebGPU to secure pages only: open this page over https, or from localhost."}
    </div>
  );
}

function SoftwareAdvice() {
  return (
    <>
      Where the machine has a GPU, turn on <q>graphics acceleration</q> in the browser's settings and reload
      the page.
    </>
  );
}

function useOnline(): boolean {
  const [online, setOnline] = useState(navigator.onLine);
  useEffect(() => {
    const changed = () => setOnline(navigator.onLine);
    addEventListener("online", changed);
    addEventListener("offline", changed);
    return () => {
      removeEventListener("online", changed);
      removeEventListener("offline", changed);
    };
  }, []);
  return online;
}

/** The ids of devices that are lost and not back yet. */
function useLostDevices(runtime: Parameters<typeof observe>[0] | undefined): readonly string[] {
  const [lost, setLost] = useState<readonly string[]>([]);
  useEffect(() => {
    setLost([]);
    if (runtime === undefined) return;
    return observe(runtime, (event) => {
      if (event.kind === "device-lost") setLost((ids) => [...new Set([...ids, event.device])]);
      if (event.kind === "device-joined") setLost((ids) => ids.filter((id) => id !== event.device));
    });
  }, [runtime]);
  return lost;
}
