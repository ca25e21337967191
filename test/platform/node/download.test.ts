import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createNodePlatform } from "../../../src/platform/node/node_platform.ts";
import type { Progress } from "../../../src/protocol/progress.ts";
import type { Answered, FileServer } from "../file_server.ts";
import {
  catalogueOf,
  expectBytes,
  filesIn,
  hubSource,
  serve,
  sha256,
  someBytes,
  tempFolder,
} from "./fixtures.ts";

const content = someBytes();
const hasty = { answerMs: 5_000, stallMs: 60_000, retryMs: 1, attempts: 2 };
const CACHED = ["models/tiny.gguf", "models/tiny.gguf.json"];

/** A platform whose one model, "tiny", comes from `server` as a plain URL. */
function tinyFrom(server: FileServer, patience = hasty) {
  const folder = tempFolder();
  const catalogue = catalogueOf(content, [{ kind: "url", url: `${server.url}/tiny.gguf` }]);
  const platform = createNodePlatform({ cacheFolder: folder, env: {}, catalogue, patience });
  return { platform, folder, file: join(folder, "models/tiny.gguf") };
}

/** First byte that was asked for. */
function beginning({ range }: Answered): number {
  return Number(/^bytes=(\d+)-/.exec(range ?? "")?.[1] ?? 0);
}

function within(value: number | undefined, low: number, high: number): boolean {
  return value !== undefined && value >= low && value <= high;
}

test("a download lands whole, under its name, with growing counts of bytes on the way", async () => {
  const server = await serve(content);
  const { platform, folder } = tinyFrom(server);
  const seen: Progress[] = [];
  const source = await platform.resolveModel("tiny", { onProgress: (progress) => seen.push(progress) });
  await expectBytes(source, content);
  expect(source.bytes).toBe(content.length);
  expect(await filesIn(folder)).toEqual(CACHED);
  for (const phase of ["download", "verify"]) {
    const counts = seen.filter((progress) => progress.phase === phase).map(({ done }) => done);
    expect(counts).toEqual(counts.toSorted((a, b) => a - b));
    expect(counts.at(-1)).toBe(content.length);
  }
});

test("a cached file is used as it is: no request, no hashing", async () => {
  const server = await serve(content);
  const { platform } = tinyFrom(server);
  await platform.resolveModel("tiny", {});
  await server.stop();
  const seen: Progress[] = [];
  const source = await platform.resolveModel("tiny", { onProgress: (progress) => seen.push(progress) });
  await expectBytes(source, content);
  expect(seen).toEqual([]);
});

test("a cached file that was cut short or altered is noticed and fetched again", async () => {
  const server = await serve(content);
  const { platform, file } = tinyFrom(server);
  for (const damaged of [content.subarray(0, 1000), content.with(10, 0).with(11, 0).with(12, 0)]) {
    await platform.resolveModel("tiny", {});
    await writeFile(file, damaged);
    await expectBytes(await platform.resolveModel("tiny", {}), content);
  }
  expect(server.downloads).toHaveLength(3);
});

test("the right file put into the cache by hand is taken without a request", async () => {
  const server = await serve(content);
  const { platform, folder, file } = tinyFrom(server);
  await platform.resolveModel("tiny", {});
  await rm(`${file}.json`);
  await expectBytes(await platform.resolveModel("tiny", {}), content);
  expect(server.downloads).toHaveLength(1);
  expect(await filesIn(folder)).toEqual(CACHED);
});

test("a connection that breaks is taken up where it broke", async () => {
  const server = await serve(content);
  server.faults.push({ kind: "cut", after: 300_000 }, { kind: "cut", after: 300_000 });
  const { platform } = tinyFrom(server);
  await expectBytes(await platform.resolveModel("tiny", {}), content);
  expect(server.downloads.map(({ status }) => status)).toEqual([200, 206, 206]);
  // A broken connection loses what was on its way: the next one begins at or before the break.
  const [first, second, third] = server.downloads.map(beginning);
  expect(first).toBe(0);
  expect(within(second, 1, 300_000) && within(third, (second ?? 0) + 1, 600_000)).toBe(true);
  expect(server.downloads[2]?.sent).toBe(content.length - (third ?? 0));
});

