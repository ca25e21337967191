import type { SchedulerCommand } from "../protocol/command.ts";
import type { PlainError } from "../protocol/plain_error.ts";
import type { StepResult } from "../protocol/step.ts";
import type { Device } from "./device.ts";
import type { Fleet } from "./fleet.ts";
import type { Handoffs } from "./handoff.ts";
import { type LandingSink, takeResults } from "./landing.ts";
import type { Moves } from "./moves.ts";
import type { Shortage } from "./room.ts";
import type { Turns } from "./turns.ts";

export interface StepsParts {
  readonly fleet: Fleet;
  readonly turns: Turns;
  readonly moves: Moves;
  readonly handoffs: Handoffs;
  readonly tell: (command: SchedulerCommand) => void;
}

/** The steps of all devices: their plans, and what comes of them. */
export class Steps {
  readonly #parts: StepsParts;
  readonly #landing: LandingSink;
  /** How many have been planned, which is the last plan's id. */
  #count = 0;

  constructor(parts: StepsParts) {
    this.#parts = parts;
    const { turns, moves, tell } = parts;
    this.#landing = {
      deliver: tell,
      end: (turn, outcome) => turns.end(turn, outcome),
      firstToken: (turn, { observed }) => {
        const { nowMs } = turns;
        turn.firstTokenMs = nowMs;
        observed.firstToken(nowMs - turn.arrivedMs, nowMs);
      },
      prefilled: (turn, device) => moves.prefilled(turn, device),
    };
  }

  get count(): number {
    return this.#count;
  }

  /** All plans that the device can be given now; blocks that leave do so right behind the plan that fills them. */
  compose(device: Device, nowMs: number, shortage: Shortage): readonly SchedulerCommand[] {
    const { moves, handoffs } = this.#parts;
    const commands: SchedulerCommand[] = [];
    for (;;) {
      const flight = device.compose(this.#count + 1, nowMs, shortage);
      if (flight === undefined) return commands;
      const { plan } = flight;
      this.#count = plan.id;
      commands.push({ kind: "run-step", device: device.spec.id, plan });
      if (moves.stream(device, flight)) commands.push(...handoffs.pump(nowMs));
    }
  }

  ended(id: string, result: StepResult): void {
    const { fleet } = this.#parts;
    const device = fleet.devices.get(id);
    const flight = device?.landing(result.plan);
    if (device === undefined || flight === undefined) return;
    device.record(flight, result);
    fleet.observed(device);
    takeResults(device, flight, result, this.#landing);
    device.pool.settled(flight.plan.id);
  }

  failed(id: string, plan: number, error: PlainError): void {
    const { fleet, turns } = this.#parts;
    const device = fleet.devices.get(id);
    const flight = device?.landing(plan);
    if (device === undefined || flight === undefined) return;
    for (const turn of flight.turns)
      if (turn.conversation.turn === turn) turns.end(turn, { kind: "fail", error });
    // Blocks that were to be copied first have nothing in them.
    const copies = flight.plan.copies?.map(({ to }) => to) ?? [];
    turns.forget(device.pool, copies, error);
    device.pool.settled(flight.plan.id);
  }
}
