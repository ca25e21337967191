import { least, type Policy } from "../policy.ts";
import { load, stay } from "./collocated.ts";

/** The first turn goes to the device with the least to do, and the conversation stays there: what a router with session affinity does. */
export const collocatedSticky: Policy = {
  name: "collocated-sticky",
  transfers: 0,
  place: ({ bound }, { devices }) =>
    bound === undefined ? stay(least(devices, load)) : { device: bound, leaves: false, moves: false },
  bind: () => undefined,
};
