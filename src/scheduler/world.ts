import type { DeviceSpec } from "../protocol/device.ts";
import type { RunnerLimits } from "../protocol/step.ts";
import type { Device } from "./device.ts";
import type { Past } from "./past.ts";
import type { DeviceView, PastView, WorldView } from "./policy.ts";
import type { ConversationState } from "./state.ts";
import { viewOf, viewOfAway } from "./views.ts";

/** What policies look at: one view of each device, made when devices come or go. */
export class World {
  readonly #devices: ReadonlyMap<string, Device>;
  /** Devices that are lost and expected back. */
  readonly #away: ReadonlyMap<string, DeviceSpec>;
  readonly #clock = { nowMs: 0 };
  #views: readonly { readonly most: number; readonly view: DeviceView }[] = [];
  /** Of all devices. */
  #all: readonly DeviceView[] = [];
  /** Tokens that each of them could hold. */
  #least = 0;
  #past: PastView = {
    outputTokens: undefined,
    pauseMs: undefined,
    laterTokens: undefined,
    handoffMsPerToken: undefined,
  };

  constructor(devices: ReadonlyMap<string, Device>, away: ReadonlyMap<string, DeviceSpec>) {
    this.#devices = devices;
    this.#away = away;
  }

  devicesChanged(): void {
    const here = Array.from(this.#devices.values(), (device) => {
      return { most: mostTokensOf(device.limits), view: viewOf(device, this.#clock) };
    });
    const away = Array.from(this.#away.values(), (spec) => {
      return { most: mostTokensOf(spec.limits), view: viewOfAway(spec) };
    });
    this.#views = [...here, ...away];
    this.#all = this.#views.map(({ view }) => view);
    this.#least = Math.min(...this.#views.map(({ most }) => most));
  }

  /** It is `nowMs`, and so much was seen. */
  look(
    nowMs: number,
    { outputTokens, pauseMs, laterTokens }: Past,
    handoffMsPerBlock: number | undefined,
  ): void {
    const [device] = this.#devices.values();
    const blockTokens = device?.limits.blockTokens ?? 1;
    this.#clock.nowMs = nowMs;
    this.#past = {
      outputTokens: outputTokens.value,
      pauseMs: pauseMs.value,
      laterTokens: laterTokens.value,
      handoffMsPerToken: handoffMsPerBlock === undefined ? undefined : handoffMsPerBlock / blockTokens,
    };
  }

  /** With the devices that could hold the conversation if they held no other. */
  of({ tokens }: ConversationState): WorldView {
    const { length } = tokens;
    const devices =
      length <= this.#least
        ? this.#all
        : this.#views.filter(({ most }) => length <= most).map(({ view }) => view);
    return { nowMs: this.#clock.nowMs, devices, past: this.#past };
  }
}

/** How many tokens of one conversation a device can hold. */
export function mostTokensOf(limits: RunnerLimits): number {
  return Math.min(limits.blocks * limits.blockTokens, limits.contextTokens);
}
