import type { Runner } from "../src/protocol/step.ts";

/**
 * The same runner behind a link of so many MiB a second, both ways: what leaves it, and what enters, takes that long, one copy after the
 * other. Not to be disposed.
 */
export function throttled(runner: Runner, mibPerSecond: number): Runner {
  let freeMs = 0;
  const carry = async (bytes: number): Promise<void> => {
    freeMs = Math.max(performance.now(), freeMs) + linkMs(bytes, mibPerSecond);
    await until(freeMs);
  };
  return {
    name: runner.name,
    limits: runner.limits,
    run: (plan) => runner.run(plan),
    exportBlocks: async (blocks) => {
      const data = await runner.exportBlocks(blocks);
      await carry(data.byteLength);
      return data;
    },
    importBlocks: async (blocks, data) => {
      await carry(data.byteLength);
      await runner.importBlocks(blocks, data);
    },
    dispose: () => {},
  };
}

/** What the link takes for so many bytes, one way. */
export function linkMs(bytes: number, mibPerSecond: number): number {
  return (bytes / 2 ** 20 / mibPerSecond) * 1000;
}

/** A timer comes up to some milliseconds late. */
const TIMER_MS = 3;

async function until(dueMs: number): Promise<void> {
  const restMs = dueMs - performance.now() - TIMER_MS;
  if (restMs > 0) await new Promise((done) => setTimeout(done, restMs));
  while (performance.now() < dueMs) await new Promise((turn) => setImmediate(turn));
}
