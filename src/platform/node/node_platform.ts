import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { InputError, ModelError } from "../../errors.ts";
import {
  type Catalogue,
  findModel,
  catalogue as ownCatalogue,
  unknownModel,
} from "../../loader/sources/catalogue.ts";
import { type Patience, patient } from "../../loader/sources/patience.ts";
import type { ByteSource } from "../../protocol/bytes.ts";
import type { Platform } from "../platform.ts";
import { cacheFolder } from "./cache_folder.ts";
import { catalogueFile } from "./catalogue_model.ts";
import { type FetchContext, reporter } from "./fetch_context.ts";
import { fileSource } from "./file_source.ts";
import { dawnVersion, listAdapters, openAdapter } from "./gpu.ts";
import type { AllowInstall } from "./pip.ts";
import { fileSettings } from "./settings.ts";
import { urlFile } from "./url_model.ts";
import { loadXgrammar } from "./xgrammar.ts";

export interface NodePlatformOptions {
  /** Where downloads are kept; by default the per-user cache folder. */
  readonly cacheFolder?: string;
  /** `BATON_CACHE`, `XDG_CACHE_HOME`, `HF_ENDPOINT`, and what pip reads; by default the process's. */
  readonly env?: NodeJS.ProcessEnv;
  /** Address of the model hub. By default `HF_ENDPOINT`, or the hub library's own. */
  readonly hubUrl?: string;
  /** Decides on installing pip by apt-get where it is missing. Absent: nothing is ever installed. */
  readonly allowInstall?: AllowInstall;
  readonly patience?: Patience;
  readonly catalogue?: Catalogue;
}

/** What Baton needs of Node: adapters by Dawn, models from the catalogue, a URL or a path. */
export function createNodePlatform(options: NodePlatformOptions = {}): Platform {
  const env = options.env ?? process.env;
  const fixed = {
    cacheFolder: options.cacheFolder ?? cacheFolder(env),
    env,
    hubUrl: options.hubUrl ?? (env.HF_ENDPOINT || undefined),
    patience: options.patience ?? patient,
    allowInstall: options.allowInstall,
  };
  return {
    name: "node",
    listAdapters,
    openAdapter,
    implementation: `dawn, npm webgpu ${dawnVersion()}`,
    settings: fileSettings(join(fixed.cacheFolder, "settings")),
    loadXgrammar,
    resolveModel: (model, { onProgress, signal }) =>
      resolveModel(model, options.catalogue ?? ownCatalogue, { ...fixed, signal, ...reporter(onProgress) }),
  };
}

/** A name of the catalogue goes before a file of that name here (write `./name` for that). */
async function resolveModel(
  model: string | URL,
  catalogue: Catalogue,
  context: FetchContext,
): Promise<ByteSource> {
  context.signal?.throwIfAborted();
  const url = urlOf(model);
  if (url) return fileSource(url.protocol === "file:" ? fileURLToPath(url) : await urlFile(url, context));
  const text = String(model);
  const known = findModel(text, catalogue);
  if (known) return fileSource(await catalogueFile(known, context));
  const path = resolve(text.replace(/^~(?=\/|$)/, homedir()));
  return fileSource(path).catch((error: unknown) => {
    const missing = error instanceof ModelError && error.code === "file-not-found";
    throw missing && !looksLikePath(text) ? unknownModel(text, catalogue) : error;
  });
}

function urlOf(model: string | URL): URL | undefined {
  if (typeof model === "string" && !/^(https?|file):\/\//i.test(model)) return undefined;
  const url = URL.canParse(model) ? new URL(model) : undefined;
  if (url && ["http:", "https:", "file:"].includes(url.protocol)) return url;
  throw new InputError("invalid-option", `${model} is no URL of a model: use http, https or file.`, {
    option: "model",
    value: String(model),
  });
}

function looksLikePath(text: string): boolean {
  return /[/\\]|^[~.]|\.gguf$/i.test(text);
}
