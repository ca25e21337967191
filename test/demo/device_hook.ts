import type { Page, Worker } from "playwright-core";

/** The GPU devices of a page's runtime, in the hands of a test: it runs before the script of the runtime's worker. */

interface Hook {
  /** Those that are not lost, in the order in which they were opened. */
  devices: GPUDevice[];
  /** No device is given any more. */
  refuses: boolean;
}

declare const testedDevices: Hook;

/** It becomes text, and sees nothing of this file. */
function install(): void {
  const hook: Hook = { devices: [], refuses: false };
  const { requestDevice } = GPUAdapter.prototype;
  GPUAdapter.prototype.requestDevice = async function (descriptor) {
    if (hook.refuses) throw new Error("The test gives no device.");
    const device = await requestDevice.call(this, descriptor);
    hook.devices.push(device);
    void device.lost.then(() => {
      hook.devices = hook.devices.filter((one) => one !== device);
    });
    return device;
  };
  Object.assign(globalThis, { testedDevices: hook });
}

export const deviceHook = `(${install})();`;

/** Of the runtime that is loaded: there is one at a time. */
function runtimeOf(page: Page): Worker {
  const [worker, ...others] = page.workers().filter((one) => /\/worker-[^/]*\.js$/.test(one.url()));
  if (worker === undefined || others.length > 0) throw new Error("The page has not one runtime.");
  return worker;
}

export function deviceCount(page: Page): Promise<number> {
  return runtimeOf(page).evaluate(() => testedDevices.devices.length);
}

/** Destroys the device that was opened as number `index` of those that are not lost. None is given in its place until `giveDevices`. */
export function destroyDevice(page: Page, index: number): Promise<void> {
  return runtimeOf(page).evaluate((at) => {
    testedDevices.refuses = true;
    testedDevices.devices[at]?.destroy();
  }, index);
}

export function giveDevices(page: Page): Promise<void> {
  return runtimeOf(page).evaluate(() => {
    testedDevices.refuses = false;
  });
}
