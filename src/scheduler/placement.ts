import type { DeviceSpec } from "../protocol/device.ts";
import type { RunnerLimits } from "../protocol/step.ts";
import type { Device } from "./device.ts";
import type { Handoff, Handoffs } from "./handoff.ts";
import {
  type ConversationView,
  type DeviceView,
  least,
  occupancy,
  type PastView,
  type Policy,
  type TurnView,
  type WorldView,
} from "./policy.ts";
import type { Pool } from "./pool.ts";
import { type ConversationState, insertByRank, isIdle, type Residence, type TurnState } from "./state.ts";
import { viewOf, viewOfAway } from "./views.ts";

/**
 * Which turn runs where, as the policy says, and what follows from it: turns wait for a place, and conversations go from the device that
 * ran their prompt to the one they stay on.
 */
export class Placement {
  readonly policy: Policy;
  readonly #devices: ReadonlyMap<string, Device>;
  /** Devices that are lost and expected back. */
  readonly #away: ReadonlyMap<string, DeviceSpec>;
  readonly #handoffs: Handoffs;
  /** Host memory as a device that runs nothing. */
  readonly #host: Device | undefined;
  /** Turns that run nowhere yet; in the order of rank. */
  readonly #waiting: TurnState[] = [];
  /** Something has happened since turns were placed last. */
  #changed = false;
  #answers = 0;
  #answerTokens = 0;

  constructor(
    policy: Policy,
    devices: ReadonlyMap<string, Device>,
    away: ReadonlyMap<string, DeviceSpec>,
    handoffs: Handoffs,
    host: Device | undefined,
  ) {
    this.policy = policy;
    this.#devices = devices;
    this.#away = away;
    this.#handoffs = handoffs;
    this.#host = host;
  }

  get waiting(): readonly TurnState[] {
    return this.#waiting;
  }

  changed(): void {
    this.#changed = true;
  }

