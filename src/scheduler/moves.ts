import { leaveLost } from "./conversations.ts";
import type { Device } from "./device.ts";
import type { Flight } from "./flight.ts";
import { type Handoff, type Handoffs, isPlanned } from "./handoff.ts";
import { type History, historyOf, type LoadedBlocks } from "./history.ts";
import { andNext, type Parking, roomFor } from "./parking.ts";
import { type Pool, settle } from "./pool.ts";
import type { ConversationState, Residence, TurnState } from "./state.ts";

export interface MovesParts {
  readonly devices: ReadonlyMap<string, Device>;
  readonly handoffs: Handoffs;
  /** Undefined where idle KV is dropped. */
  readonly parking: Parking | undefined;
  /** Something that waits may have a place now. */
  readonly onChange: () => void;
  /** The turn runs nowhere any more. */
  readonly onHomeless: (turn: TurnState) => void;
}

/**
 * Where conversations' KV goes and what becomes of them there: from the device that ran their prompt to the one they stay on, there and
 * back for a turn, to host memory and back, out of a lost device's reach.
 */
export class Moves {
  readonly #devices: ReadonlyMap<string, Device>;
  readonly #handoffs: Handoffs;
  readonly #parking: Parking | undefined;
  readonly #host: Device | undefined;
  /** Handoffs that have run their prompt and do not know yet where they go, in this order. */
  readonly #unbound = new Set<Handoff>();
  readonly #onChange: () => void;
  readonly #onHomeless: (turn: TurnState) => void;

  constructor({ devices, handoffs, parking, onChange, onHomeless }: MovesParts) {
    this.#devices = devices;
    this.#handoffs = handoffs;
    this.#parking = parking;
    this.#host = parking?.host;
    this.#onChange = onChange;
    this.#onHomeless = onHomeless;
  }

  /** What a block takes from one device to another, lately. */
  get msPerBlock(): number | undefined {
    return this.#handoffs.msPerBlock;
  }

  /** Handoffs that have run their prompt and do not know yet where they go. */
  get unbound(): ReadonlySet<Handoff> {
    return this.#unbound;
  }

  /**
   * The conversation stays on `device`; false where that has no room for it now. While the end of its prompt is in flight, what has left
   * enters there already, so that only the last chunk's copy is still to come; whether it stays where it is, is seen when that has run.
   */
  bind(handoff: Handoff, device: Device): boolean {
    const { conversation, source, tokens, turn } = handoff;
    if (!isPlanned(handoff)) return false;
    if (device.pool === source.pool) {
      if (tokens === undefined || (turn && device.freeRows <= 0)) return false;
      handoff.target = { device, residence: source };
      this.#complete(handoff);
      return true;
    }
    const crossing = tokens ?? conversation.tokens.length;
    const residence = roomFor(device, conversation, crossing, andNext(device, crossing));
    if (residence === undefined) return false;
    conversation.ran = Math.max(conversation.ran, residence.table.length);
    this.#begin(handoff, device, residence);
    return true;
  }

  /** What the conversation has elsewhere goes to `device`, where its turn then runs. False where there is no room for it now. */
  bring(
    turn: TurnState,
    { residence: source, device: from }: History,
    device: Device,
    leaves: boolean,
  ): boolean {
    const { conversation } = turn;
    const { length } = source.table;
    const residence = roomFor(device, conversation, length, andNext(device, conversation.tokens.length));
    if (residence === undefined) return false;
    const handoff = this.#handoffs.begin(source, from);
    handoff.tokens = length;
    handoff.turn = turn;
    handoff.kind = leaves && from !== this.#host ? "loan" : "move";
    handoff.leaves = leaves;
    turn.leaves = leaves;
    this.#begin(handoff, device, residence);
    return true;
  }

