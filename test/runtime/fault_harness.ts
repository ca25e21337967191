import type { Recover } from "../../src/conversation/device_runners.ts";
import { HostBlocks } from "../../src/conversation/host_blocks.ts";
import { TurnLoop } from "../../src/conversation/turn_loop.ts";
import { DeviceError } from "../../src/errors.ts";
import type { GpuDevice } from "../../src/gpu/device.ts";
import { HOST } from "../../src/protocol/device.ts";
import type { Runner } from "../../src/protocol/step.ts";
import type { TurnRequest, TurnUsage } from "../../src/protocol/turn.ts";
import { type PolicyName, policies } from "../../src/scheduler/policies/table.ts";
import { Scheduler } from "../../src/scheduler/scheduler.ts";
import { type DeviceId, type Rig, type Slot, VOCAB } from "./fault_rig.ts";
import { type Call, WatchedRunner } from "./watched_runner.ts";

/**
 * Faults on real devices: sessions of a scheduler and its loop over a rig's two, which are lost for real (`GPUDevice.destroy()`) at a
 * chosen call to their runners.
 */

export interface Fault {
  readonly victims: readonly DeviceId[];
  /** Whether this is the call; `nth` counts the calls of this step to the device, from 1, and `all` whatever calls to any device. */
  readonly at: (device: DeviceId, call: Call, nth: number, all: number) => boolean;
  /** `before` the device is given the call, or right `behind` that, while it is under way. */
  readonly moment: "before" | "behind";
}

export interface SessionOptions {
  readonly policy?: PolicyName;
  readonly faults?: readonly Fault[];
  /** How a lost device comes back; by default it is opened again. `undefined` where it is not. */
  readonly recover?: (id: DeviceId, reopen: () => Promise<Slot>) => Promise<Slot | undefined>;
  readonly hostBlocks?: number;
}

/** A turn's end, and all that was delivered before. */
export interface Told {
  readonly tokens: readonly number[];
  readonly logits: Float32Array;
  readonly reason: string;
  readonly usage: TurnUsage;
}

export type TurnInput = Pick<TurnRequest, "conversation" | "tokens" | "output"> &
  Partial<Pick<TurnRequest, "keep" | "chunkTokens">>;

/** A scheduler and its loop over a rig's devices. */
export class Session {
  readonly scheduler: Scheduler;
  readonly loop: TurnLoop;
  /** Calls to each device's present runner. */
  readonly calls: Record<DeviceId, Record<Call["step"], number>> = { p: noCalls(), d: noCalls() };
  readonly #rig: Rig;
  readonly #faults: Set<Fault>;
  #calls = 0;
  #due: { readonly at: number; readonly act: () => void }[] = [];
  /** Grows with all that happens. */
  #progress = 0;

