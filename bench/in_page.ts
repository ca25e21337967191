import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join } from "node:path";
import { Readable } from "node:stream";
import { json } from "node:stream/consumers";
import { fromPlain } from "../src/errors.ts";
import type { ByteSource } from "../src/protocol/bytes.ts";
import { Browser, hardwareFlags, softwareFlags } from "../test/browser/browser.ts";
import { bundlePage } from "../test/browser/bundle.ts";
import { type PageJob, type PageOutcome, type PageProgress, paths } from "./page/paths.ts";

/** The benchmark in a page: a server on this machine, and a Chromium that opens its page and measures. */

export interface PageRequest {
  /** The clone's folder. */
  readonly root: string;
  readonly job: PageJob;
  /** Served to the page where the job has no shape. */
  readonly model: ByteSource | undefined;
  /** Whether the browser is to take its software adapter. */
  readonly software: boolean;
  readonly signal: AbortSignal;
  readonly onProgress: (work: PageProgress) => void;
}

const TYPES: Readonly<Record<string, string>> = { ".html": "text/html", ".js": "text/javascript" };
/** Software adapters in browsers are several times slower than those in Node. */
const LIMIT_MS = 3_600_000;

/** @throws BatonError what the page met; Error when the browser gave nothing; the signal's reason */
export async function runInPage(request: PageRequest): Promise<Extract<PageOutcome, { kind: "run" }>> {
  const pages = await bundlePage(join(request.root, "bench", "page"));
  const server = createServer();
  const outcome = new Promise<PageOutcome>((resolve) => {
    server.on("request", (from, to) => void answer(request, pages, resolve, from, to));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const browser = new Browser(url, request.software ? softwareFlags : hardwareFlags);
  try {
    const answered = await browser.until(Promise.race([outcome, abortion(request.signal)]), LIMIT_MS);
    if (answered.kind === "run") return answered;
    throw typeof answered.error === "string"
      ? new Error(`The page failed: ${answered.error}`)
      : fromPlain(answered.error);
  } finally {
    await browser.stop();
    server.closeAllConnections();
    server.close();
  }
}

async function answer(
  { job, model, onProgress }: PageRequest,
  pages: ReadonlyMap<string, string | Uint8Array>,
  onOutcome: (outcome: PageOutcome) => void,
  from: IncomingMessage,
  to: ServerResponse,
): Promise<void> {
  const path = from.url === "/" ? "/index.html" : (from.url ?? "");
  const page = pages.get(path);
  if (page !== undefined) {
    to.setHeader("content-type", TYPES[extname(path)] ?? "application/octet-stream").end(page);
  } else if (path === paths.job) {
    to.end(JSON.stringify(job));
  } else if (path === paths.model && model) {
    if (model.bytes !== undefined) to.setHeader("content-length", model.bytes);
    Readable.fromWeb((await model.stream()) as Parameters<typeof Readable.fromWeb>[0]).pipe(to);
  } else if (path === paths.progress) {
    onProgress((await json(from)) as PageProgress);
    to.end();
  } else if (path === paths.outcome) {
    onOutcome((await json(from)) as PageOutcome);
    to.end();
  } else {
    to.writeHead(404).end();
  }
}

/** Rejects with the signal's reason. */
function abortion(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
  });
}
