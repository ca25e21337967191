import { clearModels } from "../engine.ts";
import { goTo } from "../route.ts";
import type { Session } from "../session.ts";
import type { WayOn } from "../trouble.ts";

export type Actions = Readonly<Record<WayOn, () => void>>;

/** What the buttons of a trouble do; a view has its own idea of trying again and of a new chat. */
export function actionsOf(
  session: Session,
  { retry, newChat }: { readonly retry?: () => void; readonly newChat?: () => void } = {},
): Actions {
  const again = retry ?? (() => void session.retry());
  return {
    retry: again,
    "load-again": () => void session.retry(),
    "take-over": () => void session.retry("take-over"),
    "take-back": () => void session.retry("take-over"),
    "load-beside": () => void session.retry("beside"),
    "choose-file": () => chooseFile((file) => void session.load({ kind: "file", file })),
    "choose-model": () => goTo("devices"),
    "clear-cache": () => void clearModels().then(again),
    "new-chat": newChat ?? (() => goTo("chat")),
    reload: () => location.reload(),
  };
}

/** The browser's own dialog. */
export function chooseFile(chosen: (file: File) => void): void {
  const input = document.createElement("input");
  input.type = "file";
  input.accept = ".gguf";
  input.addEventListener("change", () => {
    const file = input.files?.[0];
    if (file) chosen(file);
  });
  input.click();
}
