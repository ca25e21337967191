import type { TurnState } from "./state.ts";

/** Turns in the order of rank. A turn is in one such list at a time, knows which, and is found there by its rank. */
export class RankedTurns implements Iterable<TurnState> {
  readonly #turns: TurnState[] = [];

  get length(): number {
    return this.#turns.length;
  }

  at(index: number): TurnState | undefined {
    return this.#turns[index];
  }

  [Symbol.iterator](): Iterator<TurnState> {
    return this.#turns[Symbol.iterator]();
  }

  add(turn: TurnState): void {
    if (turn.list !== undefined) throw new Error(`The turn of ${turn.conversation.id} is elsewhere already.`);
    turn.list = this;
    const { length } = this.#turns;
    const last = this.#turns[length - 1];
    if (last === undefined || comesBefore(last, turn)) this.#turns.push(turn);
    else this.#turns.splice(this.#placeOf(turn), 0, turn);
  }

  /** False when it is not here. */
  delete(turn: TurnState): boolean {
    if (turn.list !== this) return false;
    turn.list = undefined;
    const turns = this.#turns;
    for (let at = this.#placeOf(turn) + 1; at < turns.length; at++) turns[at - 1] = turns[at] ?? turn;
    turns.pop();
    return true;
  }

  /** The last one that `counts`. */
  last(counts: (turn: TurnState) => boolean): TurnState | undefined {
    for (let at = this.#turns.length - 1; at >= 0; at--) {
      const turn = this.#turns[at];
      if (turn && counts(turn)) return turn;
    }
    return undefined;
  }

  /** How many come before it. */
  #placeOf(turn: TurnState): number {
    let [low, high] = [0, this.#turns.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = this.#turns[middle];
      if (other && comesBefore(other, turn)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

export function comesBefore(turn: TurnState, other: TurnState): boolean {
  return turn.rank < other.rank || (turn.rank === other.rank && turn.request.turn < other.request.turn);
}
