import { InputError, ModelError } from "../../errors.ts";
import {
  type Catalogue,
  type CatalogueModel,
  findModel,
  type ModelSource,
  catalogue as ownCatalogue,
  unknownModel,
} from "../../loader/sources/catalogue.ts";
import { checkedStream } from "../../loader/sources/checked_stream.ts";
import { downloadFailed, reasonOf, shownUrl, statusReason } from "../../loader/sources/failures.ts";
import { fetchHeaders } from "../../loader/sources/fetch_headers.ts";
import { locateOnHub } from "../../loader/sources/hub.ts";
import { HUB_ANSWER_MS, type Patience, patient } from "../../loader/sources/patience.ts";
import { type ToldStream, toldStream } from "../../loader/sources/told_stream.ts";
import type { ByteSource } from "../../protocol/bytes.ts";
import type { Platform, ResolveOptions } from "../platform.ts";
import { listAdapters, openAdapter } from "./gpu.ts";
import { originSettings } from "./settings.ts";
import { ownUrl } from "./threads.ts";
import { loadXgrammar } from "./xgrammar.ts";

export interface BrowserPlatformOptions {
  /** Address of the model hub; the hub library's own when absent. */
  readonly hubUrl?: string;
  readonly patience?: Patience;
  readonly catalogue?: Catalogue;
  /** What a model's relative address is relative to; the page's own address, or the worker's script's, when absent. */
  readonly baseUrl?: string;
}

interface Context extends ResolveOptions {
  readonly hubUrl: string | undefined;
  readonly patience: Patience;
}

type Body = ReadableStream<Uint8Array<ArrayBuffer>>;

/** What Baton needs of a browser: adapters by `navigator.gpu`, models from the hub or a URL. */
export function createBrowserPlatform(options: BrowserPlatformOptions = {}): Platform {
  const catalogue = options.catalogue ?? ownCatalogue;
  const fixed = { hubUrl: options.hubUrl, patience: options.patience ?? patient };
  return {
    name: "browser",
    listAdapters,
    openAdapter,
    implementation: (globalThis.navigator as Partial<Navigator> | undefined)?.userAgent ?? "browser",
    settings: originSettings,
    loadXgrammar,
    async resolveModel(model, { onProgress, signal }) {
      const context = { ...fixed, ...(onProgress ? { onProgress } : {}), ...(signal ? { signal } : {}) };
      const known = findModel(String(model), catalogue);
      if (known) return await catalogueSource(known, context);
      const url = urlOf(model, options.baseUrl ?? ownUrl());
      if (!url) throw unknownModel(String(model), catalogue);
      return await urlSource(url, context);
    },
  };
}

/** An address, relative to the page's too; a bare word is no address. */
function urlOf(model: string | URL, base: string | undefined): URL | undefined {
  const text = String(model);
  if (!/[/.]/.test(text)) return undefined;
  const url = URL.canParse(text, base) ? new URL(text, base) : undefined;
  if (url && !["http:", "https:"].includes(url.protocol)) {
    throw new InputError("invalid-option", `${text} is no URL of a model: use http or https.`, {
      option: "model",
      value: text,
    });
  }
  return url;
}

/** Nobody says a bare URL's checksum; the browser's own HTTP cache keeps it or not. */
async function urlSource(url: URL, context: Context): Promise<ByteSource> {
  const name = shownUrl(url);
  const { body, bytes } = await openBody(url.href, context);
  let done = 0;
  const count = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
    transform(piece, controller) {
      done += piece.length;
      context.onProgress?.({ phase: "download", done, total: bytes, unit: "bytes", label: name });
      controller.enqueue(piece);
    },
  });
  return { name, bytes, stream: () => toldStream(body.pipeThrough(count), name, context.signal).stream };
}

/** From the page's cache, into which only checked files come; or downloaded and checked now. */
async function catalogueSource(model: CatalogueModel, context: Context): Promise<ByteSource> {
  const { name, bytes } = model;
  const cache = await openCache();
  const key = `https://baton.invalid/models/${model.sha256}`;
  const cached = (await cache?.match(key))?.body;
  if (cached) return { name, bytes, stream: () => cached };
  const { stream, failure } = await fetchChecked(model, context);
  if (!cache) return { name, bytes, stream: () => stream };
  try {
    // A stream that fails its check fails the put, and nothing is kept.
    await cache.put(key, new Response(stream));
  } catch (error) {
    if (failure() !== undefined || context.signal?.aborted) throw failure() ?? error;
    // The cache has no room, or does not take it: straight through, then.
    const again = await fetchChecked(model, context);
    return { name, bytes, stream: () => again.stream };
  }
  const kept = (await cache.match(key))?.body;
  if (!kept) throw downloadFailed(name, "the browser's cache has lost it; try again");
  return { name, bytes, stream: () => kept };
}

async function fetchChecked(model: CatalogueModel, context: Context): Promise<ToldStream> {
  const failures: ModelError[] = [];
  for (const source of model.sources) {
    try {
      const url = await addressOf(source, context);
      if (url === undefined) continue;
      const { body } = await openBody(url, context);
      const label = `${model.name} from ${new URL(url).host}`;
      const checked = await checkedStream(body, model.name, model, (done) =>
        context.onProgress?.({ phase: "download", done, total: model.bytes, unit: "bytes", label }),
      );
      return toldStream(checked, model.name, context.signal);
    } catch (error) {
      if (!(error instanceof ModelError)) throw error;
      failures.push(error);
    }
  }
  const reasons = failures.map(({ message }) => message);
  throw new ModelError(
    "download-failed",
    `The model ${model.name} cannot be fetched. ${reasons.join(" ")} Give a URL or a File of a GGUF file instead of the name.`,
    { model: model.name, reasons },
    { cause: failures.at(-1) },
  );
}

/** Undefined for a source that a browser cannot use. */
async function addressOf(source: ModelSource, context: Context): Promise<string | undefined> {
  if (source.kind === "url") return source.url;
  if (source.kind === "pypi") return undefined;
  const answerMs = Math.min(HUB_ANSWER_MS, context.patience.answerMs);
  const { hubUrl, signal } = context;
  return (await locateOnHub(source, { hubUrl, answerMs, signal })).url;
}

/** @throws ModelError `download-failed` */
async function openBody(url: string, context: Context): Promise<{ body: Body; bytes: number | undefined }> {
  const init = context.signal ? { signal: context.signal } : {};
  const response = await fetchHeaders(url, init, context.patience.answerMs).catch((error: unknown) => {
    context.signal?.throwIfAborted();
    throw downloadFailed(shownUrl(url), reasonOf(error));
  });
  if (!response.ok || !response.body) {
    throw downloadFailed(shownUrl(url), statusReason(response.status), response.status);
  }
  const length = Number(response.headers.get("content-length") ?? Number.NaN);
  const plain = Number.isSafeInteger(length) && !response.headers.get("content-encoding");
  return { body: response.body, bytes: plain ? length : undefined };
}

/** Absent outside secure contexts; refused in some private windows. */
async function openCache(): Promise<Cache | undefined> {
  return await globalThis.caches?.open("baton-models").catch(() => undefined);
}
