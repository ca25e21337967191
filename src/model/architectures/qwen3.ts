import type { Architecture } from "./architecture.ts";

/** Qwen3: normed queries and keys, no biases. */
export const qwen3: Architecture = { name: "qwen3", neoxRope: true, qkvBias: false, qkNorm: true };
