import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { extname } from "node:path";
import { text } from "node:stream/consumers";
import { served } from "./served.ts";

const TYPES: Readonly<Record<string, string>> = { ".html": "text/html", ".js": "text/javascript" };

/** The page, the models it asks for and the place for its report, on localhost, which browsers trust as they trust https. */
export class PageServer {
  /** Paths in the order they were asked for. */
  readonly requests: string[] = [];
  /** The body that the page sent to `served.report`. */
  readonly report: Promise<string>;
  onCrashGpu: () => void = () => {};
  /** Answers what nothing here does, or says that it does not. */
  onOther: (request: IncomingMessage, response: ServerResponse) => boolean = () => false;
  readonly #pages: ReadonlyMap<string, string | Uint8Array>;
  readonly #model: Uint8Array;
  readonly #server = createServer((request, response) => this.#answer(request, response));
  #onReport: (body: Promise<string>) => void = () => {};

  private constructor(pages: ReadonlyMap<string, string | Uint8Array>, model: Uint8Array) {
    this.#pages = pages;
    this.#model = model;
    this.report = new Promise((resolve) => {
      this.#onReport = resolve;
    });
  }

  /** @param pages what to answer, by path */
  static async start(
    pages: ReadonlyMap<string, string | Uint8Array>,
    model: Uint8Array,
  ): Promise<PageServer> {
    const server = new PageServer(pages, model);
    server.#server.listen(0, "127.0.0.1");
    await once(server.#server, "listening");
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const path = request.url ?? "/";
    this.requests.push(path);
    response.setHeader("cache-control", "no-store");
    const page = this.#pages.get(path === "/" ? "/index.html" : path);
    if (page !== undefined) {
      response.setHeader("content-type", TYPES[extname(path) || ".html"] ?? "application/octet-stream");
      response.end(page);
      return;
    }
    const model = this.#model;
    const half = model.subarray(0, model.length / 2);
    switch (path) {
      case served.model:
        response.setHeader("content-length", model.length).end(model);
        return;
      case served.cut:
        response.setHeader("content-length", model.length).write(half, () => response.destroy());
        return;
      case served.stalled:
      case served.own:
        response.setHeader("content-length", model.length).write(half);
        return;
      case served.identity:
        response.end(JSON.stringify({ bytes: model.length, sha256: sha256(model) }));
        return;
      case served.crashGpu:
        this.onCrashGpu();
        response.end();
        return;
      case served.report:
        this.#onReport(text(request));
        response.end();
        return;
      default:
        if (!this.onOther(request, response)) response.writeHead(404).end();
    }
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
