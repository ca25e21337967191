import type { IncomingMessage, ServerResponse } from "node:http";

export interface Sent {
  readonly path: string;
  readonly range: string | undefined;
  readonly ifRange: string | undefined;
  readonly status: number;
  bytes: number;
}

/** One file under every path that ends in `.gguf` and is not among `missing`, in ranges too; it counts what it sends. */
export class RangedFile {
  readonly content: Uint8Array;
  readonly sent: Sent[] = [];
  readonly missing = new Set<string>();
  etag = '"v1"';
  /** The next answer breaks after so many bytes. */
  cutAfter: number | undefined;
  /** Of the next answer nothing comes after so many bytes. */
  stallAfter: number | undefined;

  constructor(content: Uint8Array) {
    this.content = content;
  }

  readonly answer = (request: IncomingMessage, response: ServerResponse): boolean => {
    const path = request.url ?? "";
    if (!path.endsWith(".gguf") || this.missing.has(path)) return false;
    const { range, "if-range": ifRange } = request.headers;
    const asked = /^bytes=(\d+)-$/.exec(range ?? "");
    const isSame = ifRange === undefined || ifRange === this.etag;
    const start = asked && isSame ? Number(asked[1]) : 0;
    const total = this.content.length;
    const status = start > 0 ? 206 : 200;
    const { cutAfter, stallAfter } = this;
    const cut = cutAfter ?? stallAfter;
    this.cutAfter = undefined;
    this.stallAfter = undefined;
    const body = this.content.subarray(start, cut === undefined ? total : start + cut);
    this.sent.push({ path, range, ifRange: ifRange as string | undefined, status, bytes: body.length });
    response.writeHead(status, {
      etag: this.etag,
      "content-length": total - start,
      ...(start > 0 && { "content-range": `bytes ${start}-${total - 1}/${total}` }),
    });
    if (cut === undefined) response.end(body);
    // What was sent arrives before the connection ends.
    else response.write(body, () => cutAfter && setTimeout(() => response.destroy(), 100));
    return true;
  };
}
