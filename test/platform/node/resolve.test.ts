import { existsSync } from "node:fs";
import { chmod, mkdir, symlink, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { catalogue } from "../../../src/loader/sources/catalogue.ts";
import { createNodePlatform } from "../../../src/platform/node/node_platform.ts";
import { expectBytes, filesIn, serve, someBytes, tempFolder } from "./fixtures.ts";

const content = someBytes();
const hasty = { answerMs: 5_000, stallMs: 5_000, retryMs: 1, attempts: 1 };

function platformIn(folder: string) {
  return createNodePlatform({ cacheFolder: folder, env: {}, patience: hasty });
}

test("a path is read from where it is: absolute, relative, or as a file: URL", async () => {
  const folder = tempFolder();
  const path = join(folder, "some model.gguf");
  await writeFile(path, content);
  const platform = platformIn(join(folder, "cache"));
  for (const model of [path, relative(process.cwd(), path), pathToFileURL(path), pathToFileURL(path).href]) {
    const source = await platform.resolveModel(model, {});
    expect([source.name, source.bytes]).toEqual([path, content.length]);
    await expectBytes(source, content);
  }
  expect(await filesIn(folder)).toEqual(["some model.gguf"]);
});

test("a tilde is the home folder", async () => {
  await expect(platformIn(tempFolder()).resolveModel("~/no/such.gguf", {})).rejects.toMatchObject({
    code: "file-not-found",
    message: expect.not.stringContaining("~"),
  });
});

test("a stream of a file can be left early", async () => {
  const path = join(tempFolder(), "a.gguf");
  await writeFile(path, content);
  const source = await platformIn(tempFolder()).resolveModel(path, {});
  for await (const piece of await source.stream()) {
    expect(piece).toHaveLength(262_144);
    break;
  }
  await expectBytes(source, content);
});

test("what is no name and no path is unknown, and the names are listed", async () => {
  await expect(platformIn(tempFolder()).resolveModel("smollm", {})).rejects.toMatchObject({
    code: "unknown-model",
    message: expect.stringContaining(catalogue.default),
  });
});

test.each(["missing.gguf", "./missing", "/no/such/folder/model", "file:///no/such.gguf"])(
  "what looks like a path and is not there is not found: %s",
  async (model) => {
    const found = platformIn(tempFolder()).resolveModel(model, {});
    await expect(found).rejects.toMatchObject({ code: "file-not-found" });
  },
);

test("a folder is no model", async () => {
  const folder = tempFolder();
  await expect(platformIn(folder).resolveModel(folder, {})).rejects.toMatchObject({
    code: "file-unreadable",
  });
});

test("a file without permission says so before it is opened to load", async (context) => {
  context.skip(process.getuid?.() === 0, "root may read everything");
  const path = join(tempFolder(), "secret.gguf");
  await writeFile(path, content);
  await chmod(path, 0);
  const found = platformIn(tempFolder()).resolveModel(path, {});
  await expect(found).rejects.toMatchObject({
    code: "file-unreadable",
    message: expect.stringMatching(/EACCES/),
  });
});

test("a URL that is no URL of a file is refused", async () => {
  const platform = platformIn(tempFolder());
  for (const model of [new URL("ftp://example.org/a.gguf"), "http://"]) {
    await expect(platform.resolveModel(model, {})).rejects.toMatchObject({ code: "invalid-option" });
  }
});

test("a URL is downloaded once, and asked about at each start", async () => {
  const server = await serve(content);
  const folder = tempFolder();
  const url = `${server.url}/some/model.gguf?download=true`;
  await expectBytes(await platformIn(folder).resolveModel(url, {}), content);
  await expectBytes(await platformIn(folder).resolveModel(url, {}), content);
  expect(server.answered.map(({ status, sent }) => [status, sent])).toEqual([
    [200, content.length],
    [304, 0],
  ]);
  expect(await filesIn(folder)).toEqual([
    expect.stringMatching(/^urls\/[0-9a-f]{16}-model\.gguf$/),
    expect.stringMatching(/^urls\/[0-9a-f]{16}-model\.gguf\.json$/),
  ]);
});

test("a URL whose file has changed is downloaded again", async () => {
  const server = await serve(content);
  const platform = platformIn(tempFolder());
  await platform.resolveModel(`${server.url}/model.gguf`, {});
  const other = someBytes(2);
  server.content = other;
  server.etag = '"v2"';
  await expectBytes(await platform.resolveModel(`${server.url}/model.gguf`, {}), other);
});

test("a URL whose server is gone is served from the cache", async () => {
  const server = await serve(content);
  const platform = platformIn(tempFolder());
  const url = `${server.url}/model.gguf`;
  await platform.resolveModel(url, {});
  await server.stop();
  const labels: string[] = [];
  const source = await platform.resolveModel(url, { onProgress: ({ label }) => labels.push(label) });
  await expectBytes(source, content);
  expect(labels).toEqual([expect.stringMatching(/cannot be reached; its cached file is used$/)]);
});

test("an interrupted URL is resumed when the server names the version, and begun again when it does not", async () => {
  for (const [etag, status] of [
    ['"v1"', 206],
    [undefined, 200],
  ] as const) {
    const server = await serve(content);
    server.etag = etag;
    server.faults.push({ kind: "cut", after: 300_000 });
    await expectBytes(await platformIn(tempFolder()).resolveModel(`${server.url}/m.gguf`, {}), content);
    expect(server.downloads.map((answer) => answer.status)).toEqual([200, status]);
  }
});

test("an error names a URL without its credentials and query", async () => {
  const server = await serve(content);
  server.faults.push({ kind: "status", status: 403 });
  const url = `${server.url}/model.gguf?signature=secret`;
  await expect(platformIn(tempFolder()).resolveModel(url, {})).rejects.toMatchObject({
    code: "download-failed",
    message: `${server.url}/model.gguf cannot be fetched: the server does not allow it (HTTP 403).`,
  });
});

test.runIf(existsSync("/dev/full"))(
  "a full disk on the way is said so, and gives its room back",
  async () => {
    const server = await serve(content);
    const folder = tempFolder();
    const stop = new AbortController();
    const url = `${server.url}/m.gguf`;
    server.faults.push({ kind: "stall", after: 1 });
    const onProgress = ({ done }: { done: number }) => done > 0 && stop.abort();
    await expect(platformIn(folder).resolveModel(url, { signal: stop.signal, onProgress })).rejects.toThrow();
    const [partial = ""] = await filesIn(folder);
    const full = tempFolder();
    await mkdir(join(full, "urls"));
    await symlink("/dev/full", join(full, partial));
    await expect(platformIn(full).resolveModel(url, {})).rejects.toMatchObject({ code: "disk-full" });
    expect(await filesIn(full)).toEqual([]);
  },
);

test("a cache folder that cannot be made is said so", async () => {
  const server = await serve(content);
  const file = join(tempFolder(), "a file");
  await writeFile(file, "");
  const failed = platformIn(join(file, "cache")).resolveModel(`${server.url}/m.gguf`, {});
  await expect(failed).rejects.toMatchObject({
    code: "cache-unwritable",
    message: expect.stringMatching(/BATON_CACHE/),
  });
});
