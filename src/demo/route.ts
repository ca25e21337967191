import { useEffect, useState } from "preact/hooks";

/** The views, by the hash of the page's address. */
export const views = [
  { id: "chat", title: "Chat" },
  { id: "fleet", title: "Fleet" },
  { id: "devices", title: "Devices and model" },
] as const;

export type ViewId = (typeof views)[number]["id"];

export function useRoute(): ViewId {
  const [view, setView] = useState<ViewId>(viewOf(location.hash));
  useEffect(() => {
    const changed = () => setView(viewOf(location.hash));
    addEventListener("hashchange", changed);
    return () => removeEventListener("hashchange", changed);
  }, []);
  return view;
}

export function goTo(view: ViewId): void {
  location.hash = `#${view}`;
}

/** The first view for an address that names none. */
export function viewOf(hash: string): ViewId {
  const name = hash.replace(/^#\/?/, "");
  return views.find(({ id }) => id === name)?.id ?? "chat";
}
