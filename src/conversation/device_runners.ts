import type { PlainError } from "../errors.ts";
import type { DeviceSpec } from "../protocol/device.ts";
import type { SchedulerEvent } from "../protocol/event.ts";
import type { Runner } from "../protocol/step.ts";
import { plainOf } from "./loop_errors.ts";

/** Opens a lost device again, perhaps after a while and several tries; undefined or a rejection where that cannot be. */
export type Recover = (
  device: string,
) => Promise<{ readonly device: DeviceSpec; readonly runner: Runner } | undefined>;

export interface DeviceRunnersParts {
  /** By the ids of the scheduler's devices. */
  readonly runners: ReadonlyMap<string, Runner>;
  /** Absent: what is lost stays lost. */
  readonly recover: Recover | undefined;
  /** Tells the scheduler. */
  readonly dispatch: (event: SchedulerEvent) => void;
}

/** The runners of the devices that are not lost, and what they have not reported. Opens again what is lost. */
export class DeviceRunners {
  readonly #runners: Map<string, Runner>;
  readonly #recover: Recover | undefined;
  readonly #dispatch: (event: SchedulerEvent) => void;
  /** Plans and copies that the runners have not reported, by device. */
  readonly #running = new Map<string, number>();
  readonly #reopenings = new Set<Promise<void>>();
  #disposed = false;
  #onIdle: (() => void)[] = [];

  constructor({ runners, recover, dispatch }: DeviceRunnersParts) {
    this.#runners = new Map(runners);
    this.#recover = recover;
    this.#dispatch = dispatch;
  }

  get(device: string | undefined): Runner | undefined {
    return device === undefined ? undefined : this.#runners.get(device);
  }

  /** What becomes of `work` is the next event, if it is one; `failed` says which when it fails. */
  async report(
    device: string,
    work: (runner: Runner) => Promise<SchedulerEvent | undefined>,
    failed: (error: PlainError) => SchedulerEvent | undefined,
    /** Hears what became of it first; undefined where it was lost with its device. */
    ended: (event: SchedulerEvent | undefined) => void = () => {},
  ): Promise<void> {
    const runner = this.#runners.get(device);
    if (runner === undefined) throw new Error(`There is no device ${device}.`);
    this.#running.set(device, (this.#running.get(device) ?? 0) + 1);
    const event = await work(runner).catch((cause: unknown) => this.#failed(device, runner, cause, failed));
    if (this.#runners.get(device) === runner) {
      const left = (this.#running.get(device) ?? 1) - 1;
      if (left > 0) this.#running.set(device, left);
      else this.#running.delete(device);
    }
    ended(event);
    if (event) this.#dispatch(event);
    this.settle();
  }

  /** Turns go on elsewhere, or there when it has been opened again. Again for the same loss does nothing. */
  lose(device: string, error: PlainError): void {
    if (!this.#runners.delete(device)) return;
    this.#running.delete(device);
    const recovering = this.#recover !== undefined && !this.#disposed;
    this.#dispatch({ kind: "device-lost", device, error, recovering });
    if (!recovering) return;
    const reopening = this.#reopen(device, error).finally(() => this.#reopenings.delete(reopening));
    this.#reopenings.add(reopening);
  }

  /** Whoever waits until nothing is in flight hears of it. */
  settle(): void {
    if (this.#running.size > 0) return;
    for (const resolve of this.#onIdle.splice(0)) resolve();
  }

  /** No lost device is opened again from now on. */
  dispose(): void {
    this.#disposed = true;
  }

  /** Resolves when nothing is in flight and no device is being opened. */
  async idle(): Promise<void> {
    await Promise.all(this.#reopenings);
    if (this.#running.size > 0) await new Promise<void>((resolve) => this.#onIdle.push(resolve));
  }

  async #reopen(id: string, error: PlainError): Promise<void> {
    const found = await this.#recover?.(id).catch(() => undefined);
    if (found === undefined) {
      this.#dispatch({ kind: "device-lost", device: id, error, recovering: false });
      return;
    }
    this.#runners.set(id, found.runner);
    this.#dispatch({ kind: "device-joined", device: found.device });
  }

  /** What fails because the device is lost is no failure of its own. */
  #failed(
    device: string,
    runner: Runner,
    cause: unknown,
    event: (error: PlainError) => SchedulerEvent | undefined,
  ): SchedulerEvent | undefined {
    const error = plainOf(cause, runner.name);
    if (error.code !== "device-lost") return event(error);
    if (this.#runners.get(device) === runner) this.lose(device, error);
    return undefined;
  }
}
