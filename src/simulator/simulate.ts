import type { ConversationTurn } from "../metrics/conversation_metrics.ts";
import type { CopyRecord, StepRecord } from "../metrics/replay.ts";
import type { SchedulerCommand } from "../protocol/command.ts";
import { type DeviceSpec, HOST } from "../protocol/device.ts";
import type { SchedulerEvent } from "../protocol/event.ts";
import type { PlainError } from "../protocol/plain_error.ts";
import { GREEDY } from "../protocol/sampling.ts";
import type { StepPlan } from "../protocol/step.ts";
import { Scheduler } from "../scheduler/scheduler.ts";
import type { WorkloadConversation } from "../workload/workload.ts";
import type { DeviceUseTotals } from "./device_use.ts";
import { SimulatedDevice } from "./simulated_device.ts";
import { SimulatedLink } from "./simulated_link.ts";
import type { DeviceFault, SimulatedSpec, SimulateOptions, Simulation, TurnRow } from "./simulation.ts";
import { areUnlike, triedMsPerToken } from "./try_out.ts";
import { TurnTotals } from "./turn_totals.ts";
import { VirtualClock } from "./virtual_clock.ts";

/** The scheduler that runs on real devices, on simulated ones and a virtual clock. */

export function simulate(workload: readonly WorkloadConversation[], options: SimulateOptions): Simulation {
  return new Simulator(options).run(workload);
}

interface LiveConversation {
  readonly given: WorkloadConversation;
  readonly turns: ConversationTurn[];
  /** Of the turn that runs. */
  arrivedMs: number;
  startedMs: number | undefined;
  device: string | undefined;
  tokenMs: number[];
  tokens: number;
  firstTokenMs: number | undefined;
  lastTokenMs: number;
  /** How many turns have ended. */
  ended: number;
  error: string | undefined;
  transfers: number;
  movedBlocks: number;
}

class Simulator {
  readonly #clock = new VirtualClock();
  readonly #scheduler: Scheduler;
  readonly #options: SimulateOptions;
  readonly #link: SimulatedLink;
  readonly #links = new Map<string, SimulatedLink>();
  readonly #devices = new Map<string, SimulatedDevice>();
  /** Of all that ever were, so that what a lost one did is counted. */
  readonly #used: SimulatedDevice[] = [];
  readonly #steps: StepRecord[] = [];
  readonly #copies: CopyRecord[] = [];
  readonly #rows: TurnRow[] = [];
  readonly #running = new Map<number, LiveConversation>();
  readonly #byId = new Map<string, LiveConversation>();
  readonly #waiting: LiveConversation[] = [];
  readonly #areUnlike: boolean;
  readonly #blockBytes: number;
  readonly #keeps: "all" | "turns" | "totals";
  readonly #totals = new TurnTotals();
  #turns = 0;
  #events = 0;
  #copiedBytes = 0;

  constructor(options: SimulateOptions) {
    const { policy, devices, link, hostBlocks = 0 } = options;
    this.#options = options;
    this.#keeps = options.keeps ?? "all";
    this.#blockBytes = devices[0]?.limits.blockBytes ?? 0;
    this.#link = new SimulatedLink(link, this.#clock);
    this.#areUnlike = areUnlike(devices);
    const specs = devices.map((device) => this.#specOf(device));
    this.#scheduler = new Scheduler({ devices: specs, policy, speculation: "off", hostBlocks });
    for (const device of devices) this.#add(device);
  }

  run(workload: readonly WorkloadConversation[]): Simulation {
    const { concurrency, faults = [], joins = [], policy } = this.#options;
    for (const given of workload) {
      const live: LiveConversation = { given, turns: [], arrivedMs: 0, startedMs: undefined, device: undefined, tokenMs: [], tokens: 0, firstTokenMs: undefined, lastTokenMs: 0, ended: 0, error: undefined, transfers: 0, movedBlocks: 0 }; // biome-ignore format: one record
      this.#byId.set(given.id, live);
      if (concurrency === undefined) this.#clock.at(given.arrivalMs, () => this.#arrive(live));
      else this.#waiting.push(live);
    }
    this.#waiting.reverse();
    for (let n = 0; n < (concurrency ?? 0); n++) this.#admit();
    for (const fault of faults) this.#clock.at(fault.atMs, () => this.#lose(fault));
    for (const { atMs, device } of joins) this.#clock.at(atMs, () => this.#join(device));
    this.#clock.run();
    const blockBytes = this.#blockBytes;
    return {
      policy: policy.name,
      totalMs: this.#clock.nowMs,
      conversations: Array.from(this.#byId.values(), ({ given, turns, error, transfers, movedBlocks }) => {
        return { id: given.id, turns, error, transfers, movedBytes: movedBlocks * blockBytes };
      }),
      steps: this.#steps,
      copies: this.#copies,
      occupancy: [],
      rows: this.#rows,
      events: this.#events,
      use: this.#useByDevice(),
      copiedBytes: this.#copiedBytes,
      totals: this.#totals,
    };
  }

