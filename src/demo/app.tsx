import { useEffect, useRef, useState } from "preact/hooks";
import { createChat } from "./chat/chat.ts";
import { ChatView } from "./chat/chat_view.tsx";
import { createComparer } from "./compare/compare.ts";
import { DevicesView } from "./devices/devices_view.tsx";
import { createFleet } from "./fleet/fleet.ts";
import { FleetView } from "./fleet/fleet_view.tsx";
import { useRoute, type ViewId, views } from "./route.ts";
import type { Session } from "./session.ts";
import { ModelBar } from "./shell/model_bar.tsx";
import { Notices } from "./shell/notices.tsx";

/** The page: its head, the tabs, and the view that the address names. What runs in a view goes on while another one is shown. */
export function App({ session }: { readonly session: Session }) {
  const view = useRoute();
  const [chat] = useState(() => createChat(session));
  const [fleet] = useState(() => createFleet(session));
  const [comparer] = useState(() => createComparer(session));
  const main = useRef<HTMLElement>(null);
  useTitle(view);
  return (
    <>
      <button type="button" class="skip" onClick={() => main.current?.focus()}>
        Skip to the view
      </button>
      <header class="head">
        <div class="brand">
          <h1>Baton</h1>
          <p>Small language models on your own GPU, in this page, scheduled by the conversation.</p>
        </div>
        <Tabs current={view} />
        <ModelBar session={session} />
      </header>
      <main id="view" ref={main} tabIndex={-1}>
        <Notices session={session} />
        {view === "chat" && <ChatView session={session} chat={chat} />}
        {view === "fleet" && <FleetView session={session} fleet={fleet} comparer={comparer} />}
        {view === "devices" && <DevicesView session={session} />}
      </main>
    </>
  );
}

function Tabs({ current }: { readonly current: ViewId }) {
  return (
    <nav aria-label="Views" class="tabs">
      {views.map(({ id, title }) => (
        <a key={id} href={`#${id}`} {...(id === current && { "aria-current": "page" as const })}>
          {title}
        </a>
      ))}
    </nav>
  );
}

function useTitle(view: ViewId): void {
  useEffect(() => {
    document.title = `${views.find(({ id }) => id === view)?.title ?? ""} · Baton`;
  }, [view]);
}
