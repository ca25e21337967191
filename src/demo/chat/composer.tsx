import { useEffect, useRef, useState } from "preact/hooks";
import { useStore } from "../store.ts";
import type { Chat } from "./chat.ts";

/** Where the next question is written. Enter sends, Shift and Enter begin a new line, Escape stops the answer. */
export function Composer({ chat, ready }: { readonly chat: Chat; readonly ready: boolean }) {
  const busy = useStore(chat.busy);
  const [text, setText] = useState("");
  const send = () => {
    if (!ready || busy || text.trim() === "") return;
    setText("");
    void chat.send(text.trim());
  };
  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <label for="question">Your question</label>
      <textarea
        id="question"
        rows={2}
        value={text}
        placeholder={ready ? "Enter sends, Shift+Enter begins a new line" : ""}
        onInput={({ currentTarget }) => setText(currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === "Escape") chat.stop();
          if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
          event.preventDefault();
          send();
        }}
      />
      {busy ? (
        <button key="stop" type="button" class="primary" onClick={chat.stop}>
          Stop
        </button>
      ) : (
        <button key="send" type="submit" class="primary" disabled={!ready || text.trim() === ""}>
          Send
        </button>
      )}
    </form>
  );
}

interface EditProps {
  readonly question: string;
  readonly send: (text: string) => void;
  readonly cancel: () => void;
}

/** In the place of a question: the same to be changed. */
export function EditQuestion({ question, send, cancel }: EditProps) {
  const [text, setText] = useState(question);
  const area = useRef<HTMLTextAreaElement>(null);
  useEffect(() => area.current?.focus(), []);
  return (
    <form
      class="edit"
      onSubmit={(event) => {
        event.preventDefault();
        if (text.trim() !== "") send(text.trim());
      }}
    >
      <textarea
        ref={area}
        aria-label="Edit the question"
        rows={3}
        value={text}
        onInput={({ currentTarget }) => setText(currentTarget.value)}
        onKeyDown={({ key }) => key === "Escape" && cancel()}
      />
      <div class="row">
        <button type="submit" class="primary">
          Send as a new branch
        </button>
        <button type="button" onClick={cancel}>
          Cancel
        </button>
      </div>
    </form>
  );
}
