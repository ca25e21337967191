import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { utimes, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, onTestFinished, test } from "vitest";
import { withLock } from "../../../src/platform/node/lock.ts";
import type { FileServer } from "../file_server.ts";
import { catalogueOf, filesIn, serve, sha256, someBytes, tempFolder } from "./fixtures.ts";

const content = someBytes();
const CACHED = ["models/tiny.gguf", "models/tiny.gguf.json"];

/** What a process says: a line per label of progress, then the SHA-256 of the model it got. */
const PROGRAM = `
  import { createHash } from "node:crypto";
  import { runnerImport } from "vite";
  const { module } = await runnerImport("./src/platform/node/node_platform.ts");
  const options = JSON.parse(process.argv[1]);
  let said = "";
  const onProgress = ({ label }) => label !== said && console.log((said = label));
  const source = await module.createNodePlatform(options).resolveModel("tiny", { onProgress });
  const hash = createHash("sha256");
  for await (const piece of await source.stream()) hash.update(piece);
  console.log("got " + hash.digest("hex"));
`;

class Fetcher {
  readonly lines: string[] = [];
  readonly process: ChildProcess;
  readonly ended: Promise<unknown>;
  readonly #output;

  constructor(server: FileServer, cacheFolder: string) {
    const catalogue = catalogueOf(content, [{ kind: "url", url: `${server.url}/tiny.gguf` }]);
    const options = JSON.stringify({ cacheFolder, env: {}, catalogue });
    this.process = spawn(process.execPath, ["--input-type=module", "-e", PROGRAM, options], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    onTestFinished(() => void this.process.kill("SIGKILL"));
    this.ended = once(this.process, "close");
    this.#output = createInterface({ input: this.process.stdout ?? process.stdin });
    this.#output.on("line", (line) => this.lines.push(line));
  }

  /** Resolves at a line that begins so; fails when the process ends without one. */
  async says(beginning: string): Promise<void> {
    const said = () => this.lines.some((line) => line.startsWith(beginning));
    while (!said()) {
      await Promise.race([once(this.#output, "line"), this.ended]);
      if (!said() && this.process.exitCode !== null) throw new Error(`it said: ${this.lines.join("; ")}`);
    }
  }
}

test("of two processes that start at once, one downloads and the other waits for its file", async () => {
  const server = await serve(content);
  server.faults.push({ kind: "stall", after: 500_000 });
  const folder = tempFolder();
  const first = new Fetcher(server, folder);
  await server.stalled();
  const second = new Fetcher(server, folder);
  await second.says(`waiting for process ${first.process.pid}`);
  server.release();
  await Promise.all([first.ended, second.ended]);
  const got = `got ${sha256(content)}`;
  expect([first.lines.at(-1), second.lines.at(-1)]).toEqual([got, got]);
  expect(server.downloads.map(({ sent }) => sent)).toEqual([content.length]);
  expect(await filesIn(folder)).toEqual(CACHED);
});

test("a process that is killed leaves a part that the waiting one takes over and completes", async () => {
  const server = await serve(content);
  server.faults.push({ kind: "stall", after: 500_000 });
  const folder = tempFolder();
  const first = new Fetcher(server, folder);
  await first.says("tiny from");
  await server.stalled();
  const second = new Fetcher(server, folder);
  await second.says(`waiting for process ${first.process.pid}`);
  first.process.kill("SIGKILL");
  await Promise.all([first.ended, second.ended]);
  expect(second.lines.at(-1)).toBe(`got ${sha256(content)}`);
  expect(server.downloads[1]?.status).toBe(206);
  expect(await filesIn(folder)).toEqual(CACHED);
});

test("a lock whose writer died before it wrote its name is taken over once it is old", async () => {
  const path = join(tempFolder(), "a.lock");
  await writeFile(path, "");
  await utimes(path, 0, 0);
  expect(await withLock(path, {}, async () => "mine")).toBe("mine");
});

test("the lock of a dead process of this machine is taken over without waiting", async () => {
  const path = join(tempFolder(), "a.lock");
  const { pid } = spawnSync(process.execPath, ["--version"]);
  await writeFile(path, JSON.stringify({ pid, host: hostname(), token: "old" }));
  const onWait = () => expect.unreachable("the lock's holder is dead");
  expect(await withLock(path, { onWait }, async () => "mine")).toBe("mine");
});

test("only one holder at a time has a lock, however many want it after a dead one", async () => {
  const folder = tempFolder();
  const path = join(folder, "a.lock");
  await writeFile(path, JSON.stringify({ pid: 1, host: "elsewhere", token: "old" }));
  await utimes(path, 0, 0);
  let holders = 0;
  const work = async () => {
    holders += 1;
    expect(holders).toBe(1);
    await new Promise((resolve) => setImmediate(resolve));
    holders -= 1;
  };
  await Promise.all(Array.from({ length: 8 }, () => withLock(path, {}, work)));
  expect(await filesIn(folder)).toEqual([]);
});
