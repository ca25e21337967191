import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Browser, CDPSession, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { quantile } from "../../src/metrics/summary.ts";
import { writeTinyModel } from "../harness/tiny_model.ts";
import { bundlePage } from "./bundle.ts";
import { launchChromium } from "./chromium.ts";
import type { Steps } from "./memory/page.ts";
import { PageServer } from "./page_server.ts";
import { served } from "./served.ts";

/** What loading and disposing leave behind in a tab, and what loading holds, as the browser itself tells from outside. */

const MIB = 2 ** 20;
/** Some ten megabytes of tensors. */
const model = writeTinyModel({ hidden: 256, heads: 8, ffn: 512, layers: 4 });

let server: PageServer;
let browser: Browser;
let page: Page;

declare const steps: Steps;

beforeAll(async () => {
  server = await PageServer.start(await bundlePage(resolve("test/browser/memory")), model);
  browser = await launchChromium();
  page = await browser.newPage();
  await page.goto(server.url);
  await page.waitForFunction(() => "steps" in globalThis);
});

afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

/**
 * Single rounds say little: the browser gives memory back when it sees fit, so that the renderer has 136 MiB after one round and 188 after
 * the next, and the GPU process 12 MiB more after every tenth or so. Hence the median of the round with the two before and after it.
 */
test("20 rounds of loading and disposing leave no trace: around round 20 the processes are within 10% of round 5", async () => {
  const session = await browser.newBrowserCDPSession();
  const inPage = await page.context().newCDPSession(page);
  const after: Record<string, number>[] = [];
  for (let round = 1; round <= 22; round++) {
    await page.evaluate((path) => steps.load(path), served.model);
    await page.evaluate(() => steps.answer());
    await page.evaluate(() => steps.dispose());
    await inPage.send("HeapProfiler.collectGarbage");
    after.push(await residentBytes(session));
  }
  for (const type of ["renderer", "GPU"]) {
    const bytes = after.map((processes) => processes[type] ?? Number.NaN);
    console.log(
      `${type}, in MiB after each round: ${bytes.map((value) => Math.round(value / MIB)).join(", ")}`,
    );
    const around = (round: number) =>
      quantile(
        bytes.slice(round - 3, round + 2).toSorted((a, b) => a - b),
        0.5,
      );
    expect(around(20) / around(5)).toBeLessThan(1.1);
  }
});

test("while a model loads, the page and its worker hold less than a quarter of the file and 100 MiB", async () => {
  const heaps = await watchHeaps(page);
  const before = await heaps.bytes();
  const loading = page.evaluate((path) => steps.load(path), served.model);
  let loaded = false;
  void loading.then(() => {
    loaded = true;
  });
  let most = 0;
  while (!loaded) {
    most = Math.max(most, await heaps.bytes());
    await new Promise((wake) => setTimeout(wake, 20));
  }
  await loading;
  console.log(`heaps and buffers: ${Math.round(before / MIB)} MiB before, ${Math.round(most / MIB)} MiB at the most, of a file of ${Math.round(model.length / MIB)} MiB`); // biome-ignore format: one line
  expect(most).toBeLessThan(model.length / 4 + 100 * MIB);
  await page.evaluate(() => steps.dispose());
});

/** Resident memory of the browser's processes, by their type. */
async function residentBytes(session: CDPSession): Promise<Record<string, number>> {
  const { processInfo } = await session.send("SystemInfo.getProcessInfo");
  const bytes: Record<string, number> = {};
  for (const { type, id } of processInfo) {
    const rss = /^Rss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${id}/smaps_rollup`, "utf8"))?.[1];
    bytes[type] = (bytes[type] ?? 0) + Number(rss) * 1024;
  }
  return bytes;
}

/** The heaps of the page and of its workers, with what backs their array buffers. */
async function watchHeaps(of: Page): Promise<{ bytes(): Promise<number> }> {
  const session = await of.context().newCDPSession(of);
  const workers = new Set<string>();
  let calls = 0;
  const waiting = new Map<number, (bytes: number) => void>();
  session.on("Target.attachedToTarget", ({ sessionId }) => workers.add(sessionId));
  session.on("Target.detachedFromTarget", ({ sessionId }) => workers.delete(sessionId));
  session.on("Target.receivedMessageFromTarget", ({ message }) => {
    const { id, result } = JSON.parse(message);
    waiting.get(id)?.(result === undefined ? 0 : heapBytes(result));
  });
  await session.send("Target.setAutoAttach", {
    autoAttach: true,
    waitForDebuggerOnStart: false,
    flatten: false,
  });
  const ofWorker = async (sessionId: string): Promise<number> => {
    const id = ++calls;
    const answer = new Promise<number>((resolve) => waiting.set(id, resolve));
    const message = JSON.stringify({ id, method: "Runtime.getHeapUsage" });
    await session.send("Target.sendMessageToTarget", { sessionId, message });
    return answer;
  };
  return {
    bytes: async () => {
      const own = heapBytes(await session.send("Runtime.getHeapUsage"));
      const others = await Promise.all([...workers].map((worker) => ofWorker(worker).catch(() => 0)));
      return others.reduce((sum, bytes) => sum + bytes, own);
    },
  };
}

function heapBytes(usage: { readonly usedSize: number; readonly backingStorageSize?: number }): number {
  return usage.usedSize + (usage.backingStorageSize ?? 0);
}
