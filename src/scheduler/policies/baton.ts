import { type DeviceView, least, type Policy } from "../policy.ts";

export interface BatonTimes {
  /** From when on after its arrival a turn's first token is late. */
  readonly lateMs: number;
  /** The mean time between tokens that answers keep. */
  readonly paceMs: number;
}

/**
 * Baton's own: ConServe (arXiv 2606.01839) where that pays, by what is observed at the moment. A first turn's prompt runs where it delays
 * everybody least, itself included: it waits for the prompts before it, and holds up every turn that decodes there. The conversation
 * stays there, and nothing is copied, unless the device is much slower than another: then it goes, when that has run, to the quick one
 * with the least to carry. A conversation whose device is full and cannot make room moves on, twice at most. Short prompts go before long ones, and
 * turns that can still be in time before those that cannot; all prompts together hold up decodes
 * by a bounded time a step, and by more while answers are ahead of their pace.
 */
export const batonWithin = ({ lateMs, paceMs }: BatonTimes): Policy => ({
  name: "baton",
  transfers: 1,
  parks: true,
  steps: {
    promptWeight: 1,
    lateMs,
    paceMs,
  },
  place: (turn, { devices }) => {
    const { bound, newTokens } = turn;
    if (bound !== undefined) return { device: bound, leaves: false, moves: false };
    const device = least(devices, (device) => delayMs(device, newTokens));
    if (device === undefined) return undefined;
    const quick = quickOf(devices);
    const leaves = !quick.includes(device) && quick.some((other) => other.hasRoomFor(turn));
    return { device: device.id, leaves, moves: false };
  },
  bind: (conversation, { devices }) =>
    homeOf(devices.filter((device) => device.id === conversation.at || device.hasRoomFor(conversation)))?.id,
  rebind: {
    most: 2,
    to: (turn, { devices }) =>
      homeOf(devices.filter((device) => device.id !== turn.bound && device.hasRoomFor(turn)))?.id,
  },
});

/**
 * A second is what people wait without losing their train of thought (Nielsen, Usability Engineering, 1993); 20 tokens a second are some three
 * times what they read.
 */
export const baton: Policy = batonWithin({ lateMs: 1000, paceMs: 50 });

/** By how much a prompt of so many tokens would delay everybody there, itself included. */
function delayMs({ queuedTokens, turns, triedMsPerToken = 1 }: DeviceView, newTokens: number): number {
  return (queuedTokens + newTokens * (turns + 1)) * triedMsPerToken;
}

/** The device that carries least, of those that are quick. */
function homeOf(devices: readonly DeviceView[]): DeviceView | undefined {
  return least(quickOf(devices), carriedBy);
}

/**
 * Those that are not much slower than the quickest, by what was tried out before: what is seen of a device depends on the steps it had, and a
 * token of a short prompt takes many times as long as one of a long prompt.
 */
function quickOf(devices: readonly DeviceView[]): readonly DeviceView[] {
  const slowest = MUCH_SLOWER * Math.min(...devices.flatMap(({ triedMsPerToken }) => triedMsPerToken ?? []));
  return devices.filter(({ triedMsPerToken = 0 }) => triedMsPerToken <= slowest);
}

/** Of times that are measured and noisy. */
const MUCH_SLOWER = 1.7;

/** The turns that run there, and the conversations that may come back. */
function carriedBy({ turns, conversations, queuedTokens }: DeviceView): number {
  return Number.isFinite(queuedTokens) ? turns + conversations : Number.POSITIVE_INFINITY;
}
