import { isDeepStrictEqual } from "node:util";
import { expect } from "vitest";
import type { SchedulerCommand } from "../../src/protocol/command.ts";
import type { SchedulerEvent } from "../../src/protocol/event.ts";
import { Scheduler } from "../../src/scheduler/scheduler.ts";
import { fakeToken } from "../harness/fake_runner.ts";
import { tokensOf } from "./driver.ts";
import type { Fleet } from "./fleet.ts";

/** What the model knows of a turn. */
export interface ModelTurn {
  readonly conversation: string;
  /** All of it, history included. */
  readonly prompt: readonly number[];
  readonly keep: number;
  readonly delivered: number[];
  end: SchedulerCommand | undefined;
}

/** Why a turn may fail. */
const REFUSALS = ["gpu-error", "kv-full", "disposed", "conversation-busy", "prompt-too-long", "device-lost"];

/** Conversations are lists of tokens, and a turn adds to one: all else is the scheduler's business, which is held against this. */
export class Model {
  readonly fleet: Fleet;
  readonly turns = new Map<number, ModelTurn>();
  readonly histories = new Map<string, readonly number[]>();
  /** Devices that are not there. */
  readonly away = new Set<string>();
  readonly devices: readonly string[];
  /** A scheduler that is told the same: it has to say the same. */
  readonly #twin: Scheduler;
  losses = 0;
  ids = 0;
  events = 0;

  constructor(fleet: Fleet) {
    this.fleet = fleet;
    this.devices = fleet.options.devices.map(({ id }) => id);
    this.#twin = new Scheduler(fleet.options);
    fleet.onEvent = (event, nowMs, commands) => this.#learn(event, nowMs, commands);
  }

  running(conversation: string): ModelTurn | undefined {
    for (const turn of this.turns.values())
      if (turn.conversation === conversation && turn.end === undefined) return turn;
    return undefined;
  }

  arrive(
    conversation: string,
    tokens: readonly number[],
    keep: number,
    maxTokens: number,
    priority = 0,
  ): void {
    const id = this.turns.size;
    const history = this.histories.get(conversation) ?? [];
    const prompt = [...history.slice(0, keep), ...tokens];
    this.turns.set(id, { conversation, prompt, keep, delivered: [], end: undefined });
    this.fleet.arrive(id, conversation, tokens, { keep, priority, output: tokensOf(maxTokens) });
  }

  /** What has to hold whatever has happened. */
  check(): void {
    this.#checkMoves();
    const { fleet } = this;
    if (fleet.isIdle && this.away.size === 0)
      for (const [id, { end }] of this.turns)
        expect(end, `turn ${id} waits and nothing is in flight`).toBeDefined();
  }

  #checkMoves(): void {
    const { policy } = this.fleet.options;
    const most = policy?.transfers;
    const rebinds = policy?.rebind?.most ?? 0;
    for (const id of this.histories.keys()) {
      const moved = this.fleet.scheduler.movedOf(id);
      expect(moved.rebinds).toBeLessThanOrEqual(rebinds);
      if (this.losses === 0 && most !== undefined)
        expect(moved.transfers).toBeLessThanOrEqual(most + rebinds);
    }
  }

  #learn(event: SchedulerEvent, nowMs: number, commands: readonly SchedulerCommand[]): void {
    this.events += 1;
    if (!isDeepStrictEqual(this.#twin.advance(event, nowMs), commands))
      throw new Error(`${event.kind} leads to other commands when it happens again.`);
    const arrived = event.kind === "turn-arrived" ? event.request.turn : undefined;
    for (const command of commands) if ("turn" in command) this.#hear(command, command.turn === arrived);
  }

  #hear(command: Extract<SchedulerCommand, { readonly turn: number }>, arrives: boolean): void {
    const turn = this.turns.get(command.turn);
    if (turn === undefined || turn.end !== undefined) throw new Error(`Turn ${command.turn} has ended.`);
    const { conversation, prompt, keep, delivered } = turn;
    if (command.kind === "deliver-token") {
      expect(command.token).toBe(fakeToken([...prompt, ...delivered], VOCAB_TOKENS));
      delivered.push(command.token);
      return;
    }
    turn.end = command;
    if (command.kind === "turn-failed") expect(REFUSALS).toContain(command.error.code);
    // One that is refused at once leaves its conversation as it is.
    if (command.kind === "turn-failed" && arrives && command.error.code !== "kv-full") return;
    const whole = [...prompt, ...delivered];
    const history = this.fleet.scheduler.history(conversation);
    if (command.kind === "turn-finished") {
      expect(command.usage).toMatchObject({
        promptTokens: prompt.length,
        completionTokens: delivered.length,
      });
      if (command.reason === "length") expect(history.length).toBe(whole.length - 1);
      if (delivered.length === 0) expect(history.length).toBe(keep);
    }
    expect(history).toEqual(whole.slice(0, history.length));
    this.histories.set(conversation, history);
  }
}

export const VOCAB_TOKENS = 97;
