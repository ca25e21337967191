import type { SchedulerCommand } from "../protocol/command.ts";
import type { DeviceSpec } from "../protocol/device.ts";
import type { SchedulerEvent } from "../protocol/event.ts";
import type { PlainError } from "../protocol/plain_error.ts";
import { assertConsistent } from "./audit.ts";
import { Conversations, cachedTokensOf } from "./conversations.ts";
import { Fleet } from "./fleet.ts";
import { Handoffs } from "./handoff.ts";
import { Keeping } from "./keeping.ts";
import { Moves } from "./moves.ts";
import { Parking } from "./parking.ts";
import { Placement } from "./placement.ts";
import { collocatedSticky } from "./policies/collocated_sticky.ts";
import type { Policy } from "./policy.ts";
import type { Shortage } from "./room.ts";
import { blocksOf, type PoolSnapshot, poolsOf, type SchedulerSnapshot, snapshotOf } from "./snapshot.ts";
import type { ConversationState } from "./state.ts";
import { Steps } from "./steps.ts";
import { Turns } from "./turns.ts";
import { mostTokensOf } from "./world.ts";

export interface SchedulerOptions {
  readonly devices: readonly DeviceSpec[];
  /** Default `collocated-sticky`. */
  readonly policy?: Policy;
  /** Default `auto`. */
  readonly speculation?: "auto" | "off";
  /** Most KV blocks on their way at once. Default 256. */
  readonly stagingBlocks?: number;
  /** How many KV blocks of idle conversations host memory may hold. Default 0. */
  readonly hostBlocks?: number;
  /**
   * Conversations that begin alike share the blocks of their beginning, whichever device has computed them. Not for bits that must not
   * depend on others, over adapters whose last bits differ. Default true.
   */
  readonly sharesPrefixes?: boolean;
}

/**
 * Decides what runs where: events in, commands out. It has no clock, no timer, no randomness and no GPU, so the same events give the same
 * commands anywhere. "Cannot run now" is never an exception.
 *
 * A turn is placed on a device by the policy (`Placement`), and shares that device's steps (`Device`). It ends at once; a row of it
 * that is still in flight then runs for nothing, its token is in no book, and its blocks go back when the last plan that writes to
 * them has reported. Its tokens stay here: KV that is lost with a device or made room for others is prefilled again.
 */
export class Scheduler {
  readonly #fleet: Fleet;
  readonly #conversations = new Conversations();
  readonly #turns: Turns;
  readonly #handoffs: Handoffs;
  readonly #moves: Moves;
  readonly #placement: Placement;
  readonly #keeping = new Keeping();
  /** Where idle KV is parked; undefined where it is dropped. */
  readonly #parking: Parking | undefined;
  readonly #steps: Steps;
  #commands: SchedulerCommand[] = [];

