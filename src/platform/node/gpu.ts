import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { DeviceError } from "../../errors.ts";
import { bestFirst, chooseOpen, summarizeAdapter } from "../gpu_choice.ts";
import { openAdapterOf } from "../open_adapter.ts";
import type { AdapterRequest, AdapterSummary, OpenAdapter } from "../platform.ts";
import { addCachedDriver } from "./gpu_drivers.ts";
import { restingWait } from "./resting_wait.ts";

/** Adapters in Node, by Dawn (npm `webgpu`). Each open adapter has a Dawn instance, and so a Vulkan instance, of its own. */

const ADVICE =
  "Install a Vulkan driver (on Debian or Ubuntu: mesa-vulkan-drivers, version 25 or newer), or run `npm run setup` in Baton's clone to fetch one.";
const NO_SUCH_ADAPTER = "(none: list them)";

type Create = (options: string[]) => GPU;

/** Adapters from best to worst: real GPUs before software ones. Empty when there is none. */
export async function listAdapters(): Promise<readonly AdapterSummary[]> {
  const adapters = await openAll(await loadDawn());
  return adapters.map(({ summary }) => summary);
}

/**
 * The adapter whose name contains `request.name`, else `BATON_ADAPTER`; the best one when neither is given.
 * @throws DeviceError `no-adapter`
 */
export async function openAdapter(request: AdapterRequest = {}): Promise<OpenAdapter> {
  const name = request.name ?? process.env.BATON_ADAPTER;
  const toggles = request.exactTimestamps ? ["disable-dawn-features=timestamp_quantization"] : [];
  const create = await loadDawn();
  const { sharers = 1 } = request;
  return withThreads(sharers, async () => chooseOpen(await openAll(create, toggles), name, ADVICE));
}

/** Mesa's llvmpipe reads how many threads it may have when an instance is opened, from the environment; a setting of the user's stays. */
async function withThreads<T>(sharers: number, open: () => Promise<T>): Promise<T> {
  if (sharers === 1 || process.env.LP_NUM_THREADS !== undefined) return open();
  process.env.LP_NUM_THREADS = String(Math.max(1, Math.floor(availableParallelism() / sharers)));
  try {
    return await open();
  } finally {
    delete process.env.LP_NUM_THREADS;
  }
}

/** Of the npm package, which holds one build of Dawn; "unknown" where the package is missing. */
export function dawnVersion(): string {
  try {
    const { version }: { readonly version: string } = createRequire(import.meta.url)("webgpu/package.json");
    return version;
  } catch {
    return "unknown";
  }
}

async function loadDawn(): Promise<Create> {
  addCachedDriver();
  try {
    const dawn = await import("webgpu");
    return dawn.create;
  } catch (cause) {
    throw new DeviceError(
      "no-adapter",
      `WebGPU is missing: the npm package "webgpu" could not be loaded on ${process.platform}-${process.arch}. Install it with \`npm install webgpu\`; it exists for Linux, macOS and Windows.`,
      { platform: process.platform, arch: process.arch },
      { cause },
    );
  }
}

async function openAll(create: Create, toggles: readonly string[] = []): Promise<OpenAdapter[]> {
  const opened: OpenAdapter[] = [];
  for (const { backend, name } of await listNames(create)) {
    // A driver that does not work must not take the others along.
    const one = await openOne(create, [`backend=${backend}`, `adapter=${name}`, ...toggles], name).catch(
      () => null,
    );
    if (one) opened.push(one);
  }
  return bestFirst(opened);
}

/** @throws what Dawn throws; DeviceError `no-adapter` */
async function openOne(create: Create, options: string[], name: string): Promise<OpenAdapter> {
  const instance = lingering(create(options));
  const adapter = await instance.requestAdapter();
  if (!adapter) throw new DeviceError("no-adapter", `The adapter "${name}" could not be opened. ${ADVICE}`);
  const opened = hold(instance, adapter, summarizeAdapter(name, adapter.info));
  // Mesa's llvmpipe compiles at the first dispatch, in the thread of the queue.
  const openTwin = () => openOne(create, options, name);
  return name.startsWith("llvmpipe") ? { ...opened, openTwin } : opened;
}

/** Dawn lists its adapters in one place only: the error it throws for a name that none has. */
async function listNames(create: Create): Promise<{ backend: string; name: string }[]> {
  const listing = await lingering(create([`adapter=${NO_SUCH_ADAPTER}`]))
    .requestAdapter({ powerPreference: "high-performance" })
    .then(
      () => "",
      (error: unknown) => String(error),
    );
  const names = new Map<string, string>();
  for (const [, backend = "", name = ""] of listing.matchAll(/backend: '(.*?)', name: '(.*)'/g)) {
    // One GPU is listed once per backend; Dawn's first is the one it prefers.
    if (!names.has(name)) names.set(name, backend);
  }
  return [...names].map(([name, backend]) => ({ backend, name }));
}

/** Dawn crashes when its instance is collected before what was made of it, so the adapter and its devices each hold the instance. */
function hold(instance: GPU, adapter: GPUAdapter, summary: AdapterSummary): OpenAdapter {
  const keep = (object: object) => Object.defineProperty(object, "instance", { value: instance });
  keep(adapter);
  const opened = openAdapterOf(adapter, summary, keep);
  const release = () => {
    opened.release();
    lingering(instance);
  };
  return { ...opened, release, ...(summary.software && { wait: restingWait }) };
}

/** Longer than any callback of the binding waits for its turn. */
const LINGER_MS = 5000;

/**
 * Keeps an instance from being collected for a while: the binding has callbacks of its own under way after a promise has settled or
 * a device was destroyed, and they lock the instance's mutex (a hang, or `std::system_error`, when it is gone). Does not keep the
 * process alive.
 */
function lingering(instance: GPU): GPU {
  setTimeout((held: GPU) => void held, LINGER_MS, instance).unref();
  return instance;
}
