import { ModelError } from "../../errors.ts";
import type { HubSource } from "./catalogue.ts";
import { downloadFailed, reasonOf, statusReason } from "./failures.ts";
import { fetchHeaders } from "./fetch_headers.ts";

export interface HubOptions {
  /** Another hub's address; the library's own when absent. */
  readonly hubUrl?: string | undefined;
  /** Most milliseconds until the hub answers. */
  readonly answerMs: number;
  readonly signal?: AbortSignal | undefined;
}

export interface HubFile {
  readonly url: string;
  readonly bytes: number;
}

/**
 * Asks the hub where a file of a repository is.
 * @throws ModelError `download-failed`
 */
export async function locateOnHub(source: HubSource, options: HubOptions): Promise<HubFile> {
  // Imported here: most starts find the model in the cache and need no hub.
  const { fileDownloadInfo } = await import("@huggingface/hub");
  const what = `${source.path} of ${source.repo} on the hub`;
  const done = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, done.signal]) : done.signal;
  try {
    const info = await fileDownloadInfo({
      repo: { type: "model", name: source.repo },
      revision: source.revision,
      path: source.path,
      ...(options.hubUrl === undefined ? {} : { hubUrl: options.hubUrl }),
      fetch: (url, init) => fetchHeaders(url, { ...init, signal }, options.answerMs),
    });
    if (!info) throw downloadFailed(what, statusReason(404), 404);
    return { url: info.url, bytes: info.size };
  } catch (error) {
    options.signal?.throwIfAborted();
    if (error instanceof ModelError) throw error;
    const status = error instanceof Error && "statusCode" in error ? Number(error.statusCode) : undefined;
    throw downloadFailed(what, status ? statusReason(status) : reasonOf(error), status);
  } finally {
    done.abort(); // the library leaves the answer's body unread, and with it the connection open
  }
}
