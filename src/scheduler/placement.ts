import type { DeviceSpec } from "../protocol/device.ts";
import type { Device } from "./device.ts";
import type { Handoff } from "./handoff.ts";
import type { LoadedBlocks } from "./history.ts";
import type { Moves } from "./moves.ts";
import { Past } from "./past.ts";
import { least, occupancy, type Policy, type WorldView } from "./policy.ts";
import { RankedTurns } from "./ranked_turns.ts";
import type { ConversationState, TurnState } from "./state.ts";
import { conversationView, turnView } from "./views.ts";
import { World } from "./world.ts";

/**
 * Which turn runs where, and where conversations stay, as the policy says: turns wait here until they have a place. The policy is asked when
 * something has changed, about the first of those that wait; a turn whose device has no room for its KV is asked about again when that
 * device has, so that what an event costs does not grow with the turns that wait.
 */
export class Placement {
  readonly policy: Policy;
  readonly #devices: ReadonlyMap<string, Device>;
  readonly #moves: Moves;
  readonly #world: World;
  /** Turns that run nowhere yet. */
  readonly #waiting = new RankedTurns();
  /** Those of them whose KV the device that they go to had no room for. */
  readonly #refused = new Map<Device, RankedTurns>();
  /** Devices where turns wait for blocks, and some where they do no more. */
  readonly #full = new Set<Device>();
  /** Devices that may have room again. */
  readonly #roomy = new Set<Device>();
  /** Something has happened since turns were placed last. */
  #changed = false;
  readonly past = new Past();

  constructor(
    policy: Policy,
    devices: ReadonlyMap<string, Device>,
    away: ReadonlyMap<string, DeviceSpec>,
    moves: Moves,
  ) {
    this.policy = policy;
    this.#devices = devices;
    this.#moves = moves;
    this.#world = new World(devices, away);
  }

