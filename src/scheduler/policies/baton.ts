import { type DeviceView, least, type Policy } from "../policy.ts";

export interface BatonTimes {
  /** From when on after its arrival a turn's first token is late. */
  readonly lateMs: number;
  /** The mean time between tokens that answers keep. */
  readonly paceMs: number;
}

/**
 * Baton's own: ConServe (arXiv 2606.01839) where that pays, by what is observed at the moment. A first turn's prompt runs where it delays
 * everybody least, itself included: it waits for the prompts before it, and holds up every turn that decodes there. Where the
 * conversation stays is decided when that has run: on the device with the least to carry, which may be the same one, and then nothing
 * is copied. A conversation whose device is full and cannot make room moves on, twice at most. Short prompts go before long ones, and
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
    const home = homeOf(devices.filter((device) => device.hasRoomFor(turn)));
    return device && { device: device.id, leaves: home !== undefined && home !== device, moves: false };
  },
  bind: (conversation, { devices }) => {
    const { at } = conversation;
    return homeOf(
      devices.filter((device) => device.id === at || device.hasRoomFor(conversation)),
      at,
    )?.id;
  },
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
function delayMs({ queuedTokens, turns, prefillMsPerToken }: DeviceView, newTokens: number): number {
  const msPerToken = prefillMsPerToken ?? 1;
  return (queuedTokens + newTokens * (turns + 1)) * msPerToken;
}

/** The device that carries least, of those that are not much slower than the quickest: no conversation stays on a slow device while a quick one has room. */
function homeOf(devices: readonly DeviceView[], at?: string): DeviceView | undefined {
  const seen = devices.flatMap(({ prefillMsPerToken }) => prefillMsPerToken ?? []);
  const slowest = MUCH_SLOWER * Math.min(...seen);
  return least(
    devices.filter(({ prefillMsPerToken = 0 }) => prefillMsPerToken <= slowest),
    (device) => carriedBy(device) - (device.id === at ? ITSELF : 0),
  );
}

/** On the device where it is, a conversation and its turn are counted, and are no reason to leave. */
const ITSELF = 2;

/** Of times that are measured and noisy. */
const MUCH_SLOWER = 1.7;

/** The turns that run there, and the conversations that may come back. */
function carriedBy({ turns, conversations, queuedTokens }: DeviceView): number {
  return Number.isFinite(queuedTokens) ? turns + conversations : Number.POSITIVE_INFINITY;
}