test("an aborted download stops at once, keeps its part, and is resumed by the next start", async () => {
  const server = await serve(content);
  server.faults.push({ kind: "stall", after: 400_000 });
  const { platform, folder } = tinyFrom(server);
  const stop = new AbortController();
  const onProgress = ({ done }: Progress) => done === 400_000 && stop.abort();
  const stopped = platform.resolveModel("tiny", { signal: stop.signal, onProgress });
  await expect(stopped).rejects.toMatchObject({ name: "AbortError" });
  expect(await filesIn(folder)).toEqual(["models/tiny.gguf.partial", "models/tiny.gguf.partial.json"]);
  await expectBytes(await platform.resolveModel("tiny", {}), content);
  expect(server.downloads[1]).toMatchObject({ range: "bytes=400000-", ifRange: '"v1"', sent: 600_000 });
  expect(await filesIn(folder)).toEqual(CACHED);
});

test("an abort between two attempts ends the download with the signal's reason", async () => {
  const server = await serve(content);
  server.faults.push({ kind: "status", status: 503 });
  const stop = new AbortController();
  const reason = new Error("no longer wanted");
  const patience = {
    ...hasty,
    /** Read when the wait begins. */
    get retryMs() {
      setImmediate(() => stop.abort(reason));
      return 3_600_000;
    },
  };
  const platform = createNodePlatform({ cacheFolder: tempFolder(), env: {}, patience });
  const stopped = platform.resolveModel(`${server.url}/tiny.gguf`, { signal: stop.signal });
  await expect(stopped).rejects.toBe(reason);
  expect(server.downloads).toHaveLength(1);
});

test("a part of another version of the file is not continued", async () => {
  const server = await serve(content);
  server.faults.push({ kind: "cut", after: 400_000 }, { kind: "status", status: 404 });
  const { platform, file } = tinyFrom(server);
  await expect(platform.resolveModel("tiny", {})).rejects.toMatchObject({ code: "download-failed" });
  await writeFile(`${file}.partial`, someBytes(2, 400_000));
  server.etag = '"v2"';
  await expectBytes(await platform.resolveModel("tiny", {}), content);
  expect(server.downloads[2]).toMatchObject({ range: "bytes=400000-", status: 200, sent: content.length });
});

test("a resumed download with a wrong beginning is fetched once more from the start", async () => {
  const server = await serve(content);
  server.faults.push({ kind: "cut", after: 400_000 }, { kind: "status", status: 404 });
  const { platform, file } = tinyFrom(server);
  await expect(platform.resolveModel("tiny", {})).rejects.toMatchObject({ code: "download-failed" });
  await writeFile(`${file}.partial`, someBytes(2, 400_000));
  await expectBytes(await platform.resolveModel("tiny", {}), content);
  expect(server.downloads.map(({ status }) => status)).toEqual([200, 404, 206, 200]);
});

test("a server without ranges is asked for the whole file again", async () => {
  const server = await serve(content);
  server.ranges = false;
  server.faults.push({ kind: "cut", after: 300_000 });
  const { platform } = tinyFrom(server);
  await expectBytes(await platform.resolveModel("tiny", {}), content);
  expect(server.downloads.map(({ status }) => status)).toEqual([200, 200]);
});

test("a connection that stalls is given up and taken up again", async () => {
  const server = await serve(content);
  server.faults.push({ kind: "stall", after: 500_000 });
  const { platform } = tinyFrom(server, { ...hasty, stallMs: 100 });
  await expectBytes(await platform.resolveModel("tiny", {}), content);
  expect(server.downloads.length).toBeGreaterThan(1);
  expect(server.downloads.at(-1)?.status).toBe(206);
});

test("a server in trouble is asked once more, and then the error says what it answered", async () => {
  const server = await serve(content);
  server.faults.push({ kind: "status", status: 500 });
  const { platform } = tinyFrom(server);
  await expectBytes(await platform.resolveModel("tiny", {}), content);
  const other = tinyFrom(server);
  server.faults.push({ kind: "status", status: 503 }, { kind: "status", status: 503 });
  const failed = other.platform.resolveModel("tiny", {});
  await expect(failed).rejects.toMatchObject({
    code: "download-failed",
    message: expect.stringMatching(/HTTP 503/),
  });
});

