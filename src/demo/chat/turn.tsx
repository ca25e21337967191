import { useState } from "preact/hooks";
import { counted, formatMs, formatRate } from "../format.ts";
import type { Session } from "../session.ts";
import { actionsOf } from "../shell/actions.ts";
import { TroubleCard } from "../shell/trouble_card.tsx";
import type { Chat } from "./chat.ts";
import { EditQuestion } from "./composer.tsx";
import { Markdown } from "./markdown.tsx";
import { type ChatTurn, isSaid } from "./tree.ts";

interface TurnProps {
  readonly turn: ChatTurn;
  readonly siblings: readonly ChatTurn[];
  readonly isLast: boolean;
  readonly busy: boolean;
  readonly chat: Chat;
  readonly session: Session;
}

/** A question and its answer, with what may be done about them. */
export function Turn(props: TurnProps) {
  const { turn, siblings, busy, chat, session, isLast } = props;
  const [editing, setEditing] = useState(false);
  const { question, answer, state, trouble } = turn;
  const again = () => void chat.regenerate(turn);
  return (
    <article class="turn" aria-label={`Question: ${question}`}>
      {editing ? (
        <EditQuestion
          question={question}
          cancel={() => setEditing(false)}
          send={(text) => {
            setEditing(false);
            void chat.edit(turn, text);
          }}
        />
      ) : (
        <div class="question">
          <p>{question}</p>
        </div>
      )}
      <div class="answer" aria-busy={state === "streaming" || state === "waiting"}>
        {answer === "" && state === "waiting" && <p class="quiet">Reading the prompt …</p>}
        <Markdown text={answer} />
        {state === "cut" && <p class="quiet">Cut off at the limit of tokens, which the settings say.</p>}
        {state === "stopped" && <p class="quiet">Stopped.</p>}
        {trouble && (
          <TroubleCard
            trouble={trouble}
            actions={actionsOf(session, { retry: again, newChat: chat.clear })}
          />
        )}
      </div>
      <Numbers turn={turn} />
      <div class="row turn-actions">
        <BranchSwitch turn={turn} siblings={siblings} busy={busy} chat={chat} />
        <button type="button" class="small" disabled={busy} onClick={() => setEditing(true)}>
          Edit
        </button>
        <button type="button" class="small" disabled={busy} onClick={again}>
          Answer again
        </button>
        {!isLast && isSaid(turn) && (
          <button type="button" class="small" disabled={busy} onClick={() => chat.branchAfter(turn)}>
            Branch here
          </button>
        )}
      </div>
    </article>
  );
}

function BranchSwitch({
  turn,
  siblings,
  busy,
  chat,
}: Pick<TurnProps, "turn" | "siblings" | "busy" | "chat">) {
  if (siblings.length < 2) return null;
  const at = siblings.indexOf(turn);
  const go = (to: ChatTurn | undefined) => to && chat.show(to);
  return (
    <fieldset class="branches" aria-label="Branches of this turn">
      <button
        type="button"
        class="small"
        aria-label="Previous branch"
        disabled={busy || at === 0}
        onClick={() => go(siblings[at - 1])}
      >
        ‹
      </button>
      <span>
        {at + 1} / {siblings.length}
      </span>
      <button
        type="button"
        class="small"
        aria-label="Next branch"
        disabled={busy || at === siblings.length - 1}
        onClick={() => go(siblings[at + 1])}
      >
        ›
      </button>
    </fieldset>
  );
}

/** How quick it was, and how much of the prompt had to be computed. */
function Numbers({ turn }: { readonly turn: ChatTurn }) {
  const { usage, timings, state, pieces, firstMs } = turn;
  if (usage === undefined || timings === undefined) {
    if (state !== "streaming" || firstMs === undefined || pieces < 2) return null;
    const rate = ((pieces - 1) * 1000) / (performance.now() - firstMs);
    return <p class="numbers">about {formatRate(rate)}</p>;
  }
  const gapsMs = timings.tbtMs.reduce((sum, ms) => sum + ms, 0);
  const rate = gapsMs > 0 ? (timings.tbtMs.length * 1000) / gapsMs : undefined;
  const prefilled = usage.promptTokens - usage.cachedTokens;
  return (
    <dl class="numbers">
      <Fact name="answer" value={counted(usage.completionTokens, "token")} />
      {rate !== undefined && <Fact name="decode" value={formatRate(rate)} />}
      {timings.ttftMs !== null && <Fact name="first token after" value={formatMs(timings.ttftMs)} />}
      <Fact name="prefilled" value={counted(prefilled, "token")} />
      <Fact name="from the cache" value={counted(usage.cachedTokens, "token")} />
    </dl>
  );
}

function Fact({ name, value }: { readonly name: string; readonly value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}
