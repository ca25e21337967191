import type { Recover } from "../../src/conversation/device_runners.ts";
import { HostBlocks } from "../../src/conversation/host_blocks.ts";
import { TurnLoop } from "../../src/conversation/turn_loop.ts";
import { DeviceError } from "../../src/errors.ts";
import { type GpuDevice, openDevice } from "../../src/gpu/device.ts";
import { openGguf } from "../../src/loader/gguf.ts";
import { sourceOf } from "../../src/loader/sources/byte_sources.ts";
import { openAdapter } from "../../src/platform/node/gpu.ts";
import { HOST } from "../../src/protocol/device.ts";
import type { Runner, RunnerLimits, StepPlan, StepResult } from "../../src/protocol/step.ts";
import type { TurnRequest, TurnUsage } from "../../src/protocol/turn.ts";
import type { GpuRunner } from "../../src/runner/gpu_runner.ts";
import { openRunner } from "../../src/runner/open_runner.ts";
import { type PolicyName, policies } from "../../src/scheduler/policies/table.ts";
import { Scheduler } from "../../src/scheduler/scheduler.ts";
import { writeTinyModel } from "../harness/tiny_model.ts";

/**
 * Faults on real devices: a rig of two, a prefiller and a decoder, which are lost for real (`GPUDevice.destroy()`) at a chosen call to
 * their runners, and sessions of a scheduler and its loop over them.
 */

export type DeviceId = "p" | "d";

/** What a runner was called for. */
export type Call =
  | { readonly step: "run"; readonly plan: StepPlan }
  | { readonly step: "export" | "import"; readonly blocks: readonly number[] };

export interface Fault {
  readonly victims: readonly DeviceId[];
  /** Whether this is the call; `nth` counts the calls of this step to the device, from 1, and `all` whatever calls to any device. */
  readonly at: (device: DeviceId, call: Call, nth: number, all: number) => boolean;
  /** `before` the device is given the call, or right `behind` that, while it is under way. */
  readonly moment: "before" | "behind";
}

export const VOCAB = 500;
const BLOCK_MIB = 2 ** -20;

interface Slot {
  readonly adapter: string;
  gpu: GpuDevice;
  runner: GpuRunner;
  lost: boolean;
}

export interface RigOptions {
  /** Names of the adapters of the prefiller and the decoder. */
  readonly adapters: Readonly<Record<DeviceId, string>>;
  /** KV blocks of each device. */
  readonly blocks?: Readonly<Record<DeviceId, number>>;
}

/** Two real devices with a tiny random model on them, in `exact`. */
export class Rig {
  readonly #model = writeTinyModel({ vocabTokens: VOCAB, contextTokens: 512 });
  readonly #slots = new Map<DeviceId, Slot>();
  readonly #blocks: Readonly<Record<DeviceId, number>>;
  /** How often a device was opened again. */
  reopened = 0;

  private constructor({ blocks = { p: 128, d: 128 } }: RigOptions) {
    this.#blocks = blocks;
  }

  static async open(options: RigOptions): Promise<Rig> {
    const rig = new Rig(options);
    for (const id of ["p", "d"] as const) await rig.#open(id, options.adapters[id]);
    return rig;
  }

  slot(id: DeviceId): Slot {
    const slot = this.#slots.get(id);
    if (slot === undefined) throw new Error(`The rig has no device ${id}.`);
    return slot;
  }

  /** The device is gone, as when its driver fell over. */
  lose(id: DeviceId): void {
    const slot = this.slot(id);
    slot.lost = true;
    slot.gpu.device.destroy();
  }

  /** Opens again what is lost still. */
  async repair(): Promise<void> {
    for (const id of this.#slots.keys()) if (this.slot(id).lost) await this.reopen(id);
  }

  async reopen(id: DeviceId): Promise<Slot> {
    const { adapter, runner } = this.slot(id);
    runner.dispose();
    this.reopened += 1;
    return this.#open(id, adapter);
  }

  get liveBytes(): number {
    return [...this.#slots.values()].reduce((sum, { gpu }) => sum + gpu.liveBytes, 0);
  }

  dispose(): void {
    for (const { runner } of this.#slots.values()) runner.dispose();
  }

  async #open(id: DeviceId, adapter: string): Promise<Slot> {
    const gpu = await openDevice(await openAdapter({ name: adapter, sharers: 2 }));
    const bytes = new Uint8Array(this.#model);
    const file = await openGguf(sourceOf(new Blob([bytes])));
    const kvMiB = this.#blocks[id] * TINY_BLOCK_BYTES * BLOCK_MIB;
    const runner = await openRunner({ gpu, file, precision: "exact", maxStepTokens: 48, kvMiB });
    if (runner.limits.blocks !== this.#blocks[id])
      throw new Error("The tiny model's blocks have other bytes.");
    const slot = { adapter, gpu, runner, lost: false };
    void gpu.lost.then(() => {
      slot.lost = true;
    });
    this.#slots.set(id, slot);
    return slot;
  }
}

/** Two layers of two KV heads of 16 dimensions, K and V in 16 bits, for 16 tokens. */
const TINY_BLOCK_BYTES = 2 * 2 * 16 * 2 * 2 * 16;

/** A runner that counts its calls and says so before and behind each. */
class WatchedRunner implements Runner {
  readonly name: string;
  readonly limits: RunnerLimits;
  readonly #runner: Runner;
  readonly #watch: (call: Call) => (() => void) | undefined;

  /** `watch` hears of each call before it is given, and what it returns right behind that. */
  constructor(runner: Runner, watch: (call: Call) => () => void) {
    this.name = runner.name;
    this.limits = runner.limits;
    this.#runner = runner;
    this.#watch = watch;
  }

  run(plan: StepPlan): Promise<StepResult> {
    return this.#given({ step: "run", plan }, () => this.#runner.run(plan));
  }

  exportBlocks(blocks: readonly number[]): Promise<Uint8Array<ArrayBuffer>> {
    return this.#given({ step: "export", blocks }, () => this.#runner.exportBlocks(blocks));
  }

  importBlocks(blocks: readonly number[], data: Uint8Array<ArrayBuffer>): Promise<void> {
    return this.#given({ step: "import", blocks }, () => this.#runner.importBlocks(blocks, data));
  }

  dispose(): void {}

  #given<T>(call: Call, give: () => Promise<T>): Promise<T> {
    const behind = this.#watch(call);
    const given = give();
    behind?.();
    return given;
  }
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
