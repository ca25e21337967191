import { expect, test } from "vitest";
import type { Progress } from "../../../src/index.ts";
import {
  type BrowserPlatformOptions,
  createBrowserPlatform,
} from "../../../src/platform/browser/browser_platform.ts";
import { modelStorage } from "../../../src/platform/browser/model_storage.ts";
import type { FileServer } from "../file_server.ts";
import { catalogueOf, expectBytes, hubSource, serve, someBytes } from "../node/fixtures.ts";
import { FakeOrigin } from "./fake_origin.ts";

/** Models as files of the origin, with the faults that a real browser does not show when asked to. */

const content = someBytes();
const patience = { answerMs: 5_000, stallMs: 5_000, retryMs: 1, attempts: 2 };

function platformFrom(server: FileServer, options: BrowserPlatformOptions = {}) {
  return createBrowserPlatform({
    hubUrl: server.url,
    catalogue: catalogueOf(content, [hubSource]),
    patience,
    ...options,
  });
}

/** Begins to load and stops after the first `bytes`, which stay. */
async function beginAndStop(server: FileServer, bytes: number, model = "tiny"): Promise<void> {
  const stop = new AbortController();
  server.faults.push({ kind: "stall", after: bytes });
  const onProgress = ({ done }: Progress) => {
    if (done >= bytes) stop.abort();
  };
  const loading = platformFrom(server).resolveModel(model, { signal: stop.signal, onProgress });
  await expect(loading).rejects.toMatchObject({ name: "AbortError" });
  server.release();
}

test("a model is kept, and the next start asks nobody for it", async () => {
  const origin = FakeOrigin.install();
  const server = await serve(content);
  const platform = platformFrom(server);
  await expectBytes(await platform.resolveModel("tiny", {}), content);
  await server.stop();
  const again = await platform.resolveModel("tiny", {});
  expect([again.name, again.bytes]).toEqual(["tiny", content.length]);
  await expectBytes(again, content);
  await expectBytes(again, content); // a device that is opened again reads it again
  expect(server.downloads).toHaveLength(1);
  expect(origin.persistAsked).toBe(1);
});

test("a large model is kept in parts", async () => {
  const origin = FakeOrigin.install();
  const large = someBytes(3, (32 << 20) + 5_000);
  const server = await serve(large);
  const platform = platformFrom(server, { catalogue: catalogueOf(large, [hubSource]) });
  await expectBytes(await platform.resolveModel("tiny", {}), large);
  const parts = Object.entries(origin.files).filter(([path]) => path.endsWith(".part"));
  expect(parts.map(([, bytes]) => bytes)).toEqual([32 << 20, 5_000]);
});

test("a connection that breaks is made again from where it broke", async () => {
  FakeOrigin.install();
  const server = await serve(content);
  server.faults.push({ kind: "cut", after: 300_000 }, { kind: "status", status: 503 });
  await expectBytes(await platformFrom(server).resolveModel("tiny", {}), content);
  expect(server.downloads.map(({ range }) => range)).toEqual([
    undefined,
    expect.stringMatching(/^bytes=[1-9]\d*-$/),
    expect.stringMatching(/^bytes=[1-9]\d*-$/),
  ]);
});

test("what an earlier start has left is continued, and hashed again", async () => {
  FakeOrigin.install();
  const server = await serve(content);
  await beginAndStop(server, 400_000);
  expect(await modelStorage().list()).toMatchObject([
    { name: "tiny", bytes: 400_000, totalBytes: content.length, whole: false },
  ]);
  const phases = new Set<string>();
  const onProgress = ({ phase }: Progress) => phases.add(phase);
  await expectBytes(await platformFrom(server).resolveModel("tiny", { onProgress }), content);
  expect(server.downloads.at(-1)).toMatchObject({ range: "bytes=400000-", status: 206, sent: 600_000 });
  expect([...phases]).toEqual(["verify", "download"]);
});

test("a server that continues nothing sends all of it", async () => {
  FakeOrigin.install();
  const server = await serve(content);
  await beginAndStop(server, 400_000);
  server.ranges = false;
  // The hub would not be asked without ranges.
  const catalogue = catalogueOf(content, [{ kind: "url", url: `${server.url}/tiny.gguf` }]);
  await expectBytes(await platformFrom(server, { catalogue }).resolveModel("tiny", {}), content);
  expect(server.downloads.at(-1)).toMatchObject({ range: "bytes=400000-", status: 200 });
});

