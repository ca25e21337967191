import type { SchedulerCommand } from "../../src/protocol/command.ts";
import type { SchedulerEvent } from "../../src/protocol/event.ts";
import type { SamplingOptions } from "../../src/protocol/sampling.ts";
import type { RunnerLimits, StepPlan } from "../../src/protocol/step.ts";
import type { TurnOutput, TurnRequest } from "../../src/protocol/turn.ts";
import { Scheduler } from "../../src/scheduler/scheduler.ts";
import { FakeRunner } from "../harness/fake_runner.ts";

export const greedy = {
  temperature: 0,
  topK: 0,
  topP: 1,
  minP: 0,
  repetitionPenalty: 1,
  presencePenalty: 0,
  frequencyPenalty: 0,
  seed: 0,
} as const;

/** A turn's output that ends at `maxTokens` and at nothing else. */
export function tokensOf(maxTokens: number, sampling: Required<SamplingOptions> = greedy): TurnOutput {
  return { kind: "tokens", sampling, maxTokens, endTokens: [], stopTokens: [] };
}

/** The id of its one device. */
export const DEVICE = "gpu";

/** Drives a scheduler by hand: steps run when the test says so. The books are audited after every event. */
export class Driver {
  readonly scheduler: Scheduler;
  readonly runner: FakeRunner;
  readonly commands: SchedulerCommand[] = [];
  /** Plans in flight, in their order. */
  readonly plans: StepPlan[] = [];
  /** How many steps have run. */
  runs = 0;
  #nowMs = 0;

  constructor(limits: Partial<RunnerLimits> = {}, speculation: "auto" | "off" = "auto") {
    this.runner = new FakeRunner(limits);
    const { limits: given } = this.runner;
    this.scheduler = new Scheduler({ devices: [{ id: DEVICE, role: "both", limits: given }], speculation });
  }

  send(event: SchedulerEvent): readonly SchedulerCommand[] {
    this.#nowMs += 1;
    if (event.kind === "step-ended" || event.kind === "step-failed") this.plans.shift();
    if (event.kind === "step-failed") this.runner.fail();
    const commands = this.scheduler.advance(event, this.#nowMs);
    // Plans in flight may hold blocks that come back: a turn fails for want of blocks only when there are none.
    const full = commands.some(
      (command) => command.kind === "turn-failed" && command.error.code === "kv-full",
    );
    if (full && this.plans.length > 0) throw new Error("A turn failed while blocks might come back.");
    for (const command of commands) if (command.kind === "run-step") this.plans.push(command.plan);
    this.commands.push(...commands);
    this.scheduler.assertConsistent();
    return commands;
  }

  arrive(turn: number, conversation: string, tokens: readonly number[], rest: Partial<TurnRequest> = {}) {
    const keep = this.scheduler.history(conversation).length;
    const request = { turn, conversation, tokens, keep, output: tokensOf(4), ...rest };
    return this.send({ kind: "turn-arrived", request });
  }

  /** The plan that runs. */
  get plan(): StepPlan | undefined {
    return this.plans[0];
  }

  /** The plan that was made last, perhaps ahead of the one that runs. */
  get newest(): StepPlan | undefined {
    return this.plans.at(-1);
  }

  /** Ends the first step in flight. */
  step(): readonly SchedulerCommand[] {
    if (this.plan === undefined) throw new Error("No step is in flight.");
    this.runs += 1;
    return this.send({ kind: "step-ended", device: DEVICE, result: this.runner.execute(this.plan) });
  }

  /** Runs until nothing is left to do. */
  finish(): void {
    for (let steps = 0; this.plan !== undefined; steps++) {
      if (steps > 10_000) throw new Error("The scheduler does not come to an end.");
      this.step();
    }
  }

  /** What can be seen of the device. */
  get device() {
    const [device] = this.scheduler.snapshot().devices;
    if (device === undefined) throw new Error("The device is gone.");
    return device;
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
}
