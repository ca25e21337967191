import { create } from "webgpu";

/**
 * Prints the WebGPU adapters of this machine as JSON: `[{"name", "software"}]`. A process of its own, since a broken driver can
 * take its process along.
 */
const listing = await create(["adapter=(none: list them)"])
  .requestAdapter()
  .then(() => "", String);
const names = new Set([...listing.matchAll(/name: '(.*)'/g)].map(([, name = ""]) => name));
const adapters = [];
for (const name of names) {
  const instance = create([`adapter=${name}`]);
  const adapter = await instance.requestAdapter();
  const device = await adapter?.requestDevice();
  if (!adapter || !device) continue;
  const software = adapter.info.isFallbackAdapter || /llvmpipe|swiftshader|basic render/i.test(name);
  adapters.push({ name, software });
  device.destroy();
}
console.log(JSON.stringify(adapters));