  constructor(rig: Rig, { policy = "conserve", faults = [], recover, hostBlocks = 0 }: SessionOptions = {}) {
    this.#rig = rig;
    this.#faults = new Set(faults);
    const ids = ["p", "d"] as const;
    this.scheduler = new Scheduler({
      devices: ids.map((id) => this.#specOf(id, rig.slot(id))),
      policy: policies[policy],
      hostBlocks,
      stagingBlocks: 16,
    });
    const runners = new Map<string, Runner>(ids.map((id) => [id, this.#watched(id, rig.slot(id))]));
    runners.set(HOST, new HostBlocks(hostBlocks, rig.slot("p").runner.limits));
    this.loop = new TurnLoop(this.scheduler, runners, { recover: this.#recovery(recover) });
    for (const id of ids) this.#reportLoss(id, rig.slot(id).gpu);
  }

  /** Whether all faults have happened. */
  get struck(): boolean {
    return this.#faults.size === 0;
  }

  /** Runs a turn to its end. @throws what it failed with */
  turn(
    input: TurnInput,
    onStart: (turn: number) => void = () => {},
    onToken: () => void = () => {},
  ): Promise<Told> {
    const tokens: number[] = [];
    const logits: number[] = [];
    const keep = input.keep ?? this.scheduler.history(input.conversation).length;
    return new Promise((resolve, reject) => {
      const turn = this.loop.start(
        { ...input, keep },
        {
          token: (id) => {
            this.#progress += 1;
            tokens.push(id);
            onToken();
          },
          logits: (offset, rows) => {
            this.#progress += 1;
            if (offset * VOCAB !== logits.length) reject(new Error(`Logits of token ${offset} came after ${logits.length / VOCAB}.`)); // biome-ignore format: one line reads best
            for (const value of rows) logits.push(value);
          },
          finished: (reason, usage) => {
            this.#progress += 1;
            resolve({ tokens, logits: Float32Array.from(logits), reason, usage });
          },
          failed: (error) => {
            this.#progress += 1;
            reject(error);
          },
        },
      );
      onStart(turn);
    });
  }

  /** The work's result; fails with the scheduler's books when nothing at all happens for a while. */
  async watched<T>(work: Promise<T>, stallMs = 20_000): Promise<T> {
    let timer: ReturnType<typeof setInterval> | undefined;
    let [seen, sinceMs] = [this.#progress, performance.now()];
    const stall = new Promise<never>((_, reject) => {
      timer = setInterval(() => {
        if (this.#progress !== seen) [seen, sinceMs] = [this.#progress, performance.now()];
        if (performance.now() - sinceMs < stallMs) return;
        const snapshot = JSON.stringify(this.scheduler.snapshot(), undefined, 1);
        reject(new Error(`Nothing has happened for ${stallMs} ms. The scheduler: ${snapshot}`));
      }, 250);
    });
    try {
      return await Promise.race([work, stall]);
    } finally {
      clearInterval(timer);
    }
  }

  /** Acts when so many more calls have been given to the devices. */
  afterCalls(count: number, act: () => void): void {
    this.#due.push({ at: this.#calls + count, act });
  }

  /** Loses the device now. */
  lose(id: DeviceId): void {
    this.#rig.lose(id);
  }

  /** Ends the session, with whole devices for the next one; throws unless it has left nothing behind. */
  async end(): Promise<void> {
    await this.watched(this.loop.dispose());
    await this.#rig.repair();
    this.scheduler.assertConsistent();
    const { devices, host, conversations, handoffs } = this.scheduler.snapshot();
    const left = {
      blocks: devices.reduce((sum, { blocks }) => sum + blocks.used, 0) + (host?.used ?? 0),
      conversations: conversations.length,
      handoffs,
      turns: this.loop.turnsRunning,
      stagedBytes: this.loop.stagedBytes,
    };
    if (Object.values(left).some((count) => count > 0))
      throw new Error(`The session has left something behind: ${JSON.stringify(left)}`);
  }

  #specOf(id: DeviceId, { runner: { limits } }: Slot) {
    return { id, role: id === "p" ? "prefiller" : "decoder", limits } as const;
  }

  #watched(id: DeviceId, { runner }: Slot): Runner {
    const calls = noCalls();
    this.calls[id] = calls;
    return new WatchedRunner(runner, (call) => {
      this.#progress += 1;
      calls[call.step] += 1;
      this.#calls += 1;
      const due = this.#due.filter(({ at }) => at <= this.#calls);
      this.#due = this.#due.filter(({ at }) => at > this.#calls);
      for (const { act } of due) queueMicrotask(act);
      const faults = [...this.#faults].filter((fault) => fault.at(id, call, calls[call.step], this.#calls));
      const strike = (moment: Fault["moment"]) => {
        for (const fault of faults.filter((one) => one.moment === moment)) {
          this.#faults.delete(fault);
          for (const victim of fault.victims) this.lose(victim);
        }
      };
      strike("before");
      return () => strike("behind");
    });
  }

  #recovery(recover: SessionOptions["recover"] = (_, reopen) => reopen()): Recover {
    return async (name) => {
      const id = name === "p" ? "p" : "d";
      const slot = await recover(id, () => this.#rig.reopen(id));
      this.#progress += 1;
      if (slot === undefined) return undefined;
      this.#reportLoss(id, slot.gpu);
      return { device: this.#specOf(id, slot), runner: this.#watched(id, slot) };
    };
  }

  #reportLoss(id: DeviceId, gpu: GpuDevice): void {
    void gpu.lost.then(({ message }) => {
      this.loop.lose(id, new DeviceError("device-lost", `${id} was lost: ${message}`).toPlain());
    });
  }
}

function noCalls(): Record<Call["step"], number> {
  return { run: 0, export: 0, import: 0 };
}
