import type { DonePart, Runtime } from "../../index.ts";
import type { Session } from "../session.ts";
import { createStore, type Store } from "../store.ts";
import { suitedTo } from "../suited.ts";
import { troubleOf } from "../trouble.ts";
import { Conversations } from "./conversations.ts";
import {
  type ChatTree,
  type ChatTurn,
  changed,
  emptyTree,
  leafOf,
  pathTo,
  turnOf,
  withTurn,
} from "./tree.ts";

export interface ChatSettings {
  /** Of the next new chat. */
  readonly system: string;
  readonly temperature: number;
  /** 0: as many as suit the adapter. */
  readonly maxTokens: number;
}

/** A chat: its tree of turns, and what may be done with it. */
export interface Chat {
  readonly tree: Store<ChatTree>;
  readonly settings: Store<ChatSettings>;
  /** A turn runs. */
  readonly busy: Store<boolean>;
  /** Asks at the end of what is shown, or after the turn `parent`, in place of what followed it. */
  send(question: string, parent?: number | undefined): Promise<void>;
  /** The same question once more, as a branch. */
  regenerate(turn: ChatTurn): Promise<void>;
  /** Another question in its place, as a branch. */
  edit(turn: ChatTurn, question: string): Promise<void>;
  /** The next question follows this turn; what followed it stays, as a branch. */
  branchAfter(turn: ChatTurn): void;
  /** Shows the branch that this turn is of, to its end. */
  show(turn: ChatTurn): void;
  stop(): void;
  clear(): void;
}

const SYSTEM = "You are a helpful assistant. Answer briefly.";

export function createChat(session: Session): Chat {
  const tree = createStore<ChatTree>(emptyTree);
  const settings = createStore<ChatSettings>({ system: SYSTEM, temperature: 0.7, maxTokens: 0 });
  const busy = createStore(false);
  let ids = 0;
  let system = SYSTEM;
  let stopping = new AbortController();
  let kept: { readonly runtime: Runtime; readonly conversations: Conversations } | undefined;

  const conversationsOf = (runtime: Runtime): Conversations => {
    if (kept?.runtime !== runtime) kept = { runtime, conversations: new Conversations(runtime, system) };
    return kept.conversations;
  };

  const run = async (runtime: Runtime, turn: ChatTurn): Promise<void> => {
    const set = (change: Partial<ChatTurn>) => tree.update((now) => changed(now, turn.id, change));
    const conversations = conversationsOf(runtime);
    const before = pathTo(tree.value, turn.parent);
    stopping = new AbortController();
    let answer = "";
    let pieces = 0;
    try {
      const conversation = await conversations.after(before);
      for await (const part of conversation.send(turn.question, sendOptions(runtime))) {
        if (part.type === "text") {
          answer += part.text;
          pieces += 1;
          if (pieces === 1) set({ firstMs: performance.now() });
          set({ state: "streaming", answer, pieces });
        }
        if (part.type === "done") {
          if (part.usage.completionTokens > 0) conversations.grew(conversation, turn.id);
          set({ state: stateAfter(part), usage: part.usage, timings: part.timings });
        }
      }
    } catch (error) {
      set({ state: "failed", trouble: troubleOf(error) });
    }
  };

  const sendOptions = (runtime: Runtime) => {
    const { temperature, maxTokens } = settings.value;
    const { answerTokens } = suitedTo(runtime.adapter);
    return { temperature, maxTokens: maxTokens || answerTokens, signal: stopping.signal };
  };

  /** With what the model is to be told first from now on. */
  const begin = () => {
    kept?.conversations.dispose();
    kept = undefined;
    system = settings.value.system;
  };

  const send: Chat["send"] = async (question, parent = tree.value.tip) => ask(question, parent);

  const ask = async (question: string, parent: number | undefined): Promise<void> => {
    const state = session.state.value;
    if (state.kind !== "ready" || busy.value || question.trim() === "") return;
    if (tree.value.turns.size === 0) begin();
    const turn: ChatTurn = { id: ++ids, parent, question, answer: "", state: "waiting", pieces: 0 };
    tree.update((now) => ({ ...withTurn(now, turn), tip: turn.id }));
    busy.set(true);
    try {
      await run(state.runtime, turn);
    } finally {
      busy.set(false);
    }
  };

  return {
    tree,
    settings,
    busy,
    send,
    regenerate: ({ question, parent }) => ask(question, parent),
    edit: ({ parent }, question) => ask(question, parent),
    branchAfter: ({ id }) => {
      if (!busy.value && turnOf(tree.value, id)) tree.update((now) => ({ ...now, tip: id }));
    },
    show: ({ id }) => {
      if (!busy.value) tree.update((now) => ({ ...now, tip: leafOf(now, id) }));
    },
    stop: () => stopping.abort(),
    clear: () => {
      stopping.abort();
      begin();
      tree.set(emptyTree);
    },
  };
}

function stateAfter({ finishReason }: DonePart): ChatTurn["state"] {
  if (finishReason === "abort") return "stopped";
  return finishReason === "length" ? "cut" : "done";
}
