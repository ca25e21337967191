import { spawnSync } from "node:child_process";
import { expect, onTestFinished, test } from "vitest";
import { createNodePlatform } from "../../../src/platform/node/node_platform.ts";
import { catalogueOf, filesIn, serve, someBytes, tempFolder } from "./fixtures.ts";

const content = someBytes();

/** A real file system of 256 KiB; undefined where this process may not mount one. */
function smallDisk(): string | undefined {
  const folder = tempFolder();
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=256k", "tmpfs", folder]);
  if (mounted.status !== 0) return undefined;
  onTestFinished(() => void spawnSync("umount", [folder]));
  return folder;
}

test("a disk that is too small is refused before anything is downloaded, with both sizes", async ({
  skip,
}) => {
  const folder = smallDisk();
  if (!folder) return skip("mounting a small disk needs root");
  const server = await serve(content);
  const catalogue = catalogueOf(content, [{ kind: "url", url: `${server.url}/tiny.gguf` }]);
  const platform = createNodePlatform({ cacheFolder: folder, env: {}, catalogue });
  const failed = platform.resolveModel("tiny", {});
  await expect(failed).rejects.toMatchObject({ code: "disk-full", fields: { neededBytes: 1_000_000 } });
  expect(await filesIn(folder)).toEqual([]);
});

test("a disk that fills up on the way is said so, and is left as it was", async ({ skip }) => {
  const folder = smallDisk();
  if (!folder) return skip("mounting a small disk needs root");
  const server = await serve(content);
  server.lengths = false; // how much room it needs, nobody knows
  const platform = createNodePlatform({ cacheFolder: folder, env: {} });
  await expect(platform.resolveModel(`${server.url}/m.gguf`, {})).rejects.toMatchObject({
    code: "disk-full",
  });
  expect(await filesIn(folder)).toEqual([]);
});