test("a beginning of another file is found out at the end, and fetched again", async () => {
  FakeOrigin.install();
  const server = await serve(someBytes(2));
  await beginAndStop(server, 400_000);
  server.content = content;
  await expectBytes(await platformFrom(server).resolveModel("tiny", {}), content);
  expect(server.downloads.map(({ range }) => range)).toEqual([undefined, "bytes=400000-", undefined]);
});

test("a model that fails its check leaves nothing", async () => {
  const origin = FakeOrigin.install();
  const server = await serve(someBytes(2));
  const failed = platformFrom(server).resolveModel("tiny", {});
  await expect(failed).rejects.toMatchObject({ name: "ModelError", code: "wrong-checksum" });
  expect(origin.files).toEqual({});
});

test("a new version of a model takes the place of the old one once it is there", async () => {
  FakeOrigin.install();
  const server = await serve(content);
  await platformFrom(server).resolveModel("tiny", {});
  server.content = someBytes(2, 900_000);
  const newer = { catalogue: catalogueOf(server.content, [hubSource]) };
  await expectBytes(await platformFrom(server, newer).resolveModel("tiny", {}), server.content);
  expect(await modelStorage().list()).toMatchObject([{ name: "tiny", bytes: 900_000 }]);
});

test("two that want the same model at once fetch it once", async () => {
  FakeOrigin.install();
  const server = await serve(content);
  const labels = new Set<string>();
  const onProgress = ({ label }: Progress) => labels.add(label);
  const both = await Promise.all([1, 2].map(() => platformFrom(server).resolveModel("tiny", { onProgress })));
  for (const source of both) await expectBytes(source, content);
  expect(server.downloads).toHaveLength(1);
  expect([...labels].join()).toContain("waiting for another tab");
});

test("the page's own folder goes before the hub, and is passed over where it has no such file", async () => {
  FakeOrigin.install();
  const [hub, own] = [await serve(content), await serve(content)];
  await expectBytes(
    await platformFrom(hub, { modelsUrl: `${own.url}/files` }).resolveModel("tiny", {}),
    content,
  );
  expect([own.downloads.map(({ path }) => path), hub.answered]).toEqual([["/files/tiny.gguf"], []]);
  await modelStorage().clear();
  own.faults.push({ kind: "status", status: 404 });
  await expectBytes(await platformFrom(hub, { modelsUrl: own.url }).resolveModel("tiny", {}), content);
  expect(hub.downloads).toHaveLength(1);
});

test("the file behind a URL is kept, and asked for again only whether it is still the same", async () => {
  FakeOrigin.install();
  const server = await serve(content);
  const url = `${server.url}/some/model.gguf`;
  const counts: number[] = [];
  const platform = platformFrom(server);
  const load = () => platform.resolveModel(url, { onProgress: ({ done }) => counts.push(done) });
  await expectBytes(await load(), content);
  counts.length = 0;
  await expectBytes(await load(), content);
  expect(counts).toEqual([]);
  server.content = someBytes(2);
  server.etag = '"v2"';
  await expectBytes(await load(), server.content);
  await server.stop();
  await expectBytes(await load(), server.content);
  expect(await modelStorage().list()).toMatchObject([{ name: url, whole: true, totalBytes: content.length }]);
});

test("a URL's download goes on only in the version in which it began", async () => {
  FakeOrigin.install();
  const server = await serve(content);
  const url = `${server.url}/model.gguf`;
  await beginAndStop(server, 400_000, url);
  server.content = someBytes(2);
  server.etag = '"v2"';
  await expectBytes(await platformFrom(server).resolveModel(url, {}), server.content);
  const same = await serve(content);
  await beginAndStop(same, 400_000, `${same.url}/model.gguf`);
  await expectBytes(await platformFrom(same).resolveModel(`${same.url}/model.gguf`, {}), content);
  expect(same.downloads.at(-1)).toMatchObject({ range: "bytes=400000-", status: 206 });
});

