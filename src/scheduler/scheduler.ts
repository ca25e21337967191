import type { SchedulerCommand } from "../protocol/command.ts";
import { type DeviceSpec, HOST } from "../protocol/device.ts";
import type { SchedulerEvent } from "../protocol/event.ts";
import type { PlainError } from "../protocol/plain_error.ts";
import type { RunnerLimits, StepResult } from "../protocol/step.ts";
import type { TurnRequest } from "../protocol/turn.ts";
import { assertConsistent } from "./audit.ts";
import { Device, type Shortage } from "./device.ts";
import type { Flight } from "./flight.ts";
import { Handoffs } from "./handoff.ts";
import { Keeping } from "./keeping.ts";
import { takeResults } from "./landing.ts";
import { Moves } from "./moves.ts";
import { canHold, Placement } from "./placement.ts";
import { collocatedSticky } from "./policies/collocated.ts";
import type { Policy } from "./policy.ts";
import { Pool } from "./pool.ts";
import { disposed, refusalOf } from "./scheduler_errors.ts";
import { blocksOf, type SchedulerSnapshot, snapshotOf } from "./snapshot.ts";
import {
  type ConversationState,
  completionTokens,
  endCommand,
  leavesNothing,
  rankOf,
  type TurnOutcome,
  type TurnState,
} from "./state.ts";

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
  readonly #drafts: boolean;
  readonly #policy: Policy;
  readonly #devices = new Map<string, Device>();
  /** Devices where something has happened since their last plan was made or refused. */
  readonly #news = new Set<Device>();
  readonly #conversations = new Map<string, ConversationState>();
  /** In the order of arrival. */
  readonly #turns = new Map<number, TurnState>();
  readonly #handoffs: Handoffs;
  readonly #moves: Moves;
  readonly #placement: Placement;
  readonly #keeping = new Keeping();
  /** Where idle KV is parked; undefined where it is dropped. */
  readonly #host: Device | undefined;
  /** Devices that are lost and expected back, and the error of the last one that was lost. */
  readonly #away = new Map<string, DeviceSpec>();
  #lost: PlainError | undefined;
  #steps = 0;
  #commands: SchedulerCommand[] = [];

  constructor(options: SchedulerOptions) {
    const {
      devices,
      policy = collocatedSticky,
      speculation = "auto",
      stagingBlocks = 256,
      hostBlocks = 0,
    } = options;
    this.#drafts = speculation === "auto";
    this.#policy = policy;
    this.#handoffs = new Handoffs(stagingBlocks);
    const [first] = devices;
    if (policy.parks && hostBlocks > 0 && first) this.#host = hostOf(hostBlocks, first.limits);
    this.#moves = new Moves({
      devices: this.#devices,
      handoffs: this.#handoffs,
      host: this.#host,
      onChange: () => this.#placement.changed(),
      onHomeless: (turn) => this.#placement.add(turn),
    });
    this.#placement = new Placement(policy, this.#devices, this.#away, this.#moves);
    for (const device of devices) this.#join(device);
  }

  /** Takes one event that happened at `nowMs` and says what is to be done about it, the next steps first. */
  advance(event: SchedulerEvent, nowMs: number): readonly SchedulerCommand[] {
    this.#commands = [];
    this.#take(event, nowMs);
    const steps: SchedulerCommand[] = [];
    for (;;) {
      const shortage: Shortage = { stuck: [], preempted: 0, short: [] };
      this.#placement.place(nowMs);
      for (const device of this.#news) {
        this.#news.delete(device);
        this.#compose(device, nowMs, steps, shortage);
      }
      for (const { turn, error } of shortage.stuck) this.#end(turn, { kind: "fail", error });
      const given =
        this.#moves.park() + shortage.short.filter((pool) => this.#moves.giveUpHandoff(pool)).length;
      // Whoever made room made it for turns that could not run a moment ago.
      if (shortage.stuck.length + shortage.preempted + given === 0) break;
    }
    return [...steps, ...this.#handoffs.pump(nowMs), ...this.#commands];
  }

  snapshot(): SchedulerSnapshot {
    return snapshotOf(this.#conversations.values(), this.#devices.values(), {
      steps: this.#steps,
      handoffs: this.#handoffs.count,
      host: this.#host && blocksOf(this.#host),
    });
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
    return this.#conversations.get(conversation)?.moved ?? { transfers: 0, blocks: 0, parks: 0 };
  }

  /** How many of them are in the cache of the device that has most. */
  cachedTokens(conversation: string): number {
    const residences = this.#conversations.get(conversation)?.residences.values() ?? [];
    return Math.max(0, ...Array.from(residences, ({ table }) => table.length));
  }

  /** Throws when the books do not add up; for tests. */
  assertConsistent(): void {
    assertConsistent({
      conversations: this.#conversations,
      turns: this.#turns,
      devices: [...this.#devices.values(), ...(this.#host ? [this.#host] : [])],
      waiting: this.#placement.waiting,
      handoffs: this.#handoffs,
      keeping: this.#keeping,
      recovering: this.#away.size > 0,
    });
  }

  #take(event: SchedulerEvent, nowMs: number): void {
    switch (event.kind) {
      case "turn-arrived":
        this.#arrive(event.request, nowMs);
        break;
      case "turn-stopped":
        this.#end(this.#turns.get(event.turn), { kind: "finish", reason: event.reason });
        break;
      case "conversation-forked":
        this.#fork(event.conversation, event.from, event.tokens);
        break;
      case "save-wanted":
        this.#commands.push(this.#keeping.save(this.#conversations.get(event.conversation), event.request));
        break;
      case "blocks-saved":
        this.#keeping.saved(event.request);
        break;
      case "conversation-loaded":
        this.#load(event, nowMs);
        break;
      case "load-failed":
        this.#failLoad(this.#conversations.get(event.conversation), event.error);
        break;
      case "conversation-closed":
        this.#close(this.#conversations.get(event.conversation));
        break;
      case "step-ended":
        this.#endStep(event.device, event.result, nowMs);
        break;
      case "step-failed":
        this.#failStep(event.device, event.plan, event.error);
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

  #arrive(request: TurnRequest, nowMs: number): void {
    const conversation = this.#conversations.get(request.conversation);
    const limits = this.#limits();
    const lost = limits.length === 0 ? this.#lost : undefined;
    const refusal = lost ?? refusalOf(request, conversation, limits);
    if (refusal !== undefined) {
      this.#commands.push({ kind: "turn-failed", turn: request.turn, error: refusal });
      return;
    }
    const state = conversation ?? this.#open(request.conversation);
    // What is on its way to host memory is still where it was.
    if (state.handoff?.kind === "park") this.#moves.drop(state.handoff);
    if (request.keep > state.ran) throw new Error("A turn keeps tokens that have not run.");
    this.#cut(state, request.keep);
    for (const token of request.tokens) state.tokens.push(token);
    const turn: TurnState = {
      request,
      conversation: state,
      arrivedMs: nowMs,
      rank: rankOf(request, nowMs, this.#promptMs(request.tokens.length)),
      residence: undefined,
      device: undefined,
      admitted: false,
      leaves: false,
      cachedTokens: undefined,
      ahead: 0,
      drafted: 0,
      drafts: undefined,
      sampled: undefined,
      delivered: 0,
      overtaken: 0,
    };
    state.turn = turn;
    this.#turns.set(request.turn, turn);
    this.#placement.add(turn);
  }

  /** What a prompt's length counts in the order of turns. */
  #promptMs(tokens: number): number {
    const weight = this.#policy.steps?.promptWeight ?? 0;
    const seen = [...this.#devices.values()].flatMap(({ observed }) => observed.prefillMsPerToken ?? []);
    return seen.length === 0 ? 0 : weight * tokens * Math.min(...seen);
  }

  #open(id: string): ConversationState {
    const conversation: ConversationState = {
      id,
      tokens: [],
      ran: 0,
      residences: new Map(),
      bound: undefined,
      turn: undefined,
      handoff: undefined,
      moved: { transfers: 0, blocks: 0, parks: 0 },
    };
    this.#conversations.set(id, conversation);
    return conversation;
  }

  /** A block table more for the same blocks, on every device that has them. */
  #fork(id: string, from: string, tokens: number | undefined): void {
    const origin = this.#conversations.get(from);
    if (this.#conversations.has(id)) throw new Error(`${id} exists already.`);
    if (origin === undefined) return;
    const count = Math.min(origin.ran, tokens ?? origin.ran);
    const fork = this.#open(id);
    for (const token of origin.tokens.slice(0, count)) fork.tokens.push(token);
    fork.ran = count;
    fork.bound = origin.bound;
    for (const [pool, residence] of origin.residences) {
      const shared = Math.min(count, residence.table.length);
      if (shared > 0) pool.share(residence, fork, shared);
    }
  }

  /** As if it had run here: what of its KV finds no place is prefilled. */
  #load(
    {
      conversation: id,
      tokens,
      cachedTokens,
      request,
    }: Extract<SchedulerEvent, { kind: "conversation-loaded" }>,
    nowMs: number,
  ): void {
    if (this.#conversations.has(id)) throw new Error(`${id} exists already.`);
    const conversation = this.#open(id);
    for (const token of tokens) conversation.tokens.push(token);
    conversation.ran = tokens.length;
    const place = cachedTokens > 0 ? this.#placement.load(conversation, cachedTokens, nowMs) : undefined;
    const nowhere = { device: undefined, first: 0, blocks: [] };
    this.#commands.push({ kind: "load-blocks", request, conversation: id, ...(place ?? nowhere) });
  }

  /** What stands in its blocks is unknown. */
  #failLoad(conversation: ConversationState | undefined, error: PlainError): void {
    if (conversation === undefined) return;
    this.#end(conversation.turn, { kind: "fail", error });
    if (conversation.handoff) this.#moves.drop(conversation.handoff);
    for (const residence of [...conversation.residences.values()]) residence.pool.forget(residence);
  }

  #close(conversation: ConversationState | undefined): void {
    if (conversation === undefined) return;
    this.#end(conversation.turn, { kind: "fail", error: disposed(conversation.id) });
    if (conversation.handoff) this.#moves.drop(conversation.handoff);
    for (const residence of [...conversation.residences.values()]) residence.pool.leave(residence);
    this.#conversations.delete(conversation.id);
  }

  #join(spec: DeviceSpec): void {
    const name = spec.pool ?? spec.id;
    const shared = [...this.#devices.values()].find(({ pool }) => pool.id === name)?.pool;
    const pool = shared ?? new Pool(name, spec.limits.blocks, spec.limits.blockTokens);
    if (this.#host) pool.wanted = new Set();
    this.#away.delete(spec.id);
    this.#devices.set(
      spec.id,
      new Device(spec, pool, {
        drafts: this.#drafts,
        steps: this.#policy.steps,
        onNews: (one) => this.#news.add(one),
      }),
    );
    this.#placement.changed();
  }

  /** What was in flight there has landed for nothing, and its report is dropped if it still comes. Turns go on elsewhere, or when it is back. */
  #lose(id: string, error: PlainError, recovering: boolean): void {
    const lost = this.#devices.get(id);
    this.#lost = error;
    if (!recovering) this.#away.delete(id);
    // Devices that share a pool are one GPU.
    for (const device of [...this.#devices.values()]) {
      if (device.pool !== lost?.pool) continue;
      this.#devices.delete(device.spec.id);
      if (recovering) this.#away.set(device.spec.id, device.spec);
      this.#moves.lose(device, this.#conversations.values());
      // Blocks that come free there are news for nobody.
      this.#news.delete(device);
    }
    // Who waits for a device that is not expected back any more may go elsewhere.
    this.#placement.changed();
    const limits = this.#limits();
    for (const turn of [...this.#turns.values()]) {
      if (!limits.some((device) => canHold(device, turn.conversation)))
        this.#end(turn, { kind: "fail", error });
    }
  }

  /** Of all devices, those that are expected back included. */
  #limits(): readonly RunnerLimits[] {
    return [
      ...Array.from(this.#devices.values(), (device) => device.limits),
      ...Array.from(this.#away.values(), (spec) => spec.limits),
    ];
  }

  #endStep(id: string, result: StepResult, nowMs: number): void {
    const device = this.#devices.get(id);
    const flight = device?.landing(result.plan);
    if (device === undefined || flight === undefined) return;
    device.record(flight, result);
    takeResults(device, flight, result, {
      deliver: (command) => this.#commands.push(command),
      end: (turn, outcome) => this.#end(turn, outcome),
      firstToken: (turn) => device.observed.firstToken(nowMs - turn.arrivedMs, nowMs),
      prefilled: (turn) => this.#moves.prefilled(turn, device),
    });
    this.#settle(device, flight);
  }

  #failStep(id: string, plan: number, error: PlainError): void {
    const device = this.#devices.get(id);
    const flight = device?.landing(plan);
    if (device === undefined || flight === undefined) return;
    for (const turn of flight.turns)
      if (turn.conversation.turn === turn) this.#end(turn, { kind: "fail", error });
    this.#settle(device, flight);
  }

  /** Its plan has landed: blocks that only waited for it go. */
  #settle(device: Device, { plan }: Flight): void {
    device.pool.settled(plan.id);
    this.#placement.changed();
  }

  /** Ends a turn, whatever of it is in flight. */
  #end(turn: TurnState | undefined, outcome: TurnOutcome): void {
    if (turn === undefined) return;
    const { conversation, request } = turn;
    const end = endCommand(turn, outcome);
    conversation.turn = undefined;
    this.#turns.delete(request.turn);
    this.#placement.remove(turn);
    turn.device?.remove(turn);
    const undone = leavesNothing(turn, outcome);
    if (!undone && request.output.kind === "tokens") this.#placement.answered(completionTokens(turn));
    if (!undone) this.#moves.ended(turn);
    this.#cut(conversation, undone ? request.keep : conversation.ran);
    this.#placement.changed();
    this.#commands.push(end);
  }

  /** Keeps the first `tokens` tokens of the conversation, everywhere. */
  #cut(conversation: ConversationState, tokens: number): void {
    conversation.tokens.length = tokens;
    conversation.ran = Math.min(conversation.ran, tokens);
    for (const residence of conversation.residences.values()) {
      // What crosses into it has blocks there already.
      const isTarget = conversation.handoff?.target?.residence === residence;
      if (!isTarget || residence.table.length > tokens) residence.pool.cut(residence, tokens);
    }
    this.#moves.cut(conversation, tokens);
  }

  /** All plans that the device can be given now; blocks that leave do so right behind the plan that fills them. */
  #compose(device: Device, nowMs: number, steps: SchedulerCommand[], shortage: Shortage): void {
    for (;;) {
      const plan = device.compose(this.#steps + 1, shortage);
      if (plan === undefined) return;
      this.#steps = plan.id;
      steps.push({ kind: "run-step", device: device.spec.id, plan });
      if (this.#moves.stream(device)) steps.push(...this.#handoffs.pump(nowMs));
    }
  }
}

/** Host memory with the blocks of the devices. */
function hostOf(blocks: number, limits: RunnerLimits): Device {
  const spec = {
    id: HOST,
    role: "both",
    limits: { ...limits, blocks, maxStepRows: Number.POSITIVE_INFINITY },
  } as const;
  return new Device(spec, new Pool(HOST, blocks, limits.blockTokens), {
    drafts: false,
    steps: undefined,
    onNews: () => {},
  });
}
