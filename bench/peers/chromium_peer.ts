import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { inClone } from "../../scripts/steps.mjs";
import { Browser } from "../../test/browser/browser.ts";
import { oneLine, type Peer, PeerFailure } from "./peer_process.ts";
import { PeerServer } from "./peer_server.ts";
import type { PeerAnswer, PeerIdentity, PeerJob, PeerRequest, PeerSample } from "./protocol.ts";

/** A peer in a page of a Chromium of its own, whose WebGPU is SwiftShader. */
export class ChromiumPeer implements Peer {
  readonly name: string;
  readonly #engine: string;
  #server: PeerServer | undefined;
  #browser: Browser | undefined;

  /** @param engine names a module of pages/ */
  constructor(name: string, engine: string) {
    this.name = name;
    this.#engine = engine;
  }

  async load(job: PeerJob, limitMs: number): Promise<PeerIdentity> {
    const baton = this.#engine === "baton" ? await bundleBaton() : "";
    this.#server = await PeerServer.start(job, baton);
    this.#browser = new Browser(`${this.#server.url}?engine=${this.#engine}`);
    const answer = await this.#ask({ kind: "load", job }, limitMs);
    if (answer.kind !== "loaded") throw new PeerFailure(`it answered ${answer.kind} to load`);
    const { version, device } = answer;
    return { version, device };
  }

  async run(tokens: number, limitMs: number): Promise<PeerSample> {
    const answer = await this.#ask({ kind: "run", tokens }, limitMs);
    if (answer.kind !== "ran") throw new PeerFailure(`it answered ${answer.kind} to run`);
    const { prefillMs, decodeMs, tokens: ids } = answer;
    return { prefillMs, decodeMs, tokens: ids };
  }

  async stop(): Promise<void> {
    const [browser, server] = [this.#browser, this.#server];
    this.#browser = undefined;
    this.#server = undefined;
    await browser?.stop();
    await server?.stop();
  }

  async #ask(request: PeerRequest, limitMs: number): Promise<PeerAnswer> {
    const [browser, server] = [this.#browser, this.#server];
    if (!browser || !server) throw new PeerFailure("its browser was stopped");
    const answer = await browser.until(server.ask(request), limitMs).catch((error: unknown) => {
      throw new PeerFailure(oneLine(String(error)));
    });
    if (answer.kind === "failed") throw new PeerFailure(oneLine(answer.reason));
    return answer;
  }
}

const BUNDLE_BYTES = 16 * 2 ** 20;

async function bundleBaton(): Promise<string> {
  const script = inClone("bench", "peers", "pages", "bundle.mjs");
  const { stdout } = await promisify(execFile)(process.execPath, [script], { maxBuffer: BUNDLE_BYTES });
  return stdout;
}
