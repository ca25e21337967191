import { type DeviceView, least, occupancy, ofRole, type Policy } from "../policy.ts";

/**
 * ConServe (arXiv 2606.01839): a conversation's first turn is prefilled on a prefiller; then the conversation goes to the decoder with the
 * lowest KV occupancy that can hold it, once, and all its later turns run there.
 */
export const conserve: Policy = {
  name: "conserve",
  transfers: 1,
  place: ({ bound }, devices) => {
    if (bound !== undefined) return { device: bound, leaves: false };
    const device = least(ofRole(devices, "prefiller"), ({ queuedTokens }) => queuedTokens);
    return device && { device: device.id, leaves: device.role === "prefiller" && devices.some(decodes) };
  },
  bind: (conversation, devices) => {
    const decoders = devices.filter(decodes);
    if (decoders.length === 0) return conversation.at;
    return least(
      decoders.filter((device) => device.hasRoomFor(conversation)),
      occupancy,
    )?.id;
  },
};

function decodes({ role }: DeviceView): boolean {
  return role !== "prefiller";
}
