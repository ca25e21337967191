import { existsSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { runCli } from "../../src/cli/cli.ts";
import { cacheFolder } from "../../src/platform/node/cache_folder.ts";
import { TestFolder } from "./files.ts";
import { baton, TestIo } from "./test_io.ts";

/** `baton tune` from beginning to end, with a cache folder of its own that has no more in it than the drivers. */

const folder = new TestFolder();
const model = folder.model("tiny-noise.gguf");
const cache = mkdtempSync(join(tmpdir(), "baton-tune-"));
const settings = join(cache, "settings");
const MODEL = ["--model", model, "--kv-mib", "2"];

beforeAll(() => {
  const drivers = join(cacheFolder(), "swiftshader");
  if (existsSync(drivers)) symlinkSync(drivers, join(cache, "swiftshader"));
  vi.stubEnv("BATON_CACHE", cache);
});

afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(cache, { recursive: true, force: true });
});

test("nothing was tuned before: devices --kernels says the defaults and how to tune", async () => {
  const { status, out } = await baton(["devices", "--kernels"]);
  expect(status).toBe(0);
  expect(out).toMatch(/^ {2}kernels +class (eightLanes|fourLanes|gpu)$/m);
  expect(out).toMatch(/more tokens +lanes \d/);
  expect(out).toContain("Nothing was tuned here: `baton tune` does.");
});

test("exact has nothing to tune, and says so before anything is loaded", async () => {
  const { status, out, errors } = await baton(["tune", "--model", "no-such-model", "--precision", "exact"]);
  expect({ status, out }).toEqual({ status: 1, out: "" });
  expect(errors).toMatch(/^error \(invalid-option\): In precision "exact" .* nothing to tune\..*\n$/);
});

test.each(["0", "-1", "x"])("a budget of %s seconds is refused", async (seconds) => {
  const { status, errors } = await baton(["tune", ...MODEL, "--budget-s", seconds]);
  expect(status).toBe(1);
  expect(errors).toMatch(/^error \(invalid-option\): .*--budget-s/m);
});

test("tune measures under a bar, says what it chose and by how much, and remembers it", async () => {
  const io = new TestIo({ terminal: true });
  expect(await runCli(["tune", ...MODEL, "--budget-s", "2"], io)).toBe(0);
  await new Promise(setImmediate);
  const { out, errors } = io;
  expect(errors).toMatch(/tuning +[█░]+ \d+ of \d+ candidates/);
  expect(out).toMatch(/^tiny-noise on .*, precision default: \d+ of \d+ choices are not the default \(/);
  expect(out).toContain("product");
  expect(out).toMatch(/^q\d \w+ \d+x\d+ +up to 1 +lanes/m);
  expect(out).toContain("Remembered");
  expect(readdirSync(settings)).toHaveLength(1);
});

test("tuning again goes on, and --json prints the whole result", async () => {
  const { status, out, errors } = await baton(["tune", ...MODEL, "--budget-s", "2", "--json", "--quiet"]);
  expect({ status, errors }).toEqual({ status: 0, errors: "" });
  const { identity, choices, remembered, budgetMs } = JSON.parse(out);
  expect(identity.code).toMatch(/^[0-9a-f]{64}$/);
  expect(identity.implementation).toContain("webgpu");
  expect({ remembered, budgetMs }).toEqual({ remembered: true, budgetMs: 2000 });
  for (const { ratio, candidates, chosen, default: standard } of choices) {
    expect(candidates.length).toBeGreaterThan(1);
    if (ratio === 1) expect(chosen).toEqual(standard);
  }
  expect(readdirSync(settings)).toHaveLength(1);
});

test("devices --kernels shows what was chosen, for people and for machines", async () => {
  const { out } = await baton(["devices", "--kernels"]);
  expect(out).toMatch(/^ {2}tiny-noise on /m);
  expect(out).not.toContain("Not used any more");
  const { adapters } = JSON.parse((await baton(["devices", "--kernels", "--json"])).out);
  const tunings = adapters.flatMap(({ kernels }: { kernels: { tunings: object[] } }) => kernels.tunings);
  expect(tunings).toEqual([expect.objectContaining({ model: "tiny-noise", current: true })]);
});

test("what was found with other code is shown as not used any more", async () => {
  const [name = ""] = readdirSync(settings);
  const { out: json } = await baton(["devices", "--kernels", "--json"]);
  const [tuning] = JSON.parse(json).adapters.flatMap(
    ({ kernels }: { kernels: { tunings: { identity: object }[] } }) => kernels.tunings,
  );
  const other = { ...tuning, identity: { ...tuning.identity, code: "0".repeat(64) } };
  writeFileSync(join(settings, name), JSON.stringify(other));
  expect((await baton(["devices", "--kernels"])).out).toContain("Not used any more");
});

test("a damaged note is no obstacle", async () => {
  const [name = ""] = readdirSync(settings);
  writeFileSync(join(settings, name), '{"identity": 7');
  expect((await baton(["devices", "--kernels"])).out).toContain("Nothing was tuned here");
  const run = ["run", ...MODEL, "--max-tokens", "2", "--quiet", "Hello"];
  expect(await baton(run)).toMatchObject({ status: 0, errors: "" });
});