  get waiting(): readonly TurnState[] {
    return [...this.#waiting, ...[...this.#refused.values()].flatMap((turns) => [...turns])];
  }

  /** Whether it waits for room on the device that it goes to. */
  isRefused({ list }: TurnState): boolean {
    return list !== undefined && list !== this.#waiting && [...this.#refused.values()].includes(list);
  }

  changed(): void {
    this.#changed = true;
  }

  /** Turns or blocks have left the device. */
  hasRoom(device: Device): void {
    this.#roomy.add(device);
    this.#changed = true;
  }

  /** A turn waits there for blocks. */
  isFull(device: Device): void {
    this.#full.add(device);
    this.#changed = true;
  }

  /** Devices have come or gone. */
  devicesChanged(): void {
    for (const device of this.#full)
      if (this.#devices.get(device.spec.id) !== device) this.#full.delete(device);
    this.#world.devicesChanged();
    for (const turns of this.#refused.values()) this.#askAgain(turns, turns.length);
    this.#refused.clear();
    this.#roomy.clear();
    this.#changed = true;
  }

  add(turn: TurnState): void {
    this.#waiting.add(turn);
    this.#changed = true;
  }

  /** Finds places for what waits for one, if anything has changed. */
  place(nowMs: number): void {
    if (!this.#changed) return;
    this.#changed = false;
    if (this.#moves.unbound.size === 0 && !this.#somebodyWaits()) return;
    for (const device of this.#roomy) {
      const turns = this.#refused.get(device);
      if (turns) this.#askAgain(turns, MOST_REFUSALS);
    }
    this.#roomy.clear();
    this.#look(nowMs);
    this.#bindAll();
    this.#placeAll();
    this.#rebindAll();
  }

  /** A place for the KV of `cachedTokens` tokens that is at hand: on the device with room that has least in use, else in host memory. */
  load(conversation: ConversationState, cachedTokens: number, nowMs: number): LoadedBlocks | undefined {
    this.#look(nowMs);
    const world = this.#world.of(conversation);
    const view = conversationView(conversation, world);
    const open = world.devices.filter((device) => device.role !== "prefiller" && device.hasRoomFor(view));
    return this.#moves.load(conversation, cachedTokens, this.#devices.get(least(open, occupancy)?.id ?? ""));
  }

  #somebodyWaits(): boolean {
    if (this.#waiting.length > 0) return true;
    for (const turns of this.#refused.values()) if (turns.length > 0) return true;
    if (this.policy.rebind === undefined) return false;
    for (const device of this.#full) {
      if (device.admission.refused) return true;
      this.#full.delete(device);
    }
    return false;
  }

  #look(nowMs: number): void {
    this.#world.look(nowMs, this.past, this.#moves.msPerBlock);
  }

  #askAgain(turns: RankedTurns, most: number): void {
    for (let count = 0; count < most; count++) {
      const turn = turns.at(0);
      if (turn === undefined) return;
      turns.delete(turn);
      this.#waiting.add(turn);
    }
  }

  #bindAll(): void {
    // Those that wait at a gate go in their order.
    const most = this.policy.steps?.admitShare === undefined ? MOST_REFUSALS : 1;
    let refusals = 0;
    for (const handoff of this.#moves.unbound)
      if (!this.#bind(handoff, this.#world.of(handoff.conversation)) && ++refusals === most) return;
  }

  #placeAll(): void {
    let refusals = 0;
    for (let at = 0; refusals < MOST_REFUSALS; ) {
      const turn = this.#waiting.at(at);
      if (turn === undefined) return;
      // A turn whose conversation is on its way waits for that.
      const refused = turn.conversation.handoff === undefined && !this.#placeTurn(turn);
      if (refused) refusals += 1;
      if (turn.list === this.#waiting) at += 1;
    }
  }

  /** False where there is no place for it now. */
  #placeTurn(turn: TurnState): boolean {
    const { conversation } = turn;
    const world = this.#world.of(conversation);
    const placement = this.policy.place(turnView(turn, world), world);
    const device = placement && this.#devices.get(placement.device);
    if (placement === undefined || device === undefined) return false;
    const history = this.#moves.historyOf(conversation, device, placement.moves);
    this.#waiting.delete(turn);
    if (history) {
      if (this.#moves.bring(turn, history, device, placement.leaves)) return true;
      this.#refuse(turn, device);
      return false;
    }
    turn.leaves = placement.leaves;
    if (!placement.leaves) conversation.bound = placement.device;
    device.add(turn);
    return true;
  }

  #refuse(turn: TurnState, device: Device): void {
    const turns = this.#refused.get(device) ?? new RankedTurns();
    this.#refused.set(device, turns);
    turns.add(turn);
  }

  #bind(handoff: Handoff, world: WorldView): boolean {
    const view = { ...conversationView(handoff.conversation, world), at: handoff.from.spec.id };
    const id = this.policy.bind(view, world);
    const device = id === undefined ? undefined : this.#devices.get(id);
    return device !== undefined && this.#moves.bind(handoff, device);
  }

  /** Of the turns that wait for blocks on the device where their conversation stays, the first may go to another one, with what it has. */
  #rebindAll(): void {
    if (this.policy.rebind === undefined) return;
    for (const device of new Set([...this.#refused.keys(), ...this.#full])) {
      const turn = this.#refused.get(device)?.at(0) ?? device.admission.refused;
      if (turn && turn.conversation.bound === device.spec.id) this.#rebind(turn, device);
    }
  }

  #rebind(turn: TurnState, from: Device): void {
    const { conversation } = turn;
    const { rebind } = this.policy;
    if (rebind === undefined || conversation.handoff || conversation.moved.rebinds >= rebind.most) return;
    const world = this.#world.of(conversation);
    const device = this.#devices.get(rebind.to(turnView(turn, world), world) ?? "");
    if (device === undefined || device === from) return;
    const history = this.#moves.historyOf(conversation, device, true);
    if (turn.device) from.remove(turn);
    else turn.list?.delete(turn);
    if (history && !this.#moves.bring(turn, history, device, false)) {
      this.#refuse(turn, from);
      return;
    }
    conversation.moved.rebinds += 1;
    conversation.bound = device.spec.id;
    turn.leaves = false;
    if (history === undefined) device.add(turn);
  }
}

/** How many of those that wait are asked about in vain before the others wait for the next change. */
const MOST_REFUSALS = 8;
