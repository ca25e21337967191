import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createNodePlatform } from "../../../src/platform/node/node_platform.ts";
import { fileSettings } from "../../../src/platform/node/settings.ts";
import { askSettings, expectedOfSettings } from "../settings_contract.ts";
import { filesIn, tempFolder } from "./fixtures.ts";

test("notes keep the contract", async () => {
  const folder = tempFolder();
  const { settings } = createNodePlatform({ cacheFolder: folder });
  expect(await settings.names()).toEqual([]);
  expect(await askSettings(settings)).toEqual(expectedOfSettings);
  // Nothing is left of what was written on the way.
  expect(await filesIn(folder)).toEqual(["a", "b", "c"].map((name) => `settings/contract-${name}.json`));
});

test("a note is there at the next start", async () => {
  const folder = tempFolder();
  await createNodePlatform({ cacheFolder: folder }).settings.write("note", { found: 1 });
  expect(await createNodePlatform({ cacheFolder: folder }).settings.read("note")).toEqual({ found: 1 });
});

test("a damaged note is as good as none, and other files are no notes", async () => {
  const folder = tempFolder();
  const settings = fileSettings(folder);
  for (const [file, text] of [
    ["cut.json", '{"found": [1, 2'],
    ["empty.json", ""],
    ["binary.json", "\u0000\u0001"],
    ["note.json.1234.partial", "{}"],
    ["other.txt", "{}"],
  ] as const)
    writeFileSync(join(folder, file), text);
  mkdirSync(join(folder, "folder.json"));
  for (const name of ["cut", "empty", "binary", "folder"]) expect(await settings.read(name)).toBeUndefined();
  expect((await settings.names()).toSorted()).toEqual(["binary", "cut", "empty", "folder"]);
  expect(await settings.write("cut", { whole: true })).toBe(true);
  expect(await settings.read("cut")).toEqual({ whole: true });
});

test("a folder that cannot be made or written keeps nothing, and says so without an error", async () => {
  const folder = tempFolder();
  writeFileSync(join(folder, "file"), "");
  const inAFile = fileSettings(join(folder, "file", "settings"));
  expect(await inAFile.write("note", {})).toBe(false);
  expect([await inAFile.read("note"), await inAFile.names()]).toEqual([undefined, []]);
  // A note whose place is taken by a folder cannot be replaced, and what was written on the way is gone.
  mkdirSync(join(folder, "taken.json"));
  const settings = fileSettings(folder);
  expect(await settings.write("taken", {})).toBe(false);
  expect(await filesIn(folder)).toEqual(["file"]);
});

test.skipIf(process.getuid?.() === 0)("a folder without permission keeps nothing", async () => {
  const folder = tempFolder();
  chmodSync(folder, 0o500);
  expect(await fileSettings(folder).write("note", {})).toBe(false);
  chmodSync(folder, 0o700);
});

test("the platform says which Dawn it has", () => {
  expect(createNodePlatform().implementation).toMatch(/^dawn, npm webgpu \d+\.\d+\.\d+/);
});