test("without room nothing is fetched, or the model runs without being kept, as the caller says", async () => {
  const origin = FakeOrigin.install();
  origin.quota = 600_000;
  const server = await serve(content);
  const failed = platformFrom(server, { whenFull: "fail" }).resolveModel("tiny", {});
  await expect(failed).rejects.toMatchObject({
    name: "ModelError",
    code: "disk-full",
    fields: { neededBytes: content.length, freeBytes: 600_000 },
  });
  expect(server.downloads).toHaveLength(0);
  const kept = new Set<unknown>();
  const onProgress = (progress: Progress) => kept.add(progress.kept);
  await expectBytes(await platformFrom(server).resolveModel("tiny", { onProgress }), content);
  expect([...kept]).toEqual([false]);
  expect(origin.files).toEqual({});
});

test("a quota that ends while it is written is said as well, and leaves nothing", async () => {
  const origin = FakeOrigin.install();
  origin.quota = 1_500_000;
  origin.saidQuota = 10_000_000;
  const large = someBytes(1, 3_000_000);
  const server = await serve(large);
  const options = { catalogue: catalogueOf(large, [hubSource]) };
  const failed = platformFrom(server, { ...options, whenFull: "fail" }).resolveModel("tiny", {});
  await expect(failed).rejects.toMatchObject({ code: "disk-full" });
  expect(origin.files).toEqual({});
  await expectBytes(await platformFrom(server, options).resolveModel("tiny", {}), large);
  expect(origin.files).toEqual({});
});

test("storage that fails otherwise does not keep the model from being read", async () => {
  const origin = FakeOrigin.install();
  origin.nextWrite = new DOMException("a browser's own words", "InvalidStateError");
  const server = await serve(content);
  await expectBytes(await platformFrom(server).resolveModel("tiny", {}), content);
});

test("a part that was damaged is fetched again from there", async () => {
  const origin = FakeOrigin.install();
  const server = await serve(content);
  await platformFrom(server).resolveModel("tiny", {});
  const models = await origin.root.getDirectoryHandle("baton-models");
  for await (const [, entry] of models.entries()) {
    if (entry.kind === "directory") await entry.removeEntry("000000000000.part");
  }
  await expectBytes(await platformFrom(server).resolveModel("tiny", {}), content);
  expect(server.downloads).toHaveLength(2);
});

test("models are listed, removed one by one or all, and counted", async () => {
  FakeOrigin.install();
  const server = await serve(content);
  const storage = modelStorage();
  const url = `${server.url}/model.gguf`;
  for (const model of ["tiny", url]) await platformFrom(server).resolveModel(model, {});
  const names = async () => (await storage.list()).map(({ name }) => name).toSorted();
  expect(await names()).toEqual([url, "tiny"].toSorted());
  expect((await storage.usage()).usedBytes).toBeGreaterThan(2 * content.length);
  expect([await storage.remove(new URL(url)), await storage.remove(url)]).toEqual([true, false]);
  expect(await names()).toEqual(["tiny"]);
  await storage.clear();
  expect(await names()).toEqual([]);
  expect(await storage.usage()).toMatchObject({ usedBytes: 0, persisted: true });
});

test("a model that is being fetched is not removed", async () => {
  FakeOrigin.install();
  const server = await serve(content);
  server.faults.push({ kind: "stall", after: 400_000 });
  let onBytes = () => {};
  const begun = new Promise<void>((resolve) => {
    onBytes = resolve;
  });
  const onProgress = ({ done }: Progress) => {
    if (done > 0) onBytes();
  };
  const loading = platformFrom(server).resolveModel("tiny", { onProgress });
  await begun;
  await expect(modelStorage().remove("tiny")).rejects.toMatchObject({ code: "model-busy" });
  await expect(modelStorage().clear()).rejects.toMatchObject({ code: "model-busy" });
  server.release();
  await expectBytes(await loading, content);
});

test("where there are no files of the origin, nothing is listed", async () => {
  expect(await modelStorage().list()).toEqual([]);
  expect(await modelStorage().remove("tiny")).toBe(false);
  await modelStorage().clear();
  expect(await modelStorage().usage()).toEqual({ usedBytes: 0, quotaBytes: undefined, persisted: false });
});
