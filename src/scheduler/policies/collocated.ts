import { type DeviceView, least, type Policy } from "../policy.ts";

/** Each turn goes to the device with the least to do, whatever its role, and runs there from prompt to end; history whose KV is elsewhere is prefilled again. */
export const collocated: Policy = {
  name: "collocated",
  transfers: 0,
  place: (_, { devices }) => stay(least(devices, load)),
  bind: () => undefined,
};

/** The first turn goes to the device with the least to do, and the conversation stays there. */
export const collocatedSticky: Policy = {
  name: "collocated-sticky",
  transfers: 0,
  place: ({ bound }, { devices }) =>
    bound === undefined ? stay(least(devices, load)) : { device: bound, leaves: false, moves: false },
  bind: () => undefined,
};

/** In tokens: prompts that wait, and a token for each turn that decodes and for each block it holds there, which is read at every step. */
function load({ queuedTokens, turns, activeBlocks }: DeviceView): number {
  return queuedTokens + turns + activeBlocks;
}

function stay(device: DeviceView | undefined) {
  return device && { device: device.id, leaves: false, moves: false };
}
