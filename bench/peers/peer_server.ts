import { once } from "node:events";
import { createReadStream, statSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";
import { text } from "node:stream/consumers";
import { inClone } from "../../scripts/steps.mjs";
import type { PeerAnswer, PeerJob, PeerRequest } from "./protocol.ts";

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".json": "application/json",
  ".wasm": "application/wasm",
};

/** Where a page finds the modules of packages that were not bundled for it. */
const IMPORTS = {
  "@huggingface/transformers": "/packages/@huggingface/transformers/dist/transformers.web.js",
  wllama: "/packages/@wllama/wllama/esm/index.js",
  "onnxruntime-common": "/packages/onnxruntime-common/dist/esm/index.js",
  "onnxruntime-web/webgpu": "/packages/onnxruntime-web/dist/ort.webgpu.bundle.min.mjs",
};

const PAGE = `<!doctype html><title>peer</title><link rel="icon" href="data:," />
<script type="importmap">${JSON.stringify({ imports: IMPORTS })}</script>
<script type="module" src="/pages/page.mjs"></script>`;

/** One page's files, on localhost, and its line to this process. */
export class PeerServer {
  readonly #job: PeerJob;
  readonly #baton: string;
  readonly #server = createServer((request, response) => void this.#answer(request, response));
  /** The page's open question for something to do. */
  #waiting: ServerResponse | undefined;
  #request: PeerRequest | undefined;
  #onAnswer: (answer: PeerAnswer) => void = () => {};

  private constructor(job: PeerJob, baton: string) {
    this.#job = job;
    this.#baton = baton;
  }

  /** @param baton Baton as one module, for the page that imports it */
  static async start(job: PeerJob, baton: string): Promise<PeerServer> {
    const server = new PeerServer(job, baton);
    server.#server.listen(0, "127.0.0.1");
    await once(server.#server, "listening");
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  /** One request at a time. Pends for ever where the page is gone. */
  ask(request: PeerRequest): Promise<PeerAnswer> {
    this.#request = request;
    this.#handOver();
    return new Promise((resolve) => {
      this.#onAnswer = resolve;
    });
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  #handOver(): void {
    if (!this.#request || !this.#waiting) return;
    this.#waiting.end(JSON.stringify(this.#request));
    this.#waiting = undefined;
    this.#request = undefined;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? "/", this.url);
    // Threads of WebAssembly need an isolated page.
    response.setHeader("cross-origin-opener-policy", "same-origin");
    response.setHeader("cross-origin-embedder-policy", "require-corp");
    response.setHeader("cache-control", "no-store");
    if (pathname === "/next") {
      this.#waiting = response;
      this.#handOver();
    } else if (pathname === "/answer") {
      const answer = JSON.parse(await text(request)) as PeerAnswer;
      response.end();
      this.#onAnswer(answer);
    } else if (pathname === "/" || pathname === "/baton.mjs") {
      response.setHeader("content-type", TYPES[extname(pathname) || ".html"] ?? "");
      response.end(pathname === "/" ? PAGE : this.#baton);
    } else {
      sendFile(this.#fileOf(decodeURIComponent(pathname)), response);
    }
  }

  /** Undefined for what is not served. */
  #fileOf(path: string): string | undefined {
    const [, folder = "", ...rest] = normalize(path).split("/");
    const inside = join(...rest, "");
    switch (folder) {
      case "model.gguf":
        return this.#job.model;
      case "models":
        return this.#job.onnx === undefined ? undefined : join(this.#job.onnx, ...rest.slice(1));
      case "packages":
        return inClone("bench", "peers", "node_modules", inside);
      case "pages":
      case "engines":
        return inClone("bench", "peers", folder, inside);
      default:
        return undefined;
    }
  }
}

function sendFile(path: string | undefined, response: ServerResponse): void {
  const found = path === undefined ? undefined : statSync(path, { throwIfNoEntry: false });
  if (path === undefined || !found?.isFile()) {
    response.writeHead(404).end();
    return;
  }
  response.setHeader("content-type", TYPES[extname(path)] ?? "application/octet-stream");
  response.setHeader("content-length", found.size);
  createReadStream(path).pipe(response);
}
