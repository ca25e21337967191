import { stat } from "node:fs/promises";
import { setTimeout as wait } from "node:timers/promises";
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
import {
  contentRange,
  lengthOf,
  type Validators,
  validatorsOf,
  versionOf,
} from "../../loader/sources/ranges.ts";
import { type CacheEntry, dropPartial, needRoom, readJson } from "./cache_entry.ts";
import { PartialFile } from "./partial_file.ts";

export interface DownloadJob {
  readonly url: string;
  /** Its partial file is filled; the file itself is not touched. */
  readonly entry: CacheEntry;
  /** Undefined: what the server says. */
  readonly bytes: number | undefined;
  readonly patience: Patience;
  readonly onBytes: (done: number, total: number | undefined) => void;
  readonly signal?: AbortSignal | undefined;
}

export interface Downloaded extends Validators {
  /** True when some bytes are from an earlier download. */
  readonly resumed: boolean;
}

/**
 * Fetches `job.url` into the entry's partial file and goes on where an earlier download stopped, if the server still has the same file.
 * A connection that breaks, stalls, or is answered 5xx, is tried again; an abort keeps the partial file.
 * @throws ModelError `download-failed`, `wrong-size`, `disk-full`, `cache-unwritable`; and the signal's reason
 */
export async function download(job: DownloadJob): Promise<Downloaded> {
  for (let fruitless = 0; ; ) {
    const before = await sizeOf(job.entry.partial);
    try {
      return await attempt(job, before);
    } catch (error) {
      job.signal?.throwIfAborted();
      if (error instanceof ModelError) throw error;
      const after = await sizeOf(job.entry.partial);
      fruitless = after > before ? 0 : fruitless + 1;
      if (fruitless >= job.patience.attempts) throw downloadFailed(shownUrl(job.url), reasonOf(error));
      await wait(job.patience.retryMs, undefined, { signal: job.signal }).catch(() => undefined);
      // The wait fails with an error of its own, not with the signal's reason.
      job.signal?.throwIfAborted();
    }
  }
}

/** One request. A `ModelError` is final; any other error may pass. */
async function attempt(job: DownloadJob, have: number): Promise<Downloaded> {
  const known = (await readJson<Validators>(job.entry.partialNote)) ?? {};
  if (job.bytes !== undefined && have === job.bytes) return { ...known, resumed: true };
  const stalled = new AbortController();
  const signal = job.signal ? AbortSignal.any([job.signal, stalled.signal]) : stalled.signal;
  try {
    const headers = { "accept-encoding": "identity", ...rangeHeaders(job, have, known) };
    const response = await fetchHeaders(job.url, { headers, signal }, job.patience.answerMs);
    if (response.status === 416 && have > 0 && contentRange(response)?.total === have) {
      return { ...known, resumed: true };
    }
    const { start, total } = await accept(response, job, have);
    const validators = start > 0 ? known : validatorsOf(response);
    await needRoom(job.entry.partial, (job.bytes ?? total ?? start) - start);
    await save(response, start, total, { ...job, validators, stalled });
    return { ...validators, resumed: start > 0 };
  } finally {
    stalled.abort(); // whatever is left of the answer is not wanted
  }
}

/** Only a version of the file that can be told from others is continued; a known size comes with a checksum. */
function rangeHeaders(job: DownloadJob, have: number, known: Validators): Record<string, string> {
  const version = versionOf(known);
  if (have === 0 || (version === undefined && job.bytes === undefined)) return {};
  return { range: `bytes=${have}-`, ...(version === undefined ? {} : { "if-range": version }) };
}

/** Where the answer's body begins in the file, and how large the file is. */
async function accept(response: Response, job: DownloadJob, have: number) {
  const { status } = response;
  if (status === 416) {
    await dropPartial(job.entry);
    throw new Error("the server does not continue the file");
  }
  if (status >= 500 || status === 408 || status === 429) throw new Error(statusReason(status));
  if (status !== 200 && status !== 206) throw downloadFailed(shownUrl(job.url), statusReason(status), status);
  const range = status === 206 ? contentRange(response) : undefined;
  if (status === 206 && range?.start !== have) {
    await dropPartial(job.entry);
    throw new Error("the server sends another part than it was asked for");
  }
  const total = status === 206 ? range?.total : lengthOf(response);
  if (job.bytes !== undefined && total !== undefined && total !== job.bytes) {
    throw wrongSize(shownUrl(job.url), total, job.bytes);
  }
  return { start: status === 206 ? have : 0, total };
}

type SaveJob = DownloadJob & { readonly validators: Validators; readonly stalled: AbortController };

async function save(response: Response, start: number, total: number | undefined, job: SaveJob) {
  const { entry, patience } = job;
  const size = job.bytes ?? total;
  const stall = () => job.stalled.abort(new Error(`nothing has come for ${patience.stallMs / 1000} s`));
  const timer = setTimeout(stall, patience.stallMs);
  const file = await PartialFile.open(entry, start, job.validators);
  try {
    job.onBytes(start, size);
    for await (const piece of response.body ?? []) {
      timer.refresh();
      await file.append(piece);
      if (size !== undefined && file.bytes > size) throw wrongSize(shownUrl(job.url), file.bytes, size);
      job.onBytes(file.bytes, size);
    }
    if (total !== undefined && file.bytes < total) throw new Error("the connection broke");
    if (size !== undefined && file.bytes < size) throw wrongSize(shownUrl(job.url), file.bytes, size);
  } catch (error) {
    // What is final is of no use later, and a full disk wants its room back.
    if (error instanceof ModelError) await dropPartial(entry);
    throw error;
  } finally {
    clearTimeout(timer);
    await file.close();
  }
}

async function sizeOf(path: string): Promise<number> {
  return (await stat(path).catch(() => undefined))?.size ?? 0;
}
