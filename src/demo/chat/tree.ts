import type { Message, Timings, Usage } from "../../index.ts";
import type { Trouble } from "../trouble.ts";

/** A chat as a tree of turns: what was asked again otherwise, or answered again, are branches. Plain data. */

export interface ChatTurn {
  readonly id: number;
  /** The turn before; undefined for a first one. */
  readonly parent: number | undefined;
  readonly question: string;
  readonly answer: string;
  /** `failed` turns, and those that were stopped before their first token, are no part of the conversation. */
  readonly state: "waiting" | "streaming" | "done" | "stopped" | "cut" | "failed";
  readonly usage?: Usage;
  readonly timings?: Timings;
  /** Pieces of text so far, which are about tokens, and since when. */
  readonly pieces: number;
  readonly firstMs?: number;
  readonly trouble?: Trouble;
}

export interface ChatTree {
  readonly turns: ReadonlyMap<number, ChatTurn>;
  /** The turn that the next question follows; undefined at the beginning. */
  readonly tip: number | undefined;
}

export const emptyTree: ChatTree = { turns: new Map(), tip: undefined };

/** From the first turn to this one. */
export function pathTo(tree: ChatTree, id: number | undefined): readonly ChatTurn[] {
  const path: ChatTurn[] = [];
  for (let turn = turnOf(tree, id); turn !== undefined; turn = turnOf(tree, turn.parent)) path.unshift(turn);
  return path;
}

export function turnOf({ turns }: ChatTree, id: number | undefined): ChatTurn | undefined {
  return id === undefined ? undefined : turns.get(id);
}

/** All that follow the same turn as this one, itself included, the oldest first. */
export function siblingsOf({ turns }: ChatTree, { parent }: ChatTurn): readonly ChatTurn[] {
  return [...turns.values()].filter((turn) => turn.parent === parent);
}

/** The newest turn that goes on from this one, to its end. */
export function leafOf(tree: ChatTree, id: number): number {
  const children = [...tree.turns.values()].filter(({ parent }) => parent === id);
  const newest = children.at(-1);
  return newest === undefined ? id : leafOf(tree, newest.id);
}

export function withTurn(tree: ChatTree, turn: ChatTurn): ChatTree {
  return { ...tree, turns: new Map(tree.turns).set(turn.id, turn) };
}

export function changed(tree: ChatTree, id: number, change: Partial<ChatTurn>): ChatTree {
  const turn = tree.turns.get(id);
  return turn === undefined ? tree : withTurn(tree, { ...turn, ...change });
}

/** Whether the conversation holds it: a question and what was answered. */
export function isSaid({ state, answer, usage }: ChatTurn): boolean {
  return state !== "failed" && (answer !== "" || (usage?.completionTokens ?? 0) > 0);
}

/** What a conversation that has come so far says. */
export function messagesOf(system: string, path: readonly ChatTurn[]): readonly Message[] {
  const said = path.filter(isSaid).flatMap(({ question, answer }): Message[] => [
    { role: "user", content: question },
    { role: "assistant", content: answer },
  ]);
  return system.trim() === "" ? said : [{ role: "system", content: system }, ...said];
}
