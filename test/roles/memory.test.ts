import { expect, test } from "vitest";
import type { AdapterSummary } from "../../src/platform/platform.ts";
import { noSettings } from "../../src/platform/settings.ts";
import { recallRates, rememberRates } from "../../src/roles/memory.ts";
import { settingsInMemory } from "../harness/settings_in_memory.ts";

const adapter: AdapterSummary = { name: "GPU", vendor: "v", architecture: "a", driver: "1", software: false };
const rates = { macsPerSecond: 2e9, bytesPerSecond: 3e9 };
const implementation = "dawn 1";

test("rates are there again for the same adapter, driver and implementation, and for no other", async () => {
  const memory = { settings: settingsInMemory(), implementation };
  expect(await rememberRates(adapter, rates, memory)).toBe(true);
  expect(await recallRates(adapter, memory)).toEqual(rates);
  expect(await recallRates({ ...adapter, driver: "2" }, memory)).toBeUndefined();
  expect(await recallRates({ ...adapter, name: "Other" }, memory)).toBeUndefined();
  expect(await recallRates(adapter, { ...memory, implementation: "dawn 2" })).toBeUndefined();
});

test("a newer driver's rates take the place of the older one's", async () => {
  const memory = { settings: settingsInMemory(), implementation };
  await rememberRates(adapter, rates, memory);
  await rememberRates({ ...adapter, driver: "2" }, rates, memory);
  expect(memory.settings.notes.size).toBe(1);
});

test("a damaged note is as good as none, and where nothing is kept nothing is found", async () => {
  const memory = { settings: settingsInMemory(), implementation };
  await rememberRates(adapter, rates, memory);
  const [name = ""] = memory.settings.notes.keys();
  const note = JSON.parse(memory.settings.notes.get(name) ?? "");
  const damaged = [
    null,
    7,
    {},
    { ...note, rates: null },
    { ...note, rates: { ...rates, bytesPerSecond: 0 } },
  ];
  for (const value of damaged) {
    await memory.settings.write(name, value as object);
    expect(await recallRates(adapter, memory)).toBeUndefined();
  }
  const nowhere = { settings: noSettings, implementation };
  expect(await rememberRates(adapter, rates, nowhere)).toBe(false);
  expect(await recallRates(adapter, nowhere)).toBeUndefined();
});
