import {
  type DeviceView,
  type LeavingView,
  least,
  occupancy,
  ofRole,
  type Placement,
  type Policy,
  type WorldView,
} from "../policy.ts";

/**
 * ConServe (arXiv 2606.01839): a conversation's first turn is prefilled on a prefiller; then the conversation goes to the decoder with the
 * lowest KV occupancy that can hold it, once, and all its later turns run there.
 */
export const conserve: Policy = {
  name: "conserve",
  transfers: 1,
  place: ({ bound }, { devices }) => {
    if (bound !== undefined) return { device: bound, leaves: false, moves: false };
    const prefiller = toPrefiller(devices);
    return prefiller && { ...prefiller, moves: false };
  },
  bind: toDecoder,
};

/** To the prefiller with the least to do, and from there to a decoder, if there is one. */
export function toPrefiller(devices: readonly DeviceView[]): Placement | undefined {
  const device = least(ofRole(devices, "prefiller"), ({ queuedTokens }) => queuedTokens);
  return (
    device && { device: device.id, leaves: device.role === "prefiller" && devices.some(decodes), moves: true }
  );
}

/** The decoder that the conversation is bound to, else the one with the lowest KV occupancy, if there is room. */
export function toDecoder(conversation: LeavingView, { devices }: WorldView): string | undefined {
  const decoders = devices.filter(decodes);
  if (decoders.length === 0) return conversation.at;
  const bound = decoders.filter(({ id }) => id === conversation.bound);
  const open = (bound.length > 0 ? bound : decoders).filter((device) => device.hasRoomFor(conversation));
  return least(open, occupancy)?.id;
}

function decodes({ role }: DeviceView): boolean {
  return role !== "prefiller";
}
