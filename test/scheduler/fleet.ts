import type { SchedulerCommand } from "../../src/protocol/command.ts";
import { type DeviceRole, HOST } from "../../src/protocol/device.ts";
import type { SchedulerEvent } from "../../src/protocol/event.ts";
import type { PlainError } from "../../src/protocol/plain_error.ts";
import type { RunnerLimits } from "../../src/protocol/step.ts";
import type { TurnRequest } from "../../src/protocol/turn.ts";
import type { Policy } from "../../src/scheduler/policy.ts";
import { Scheduler, type SchedulerOptions } from "../../src/scheduler/scheduler.ts";
import { FakeRunner, fakeToken } from "../harness/fake_runner.ts";
import { tokensOf } from "./driver.ts";

export interface FleetDevice {
  readonly role: DeviceRole;
  readonly limits?: Partial<RunnerLimits>;
  readonly pool?: string;
}

type Work = Extract<
  SchedulerCommand,
  { kind: "run-step" | "export-blocks" | "import-blocks" | "save-blocks" | "load-blocks" }
> & {
  /** What an import or a load copies. */
  readonly data?: readonly Uint8Array<ArrayBuffer>[];
};

/** What was read of a conversation: its blocks one by one. */
export interface SavedBlocks {
  readonly tokens: readonly number[];
  readonly cachedTokens: number;
  readonly blocks: readonly Uint8Array<ArrayBuffer>[];
}

interface Machine {
  readonly runner: FakeRunner;
  /** What it was told and has not done, in order; devices of one pool are one GPU, and have one such list. */
  readonly work: Work[];
}

/** Drives a scheduler over several devices by hand: each does the next thing it was told when the test says so. Audits after every event. */
export class Fleet {
  readonly scheduler: Scheduler;
  readonly machines = new Map<string, Machine>();
  readonly commands: SchedulerCommand[] = [];
  readonly #specs: Readonly<Record<string, FleetDevice>>;
  /** Blocks in host memory, by handoff and place in the sequence. */
  readonly #staged = new Map<number, Map<number, Uint8Array<ArrayBuffer>>>();
  readonly saved: SavedBlocks[] = [];
  #loading: readonly Uint8Array<ArrayBuffer>[] = [];
  #requests = 0;
  #nowMs = 0;
  /** The token that follows a sequence. */
  next = fakeToken;
  /** How much time passes from one event to the next. */
  msPerEvent = 1;
  /** Hears of every event and what it led to. */
  onEvent: (event: SchedulerEvent, nowMs: number, commands: readonly SchedulerCommand[]) => void = () => {};
  readonly options: SchedulerOptions;

