import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { EnergyCounters } from "../../bench/energy_counters.ts";

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "baton-energy-"));
});

afterEach(() => rm(folder, { recursive: true }));

const nowhere = () => join(folder, "none");

/** As Linux shows a processor's counters. */
async function zone(id: string, name: string, microjoules: number, range = 1_000_000_000): Promise<void> {
  await mkdir(join(folder, id), { recursive: true });
  await writeFile(join(folder, id, "name"), `${name}\n`);
  await writeFile(join(folder, id, "energy_uj"), `${microjoules}\n`);
  await writeFile(join(folder, id, "max_energy_range_uj"), `${range}\n`);
}

test("a machine that shows no counters has none", async () => {
  expect(await EnergyCounters.open({ powercap: nowhere(), nvidiaSmi: nowhere() })).toBeUndefined();
});

test("packages are counted, also over the end of their range; their parts and the whole platform are not", async () => {
  await zone("intel-rapl:0", "package-0", 999_000_000);
  await zone("intel-rapl:1", "psys", 5);
  await zone("intel-rapl:0:0", "core", 5);
  const counters = await EnergyCounters.open({ powercap: folder, nvidiaSmi: nowhere() });
  expect(await counters?.read()).toEqual({ "package-0": 0 });
  await zone("intel-rapl:0", "package-0", 999_500_000);
  expect(await counters?.read()).toEqual({ "package-0": 0.5 });
  await zone("intel-rapl:0", "package-0", 1_500_000);
  expect(await counters?.read()).toEqual({ "package-0": 2.5 });
  counters?.close();
});

test("what cannot be read is left out", async () => {
  await zone("intel-rapl:0", "package-0", 1);
  await writeFile(join(folder, "intel-rapl:0", "energy_uj"), "no number");
  expect(await EnergyCounters.open({ powercap: folder, nvidiaSmi: nowhere() })).toBeUndefined();
});

test("what cards draw is summed over time", async () => {
  const program = join(folder, "smi");
  await writeFile(program, '#!/bin/sh\nwhile true; do echo "0, 100.00"; echo "1, [N/A]"; sleep 0.05; done\n');
  await chmod(program, 0o755);
  const counters = await EnergyCounters.open({ powercap: nowhere(), nvidiaSmi: program });
  const beganMs = performance.now();
  await new Promise((resolve) => setTimeout(resolve, 500));
  const joules = await counters?.read();
  const seconds = (performance.now() - beganMs) / 1000;
  counters?.close();
  expect(Object.keys(joules ?? {})).toEqual(["gpu-0"]);
  expect(joules?.["gpu-0"]).toBeGreaterThan(0);
  // From the first line on, which is before it was open.
  expect(joules?.["gpu-0"]).toBeLessThan(100 * (seconds + 0.2));
});

test("a program that says nothing is waited for some seconds and ended", async () => {
  const program = join(folder, "smi");
  await writeFile(program, `#!/bin/sh\necho $$ > ${join(folder, "pid")}\nexec sleep 1000\n`);
  await chmod(program, 0o755);
  expect(await EnergyCounters.open({ powercap: nowhere(), nvidiaSmi: program })).toBeUndefined();
  const pid = Number(await readFile(join(folder, "pid"), "utf8"));
  await expect.poll(() => isRunning(pid), { timeout: 5000 }).toBe(false);
}, 20_000);

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

test("a program that knows no card is no counter", async () => {
  const program = join(folder, "smi");
  await writeFile(program, "#!/bin/sh\necho no devices were found\n");
  await chmod(program, 0o755);
  expect(await EnergyCounters.open({ powercap: nowhere(), nvidiaSmi: program })).toBeUndefined();
});