  add(turn: TurnState): void {
    insertByRank(this.#waiting, turn);
    this.#changed = true;
  }

  remove(turn: TurnState): void {
    const at = this.#waiting.indexOf(turn);
    if (at !== -1) this.#waiting.splice(at, 1);
  }

  /** A turn has ended with an answer of so many tokens. */
  answered(tokens: number): void {
    this.#answers += 1;
    this.#answerTokens += tokens;
  }

  /** Finds places for what waits for one, if anything has changed. */
  place(nowMs: number): void {
    if (!this.#changed) return;
    this.#changed = false;
    if (this.#handoffs.count === 0 && this.#waiting.length === 0) return;
    const worldOf = this.#world(nowMs);
    for (const handoff of [...this.#handoffs.all])
      if (handoff.tokens !== undefined && handoff.target === undefined)
        this.#bind(handoff, worldOf(handoff.conversation));
    for (const turn of [...this.#waiting]) {
      if (turn.conversation.handoff === undefined) this.#placeTurn(turn, worldOf(turn.conversation));
    }
  }

  /**
   * A place for the KV of `cachedTokens` tokens that is at hand: on the device with room that has least in use, else in host memory.
   * Returns the blocks to be written, those that are there already left out.
   */
  load(
    conversation: ConversationState,
    cachedTokens: number,
    nowMs: number,
  ): { readonly device: string; readonly first: number; readonly blocks: readonly number[] } | undefined {
    const world = this.#world(nowMs)(conversation);
    const view = conversationView(conversation, world);
    const open = world.devices.filter((device) => device.role !== "prefiller" && device.hasRoomFor(view));
    const device = this.#devices.get(least(open, occupancy)?.id ?? "") ?? this.#host;
    const residence = device && this.#reserve(device, conversation, cachedTokens, cachedTokens - 1);
    if (device === undefined || residence === undefined) return undefined;
    const { table, pool } = residence;
    const first = Math.floor(table.length / table.blockTokens);
    const blocks = table.blocks.slice(first);
    pool.grow(residence, cachedTokens);
    if (device !== this.#host) conversation.bound = device.spec.id;
    return { device: device.spec.id, first, blocks };
  }

  /** Blocks of turns that will leave the device can leave as they are written. Returns whether there are any. */
  stream(device: Device): boolean {
    const leaving = device.turns.filter(({ leaves }) => leaves);
    for (const turn of leaving) this.#stream(turn, device);
    return leaving.length > 0;
  }

  /** All of the turn's prompt has run on `device`, which it leaves. */
  prefilled(turn: TurnState, device: Device): void {
    const { residence, conversation } = turn;
    if (residence === undefined) throw new Error(`${conversation.id} has run on no device.`);
    device.remove(turn);
    turn.residence = undefined;
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
    if (turn && conversation.turn === turn) this.add(turn);
  }

  /** The last conversation that waits for a device to go to loses its KV, so that a turn can go on. False when there is none. */
  giveUpHandoff(pool: Pool): boolean {
    const waiting = [...this.#handoffs.all].filter(({ source, target }) => source.pool === pool && !target);
    const last = waiting.at(-1);
    if (last === undefined) return false;
    this.failed(last.id);
    return true;
  }

  /** The conversation stays where it was. */
  drop(handoff: Handoff): void {
    this.#end(handoff, "dropped");
    if (handoff.target) handoff.target.residence.pool.leave(handoff.target.residence);
    this.#changed = true;
  }

  /** Its KV is gone with the device, and what is bound to it is not any more; its turns wait for another place. */
  lose(device: Device, conversations: Iterable<ConversationState>): void {
    const { pool, spec } = device;
    for (const handoff of [...this.#handoffs.all]) {
      const { source, target, turn, tokens, from, conversation } = handoff;
      if (source.pool !== pool && target?.residence.pool !== pool) continue;
      this.#end(handoff, "dropped");
      if (source.pool === pool) {
        if (target && target.residence.pool !== pool) target.residence.pool.leave(target.residence);
        if (turn && conversation.turn === turn) this.add(turn);
      } else if (handoff.kind !== "move" || handoff.from === this.#host) {
        if (turn && conversation.turn === turn) this.add(turn);
      } else if (tokens !== undefined) {
        const again = this.#handoffs.begin(source, from);
        again.tokens = tokens;
        again.turn = turn;
      }
    }
    this.#handoffs.forget((residence) => residence.pool === pool);
    for (const turn of [...device.turns, ...device.queue]) {
      turn.residence = undefined;
      turn.admitted = false;
      turn.leaves = false;
      turn.ahead = 0;
      turn.drafted = 0;
      this.add(turn);
    }
    for (const conversation of conversations) {
      conversation.residences.delete(pool);
      if (conversation.bound === spec.id) conversation.bound = undefined;
    }
    this.#changed = true;
  }

  #end(handoff: Handoff, outcome: "done" | "dropped"): void {
    const { target, source } = handoff;
    if (target && target.residence !== source) target.device.incoming -= 1;
    if (handoff.kind === "park") source.pool.parking -= 1;
    this.#handoffs.end(handoff, outcome);
  }

  /** What the policy sees, for a conversation. */
  #world(nowMs: number): (conversation: ConversationState) => WorldView {
    const views = [
      ...Array.from(this.#devices.values(), (device) => ({
        limits: device.limits,
        view: viewOf(device, nowMs),
      })),
      ...Array.from(this.#away.values(), (spec) => ({ limits: spec.limits, view: viewOfAway(spec) })),
    ];
    const past = this.#past();
    return (conversation) => ({ nowMs, devices: ableOf(views, conversation), past });
  }

  #past(): PastView {
    const { msPerBlock } = this.#handoffs;
    const [device] = this.#devices.values();
    const blockTokens = device?.limits.blockTokens ?? 1;
    return {
      outputTokens: this.#answers === 0 ? undefined : this.#answerTokens / this.#answers,
      handoffMsPerToken: msPerBlock === undefined ? undefined : msPerBlock / blockTokens,
    };
  }

  #placeTurn(turn: TurnState, world: WorldView): void {
    const { conversation } = turn;
    const placement = this.policy.place(turnView(turn, world), world);
    const device = placement && this.#devices.get(placement.device);
    if (placement === undefined || device === undefined) return;
    const history = this.#historyOf(conversation, device, placement.moves);
    if (history) {
      const residence = this.#reserve(
        device,
        conversation,
        history.residence.table.length,
        conversation.tokens.length,
      );
      if (residence === undefined) return;
      const handoff = this.#handoffs.begin(history.residence, history.device);
      handoff.tokens = history.residence.table.length;
      handoff.turn = turn;
      handoff.kind = placement.leaves && history.device !== this.#host ? "loan" : "move";
      handoff.leaves = placement.leaves;
      this.remove(turn);
      turn.leaves = placement.leaves;
      device.incoming += 1;
      this.#handoffs.bind(handoff, device, residence);
      this.arrived(handoff.id);
      return;
    }
    this.remove(turn);
    turn.leaves = placement.leaves;
    if (!placement.leaves) conversation.bound = placement.device;
    device.add(turn);
  }

  /** Where the most of the conversation's KV is, if that is more than `device` has: in host memory, or on any device when it `moves`. */
  #historyOf(
    conversation: ConversationState,
    { pool }: Device,
    moves: boolean,
  ): { readonly residence: Residence; readonly device: Device } | undefined {
    let most = conversation.residences.get(pool)?.table.length ?? 0;
    let history: { readonly residence: Residence; readonly device: Device } | undefined;
    for (const residence of conversation.residences.values()) {
      const [device] = residence.pool.devices;
      if (device === undefined || residence.table.length <= most || !(moves || device === this.#host))
        continue;
      most = residence.table.length;
      history = { residence, device };
    }
    return history;
  }

  /** Idle conversations whose blocks are wanted go to host memory. Returns how many were dropped, as there is no room for them. */
  park(): number {
    let dropped = 0;
    for (const device of this.#devices.values()) {
      const { wanted } = device.pool;
      for (const residence of wanted ?? [])
        if (isIdle(residence) && !this.#park(residence, device)) dropped += 1;
      wanted?.clear();
    }
    return dropped;
  }

  #park(residence: Residence, device: Device): boolean {
    const { conversation, table, pool } = residence;
    const tokens = table.length;
    const host = this.#host;
    const parked = host && tokens > 0 ? this.#reserve(host, conversation, tokens, tokens - 1) : undefined;
    if (host === undefined || parked === undefined) {
      pool.leave(residence);
      return false;
    }
    const handoff = this.#handoffs.begin(residence, device);
    handoff.kind = "park";
    pool.parking += 1;
    handoff.tokens = tokens;
    host.incoming += 1;
    this.#handoffs.bind(handoff, host, parked);
    this.arrived(handoff.id);
    return true;
  }

  #stream(turn: TurnState, device: Device): void {
    const { conversation, residence } = turn;
    if (residence === undefined) return;
    if (conversation.handoff && conversation.handoff.source !== residence) this.drop(conversation.handoff);
    if (conversation.handoff === undefined && this.#hasOtherPool(device))
      this.#handoffs.begin(residence, device);
  }

  #hasOtherPool(device: Device): boolean {
    for (const { pool } of this.#devices.values()) if (pool !== device.pool) return true;
    return false;
  }

  #leave(conversation: ConversationState, device: Device, turn?: TurnState): void {
    const residence = conversation.residences.get(device.pool);
    if (residence === undefined) throw new Error(`${conversation.id} has nothing to hand over.`);
    const handoff = conversation.handoff ?? this.#handoffs.begin(residence, device);
    handoff.leavesPool = this.#hasOtherPool(device);
    handoff.tokens = residence.table.length;
    handoff.turn = turn;
    this.#changed = true;
  }

  #bind(handoff: Handoff, world: WorldView): void {
    const { conversation, source, tokens = 0 } = handoff;
    const view = { ...conversationView(conversation, world), at: handoff.from.spec.id };
    const id = this.policy.bind(view, world);
    const device = id === undefined ? undefined : this.#devices.get(id);
    if (device === undefined) return;
    if (device.pool === source.pool) {
      handoff.target = { device, residence: source };
      this.#complete(handoff);
      return;
    }
    const residence = this.#reserve(device, conversation, tokens, tokens);
    if (residence === undefined) return;
    device.incoming += 1;
    this.#handoffs.bind(handoff, device, residence);
    this.arrived(handoff.id);
  }

  /** Blocks on `device` for `upTo` tokens of the conversation and one more, of which the first `crossing` cross; undefined: no room. */
  #reserve(
    device: Device,
    conversation: ConversationState,
    crossing: number,
    upTo: number,
  ): Residence | undefined {
    const { pool } = device;
    if (device.freeRows <= 0) return undefined;
    const hadNothing = pool.blocksOf(conversation.id) === 0;
    const residence = pool.enter(conversation, crossing);
    const { table } = residence;
    const missing = table.missingFor(upTo + 1);
    const needed = missing + pool.copiesAt(residence, table.length);
    const blocks = device.reserve(needed, device.turns.length, residence);
    if (blocks === undefined) {
      if (hadNothing) pool.leave(residence);
      return undefined;
    }
    table.addBlocks(blocks.slice(0, missing));
    // The block that it is in crosses again, so nothing has to be copied when it was a shared one.
    pool.own(residence, table.length, blocks[missing]);
    return residence;
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
    this.#changed = true;
    if (!goesOn) {
      if (residence !== source && kind !== "loan") residence.pool.cut(residence, tokens);
      return;
    }
    turn.leaves = leaves;
    turn.residence = residence;
    turn.admitted = true;
    turn.cachedTokens ??= residence.table.length;
    device.add(turn);
  }
}

type Views = readonly { readonly limits: RunnerLimits; readonly view: DeviceView }[];

/** Whether a device could hold the conversation if it held no other. */
export function canHold(limits: RunnerLimits, { tokens }: ConversationState): boolean {
  return tokens.length <= Math.min(limits.blocks * limits.blockTokens, limits.contextTokens);
}

function ableOf(views: Views, conversation: ConversationState): readonly DeviceView[] {
  return views.flatMap(({ limits, view }) => (canHold(limits, conversation) ? [view] : []));
}

/** A device that cannot hold the conversation any more is not where it stays. */
function conversationView(
  { id, tokens, bound }: ConversationState,
  { devices }: WorldView,
): ConversationView {
  return {
    id,
    tokens: tokens.length,
    bound: devices.some((device) => device.id === bound) ? bound : undefined,
  };
}

function turnView({ conversation, request, arrivedMs }: TurnState, world: WorldView): TurnView {
  const { tokens, turn, output } = request;
  return {
    ...conversationView(conversation, world),
    newTokens: tokens.length,
    arrivedMs,
    turn,
    maxTokens: output.kind === "tokens" ? output.maxTokens : 0,
  };
}
