import { ModelError } from "../../errors.ts";
import {
  downloadFailed,
  reasonOf,
  shownUrl,
  statusReason,
  wrongSize,
} from "../../loader/sources/failures.ts";
import { fetchHeaders } from "../../loader/sources/fetch_headers.ts";
import type { Patience } from "../../loader/sources/patience.ts";
import { piecesOf } from "../../loader/sources/pieces.ts";
import {
  contentRange,
  lengthOf,
  type Validators,
  validatorsOf,
  versionOf,
} from "../../loader/sources/ranges.ts";
import { isPage } from "./addresses.ts";
import type { ModelEntry, ModelNote } from "./model_entry.ts";
import type { PartialModel } from "./partial_model.ts";
import { needRoom, writeFailure } from "./storage_room.ts";

export interface KeptJob {
  readonly url: string;
  readonly entry: ModelEntry;
  readonly partial: PartialModel;
  /** Of the file, as far as it is known before. With a checksum, `bytes` are known too. */
  readonly about: Pick<ModelNote, "name" | "bytes" | "sha256">;
  readonly patience: Patience;
  readonly onBytes: (done: number, total: number | undefined) => void;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Fetches `job.url` into the entry and goes on where an earlier download stopped, if the server still has the same file. A connection
 * that breaks, stalls, or is answered 5xx, is tried again; an abort keeps what has come.
 * @returns whether some bytes are from an earlier download, perhaps of another file
 * @throws ModelError `download-failed`, `wrong-size`, `disk-full`, `cache-unwritable`; the signal's reason
 */
export async function keepDownload(job: KeptJob): Promise<{ readonly resumed: boolean }> {
  const { partial, patience, signal } = job;
  let resumed = partial.bytes > 0;
  for (let fruitless = 0; partial.bytes !== job.about.bytes; ) {
    const before = partial.bytes;
    try {
      const { start } = await attempt(job);
      resumed &&= start > 0;
      break;
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof ModelError) throw error;
      fruitless = partial.bytes > before ? 0 : fruitless + 1;
      if (fruitless >= patience.attempts) throw downloadFailed(shownUrl(job.url), reasonOf(error));
      await pause(patience.retryMs, signal);
    }
  }
  return { resumed };
}

/** One request. A `ModelError` is final; any other error may pass. */
async function attempt(job: KeptJob): Promise<{ readonly start: number }> {
  const { partial, entry, about } = job;
  const known = (await entry.note()) ?? {};
  const stalled = new AbortController();
  const signal = job.signal ? AbortSignal.any([job.signal, stalled.signal]) : stalled.signal;
  try {
    const headers = rangeHeaders(job, known);
    // Kept here, it need not be in the browser's own cache as well.
    const init = { headers, signal, cache: "no-store" } as const;
    const response = await fetchHeaders(job.url, init, job.patience.answerMs);
    const { start, total } = await accept(response, job, known);
    if (total !== undefined) await needRoom(about.name, total - partial.bytes);
    if (start === 0) await begin(job, response);
    await save(response, total, stalled, job);
    return { start };
  } finally {
    stalled.abort(); // whatever is left of the answer is not wanted
  }
}

/**
 * Only a version of the file that can be told from others is continued; a known size comes with a checksum. `If-Range` is sent to
 * the page's own origin alone: others would first be asked whether they allow it, and many do not.
 */
function rangeHeaders({ url, partial, about }: KeptJob, known: Validators): Record<string, string> {
  const version = versionOf(known);
  if (partial.bytes === 0 || (version === undefined && about.sha256 === undefined)) return {};
  const isOwn = new URL(url).origin === (globalThis.location as Location | undefined)?.origin;
  const sameVersion = isOwn && version !== undefined && about.sha256 === undefined;
  return { range: `bytes=${partial.bytes}-`, ...(sameVersion && { "if-range": version }) };
}

/** Where the answer's body begins in the file, and how large the file is. */
async function accept(response: Response, { url, partial, about }: KeptJob, known: Validators) {
  const { status } = response;
  if (status >= 500 || status === 408 || status === 429) throw new Error(statusReason(status));
  if (status === 416 && about.sha256 === undefined) {
    await partial.restart();
    throw new Error("the server does not continue the file");
  }
  if (status !== 200 && status !== 206) throw downloadFailed(shownUrl(url), statusReason(status), status);
  if (isPage(response)) throw downloadFailed(shownUrl(url), "the server sends a page in its place");
  if (status === 200) return { start: 0, total: about.bytes ?? lengthOf(response) };
  // Servers of other origins may keep these headers to themselves.
  const { start = partial.bytes, total } = contentRange(response) ?? {};
  const isSame = about.sha256 !== undefined || isSameVersion(validatorsOf(response), known);
  if (start !== partial.bytes || !isSame) {
    await partial.restart();
    throw new Error("the server sends another part, or another file, than it was asked for");
  }
  return { start, total: about.bytes ?? total };
}

function isSameVersion(now: Validators, known: Validators): boolean {
  if (now.etag !== undefined && known.etag !== undefined) return now.etag === known.etag;
  return now.lastModified !== undefined && now.lastModified === known.lastModified;
}

/** Nothing is there any more, and the note says of what the rest will be. */
async function begin({ partial, entry, about }: KeptJob, response: Response): Promise<void> {
  await partial.restart();
  const note = { ...about, ...validatorsOf(response), whole: false, usedMs: Date.now() };
  await entry.setNote(note).catch(async (error: unknown) => {
    throw await writeFailure(error, about.name, about.bytes ?? 0);
  });
}

async function save(
  response: Response,
  total: number | undefined,
  stalled: AbortController,
  job: KeptJob,
): Promise<void> {
  const { partial, patience, about } = job;
  const stall = () => stalled.abort(new Error(`nothing has come for ${patience.stallMs / 1000} s`));
  let timer = setTimeout(stall, patience.stallMs);
  const written = async (write: Promise<void>) => {
    await write.catch(async (error: unknown) => {
      throw await writeFailure(error, about.name, Math.max(0, (total ?? 0) - partial.bytes));
    });
  };
  try {
    job.onBytes(partial.bytes, total);
    for await (const piece of response.body ? piecesOf(response.body) : []) {
      clearTimeout(timer);
      timer = setTimeout(stall, patience.stallMs);
      await written(partial.append(piece));
      const { bytes } = partial;
      if (about.bytes !== undefined && bytes > about.bytes) throw wrongSize(about.name, bytes, about.bytes);
      job.onBytes(bytes, total);
    }
    if (about.bytes !== undefined && partial.bytes < about.bytes)
      throw wrongSize(about.name, partial.bytes, about.bytes);
  } catch (error) {
    // What is final is of no use later, and storage that is full wants its room back.
    if (error instanceof ModelError) await partial.restart();
    throw error;
  } finally {
    clearTimeout(timer);
    await written(partial.keep());
  }
}

async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
  signal?.throwIfAborted();
}
