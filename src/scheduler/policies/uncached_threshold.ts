import type { Policy } from "../policy.ts";
import { toDecoder, toPrefiller } from "./conserve.ts";

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
