import type { DeviceSpec } from "../protocol/device.ts";
import type { RunnerLimits } from "../protocol/step.ts";
import type { Device } from "./device.ts";
import type { Handoff } from "./handoff.ts";
import type { LoadedBlocks, Moves } from "./moves.ts";
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
import { type ConversationState, insertByRank, type TurnState } from "./state.ts";
import { viewOf, viewOfAway } from "./views.ts";

/** Which turn runs where, and where conversations stay, as the policy says: turns wait here until they have a place. */
export class Placement {
  readonly policy: Policy;
  readonly #devices: ReadonlyMap<string, Device>;
  /** Devices that are lost and expected back. */
  readonly #away: ReadonlyMap<string, DeviceSpec>;
  readonly #moves: Moves;
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
    moves: Moves,
  ) {
    this.policy = policy;
    this.#devices = devices;
    this.#away = away;
    this.#moves = moves;
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
    const unbound = this.#moves.unbound();
    if (unbound.length === 0 && this.#waiting.length === 0) return;
    const worldOf = this.#world(nowMs);
    for (const handoff of unbound) this.#bind(handoff, worldOf(handoff.conversation));
    for (const turn of [...this.#waiting]) {
      if (turn.conversation.handoff === undefined) this.#placeTurn(turn, worldOf(turn.conversation));
    }
  }

  /** A place for the KV of `cachedTokens` tokens that is at hand: on the device with room that has least in use, else in host memory. */
  load(conversation: ConversationState, cachedTokens: number, nowMs: number): LoadedBlocks | undefined {
    const world = this.#world(nowMs)(conversation);
    const view = conversationView(conversation, world);
    const open = world.devices.filter((device) => device.role !== "prefiller" && device.hasRoomFor(view));
    return this.#moves.load(conversation, cachedTokens, this.#devices.get(least(open, occupancy)?.id ?? ""));
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
    const { msPerBlock } = this.#moves;
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
    const history = this.#moves.historyOf(conversation, device, placement.moves);
    if (history) {
      if (this.#moves.bring(turn, history, device, placement.leaves)) this.remove(turn);
      return;
    }
    this.remove(turn);
    turn.leaves = placement.leaves;
    if (!placement.leaves) conversation.bound = placement.device;
    device.add(turn);
  }

  #bind(handoff: Handoff, world: WorldView): void {
    const view = { ...conversationView(handoff.conversation, world), at: handoff.from.spec.id };
    const id = this.policy.bind(view, world);
    const device = id === undefined ? undefined : this.#devices.get(id);
    if (device) this.#moves.bind(handoff, device);
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