  /** Room for KV that is at hand, on `device` or else in host memory; blocks that are there already are left out. */
  load(conversation: ConversationState, cachedTokens: number, device = this.#host): LoadedBlocks | undefined {
    const residence = device && roomFor(device, conversation, cachedTokens, cachedTokens);
    if (device === undefined || residence === undefined) return undefined;
    const { table, pool } = residence;
    const first = Math.floor(table.length / table.blockTokens);
    const blocks = table.blocks.slice(first);
    pool.grow(residence, cachedTokens);
    if (device !== this.#host) conversation.bound = device.spec.id;
    return { device, first, blocks };
  }

  #begin(handoff: Handoff, device: Device, residence: Residence): void {
    this.#unbound.delete(handoff);
    device.incoming += 1;
    this.#handoffs.bind(handoff, device, residence);
    this.arrived(handoff.id);
  }

  /** Blocks of turns that will leave the device can leave as this plan writes them. Returns whether there are any. */
  stream(device: Device, { turns }: Flight): boolean {
    let leave = false;
    for (const turn of turns) {
      if (!turn.leaves) continue;
      this.#stream(turn, device);
      leave = true;
    }
    if (leave) this.#handoffs.stir();
    return leave;
  }

  /** All of the turn's prompt has run on `device`, which it leaves. */
  prefilled(turn: TurnState, device: Device): void {
    const { residence, conversation } = turn;
    if (residence === undefined) throw new Error(`${conversation.id} has run on no device.`);
    device.remove(turn);
    settle(turn, undefined);
    turn.admitted = false;
    this.#leave(conversation, device, turn);
  }

