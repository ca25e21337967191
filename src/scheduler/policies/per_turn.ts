import type { Policy } from "../policy.ts";
import { toDecoder, toPrefiller } from "./conserve.ts";

/** Each turn's new tokens are prefilled on a prefiller, and the KV moves there and back: prefill and decode never share a device. */
export const perTurn: Policy = {
  name: "per-turn",
  transfers: undefined,
  place: (_, { devices }) => toPrefiller(devices),
  bind: toDecoder,
};
