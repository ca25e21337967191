import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What goes wrong with one request. */
export type Fault =
  | { readonly kind: "status"; readonly status: number }
  /** The connection breaks after so many bytes of the body. */
  | { readonly kind: "cut"; readonly after: number }
  /** Nothing comes after so many bytes of the body, until `release()`. */
  | { readonly kind: "stall"; readonly after: number };

export interface Answered {
  readonly path: string;
  readonly range: string | undefined;
  readonly ifRange: string | undefined;
  readonly ifNoneMatch: string | undefined;
  status: number;
  /** Bytes of the body handed to the connection. */
  sent: number;
}

/**
 * A real HTTP server on localhost with one file at every path, and enough of a model hub: paths with `/resolve/` redirect to `/cdn/`,
 * as the hub's do for large files. Faults apply to requests for the file (not to the one-byte request for its size), in order.
 */
export class FileServer {
  content: Uint8Array;
  etag: string | undefined = '"v1"';
  ranges = true;
  /** Says how long the body is. */
  lengths = true;
  readonly faults: Fault[] = [];
  readonly answered: Answered[] = [];
  readonly #server = createServer((request, response) => this.#answer(request, response));
  #stalled = deferred();
  #onStall = deferred();

  constructor(content: Uint8Array) {
    this.content = content;
  }

  static async start(content: Uint8Array): Promise<FileServer> {
    const server = new FileServer(content);
    server.#server.listen(0, "127.0.0.1");
    await once(server.#server, "listening");
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Requests for the file itself. */
  get downloads(): readonly Answered[] {
    return this.answered.filter(({ path, range }) => !path.includes("/resolve/") && range !== "bytes=0-0");
  }

  /** Resolves when a request has stalled. */
  async stalled(): Promise<void> {
    await this.#onStall.promise;
  }

  /** Lets stalled requests go on. */
  release(): void {
    this.#stalled.resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    if (!this.#server.listening) return;
    this.#server.close();
    await once(this.#server, "close");
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const header = (name: string) => request.headers[name] as string | undefined;
    const answer: Answered = {
      path: request.url ?? "",
      range: header("range"),
      ifRange: header("if-range"),
      ifNoneMatch: header("if-none-match"),
      status: 200,
      sent: 0,
    };
    this.answered.push(answer);
    response.on("error", () => {});
    if (answer.path.includes("/resolve/")) {
      answer.status = 302;
      response.writeHead(302, { location: answer.path.replace("/resolve/", "/cdn/") }).end();
      return;
    }
    void this.#file(answer, response);
  }

  async #file(answer: Answered, response: ServerResponse): Promise<void> {
    const fault = answer.range === "bytes=0-0" ? undefined : this.faults.shift();
    const [start, end] = this.#part(answer);
    if (fault?.kind === "status") answer.status = fault.status;
    else if (answer.ifNoneMatch !== undefined && answer.ifNoneMatch === this.etag) answer.status = 304;
    else if (start >= this.content.length) answer.status = 416;
    else answer.status = start > 0 || end < this.content.length ? 206 : 200;
    response.writeHead(answer.status, this.#headers(answer.status, start, end));
    if (answer.status !== 200 && answer.status !== 206) {
      response.end();
      return;
    }
    const until = fault && fault.kind !== "status" ? Math.min(end, start + fault.after) : end;
    if (until > start) response.write(this.content.subarray(start, until));
    answer.sent = until - start;
    if (fault?.kind === "cut") {
      response.socket?.end();
      return;
    }
    if (fault?.kind === "stall") {
      this.#onStall.resolve();
      await this.#stalled.promise;
      response.write(this.content.subarray(until, end));
      answer.sent = end - start;
    }
    response.end();
  }

  /** The half-open range of bytes to send. */
  #part({ range, ifRange }: Answered): readonly [number, number] {
    const asked = /^bytes=(\d+)-(\d*)$/.exec(range ?? "");
    const same = ifRange === undefined || ifRange === this.etag;
    if (!asked || !this.ranges || !same) return [0, this.content.length];
    return [Number(asked[1]), asked[2] ? Number(asked[2]) + 1 : this.content.length];
  }

  #headers(status: number, start: number, end: number): Record<string, string> {
    const total = this.content.length;
    return {
      connection: "close",
      ...(this.etag === undefined ? {} : { etag: this.etag }),
      ...(status === 206 ? { "content-range": `bytes ${start}-${end - 1}/${total}` } : {}),
      ...(status === 416 ? { "content-range": `bytes */${total}` } : {}),
      ...(this.lengths && (status === 200 || status === 206)
        ? { "content-length": String(end - start) }
        : {}),
    };
  }
}

function deferred(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = () => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
