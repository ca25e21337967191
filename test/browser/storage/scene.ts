import { createHash } from "node:crypto";
import { writeTinyModel } from "../../harness/tiny_model.ts";
import type { LoadRequest } from "./load_request.ts";

/** What the page is asked to load. */

export const model = writeTinyModel({ vocabTokens: 600, hidden: 256, heads: 8, ffn: 512, layers: 2 });

const tiny = {
  name: "tiny",
  title: "Tiny",
  architecture: "llama",
  licence: "MIT",
  bytes: model.length,
  sha256: createHash("sha256").update(model).digest("hex"),
} as const;

/** From a catalogue whose only source is `url`. */
export function catalogued(url: string, sha256: string = tiny.sha256): LoadRequest {
  return { model: "tiny", catalogue: { ...tiny, sha256, sources: [{ kind: "url", url }] } };
}
