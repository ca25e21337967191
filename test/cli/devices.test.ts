import { existsSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { cacheFolder } from "../../src/platform/node/cache_folder.ts";
import { TestFolder } from "./files.ts";
import { baton } from "./test_io.ts";

const cache = new TestFolder().path;

beforeAll(() => {
  const drivers = join(cacheFolder(), "swiftshader");
  if (existsSync(drivers)) symlinkSync(drivers, join(cache, "swiftshader"));
  vi.stubEnv("BATON_CACHE", cache);
});

afterAll(() => {
  vi.unstubAllEnvs();
});

const isSoftware = ({ software }: { readonly software: boolean }) => software;

test("devices measures nothing unless asked", async () => {
  const { out, errors } = await baton(["devices", "--json"]);
  expect(errors).not.toContain("measuring");
  for (const { rates } of JSON.parse(out).adapters) expect(rates).toBeNull();
});

test("devices --measure measures every adapter, and what it found stays", async () => {
  const { status, out, errors } = await baton(["devices", "--measure"]);
  expect(status).toBe(0);
  expect(errors).toMatch(/measuring: (\d+) of \1 samples/);
  expect(out).toMatch(/^ {2}measured +prefill [\d.]+ G multiply-adds\/s, decode [\d.]+ GB\/s$/m);
  const { devices, adapters } = JSON.parse((await baton(["devices", "--json"])).out);
  for (const { rates } of adapters) expect(rates.macsPerSecond).toBeGreaterThan(0);
  if (!adapters.every(isSoftware)) return;
  expect(devices).toEqual([{ adapter: adapters[0].name, role: "both" }]);
  expect(out.includes("By figures alone it would use")).toBe(adapters.length > 1);
});
