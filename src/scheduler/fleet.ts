import type { DeviceSpec } from "../protocol/device.ts";
import type { PlainError } from "../protocol/plain_error.ts";
import type { RunnerLimits } from "../protocol/step.ts";
import { Device, type DeviceOptions } from "./device.ts";
import { least } from "./policy.ts";
import { Pool, type PoolOptions } from "./pool.ts";

/** The devices that are there, and those that are lost and expected back. */
export class Fleet {
  readonly #options: Omit<DeviceOptions, "onNews">;
  readonly #pools: Pick<PoolOptions, "sharesPrefixes" | "wanted">;
  readonly #devices = new Map<string, Device>();
  readonly #away = new Map<string, DeviceSpec>();
  /** Devices where something has happened since their last plan was made or refused. */
  readonly #news = new Set<Device>();
  /** That which takes least for a token of a prompt, by what is seen of it; undefined before anything is. */
  #quickest: Device | undefined;
  #leastMs = Number.POSITIVE_INFINITY;
  /** The error of the last one that was lost. */
  #lost: PlainError | undefined;

  constructor(options: Omit<DeviceOptions, "onNews">, pools: Pick<PoolOptions, "sharesPrefixes" | "wanted">) {
    this.#options = options;
    this.#pools = pools;
  }

  get devices(): ReadonlyMap<string, Device> {
    return this.#devices;
  }

  get away(): ReadonlyMap<string, DeviceSpec> {
    return this.#away;
  }

  /** Why no device is there or will be; undefined while one is. */
  get gone(): PlainError | undefined {
    return this.#devices.size + this.#away.size === 0 ? this.#lost : undefined;
  }

  /** Of all devices, those that are expected back included. */
  *limits(): Iterable<RunnerLimits> {
    for (const { limits } of this.#devices.values()) yield limits;
    for (const { limits } of this.#away.values()) yield limits;
  }

  /** The least that a token of a prompt takes on any device, lately; 0 before the first. */
  get prefillMsPerToken(): number {
    return Number.isFinite(this.#leastMs) ? this.#leastMs : 0;
  }

  /** What is seen of the device may have changed. */
  observed(device: Device): void {
    const ms = msPerTokenOf(device);
    if (ms < this.#leastMs) {
      this.#quickest = device;
      this.#leastMs = ms;
    } else if (device === this.#quickest && ms > this.#leastMs) this.#findQuickest();
  }

  get hasNews(): boolean {
    return this.#news.size > 0;
  }

  /** The next device with news; what happens there from now on is news again. */
  nextWithNews(): Device | undefined {
    if (this.#news.size === 0) return undefined;
    for (const device of this.#news) {
      this.#news.delete(device);
      return device;
    }
    return undefined;
  }

  join(spec: DeviceSpec): void {
    const name = spec.pool ?? spec.id;
    const shared = [...this.#devices.values()].find(({ pool }) => pool.id === name)?.pool;
    const { blocks, blockTokens } = spec.limits;
    const pool = shared ?? new Pool(name, { blocks, blockTokens, ...this.#pools });
    const onNews = (device: Device) => {
      if (this.#devices.get(device.spec.id) === device) this.#news.add(device);
    };
    this.#away.delete(spec.id);
    this.#devices.set(spec.id, new Device(spec, pool, { ...this.#options, onNews }));
    this.#findQuickest();
  }

  /** Takes the device out, and all that share its pool: they are one GPU. Returns them. */
  lose(id: string, error: PlainError, recovering: boolean): readonly Device[] {
    this.#lost = error;
    if (!recovering) this.#away.delete(id);
    const pool = this.#devices.get(id)?.pool;
    const lost = [...this.#devices.values()].filter((device) => device.pool === pool);
    for (const device of lost) {
      const { spec } = device;
      this.#devices.delete(spec.id);
      this.#news.delete(device);
      if (recovering) this.#away.set(spec.id, spec);
    }
    this.#findQuickest();
    return lost;
  }

  /** Throws when what is kept of all devices is not what they say. */
  assertConsistent(): void {
    const ms = Math.min(...Array.from(this.#devices.values(), msPerTokenOf));
    if (ms !== this.#leastMs) throw new Error(`A token takes ${ms} ms at the least, not ${this.#leastMs}.`);
  }

  #findQuickest(): void {
    this.#quickest = least(this.#devices.values(), msPerTokenOf);
    this.#leastMs = this.#quickest ? msPerTokenOf(this.#quickest) : Number.POSITIVE_INFINITY;
  }
}

function msPerTokenOf({ observed }: Device): number {
  return observed.prefillMsPerToken ?? Number.POSITIVE_INFINITY;
}
