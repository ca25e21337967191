import { type DeviceView, least, type Policy } from "../policy.ts";

/** Each turn goes to the device with the least to do, whatever its role, and runs there from prompt to end; history whose KV is elsewhere is prefilled again: a load balancer without affinity. */
export const collocated: Policy = {
  name: "collocated",
  transfers: 0,
  place: (_, { devices }) => stay(least(devices, load)),
  bind: () => undefined,
};

/** In tokens: prompts that wait, and a token for each turn that decodes and for each block it holds there, which is read at every step. */
export function load({ queuedTokens, turns, activeBlocks }: DeviceView): number {
  return queuedTokens + turns + activeBlocks;
}

export function stay(device: DeviceView | undefined) {
  return device && { device: device.id, leaves: false, moves: false };
}