  /** A turn has ended with its first token, on a device that its conversation leaves: what it has run goes where its later turns will run. */
  ended({ conversation, leaves, residence }: TurnState): void {
    const device = [...this.#devices.values()].find(({ pool }) => pool === residence?.pool);
    if (leaves && device) this.#leave(conversation, device);
  }

  /** The conversation was cut to `tokens` tokens while it was on its way. */
  cut({ handoff }: ConversationState, tokens: number): void {
    if (handoff === undefined) return;
    if (handoff.tokens === undefined || tokens === 0) this.drop(handoff);
    else {
      handoff.tokens = Math.min(handoff.tokens, tokens);
      this.#handoffs.stir();
      this.arrived(handoff.id);
    }
  }

  /** Blocks of a handoff have entered. */
  arrived(id: number): void {
    const handoff = this.#handoffs.get(id);
    if (handoff && this.#handoffs.isDone(handoff)) this.#complete(handoff);
  }

  /** What could not be copied is prefilled again. */
  failed(id: number): void {
    const handoff = this.#handoffs.get(id);
    if (handoff === undefined) return;
    this.drop(handoff);
    const { source, turn, conversation } = handoff;
    if (conversation.turn === undefined || conversation.turn === turn) source.pool.leave(source);
    if (turn && conversation.turn === turn) this.#onHomeless(turn);
  }

  /**
   * So that a turn can go on: a conversation that has blocks there for what still runs elsewhere gives them back, or the last one that
   * waits for a device to go to loses its KV. False when there is none.
   */
  giveUpHandoff(pool: Pool): boolean {
    const all = [...this.#handoffs.all];
    const early = all.findLast(({ target, tokens }) => !tokens && target?.residence.pool === pool);
    const last = early ?? all.findLast(({ source, target }) => source.pool === pool && !target);
    if (early) this.drop(early);
    else if (last) this.failed(last.id);
    return last !== undefined;
  }

  /** The conversation stays where it was. */
  drop(handoff: Handoff): void {
    this.#end(handoff, "dropped");
    if (handoff.target) handoff.target.residence.pool.leave(handoff.target.residence);
    this.#onChange();
  }

  /** Its KV is gone with the device, and what is bound to it is not any more; its turns wait for another place. */
  lose(device: Device, conversations: Iterable<ConversationState>): void {
    const { pool } = device;
    for (const handoff of [...this.#handoffs.all]) {
      const { source, target, turn, tokens, from, conversation } = handoff;
      if (source.pool !== pool && target?.residence.pool !== pool) continue;
      this.#end(handoff, "dropped");
      if (source.pool === pool) {
        if (target && target.residence.pool !== pool) target.residence.pool.leave(target.residence);
        if (turn && conversation.turn === turn) this.#onHomeless(turn);
      } else if (handoff.kind !== "move" || handoff.from === this.#host) {
        if (turn && conversation.turn === turn) this.#onHomeless(turn);
      } else if (tokens !== undefined) {
        const again = this.#handoffs.begin(source, from);
        again.tokens = tokens;
        again.turn = turn;
        this.#unbound.add(again);
      }
    }
    this.#handoffs.forget((residence) => residence.pool === pool);
    for (const turn of leaveLost(device, conversations)) this.#onHomeless(turn);
    this.#onChange();
  }

  #end(handoff: Handoff, outcome: "done" | "dropped"): void {
    const { target, source } = handoff;
    this.#unbound.delete(handoff);
    if (target && target.residence !== source) target.device.incoming -= 1;
    if (handoff.kind === "park") source.pool.parking -= 1;
    this.#handoffs.end(handoff, outcome);
  }

  /** Where the most of the conversation's KV is, if that is more than `device` has: in host memory, or on any device when it `moves`. */
  historyOf(conversation: ConversationState, device: Device, moves: boolean): History | undefined {
    return historyOf(conversation, device.pool, (from) => moves || from === this.#host);
  }

  /** Idle conversations whose blocks are wanted go to host memory, as far as there is room for them. */
  park(): void {
    const parking = this.#parking;
    if (parking === undefined || parking.wanted.size === 0) return;
    parking.park((source, parked) => {
      const [from] = source.pool.devices;
      if (from === undefined) throw new Error("A pool has no device.");
      const handoff = this.#handoffs.begin(source, from);
      handoff.kind = "park";
      handoff.tokens = source.table.length;
      this.#begin(handoff, parking.host, parked);
    });
  }

  #stream(turn: TurnState, device: Device): void {
    const { conversation, residence } = turn;
    if (residence === undefined) return;
    if (conversation.handoff && conversation.handoff.source !== residence) this.drop(conversation.handoff);
    if (conversation.handoff === undefined && this.#hasOtherPool(device))
      this.#handoffs.begin(residence, device);
    const { handoff } = conversation;
    if (handoff === undefined || handoff.target || !isPlanned(handoff)) return;
    this.#unbound.add(handoff);
    this.#onChange();
  }

  #hasOtherPool(device: Device): boolean {
    return [...this.#devices.values()].some(({ pool }) => pool !== device.pool);
  }

  #leave(conversation: ConversationState, device: Device, turn?: TurnState): void {
    const residence = conversation.residences.get(device.pool);
    if (residence === undefined) throw new Error(`${conversation.id} has nothing to hand over.`);
    const handoff = conversation.handoff ?? this.#handoffs.begin(residence, device);
    handoff.leavesPool = this.#hasOtherPool(device);
    handoff.tokens = residence.table.length;
    handoff.turn = turn;
    if (handoff.target === undefined) this.#unbound.add(handoff);
    this.#handoffs.stir();
    this.#onChange();
    this.arrived(handoff.id);
  }

  /** The KV is where the conversation stays: its turn goes on there, and the blocks it came from are free. */
  #complete(handoff: Handoff): void {
    const { conversation, source, target, tokens = 0, turn, first } = handoff;
    if (target === undefined) return;
    const { residence, device } = target;
    this.#end(handoff, "done");
    const { kind, from, leaves } = handoff;
    const goesOn = turn !== undefined && conversation.turn === turn;
    if (kind === "park") conversation.moved.parks += 1;
    else if (device !== from && from !== this.#host) conversation.moved.transfers += 1;
    if (residence !== source) {
      if (kind !== "park" && from !== this.#host) conversation.moved.blocks += handoff.arrived - first;
      residence.pool.grow(residence, tokens);
      if (kind !== "loan") source.pool.leave(source);
      else if (!goesOn) residence.pool.leave(residence);
    }
    if (kind === "move" && !leaves) conversation.bound = device.spec.id;
    this.#onChange();
    if (!goesOn) {
      if (residence !== source && kind !== "loan") residence.pool.cut(residence, tokens);
      return;
    }
    turn.leaves = leaves;
    settle(turn, residence);
    turn.admitted = true;
    turn.cachedTokens ??= residence.table.length;
    device.add(turn);
  }
}
