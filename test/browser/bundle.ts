import { build } from "vite";

/** Builds the page in the folder `root` as any application would that uses Baton, with all its packages; nothing is written. By path. */
export async function bundlePage(root: string): Promise<Map<string, string | Uint8Array>> {
  const result = await build({
    configFile: false,
    root,
    logLevel: "silent",
    worker: { format: "es" },
    build: { write: false, target: "es2022", minify: false },
  });
  const outputs = [result].flat().flatMap((one) => ("output" in one ? one.output : []));
  return new Map(
    outputs.map((file) => [`/${file.fileName}`, file.type === "chunk" ? file.code : file.source]),
  );
}
