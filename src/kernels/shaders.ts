import type { ShaderSources } from "../gpu/shader.ts";

/** Every file under `shaders/`, inlined by the bundler. */
const files = import.meta.glob<string>("../../shaders/**/*.wesl", {
  query: "?raw",
  import: "default",
  eager: true,
});

export const shaderSources: ShaderSources = Object.fromEntries(
  Object.entries(files).map(([path, text]) => [path.replace("../../shaders/", ""), text]),
);
