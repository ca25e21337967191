import type { Architecture } from "./architecture.ts";

/** Llama 1–3, SmolLM2 and others; the GGUF converter permutes q and k to neighbouring pairs. */
export const llama: Architecture = { name: "llama", neoxRope: false, qkvBias: false, qkNorm: false };
