import type { Architecture } from "./architecture.ts";
import { llama } from "./llama.ts";
import { qwen2 } from "./qwen2.ts";
import { qwen3 } from "./qwen3.ts";

export const architectures: Readonly<Record<string, Architecture>> = { llama, qwen2, qwen3 };
