import { resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createRuntime } from "../../src/node.ts";
import { listAdapters } from "../../src/platform/node/gpu.ts";
import { expectClose, type Tolerance } from "../harness/expect_close.ts";
import { writeTinyModel } from "../harness/tiny_model.ts";
import { expectedOfSettings } from "../platform/settings_contract.ts";
import { type Answers, answersOf } from "./answers.ts";
import { Browser } from "./browser.ts";
import { bundlePage } from "./bundle.ts";
import type { Report } from "./page.ts";
import { PageServer } from "./page_server.ts";
import { served } from "./served.ts";

/**
 * The public API as a page in a real Chromium uses it: a bundle of an ordinary Vite build, the model over HTTP, WebGPU on
 * SwiftShader. The page runs every case and reports; the tests here judge what it saw.
 */

const BROWSER_LIMIT_MS = 480_000;
const model = writeTinyModel({ vocabTokens: 600 });
const slow = writeTinyModel({ vocabTokens: 600, layers: 12, hidden: 256, heads: 8, ffn: 768 });

/** Seen on one SwiftShader build: bit-equal, in both precisions; another build may order its additions otherwise. */
const sameAdapter: Tolerance = { absolute: 1e-4, relative: 0 };
/** lavapipe against SwiftShader: 1.2e-4 to 3.3e-4, where K or V, rounded to 16 bits, fall to the other side. */
const otherAdapter: Tolerance = { absolute: 2e-3, relative: 0 };

let browser: Browser;
let server: PageServer;
let report: Report;

beforeAll(async () => {
  server = await PageServer.start(await bundlePage(resolve("test/browser")), model);
  browser = new Browser(server.url);
  server.onCrashGpu = () => browser.crashGpu();
  server.onOther = ({ url }, response) => {
    if (url === served.slow) response.setHeader("content-length", slow.length).end(slow);
    return url === served.slow;
  };
  report = JSON.parse(await browser.until(server.report, BROWSER_LIMIT_MS));
  const { userAgent, seen, milliseconds } = report;
  console.log(`${userAgent} on ${seen.fromUrl?.adapter.name}, milliseconds: ${JSON.stringify(milliseconds)}`);
});

afterAll(async () => {
  await browser?.stop();
  await server?.stop();
});

test("no case throws, and the page's console stays silent", () => {
  expect(report.errors).toEqual([]);
  expect(browser.console).toEqual([]);
});

test("a model from a URL says what it is, how far it has come, and on what it runs", () => {
  const { model: info, adapter, phases, held, left } = report.seen.fromUrl;
  expect(info).toMatchObject({ name: "tiny", architecture: "llama", vocabTokens: 600 });
  expect(info.fileBytes).toBe(model.length);
  expect(adapter).toMatchObject({ architecture: "swiftshader", software: true });
  // Loading goes on beside compiling and the first run of each kernel.
  expect(phases.toSorted()).toEqual(["compile", "download", "load", "warm-up"]);
  expect(held.liveGpuBytes).toBeGreaterThan(held.kvBytes + info.weightBytes - 1);
  expect(left).toMatchObject({ liveGpuBytes: 0, kvBlocksUsed: 0 });
});

describe("against Node", () => {
  test.for(["exact", "default"] as const)(
    "answers and log-probabilities are the same in %s",
    async (precision) => {
      const adapters = (await listAdapters()).map(({ name }) => name);
      const swiftshader = adapters.find((name) => /swiftshader/i.test(name));
      const adapter = swiftshader ?? adapters[0] ?? "";
      const { fromUrl, inDefaultPrecision } = report.seen;
      const seen = precision === "exact" ? fromUrl.answers : inDefaultPrecision;
      expectSame(seen, await answersInNode(precision, adapter), swiftshader ? sameAdapter : otherAdapter);
    },
  );
});

test("two conversations at once get the answers that each gets alone", () => {
  for (const { alone, together } of [report.seen.fromUrl.answers, report.seen.inDefaultPrecision]) {
    expect(together).toEqual(alone);
    expect(new Set(alone.flat()).size).toBe(4);
  }
});

test("a File, a stream, a catalogue's model and a worker give what the URL gives, to the bit", () => {
  const { answers } = report.seen.fromUrl;
  const { fromFile, fromStream, fromCatalogue, inWorker } = report.seen;
  expect(inWorker).toEqual(answers);
  expect(fromFile.name).toBe("tiny");
  for (const { logprobs } of [fromFile, fromStream, fromCatalogue.first, fromCatalogue.second])
    expect(logprobs).toEqual(answers.evaluation.logprobs);
});

test("a checked model is kept in the browser's cache, and one that fails its check is not used", () => {
  const from = server.requests.indexOf(served.identity);
  const before = server.requests.indexOf(served.cut);
  expect(report.seen.fromCatalogue.wrongChecksum).toBe("ModelError wrong-checksum");
  // One for the first use, one for the wrong checksum; the last is the case after this one.
  const models = server.requests.slice(from + 1, before).filter((path) => path.startsWith("/models/"));
  expect(models).toEqual([served.model, served.model, served.model]);
});

test("a seed decides what is sampled", () => {
  const [first, same, other] = report.seen.sampled;
  expect(same).toBe(first);
  expect(other).not.toBe(first);
});

test("a second turn is prefilled from where the first one ended", () => {
  const { first, cached, second, timings } = report.seen.secondTurn;
  expect(first.cachedTokens).toBe(0);
  expect(cached).toBe(first.promptTokens + first.completionTokens - 1);
  expect(second.cachedTokens).toBe(cached);
  expect(timings.tbtMs).toHaveLength(second.completionTokens - 1);
});

