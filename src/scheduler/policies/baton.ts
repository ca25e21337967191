import { type DeviceView, least, type Policy } from "../policy.ts";
import { toDecoder } from "./conserve.ts";

/**
 * Baton's own: ConServe where that pays, by what is observed at the moment. A first turn goes where it delays everybody least, itself
 * included: on a prefiller it waits for the prompts before it; on a decoder, which it need not leave, its prompt holds up every turn that
 * decodes there. So an idle decoder takes it at once, a busy one is spared, and a prefiller that is backed up is passed by.
 */
export const baton: Policy = {
  name: "baton",
  transfers: 1,
  place: ({ bound, newTokens, tokens, ...turn }, { devices, past }) => {
    if (bound !== undefined) return { device: bound, leaves: false, moves: false };
    const view = { ...turn, bound, newTokens, tokens };
    const open = devices.filter((device) => device.role === "prefiller" || device.hasRoomFor(view));
    const isApart = open.some(({ role }) => role !== "prefiller");
    const device = least(open, (device) => {
      const leaves = device.role === "prefiller" && isApart;
      const handoffMs = leaves ? (past.handoffMsPerToken ?? 0) * tokens : 0;
      return waitMs(device) + handoffMs + (leaves ? 0 : heldUpMs(device, newTokens));
    });
    return device && { device: device.id, leaves: device.role === "prefiller" && isApart, moves: false };
  },
  bind: toDecoder,
};

/** Until the prompts that wait there have run. */
function waitMs({ queuedTokens, prefillMsPerToken }: DeviceView): number {
  return queuedTokens * (prefillMsPerToken ?? 1);
}

/** What a prompt of so many tokens costs the turns that run there, all together. */
function heldUpMs({ turns, prefillMsPerToken }: DeviceView, newTokens: number): number {
  return turns * newTokens * (prefillMsPerToken ?? 1);
}