  constructor(options: SchedulerOptions) {
    const {
      devices,
      policy = collocatedSticky,
      speculation = "auto",
      stagingBlocks = 256,
      hostBlocks = 0,
      sharesPrefixes = true,
    } = options;
    this.#handoffs = new Handoffs(stagingBlocks);
    const [first] = devices;
    if (policy.parks && hostBlocks > 0 && first)
      this.#parking = new Parking(hostBlocks, first.limits, sharesPrefixes);
    this.#fleet = new Fleet(
      {
        drafts: speculation === "auto",
        steps: policy.steps,
        onRoom: (device) => this.#placement.hasRoom(device),
        onFull: (device) => this.#placement.isFull(device),
      },
      { sharesPrefixes, wanted: this.#parking?.wanted },
    );
    this.#moves = new Moves({
      devices: this.#fleet.devices,
      handoffs: this.#handoffs,
      parking: this.#parking,
      onChange: () => this.#placement.changed(),
      onHomeless: (turn) => this.#placement.add(turn),
    });
    this.#placement = new Placement(policy, this.#fleet.devices, this.#fleet.away, this.#moves);
    const tell = (command: SchedulerCommand) => void this.#commands.push(command);
    this.#turns = new Turns({
      policy,
      fleet: this.#fleet,
      conversations: this.#conversations,
      moves: this.#moves,
      placement: this.#placement,
      tell,
    });
    this.#steps = new Steps({
      fleet: this.#fleet,
      turns: this.#turns,
      moves: this.#moves,
      handoffs: this.#handoffs,
      tell,
    });
    for (const device of devices) this.#fleet.join(device);
    this.#placement.devicesChanged();
  }

  /** Takes one event that happened at `nowMs` and says what is to be done about it, the next steps first. */
  advance(event: SchedulerEvent, nowMs: number): readonly SchedulerCommand[] {
    this.#commands = [];
    this.#turns.nowMs = nowMs;
    this.#take(event, nowMs);
    const steps: SchedulerCommand[] = [];
    for (;;) {
      const shortage: Shortage = { stuck: [], preempted: 0, short: [] };
      this.#placement.place(nowMs);
      for (let device = this.#fleet.nextWithNews(); device; device = this.#fleet.nextWithNews())
        steps.push(...this.#steps.compose(device, nowMs, shortage));
      for (const { turn, error } of shortage.stuck) this.#turns.outgrow(turn, error);
      this.#moves.park();
      const given = shortage.short.filter((pool) => this.#moves.giveUpHandoff(pool)).length;
      // Whoever made room made it for turns that could not run a moment ago.
      if (shortage.stuck.length + shortage.preempted + given === 0 && !this.#fleet.hasNews) break;
    }
    return steps.concat(this.#handoffs.pump(nowMs), this.#commands);
  }

  snapshot(): SchedulerSnapshot {
    return snapshotOf(this.#conversations.all.values(), this.#fleet.devices.values(), {
      steps: this.#steps.count,
      handoffs: this.#handoffs.count,
      host: this.#parking && blocksOf(this.#parking.host),
      isRefused: (turn) => this.#placement.isRefused(turn),
    });
  }

  /** Whose the blocks of every pool are, host memory's included. */
  pools(): readonly PoolSnapshot[] {
    return poolsOf([...this.#fleet.devices.values(), ...(this.#parking ? [this.#parking.host] : [])]);
  }

  /** Whose KV a handoff moves; undefined for one that has ended. */
  conversationOf(handoff: number): string | undefined {
    return this.#handoffs.get(handoff)?.conversation.id;
  }

  /** The tokens that the conversation has run: its next turn can keep as many of them as it likes. */
  history(conversation: string): readonly number[] {
    const state = this.#conversations.get(conversation);
    return state === undefined ? [] : state.tokens.slice(0, state.ran);
  }

  /** How many tokens `history` has. */
  ranTokens(conversation: string): number {
    return this.#conversations.get(conversation)?.ran ?? 0;
  }

  /** How often the conversation has gone from one device to another, and the blocks that were copied for it. */
  movedOf(conversation: string): Readonly<ConversationState["moved"]> {
    return this.#conversations.get(conversation)?.moved ?? { transfers: 0, blocks: 0, parks: 0, rebinds: 0 };
  }

  /** How many of them are in the cache of the device that has most. */
  cachedTokens(conversation: string): number {
    return cachedTokensOf(this.#conversations.get(conversation)?.residences.values() ?? []);
  }

  /** Throws when the books do not add up; for tests. */
  assertConsistent(): void {
    this.#fleet.assertConsistent();
    assertConsistent({
      conversations: this.#conversations.all,
      turns: this.#turns.all,
      devices: [...this.#fleet.devices.values(), ...(this.#parking ? [this.#parking.host] : [])],
      waiting: this.#placement.waiting,
      handoffs: this.#handoffs,
      keeping: this.#keeping,
      recovering: this.#fleet.away.size > 0,
    });
  }

  #take(event: SchedulerEvent, nowMs: number): void {
    switch (event.kind) {
      case "turn-arrived":
        this.#turns.arrive(event.request);
        break;
      case "turn-stopped":
        this.#turns.end(this.#turns.get(event.turn), { kind: "finish", reason: event.reason });
        break;
      case "conversation-forked":
        this.#conversations.fork(event);
        break;
      case "pause-began":
        this.#conversations.setPaused(event.conversation, true);
        break;
      case "pause-ended":
        this.#conversations.setPaused(event.conversation, false);
        break;
      case "save-wanted":
        this.#commands.push(this.#keeping.save(this.#conversations.get(event.conversation), event.request));
        break;
      case "blocks-saved":
      case "blocks-loaded":
        this.#keeping.ended(event.request);
        break;
      case "conversation-loaded":
        this.#load(event, nowMs);
        break;
      case "load-failed":
        this.#failLoad(event.request, event.error);
        break;
      case "conversation-closed":
        this.#turns.close(event.conversation);
        break;
      case "step-ended":
        this.#steps.ended(event.device, event.result);
        break;
      case "step-failed":
        this.#steps.failed(event.device, event.plan, event.error);
        break;
      case "blocks-exported":
        this.#handoffs.reported(event.handoff, "export", nowMs);
        break;
      case "blocks-imported":
        this.#handoffs.reported(event.handoff, "import", nowMs);
        this.#moves.arrived(event.handoff);
        break;
      case "handoff-failed":
        this.#handoffs.reported(event.handoff, event.step, undefined);
        this.#moves.failed(event.handoff);
        break;
      case "device-joined":
        this.#join(event.device);
        break;
      case "device-lost":
        this.#lose(event.device, event.error, event.recovering);
        break;
      default:
        event satisfies never;
    }
  }

  /** What of its KV finds no place is prefilled. */
  #load(event: Extract<SchedulerEvent, { kind: "conversation-loaded" }>, nowMs: number): void {
    const { conversation: id, tokens, cachedTokens, request } = event;
    const conversation = this.#conversations.load(id, tokens);
    const place = cachedTokens > 0 ? this.#placement.load(conversation, cachedTokens, nowMs) : undefined;
    this.#commands.push(this.#keeping.load(request, place));
  }

  #failLoad(request: number, error: PlainError): void {
    const load = this.#keeping.get(request);
    if (load) this.#turns.forget(load.pool, load.blocks, error);
    this.#keeping.ended(request);
  }

  #join(spec: DeviceSpec): void {
    this.#fleet.join(spec);
    this.#placement.devicesChanged();
  }

  /** What was in flight there has landed for nothing, and its report is dropped if it still comes. Turns go on elsewhere, or when it is back. */
  #lose(id: string, error: PlainError, recovering: boolean): void {
    const lost = this.#fleet.lose(id, error, recovering);
    this.#placement.devicesChanged();
    for (const device of lost) {
      this.#moves.lose(device, this.#conversations.all.values());
      this.#keeping.lose(device.pool);
    }
    const most = Math.max(0, ...Array.from(this.#fleet.limits(), mostTokensOf));
    for (const turn of [...this.#turns.all.values()])
      if (turn.conversation.tokens.length > most) this.#turns.end(turn, { kind: "fail", error });
  }
}