  /** As the scheduler knows it: unlike devices are tried out. */
  #specOf({ cost, link: _, ...spec }: SimulatedSpec): DeviceSpec {
    return this.#areUnlike ? { prefillMsPerToken: triedMsPerToken(cost), ...spec } : spec;
  }

  #useByDevice(): Record<string, DeviceUseTotals> {
    const all: Record<string, DeviceUseTotals> = {};
    for (const { spec, use } of this.#used) {
      const { busyMs, prefillMs, decodeMs, curvedMs } = use.totals;
      const before = all[spec.id] ?? { busyMs: 0, prefillMs: 0, decodeMs: 0, curvedMs: 0 };
      all[spec.id] = {
        busyMs: before.busyMs + busyMs,
        prefillMs: before.prefillMs + prefillMs,
        decodeMs: before.decodeMs + decodeMs,
        curvedMs: before.curvedMs + curvedMs,
      };
    }
    return all;
  }

  #add(spec: SimulatedSpec): void {
    if (spec.link && !this.#links.has(spec.id))
      this.#links.set(spec.id, new SimulatedLink(spec.link, this.#clock));
    const device = new SimulatedDevice(this.#specOf(spec), spec.cost, this.#clock, {
      ...(this.#keeps !== "totals" && { begins: (id, plan, startMs) => this.#begins(id, plan, startMs) }),
      ...(this.#keeps === "all" && { ended: (record) => void this.#steps.push(record) }),
    });
    this.#devices.set(spec.id, device);
    this.#used.push(device);
  }

  #join(spec: SimulatedSpec): void {
    this.#add(spec);
    this.#send({ kind: "device-joined", device: this.#specOf(spec) });
  }

  #lose({ device: id, backAtMs }: DeviceFault): void {
    const spec = this.#options.devices.find((one) => one.id === id);
    this.#devices.get(id)?.lose();
    this.#devices.delete(id);
    const error: PlainError = { name: "DeviceError", code: "device-lost", message: `${id} was lost.`, fields: { device: id } }; // biome-ignore format: one record
    this.#send({ kind: "device-lost", device: id, error, recovering: backAtMs !== undefined });
    if (spec && backAtMs !== undefined) this.#clock.at(backAtMs, () => this.#join(spec));
  }

  #begins(device: string, { rows }: StepPlan, startMs: number): void {
    for (const { sequence } of rows) {
      const live = this.#byId.get(sequence);
      if (live === undefined) continue;
      live.startedMs ??= startMs;
      live.device = device;
    }
  }

  #admit(): void {
    const next = this.#waiting.pop();
    if (next) this.#clock.after(0, () => this.#arrive(next));
  }

  #arrive(live: LiveConversation): void {
    const { id, turns } = live.given;
    const turn = turns[live.ended];
    if (turn === undefined) return;
    live.arrivedMs = this.#clock.nowMs;
    live.startedMs = undefined;
    live.firstTokenMs = undefined;
    live.tokens = 0;
    live.tokenMs = [];
    this.#turns += 1;
    this.#running.set(this.#turns, live);
    const first = this.#turns * 7919;
    const tokens = Array.from({ length: turn.inputTokens }, (_, at) => first + at);
    const output = { kind: "tokens", sampling: GREEDY, maxTokens: turn.outputTokens, endTokens: [], stopTokens: [] } as const; // biome-ignore format: one record
    const keep = this.#scheduler.ranTokens(id);
    this.#send({
      kind: "turn-arrived",
      request: { conversation: id, turn: this.#turns, keep, tokens, output },
    });
  }

  #send(event: SchedulerEvent): void {
    this.#events += 1;
    for (const command of this.#scheduler.advance(event, this.#clock.nowMs)) this.#do(command);
  }

  #do(command: SchedulerCommand): void {
    switch (command.kind) {
      case "run-step": {
        const { device, plan } = command;
        this.#devices.get(device)?.run(plan, (result) => this.#send({ kind: "step-ended", device, result }));
        break;
      }
      case "export-blocks":
      case "import-blocks":
        this.#copy(command);
        break;
      case "deliver-token":
        this.#deliver(this.#running.get(command.turn));
        break;
      case "turn-finished":
        this.#finish(command.turn, undefined);
        break;
      case "turn-failed":
        this.#finish(command.turn, command.error.message);
        break;
    }
  }

  #deliver(live: LiveConversation | undefined): void {
    if (live === undefined) return;
    const { nowMs } = this.#clock;
    live.firstTokenMs ??= nowMs;
    live.lastTokenMs = nowMs;
    live.tokens += 1;
    if (this.#keeps !== "totals") live.tokenMs.push(nowMs);
  }

  /** What leaves a device does so behind what that still has to run. Host memory is where all copies end or begin, and takes no time itself. */
  #copy(command: Extract<SchedulerCommand, { kind: "export-blocks" | "import-blocks" }>): void {
    const { kind, device: id, handoff, blocks } = command;
    const step = kind === "export-blocks" ? "export" : "import";
    const report = () => this.#send({ kind: step === "export" ? "blocks-exported" : "blocks-imported", handoff }); // biome-ignore format: one event
    const device = this.#devices.get(id);
    if (device === undefined || id === HOST) {
      this.#clock.after(0, report);
      return;
    }
    const bytes = blocks.length * this.#blockBytes;
    const enter = () =>
      (this.#links.get(id) ?? this.#link).copy(bytes, (startMs, endMs) => {
        if (device.isLost) {
          const error: PlainError = { name: "DeviceError", code: "device-lost", message: `${id} was lost.`, fields: { device: id } }; // biome-ignore format: one record
          this.#send({ kind: "handoff-failed", handoff, step, error });
          return;
        }
        this.#copiedBytes += bytes;
        if (this.#keeps === "all") this.#copies.push({ device: id, step, startMs, endMs, bytes });
        report();
      });
    if (step === "export" && device.freeMs > this.#clock.nowMs) this.#clock.at(device.freeMs, enter);
    else enter();
  }

  #finish(turn: number, error: string | undefined): void {
    const live = this.#running.get(turn);
    this.#running.delete(turn);
    if (live === undefined) return;
    live.error = error;
    this.#record(live);
    const { given } = live;
    live.ended += 1;
    const next = given.turns[live.ended];
    if (next !== undefined && error === undefined) {
      this.#clock.after(next.delayMs, () => this.#arrive(live));
      this.#clock.after(0, () => this.#send({ kind: "pause-began", conversation: given.id }));
    } else this.#clock.after(0, () => this.#close(live));
  }

  #record(live: LiveConversation): void {
    const { given, ended, arrivedMs, startedMs, firstTokenMs, lastTokenMs, tokens, tokenMs, device } = live;
    this.#totals.add({ isFirst: ended === 0, arrivedMs, firstTokenMs, lastTokenMs, tokens, failed: live.error !== undefined }); // biome-ignore format: one record
    if (this.#keeps === "totals") return;
    const endedMs = this.#clock.nowMs;
    const moved = this.#scheduler.movedOf(given.id);
    const movedBytes = (moved.blocks - live.movedBlocks) * this.#blockBytes;
    live.movedBlocks = moved.blocks;
    this.#rows.push({ conversation: given.id, turn: ended, arrivedMs, startedMs, firstTokenMs, endedMs, device, movedBytes }); // biome-ignore format: one record
    live.turns.push({ arrivedMs, tokenMs, endedMs, pauseMs: given.turns[ended]?.delayMs ?? 0 });
  }

  #close(live: LiveConversation): void {
    const { transfers, blocks } = this.#scheduler.movedOf(live.given.id);
    live.transfers = transfers;
    live.movedBlocks = blocks;
    this.#send({ kind: "conversation-closed", conversation: live.given.id });
    if (this.#keeps === "totals") this.#byId.delete(live.given.id);
    this.#admit();
  }
}
