import { writeSync } from "node:fs";
import { create } from "webgpu";

/**
 * Prints each WebGPU adapter of this machine that gives a device as a line of JSON: `{"name", "software"}`. A process of its own,
 * since a broken driver can take its process along; the adapters before it are printed by then.
 */
const listing = await create(["adapter=(none: list them)"])
  .requestAdapter()
  .then(() => "", String);
const names = new Set([...listing.matchAll(/name: '(.*)'/g)].map(([, name = ""]) => name));
for (const name of names) {
  try {
    const instance = create([`adapter=${name}`]);
    const adapter = await instance.requestAdapter();
    const device = await adapter?.requestDevice();
    if (!adapter || !device) continue;
    const software = adapter.info.isFallbackAdapter || /llvmpipe|swiftshader|basic render/i.test(name);
    writeSync(1, `${JSON.stringify({ name, software })}\n`);
    device.destroy();
  } catch {
    // Whatever its driver lacks, the others are worth a try.
  }
}