  constructor(
    devices: Readonly<Record<string, FleetDevice>>,
    policy: Policy,
    stagingBlocks = 64,
    hostBlocks = 0,
  ) {
    this.#specs = devices;
    const specs = Object.keys(devices).map((id) => this.#boot(id));
    this.options = { devices: specs, policy, stagingBlocks, hostBlocks, speculation: "off" };
    this.scheduler = new Scheduler(this.options);
    this.machines.set(HOST, { runner: new FakeRunner({ blocks: Math.max(1, hostBlocks) }), work: [] });
  }

  send(event: SchedulerEvent): readonly SchedulerCommand[] {
    this.#nowMs += this.msPerEvent;
    const commands = this.scheduler.advance(event, this.#nowMs);
    for (const command of commands) {
      if (command.kind === "handoff-ended") this.#staged.delete(command.handoff);
      if ("device" in command) this.#give(command);
    }
    this.commands.push(...commands);
    this.scheduler.assertConsistent();
    this.onEvent(event, this.#nowMs, commands);
    return commands;
  }

  #give(command: Extract<SchedulerCommand, { readonly device: string | undefined }>): void {
    const work = this.machines.get(command.device ?? "")?.work;
    if (command.device !== undefined && work === undefined)
      throw new Error(`A device that is lost was told to ${command.kind}: ${command.device}.`);
    if (command.kind === "import-blocks") work?.push({ ...command, data: this.#stagedBlocks(command) });
    else if (command.kind === "load-blocks") {
      if (command.blocks.length > 0) work?.push({ ...command, data: this.#loading.slice(command.first) });
    } else if (command.kind === "save-blocks" && command.blocks.length === 0)
      this.saved.push({ tokens: command.tokens, cachedTokens: 0, blocks: [] });
    else work?.push(command);
  }

  /** Asks for what a conversation has; it is in `saved` when that has been read. */
  save(conversation: string): void {
    this.send({ kind: "save-wanted", conversation, request: ++this.#requests });
  }

  load(conversation: string, { tokens, cachedTokens, blocks }: SavedBlocks): void {
    this.#loading = blocks;
    this.send({ kind: "conversation-loaded", conversation, tokens, cachedTokens, request: ++this.#requests });
  }

  arrive(turn: number, conversation: string, tokens: readonly number[], rest: Partial<TurnRequest> = {}) {
    const keep = this.scheduler.history(conversation).length;
    const request = { turn, conversation, tokens, keep, output: tokensOf(4), ...rest };
    return this.send({ kind: "turn-arrived", request });
  }

  /** The device does the next thing it was told. False when there is nothing. */
  step(id: string, error?: PlainError): boolean {
    const work = this.machines.get(id)?.work.shift();
    const machine = this.machines.get(work?.device ?? "");
    if (machine === undefined || work === undefined) return false;
    if (error && work.kind === "run-step") machine.runner.fail();
    const event = error ? failed(work, error) : this.#done(work, machine.runner);
    if (event) this.send(event);
    return true;
  }

  /** Whoever has something to do does it, until nobody has. */
  finish(): void {
    for (let steps = 0; this.#stepAll(); steps++)
      if (steps > 20_000) throw new Error("The scheduler does not come to an end.");
  }

  /** With all devices of its pool, which are one GPU. */
  lose(id: string, error: PlainError, recovering: boolean): void {
    const given = this.machines.get(id)?.work ?? [];
    for (const device of this.#sharing(id)) this.machines.delete(device);
    // What was being read fails when the device is gone.
    for (const device of this.#sharing(id)) this.send({ kind: "device-lost", device, error, recovering });
    for (const work of given)
      if (work.kind === "save-blocks") this.send({ kind: "blocks-saved", request: work.request });
  }

  recover(id: string): void {
    for (const device of this.#sharing(id)) this.send({ kind: "device-joined", device: this.#boot(device) });
  }

  #sharing(id: string): readonly string[] {
    const pool = this.#specs[id]?.pool;
    if (pool === undefined) return [id];
    return Object.keys(this.#specs).filter((other) => this.#specs[other]?.pool === pool);
  }

  tokens(turn: number): number[] {
    return this.commands.flatMap((command) =>
      command.kind === "deliver-token" && command.turn === turn ? [command.token] : [],
    );
  }

  /** The one command that ended the turn. */
  end(turn: number) {
    const ends = this.commands.filter(
      (command) =>
        (command.kind === "turn-finished" || command.kind === "turn-failed") && command.turn === turn,
    );
    if (ends.length > 1) throw new Error(`Turn ${turn} ended ${ends.length} times.`);
    return ends[0];
  }

  conversation(id: string) {
    return this.scheduler.snapshot().conversations.find((conversation) => conversation.id === id);
  }

  /** Blocks in use on each device, and in host memory where there is some. */
  used(): number[] {
    const { devices, host } = this.scheduler.snapshot();
    return [...devices.map(({ blocks }) => blocks.used), ...(host ? [host.used] : [])];
  }

  /** No device has anything to do. */
  get isIdle(): boolean {
    return [...this.machines.values()].every(({ work }) => work.length === 0);
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  #stepAll(): boolean {
    return [...this.machines.keys()].map((id) => this.step(id)).includes(true);
  }

  #boot(id: string) {
    const { role, limits, pool } = this.#specs[id] ?? { role: "both" as const };
    const shared = [...this.machines].find(
      ([other]) => pool !== undefined && this.#specs[other]?.pool === pool,
    );
    const runner = new FakeRunner(limits, shared?.[1].runner);
    runner.next = (sequence) => this.next(sequence, runner.limits.vocabTokens);
    this.machines.set(id, { runner, work: shared?.[1].work ?? [] });
    return { id, role, limits: runner.limits, ...(pool !== undefined && { pool }) };
  }

  #stagedBlocks({
    handoff,
    first,
    blocks,
  }: {
    readonly handoff: number;
    readonly first: number;
    readonly blocks: readonly number[];
  }) {
    return blocks.map((_, at) => {
      const data = this.#staged.get(handoff)?.get(first + at);
      if (data === undefined) throw new Error(`Block ${first + at} enters before it has left.`);
      return data;
    });
  }

  #done(work: Work, runner: FakeRunner): SchedulerEvent | undefined {
    if (work.kind === "run-step") {
      return { kind: "step-ended", device: work.device, result: runner.execute(work.plan) };
    }
    if (work.kind === "save-blocks") {
      const { request, tokens, cachedTokens } = work;
      this.saved.push({
        tokens,
        cachedTokens,
        blocks: work.blocks.map((block) => runner.readBlocks([block])),
      });
      return { kind: "blocks-saved", request };
    }
    if (work.kind === "load-blocks") {
      for (const [at, block] of work.blocks.entries())
        runner.writeBlocks([block], work.data?.[at] ?? new Uint8Array(0));
      return { kind: "blocks-loaded", request: work.request };
    }
    const { handoff, first, blocks } = work;
    const staged = this.#staged.get(handoff) ?? new Map<number, Uint8Array<ArrayBuffer>>();
    if (this.scheduler.snapshot().handoffs > 0) this.#staged.set(handoff, staged);
    for (const [at, block] of blocks.entries()) {
      const data = work.data?.[at];
      if (data) runner.writeBlocks([block], data);
      else staged.set(first + at, runner.readBlocks([block]));
    }
    return { kind: work.kind === "export-blocks" ? "blocks-exported" : "blocks-imported", handoff };
  }
}

function failed(work: Work, error: PlainError): SchedulerEvent {
  if (work.kind === "run-step")
    return { kind: "step-failed", device: work.device, plan: work.plan.id, error };
  if (work.kind === "save-blocks") return { kind: "blocks-saved", request: work.request };
  if (work.kind === "load-blocks") return { kind: "load-failed", request: work.request, error };
  return {
    kind: "handoff-failed",
    handoff: work.handoff,
    step: work.kind === "export-blocks" ? "export" : "import",
    error,
  };
}
