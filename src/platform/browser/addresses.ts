import type { CatalogueModel, ModelSource } from "../../loader/sources/catalogue.ts";
import { downloadFailed, reasonOf, shownUrl, statusReason } from "../../loader/sources/failures.ts";
import { fetchHeaders } from "../../loader/sources/fetch_headers.ts";
import { locateOnHub } from "../../loader/sources/hub.ts";
import { HUB_ANSWER_MS } from "../../loader/sources/patience.ts";
import type { FetchContext } from "./fetch_context.ts";

/** Where a browser asks for a catalogue's model: on the page's own origin first, where it may lie, and then where the catalogue says. */
export function sourcesOf(model: CatalogueModel, { modelsUrl }: FetchContext): readonly ModelSource[] {
  const own = modelsUrl && { kind: "url" as const, url: new URL(`${model.name}.gguf`, modelsUrl).href };
  const others = model.sources.filter(({ kind }) => kind !== "pypi"); // which takes Python
  return own ? [own, ...others] : others;
}

/** @throws ModelError `download-failed` where the hub does not say; the signal's reason */
export async function addressOf(source: ModelSource, context: FetchContext): Promise<string> {
  if (source.kind === "url") return source.url;
  if (source.kind === "pypi")
    throw downloadFailed(source.member, "a browser cannot unpack Python's packages");
  const answerMs = Math.min(HUB_ANSWER_MS, context.patience.answerMs);
  const { hubUrl, signal } = context;
  return (await locateOnHub(source, { hubUrl, answerMs, signal })).url;
}

/** An answer with a body, once its headers have come. @throws ModelError `download-failed`; the signal's reason */
export async function openBody(url: string, context: FetchContext) {
  const init = context.signal ? { signal: context.signal } : {};
  const response = await fetchHeaders(url, init, context.patience.answerMs).catch((error: unknown) => {
    context.signal?.throwIfAborted();
    throw downloadFailed(shownUrl(url), reasonOf(error));
  });
  const { body, status } = response;
  if (!response.ok || !body) throw downloadFailed(shownUrl(url), statusReason(status), status);
  if (isPage(response)) {
    await body.cancel();
    throw downloadFailed(shownUrl(url), "the server sends a page in its place");
  }
  return { body, response };
}

/** Servers of single-page applications answer so, and with success, for files that they have not. */
export function isPage({ headers }: Response): boolean {
  return headers.get("content-type")?.startsWith("text/html") ?? false;
}
