import type { Architecture } from "./architecture.ts";

/** Qwen2 and Qwen2.5: biases on q, k and v. */
export const qwen2: Architecture = { name: "qwen2", neoxRope: true, qkvBias: true, qkNorm: false };
