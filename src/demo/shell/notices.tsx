import { useEffect, useState } from "preact/hooks";
import type { Session } from "../session.ts";
import { useStore } from "../store.ts";
import { DeviceNotice } from "./device_notice.tsx";
import { NotKept } from "./not_kept.tsx";

/** What a visitor has to know of this browser and this machine, before and while a model runs. */
export function Notices({ session }: { readonly session: Session }) {
  const state = useStore(session.state);
  const online = useOnline();
  const isSoftware = state.kind === "ready" && state.runtime.adapter.software;
  return (
    <div class="notices">
      {!("gpu" in navigator) && <NoWebGpu />}
      {!online && (
        <p class="notice" role="status">
          You are offline. Models that are here already go on working; others cannot be downloaded.
        </p>
      )}
      {state.kind === "ready" && <DeviceNotice session={session} runtime={state.runtime} />}
      {state.kind === "ready" && !state.kept && <NotKept session={session} />}
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
