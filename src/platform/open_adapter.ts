import type { AdapterSummary, OpenAdapter } from "./platform.ts";

/** An open adapter that knows the devices made of it, so that `release()` destroys them. */
export function openAdapterOf(
  adapter: GPUAdapter,
  summary: AdapterSummary,
  onDevice: (device: GPUDevice) => void = () => {},
): OpenAdapter {
  const devices: GPUDevice[] = [];
  const requestDevice = adapter.requestDevice.bind(adapter);
  const requestKnownDevice = async (descriptor?: GPUDeviceDescriptor) => {
    const device = await requestDevice(descriptor);
    devices.push(device);
    onDevice(device);
    return device;
  };
  Object.defineProperty(adapter, "requestDevice", { value: requestKnownDevice });
  return {
    summary,
    adapter,
    release: () => {
      for (const device of devices.splice(0)) device.destroy();
    },
  };
}
