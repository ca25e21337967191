import type { ShaderSources } from "../src/gpu/shader.ts";

/** Every file under `bench/shaders/`, inlined by the bundler. */
const files = import.meta.glob<string>("./shaders/*.wesl", { query: "?raw", import: "default", eager: true });

export const probeSources: ShaderSources = Object.fromEntries(
  Object.entries(files).map(([path, text]) => [path.replace("./shaders/", ""), text]),
);
