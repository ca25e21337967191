import { InputError } from "../../errors.ts";
import {
  type Catalogue,
  findModel,
  catalogue as ownCatalogue,
  unknownModel,
} from "../../loader/sources/catalogue.ts";
import { type Patience, patient } from "../../loader/sources/patience.ts";
import type { Platform } from "../platform.ts";
import { cachedCatalogue } from "./cached_models.ts";
import type { FetchContext } from "./fetch_context.ts";
import { listAdapters, openAdapter } from "./gpu.ts";
import { keptCatalogue, keptUrl } from "./kept_models.ts";
import { modelsFolder } from "./model_entry.ts";
import { originSettings } from "./settings.ts";
import { straightUrl } from "./straight.ts";
import { ownUrl } from "./threads.ts";
import { loadXgrammar } from "./xgrammar.ts";

export interface BrowserPlatformOptions {
  /** Address of the model hub; the hub library's own when absent. */
  readonly hubUrl?: string;
  /**
   * A folder on the page's own origin in which the catalogue's models may lie as `NAME.gguf`, relative to the page's address: asked
   * before the hub, and passed over where it has no such file.
   */
  readonly modelsUrl?: string | URL | undefined;
  /**
   * Where the browser has no room to keep a model: `stream`, the default, runs it all the same and says so in `onProgress`
   * (`kept: false`); `fail` throws a ModelError `disk-full`.
   */
  readonly whenFull?: "stream" | "fail";
  readonly patience?: Patience;
  readonly catalogue?: Catalogue;
  /** What a model's relative address is relative to; the page's own address, or the worker's script's, when absent. */
  readonly baseUrl?: string | undefined;
}

/**
 * What Baton needs of a browser: adapters by `navigator.gpu`, models from the hub or a URL, kept as files of the origin.
 * @throws InputError `invalid-option`
 */
export function createBrowserPlatform(options: BrowserPlatformOptions = {}): Platform {
  const catalogue = options.catalogue ?? ownCatalogue;
  const { hubUrl, patience = patient, whenFull = "stream", baseUrl = ownUrl() } = options;
  const fixed = { hubUrl, patience, whenFull, modelsUrl: folderUrl(options.modelsUrl, baseUrl) };
  return {
    name: "browser",
    listAdapters,
    openAdapter,
    implementation: (globalThis.navigator as Partial<Navigator> | undefined)?.userAgent ?? "browser",
    settings: originSettings,
    loadXgrammar,
    async resolveModel(model, { onProgress, signal }) {
      signal?.throwIfAborted();
      const context: FetchContext = {
        ...fixed,
        ...(onProgress && { onProgress }),
        ...(signal && { signal }),
      };
      const known = findModel(String(model), catalogue);
      if (known) {
        const models = await modelsFolder({ create: true });
        return models ? keptCatalogue(models, known, context) : cachedCatalogue(known, context);
      }
      const url = urlOf(model, baseUrl);
      if (!url) throw unknownModel(String(model), catalogue);
      const models = await modelsFolder({ create: true });
      return models ? keptUrl(models, url, context) : straightUrl(url, context);
    },
  };
}

/** An address, relative to the page's too; a bare word is no address. */
function urlOf(model: string | URL, base: string | undefined): URL | undefined {
  const text = String(model);
  if (!/[/.]/.test(text)) return undefined;
  const url = absoluteUrl(text, base);
  if (url && !["http:", "https:"].includes(url.protocol)) {
    throw new InputError("invalid-option", `${text} is no URL of a model: use http or https.`, {
      option: "model",
      value: text,
    });
  }
  return url;
}

/** Ends in a slash, so that names are added and replace nothing. */
function folderUrl(folder: string | URL | undefined, base: string | undefined): string | undefined {
  if (folder === undefined) return undefined;
  const url = absoluteUrl(String(folder).replace(/\/*$/, "/"), base);
  if (url) return url.href;
  throw new InputError("invalid-option", `The option modelsUrl is "${folder}"; it has to be a URL.`, {
    option: "modelsUrl",
    value: String(folder),
  });
}

function absoluteUrl(text: string, base: string | undefined): URL | undefined {
  return URL.canParse(text, base) ? new URL(text, base) : undefined;
}
