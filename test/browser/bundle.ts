import { build } from "vite";

export type Pages = Map<string, string | Uint8Array>;

/** Builds the page in the folder `root` as any application would that uses Baton, with all its packages; nothing is written. By path. */
export async function bundlePage(root: string): Promise<Pages> {
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

/** The same with which of a package's files are for this environment, which bundlers take from here; under tests it is neither. */
export async function buildPage(root: string, environment: "production" | "development"): Promise<Pages> {
  const before = process.env.NODE_ENV;
  process.env.NODE_ENV = environment;
  try {
    return await bundlePage(root);
  } finally {
    process.env.NODE_ENV = before;
  }
}
