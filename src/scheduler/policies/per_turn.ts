import type { Policy } from "../policy.ts";
import { toDecoder, toPrefiller } from "./conserve.ts";

/** Each turn's new tokens are prefilled on a prefiller, and the KV moves there and back: prefill and decode never share a device. */
export const perTurn: Policy = {
  name: "per-turn",
  transfers: undefined,
  place: (_, { devices }) => toPrefiller(devices),
  bind: toDecoder,
};

/** A turn goes to a prefiller when it has more than so many tokens that are not cached, as llm-d and Dynamo decide it. */
export function uncachedThreshold(tokens: number): Policy {
  return {
    name: "uncached-threshold",
    transfers: undefined,
    place: ({ bound, newTokens }, { devices }) =>
      bound !== undefined && newTokens <= tokens
        ? { device: bound, leaves: false, moves: false }
        : toPrefiller(devices),
    bind: toDecoder,
  };
}