test("a signal and an early break end a turn within a step, and the conversation goes on", () => {
  const { aborted, leftEarly } = report.seen;
  expect(aborted.finishReason).toBe("abort");
  for (const { steps, next } of [aborted, leftEarly]) {
    expect(steps).toBeLessThan(20);
    expect(next.cachedTokens).toBeGreaterThan(0);
    expect(next.completionTokens).toBe(3);
  }
});

describe("the worker that a page's runtime runs in", () => {
  test("is one of its own, gives what the page's thread gives, and ends with the runtime", () => {
    const { inWorker, inPage } = report.seen.threads;
    expect(inWorker).toMatchObject({ workers: 1, ended: 1 });
    expect(inPage).toMatchObject({ workers: 0, ended: 0 });
    expect(inWorker.result).toEqual(inPage.result);
    expect(inWorker.result).toEqual(report.seen.fromUrl.answers);
  });

  test("leaves the page's thread free: no task of 50 ms while it generates", () => {
    const { longestTask } = report.seen;
    console.log(`longest tasks of the page's thread, in ms: ${JSON.stringify(longestTask)}`);
    expect(longestTask.control).toBeGreaterThanOrEqual(75);
    expect(longestTask.withWorker).toBeLessThan(50);
  });

  test("takes addresses as the page does", () => {
    const { name, text } = report.seen.relativeAddress;
    expect(name).toBe("tiny");
    expect(text).toBe(report.seen.deadWorker.before);
  });

  test("takes the catalogue's models from a folder of the page's own", () => {
    const { label, error } = report.seen.ownFolder;
    expect(label).toContain(new URL(server.url).host);
    expect(error).toBe("Error: never mind");
    expect(server.requests).toContain(served.own);
  });

  test("fails what waits with a code when it dies, and what comes later", () => {
    const { codes, message } = report.seen.deadWorker;
    expect(codes).toEqual(["DeviceError device-lost", "DeviceError device-lost"]);
    expect(message).toMatch(/worker has ended: .*told to/);
    expect(report.seen.noWorker).toBe("DeviceError device-lost");
  });

  test("leaves nothing behind, twenty times", () => {
    const { workers, ended, heapMiB } = report.seen.rounds;
    expect([workers, ended]).toEqual([20, 20]);
    console.log(`the page's heap after each round, in MiB: ${heapMiB.join(" ")}`);
    expect((heapMiB.at(-1) ?? 0) - (heapMiB[4] ?? 0)).toBeLessThan(20);
  });
});

test("a caller's own device is used and not destroyed", () => {
  expect(report.seen.ownDevice).not.toBe("");
});

test("a lost device ends its turns with device-lost", () => {
  expect(report.seen.lostDevice).toEqual(["DeviceError device-lost", "DeviceError device-lost"]);
});

test.runIf(process.platform === "linux")(
  "when the browser's GPU process ends, the device is opened again, and streams go on where they stopped",
  () => {
    const { whole, crashed, next } = report.seen.crashedGpu;
    expect(crashed).toBe(whole);
    expect(next).toBe(report.seen.ownDevice);
  },
);

test("dispose ends running turns and refuses new ones", () => {
  expect(report.seen.disposed).toEqual(["InputError disposed", "InputError disposed"]);
});

test("a bad file is a typed error with a code", () => {
  expect(report.seen.badFiles).toEqual({
    empty: "ModelError gguf-truncated",
    text: "ModelError not-gguf",
    truncatedHeader: "ModelError gguf-truncated",
    truncatedTensors: "ModelError gguf-truncated",
    cut: "ModelError download-failed",
    missing: "ModelError download-failed",
    unknown: "InputError unknown-model",
    noServer: "ModelError download-failed",
  });
});

test("a bad option is a typed error with a code", () => {
  expect(report.seen.badOptions).toEqual({
    precision: "InputError invalid-option",
    adapter: "DeviceError no-adapter",
    scheme: "InputError invalid-option",
    kvMiB: "InputError invalid-option",
  });
});

test("notes keep the contract, in a page and in a worker", () => {
  expect(report.seen.settings).toEqual({ inPage: expectedOfSettings, inWorker: expectedOfSettings });
});

test("what tuning chose is remembered, taken at the next start, and right", () => {
  const { remembered, products, before, after } = report.seen.tuned;
  expect(remembered).toBe(true);
  expect(products).toBeGreaterThan(0);
  expect(after.tunedProducts).toBe(products);
  const numbers = ({ logprobs }: typeof before) => logprobs.slice(1).map(Number);
  expectClose(numbers(after), numbers(before), otherAdapter);
});

test("a load that hangs can be aborted", () => {
  expect(report.seen.abortedLoad).toBe("Error: never mind");
});

async function answersInNode(precision: "exact" | "default", adapter: string): Promise<Answers> {
  const file = new Blob([model as Uint8Array<ArrayBuffer>]);
  const runtime = await createRuntime({ model: file, precision, adapter, kvMiB: 2 });
  try {
    return await answersOf(runtime);
  } finally {
    await runtime.dispose();
  }
}

function expectSame(seen: Answers, expected: Answers, tolerance: Tolerance): void {
  expect(seen.evaluation.generated).toEqual(expected.evaluation.generated);
  expect([seen.alone, seen.together]).toEqual([expected.alone, expected.together]);
  const [first, ...logprobs] = seen.evaluation.logprobs;
  expect(first).toBeNull();
  expectClose(logprobs.map(Number), expected.evaluation.logprobs.slice(1).map(Number), tolerance);
  const likeliest = ({ evaluation }: Answers) => evaluation.top.flat().map(([, logprob]) => logprob);
  expectClose(likeliest(seen), likeliest(expected), tolerance);
}
