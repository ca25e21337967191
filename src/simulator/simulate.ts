import type { ConversationTurn } from "../metrics/conversation_metrics.ts";
import type { CopyRecord, Replay, StepRecord } from "../metrics/replay.ts";
import type { SchedulerCommand } from "../protocol/command.ts";
import type { DeviceSpec } from "../protocol/device.ts";
import type { SchedulerEvent } from "../protocol/event.ts";
import { GREEDY } from "../protocol/sampling.ts";
import type { Policy } from "../scheduler/policy.ts";
import { Scheduler } from "../scheduler/scheduler.ts";
import type { WorkloadConversation } from "../workload/workload.ts";
import { SimulatedDevice, type StepCost } from "./simulated_device.ts";
import { VirtualClock } from "./virtual_clock.ts";

/** The scheduler that runs on real devices, on simulated ones and a virtual clock. */

export interface SimulatedSpec extends DeviceSpec {
  readonly cost: StepCost;
}

/** The way between a device and host memory: one for all, a copy after the other. */
export interface SimulatedLink {
  readonly bytesPerMs: number;
  readonly latencyMs: number;
}

export interface SimulateOptions {
  readonly policy: Policy;
  readonly devices: readonly SimulatedSpec[];
  readonly link: SimulatedLink;
  /** How many KV blocks of idle conversations host memory may hold. Default 0. */
  readonly hostBlocks?: number;
}

export interface Simulation extends Replay {
  /** How many events the scheduler was told. */
  readonly events: number;
}

export function simulate(workload: readonly WorkloadConversation[], options: SimulateOptions): Simulation {
  return new Simulator(options).run(workload);
}

interface LiveConversation {
  readonly given: WorkloadConversation;
  readonly turns: ConversationTurn[];
  /** Of the turn that runs. */
  arrivedMs: number;
  tokenMs: number[];
  error: string | undefined;
  transfers: number;
  movedBlocks: number;
}

class Simulator {
  readonly #clock = new VirtualClock();
  readonly #scheduler: Scheduler;
  readonly #policy: Policy;
  readonly #link: SimulatedLink;
  readonly #devices = new Map<string, SimulatedDevice>();
  readonly #steps: StepRecord[] = [];
  readonly #copies: CopyRecord[] = [];
  /** By turn. */
  readonly #running = new Map<number, LiveConversation>();
  readonly #all: LiveConversation[] = [];
  readonly #blockBytes: number;
  #turns = 0;
  #events = 0;
  #linkFreeMs = 0;

  constructor({ policy, devices, link, hostBlocks = 0 }: SimulateOptions) {
    this.#policy = policy;
    this.#blockBytes = devices[0]?.limits.blockBytes ?? 0;
    this.#link = link;
    this.#scheduler = new Scheduler({ devices, policy, speculation: "off", hostBlocks });
    for (const { cost, ...spec } of devices)
      this.#devices.set(spec.id, new SimulatedDevice(spec, cost, this.#clock, this.#steps));
  }

  run(workload: readonly WorkloadConversation[]): Simulation {
    for (const given of workload) {
      const live: LiveConversation = { given, turns: [], arrivedMs: 0, tokenMs: [], error: undefined, transfers: 0, movedBlocks: 0 }; // biome-ignore format: one record
      this.#all.push(live);
      this.#clock.at(given.arrivalMs, () => this.#arrive(live));
    }
    this.#clock.run();
    const blockBytes = this.#blockBytes;
    return {
      policy: this.#policy.name,
      totalMs: this.#clock.nowMs,
      conversations: this.#all.map(({ given, turns, error, transfers, movedBlocks }) => {
        return { id: given.id, turns, error, transfers, movedBytes: movedBlocks * blockBytes };
      }),
      steps: this.#steps,
      copies: this.#copies,
      occupancy: [],
      events: this.#events,
    };
  }

  #arrive(live: LiveConversation): void {
    const { id, turns } = live.given;
    const turn = turns[live.turns.length];
    if (turn === undefined) return;
    live.arrivedMs = this.#clock.nowMs;
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
        this.#copy(command, "export", this.#devices.get(command.device)?.freeMs ?? this.#clock.nowMs);
        break;
      case "import-blocks":
        this.#copy(command, "import", this.#clock.nowMs);
        break;
      case "deliver-token":
        this.#running.get(command.turn)?.tokenMs.push(this.#clock.nowMs);
        break;
      case "turn-finished":
        this.#finish(command.turn, undefined);
        break;
      case "turn-failed":
        this.#finish(command.turn, command.error.message);
        break;
    }
  }

  /** Behind what the device still has to run, and behind the copies before. */
  #copy(
    { device, handoff, blocks }: Extract<SchedulerCommand, { kind: "export-blocks" | "import-blocks" }>,
    step: "export" | "import",
    fromMs: number,
  ): void {
    const bytes = blocks.length * this.#blockBytes;
    const startMs = Math.max(fromMs, this.#linkFreeMs);
    const endMs = startMs + this.#link.latencyMs + bytes / this.#link.bytesPerMs;
    if (fromMs <= this.#clock.nowMs) this.#linkFreeMs = endMs;
    this.#clock.at(endMs, () => {
      this.#copies.push({ device, step, startMs, endMs, bytes });
      this.#send({ kind: step === "export" ? "blocks-exported" : "blocks-imported", handoff });
    });
  }

  #finish(turn: number, error: string | undefined): void {
    const live = this.#running.get(turn);
    this.#running.delete(turn);
    if (live === undefined) return;
    const { given, turns, arrivedMs, tokenMs } = live;
    const pauseMs = given.turns[turns.length]?.delayMs ?? 0;
    turns.push({ arrivedMs, tokenMs, endedMs: this.#clock.nowMs, pauseMs });
    live.error = error;
    const next = given.turns[turns.length];
    if (next !== undefined && error === undefined) {
      this.#clock.after(next.delayMs, () => this.#arrive(live));
      this.#clock.after(0, () => this.#send({ kind: "pause-began", conversation: given.id }));
    } else this.#clock.after(0, () => this.#close(live));
  }

  #close(live: LiveConversation): void {
    const moved = this.#scheduler.movedOf(live.given.id);
    live.transfers = moved.transfers;
    live.movedBlocks = moved.blocks;
    this.#send({ kind: "conversation-closed", conversation: live.given.id });
  }
}
