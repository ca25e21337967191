import { describe, expect, type TestContext } from "vitest";
import { listAdapters, openAdapter } from "../../src/platform/node/gpu.ts";
import type { AdapterSummary, OpenAdapter } from "../../src/platform/platform.ts";

/**
 * Tests on the adapters at hand: the best one in quick runs, every one in full runs (`npm run test:full` sees to a second one).
 *
 *     describeOnEveryAdapter("rms_norm", (gpu) => {
 *       test("agrees with the reference", async (context) => {
 *         const device = await gpu.openDevice(context, { features: ["shader-f16"] });
 */

/** What a test asks of an adapter beyond WebGPU's defaults; a test whose needs are not met is skipped, and the skip says why. */
export interface AdapterNeeds {
  readonly features?: readonly GPUFeatureName[];
  readonly limits?: Readonly<Partial<Record<keyof GPUSupportedLimits, number>>>;
}

export interface TestGpu {
  readonly summary: AdapterSummary;
  /**
   * The test's own device, with the features and limits it needs. Around it stand error scopes: an error that the test does not
   * catch itself fails the test. Destroyed when the test ends.
   */
  openDevice(context: TestContext, needs?: AdapterNeeds): Promise<GPUDevice>;
  /** The adapter, for code that makes its own device; released when the test ends. */
  openAdapter(context: TestContext, needs?: AdapterNeeds): Promise<OpenAdapter>;
}

const ERROR_SCOPES: readonly GPUErrorFilter[] = ["validation", "out-of-memory", "internal"];

const summaries = await listAdapters();

/** True in `npm run test:full`. */
export const isFullRun = process.env.BATON_TEST_FULL === "1";

const wanted = process.env.BATON_ADAPTER?.toLowerCase() ?? "";
const found = summaries.filter(({ name }) => name.toLowerCase().includes(wanted));
const tested = isFullRun ? found : found.slice(0, 1);

/**
 * Whether tests on an adapter run the kernels of a GPU as well: everywhere but on llvmpipe, which takes ten minutes to compile them
 * all, where another adapter is tested too.
 */
export function runsGpuKernels({ name }: AdapterSummary): boolean {
  return tested.length < 2 || !name.startsWith("llvmpipe");
}

/** Runs `define` for the adapters at hand, each in its own `describe`. A machine without any fails. */
export function describeOnEveryAdapter(name: string, define: (gpu: TestGpu) => void): void {
  describeOn(tested, name, define);
}

/** Runs it for the adapter of quick runs in full ones too: of what does not differ between adapters. */
export function describeOnFirstAdapter(name: string, define: (gpu: TestGpu) => void): void {
  describeOn(tested.slice(0, 1), name, define);
}

function describeOn(adapters: readonly AdapterSummary[], name: string, define: (gpu: TestGpu) => void): void {
  if (found.length === 0) throw new Error("No WebGPU adapter for the tests: run `npm run setup`.");
  for (const summary of adapters) {
    describe(`${name} on ${summary.name}`, () => define(testGpu(summary)));
  }
}

/** Whether it is the adapter of quick runs. */
export function isFirst({ summary }: TestGpu): boolean {
  return summary.name === tested[0]?.name;
}

/** The other adapters at hand, in full runs. */
export function otherAdapters({ summary }: TestGpu): readonly TestGpu[] {
  return tested.filter(({ name }) => name !== summary.name).map(testGpu);
}

function testGpu(summary: AdapterSummary): TestGpu {
  const openChecked = async (context: TestContext, needs: AdapterNeeds = {}) => {
    const open = await openAdapter({ name: summary.name });
    context.onTestFinished(() => open.release());
    const missing = unmetNeeds(open.adapter, needs);
    if (missing.length > 0) context.skip(`${summary.name} lacks ${missing.join(", ")}`);
    return open;
  };
  const openDevice = async (context: TestContext, needs: AdapterNeeds = {}) => {
    const { adapter } = await openChecked(context, needs);
    const device = await adapter.requestDevice({
      requiredFeatures: [...(needs.features ?? [])],
      requiredLimits: { ...needs.limits },
    });
    watch(device, context);
    return device;
  };
  return { summary, openDevice, openAdapter: openChecked };
}

function unmetNeeds(adapter: GPUAdapter, needs: AdapterNeeds): string[] {
  const features = (needs.features ?? []).filter((feature) => !adapter.features.has(feature));
  const limits = Object.entries(needs.limits ?? {}).filter(([limit, value]) => {
    const offered = adapter.limits[limit as keyof GPUSupportedLimits];
    // The alignments are the limits for which less is better.
    return typeof offered !== "number" || (limit.endsWith("Alignment") ? offered > value : offered < value);
  });
  return [...features, ...limits.map(([limit, value]) => `${limit} ${value}`)];
}

/** Makes every GPU error of the test fail it. Runs before the adapter is released: hooks run last in, first out. */
function watch(device: GPUDevice, context: TestContext): void {
  const errors: string[] = [];
  let lost = "";
  device.addEventListener("uncapturederror", ({ error }) => errors.push(error.message));
  device.lost.then(({ reason }) => {
    lost = reason;
  });
  for (const scope of ERROR_SCOPES) device.pushErrorScope(scope);
  context.onTestFinished(async () => {
    if (lost) return;
    await device.queue.onSubmittedWorkDone();
    for (const _ of ERROR_SCOPES) {
      const error = await device.popErrorScope();
      if (error) errors.push(error.message);
    }
    expect(errors, "GPU errors during the test").toEqual([]);
  });
}
