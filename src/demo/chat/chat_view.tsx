import { useEffect } from "preact/hooks";
import type { Session } from "../session.ts";
import { LoadCard } from "../shell/load_card.tsx";
import { useStore } from "../store.ts";
import type { Chat } from "./chat.ts";
import { Composer } from "./composer.tsx";
import { Settings } from "./settings.tsx";
import { pathTo, siblingsOf } from "./tree.ts";
import { Turn } from "./turn.tsx";

export function ChatView({ session, chat }: { readonly session: Session; readonly chat: Chat }) {
  const tree = useStore(chat.tree);
  const busy = useStore(chat.busy);
  const ready = useStore(session.state).kind === "ready";
  const path = pathTo(tree, tree.tip);
  const last = path.at(-1);
  useEndInView(`${tree.tip} ${last?.answer.length}`, last !== undefined);
  return (
    <section class="chat" aria-labelledby="chat-title">
      <div class="view-head">
        <h2 id="chat-title">Chat</h2>
        <button type="button" disabled={path.length === 0} onClick={chat.clear}>
          New chat
        </button>
      </div>
      <div class="turns">
        {path.map((turn) => (
          <Turn
            key={turn.id}
            turn={turn}
            siblings={siblingsOf(tree, turn)}
            isLast={turn === last}
            busy={busy || !ready}
            chat={chat}
            session={session}
          />
        ))}
        {path.length === 0 && ready && <Suggestions chat={chat} />}
      </div>
      <Announcer text={last !== undefined && !busy ? last.answer : ""} busy={busy} />
      <LoadCard session={session} title="Load a model to chat with it" />
      <Composer chat={chat} ready={ready} />
      <Settings chat={chat} />
    </section>
  );
}

const SUGGESTIONS = [
  "What is the capital of France?",
  "Write a haiku about copper.",
  "List three uses of a paper clip.",
];

function Suggestions({ chat }: { readonly chat: Chat }) {
  return (
    <div class="suggestions">
      <p>Ask anything, for example:</p>
      <div class="row">
        {SUGGESTIONS.map((text) => (
          <button type="button" key={text} onClick={() => void chat.send(text)}>
            {text}
          </button>
        ))}
      </div>
    </div>
  );
}

/** For screen readers: the whole answer once it is there, since read piece by piece it cannot be followed. */
function Announcer({ text, busy }: { readonly text: string; readonly busy: boolean }) {
  return (
    <p class="visually-hidden" aria-live="polite">
      {busy ? "The model answers." : text}
    </p>
  );
}

/** Follows what comes, as long as the reader has not scrolled away from it. */
function useEndInView(content: string, begun: boolean): void {
  // It follows what is shown.
  useEffect(() => {
    const { scrollHeight } = document.documentElement;
    // Not by `scrollIntoView`, from where the Tab key would go on.
    if (begun && scrollHeight - innerHeight - scrollY < 240)
      scrollTo({ top: scrollHeight, behavior: "instant" });
  }, [content]);
}