test("a file that the server does not have is asked for once; the error says where to put it by hand", async () => {
  const server = await serve(content);
  server.faults.push({ kind: "status", status: 404 });
  const { platform, folder, file } = tinyFrom(server);
  const failed = platform.resolveModel("tiny", {});
  await expect(failed).rejects.toMatchObject({
    code: "download-failed",
    fields: { path: file, bytes: 1_000_000 },
  });
  await expect(failed).rejects.toThrow(/has no such file \(HTTP 404\).* Put the file \(1000000 bytes/);
  expect(server.downloads).toHaveLength(1);
  expect(await filesIn(folder)).toEqual([]);
});

test("a file of the right size with other bytes is refused, and nothing of it is kept", async () => {
  const server = await serve(someBytes(2));
  const { platform, folder } = tinyFrom(server);
  await expect(platform.resolveModel("tiny", {})).rejects.toMatchObject({ code: "wrong-checksum" });
  expect(await filesIn(folder)).toEqual([]);
});

test.each([
  ["announced", true, 900_000],
  ["announced", true, 1_100_000],
  ["found out at the end", false, 900_000],
  ["found out on the way", false, 1_100_000],
])(
  "a file of another size (%s: %s, %i bytes) is refused, and nothing of it is kept",
  async (_, lengths, size) => {
    const server = await serve(someBytes(1, size));
    server.lengths = lengths;
    const { platform, folder } = tinyFrom(server);
    const counts: number[] = [];
    const failed = platform.resolveModel("tiny", { onProgress: ({ done }) => counts.push(done) });
    await expect(failed).rejects.toMatchObject({ code: "wrong-size" });
    expect(await filesIn(folder)).toEqual([]);
    expect(server.downloads).toHaveLength(1);
    // An announced size is refused before a byte is taken.
    expect(counts.length === 0).toBe(lengths);
  },
);

test("a model comes from the hub at HF_ENDPOINT, by its repository, commit and path, and resumes there", async () => {
  const server = await serve(content);
  server.faults.push({ kind: "cut", after: 250_000 });
  const catalogue = catalogueOf(content, [hubSource]);
  const env = { HF_ENDPOINT: server.url };
  const platform = createNodePlatform({ cacheFolder: tempFolder(), env, catalogue, patience: hasty });
  await expectBytes(await platform.resolveModel("tiny", {}), content);
  expect(server.answered[0]?.path).toBe(`/some/repo/resolve/${"0".repeat(40)}/tiny.gguf`);
  expect(server.downloads.map(({ status }) => status)).toEqual([200, 206]);
});

test("a hub whose file has another size is refused before anything is downloaded", async () => {
  const server = await serve(someBytes(1, 900_000));
  const catalogue = catalogueOf(content, [hubSource]);
  const platform = createNodePlatform({ cacheFolder: tempFolder(), env: {}, hubUrl: server.url, catalogue });
  await expect(platform.resolveModel("tiny", {})).rejects.toMatchObject({ code: "wrong-size" });
  expect(server.downloads).toEqual([]);
});

test("a hub that refuses the connection is said in one line, and the next source serves", async () => {
  const gone = await serve(content);
  const hubUrl = gone.url;
  await gone.stop();
  const server = await serve(content);
  const catalogue = catalogueOf(content, [hubSource, { kind: "url", url: `${server.url}/tiny.gguf` }]);
  const platform = createNodePlatform({ cacheFolder: tempFolder(), env: {}, hubUrl, catalogue });
  const labels = new Set<string>();
  const source = await platform.resolveModel("tiny", { onProgress: ({ label }) => labels.add(label) });
  await expectBytes(source, content);
  expect([...labels].find((label) => label.endsWith("Trying the next source."))).toBe(
    "tiny.gguf of some/repo on the hub cannot be fetched: the server refuses the connection. Trying the next source.",
  );
});

test("a hub that accepts the connection and says nothing is given up", async () => {
  const { createServer } = await import("node:net");
  const silent = createServer(() => {}).listen(0, "127.0.0.1");
  await new Promise((resolve) => silent.once("listening", resolve));
  const address = silent.address();
  const hubUrl = `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`;
  const catalogue = catalogueOf(content, [hubSource]);
  const patience = { ...hasty, answerMs: 100 };
  const platform = createNodePlatform({ cacheFolder: tempFolder(), env: {}, hubUrl, catalogue, patience });
  await expect(platform.resolveModel("tiny", {})).rejects.toThrow(/does not answer within 0.1 s/);
  silent.close();
});

test("the file in the cache is byte for byte the server's", async () => {
  const server = await serve(content);
  const { platform, file } = tinyFrom(server);
  await platform.resolveModel("tiny", {});
  expect(sha256(await readFile(file))).toBe(sha256(content));
});
