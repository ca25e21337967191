import { expect, test } from "vitest";
import { measuredEnergy } from "../../src/comparison/measured_energy.ts";
import type { Replay, StepRecord } from "../../src/metrics/replay.ts";

const WATTS = { idle: 20, prefill: 30, decode: 10 };

/** A replay of a minute in which a device prefilled and decoded for so many seconds, with what that took, off by so much. */
function metered(seed: number, prefills: number, decodes: number, off = 0) {
  const idle = { prefillPairs: 0, prefillContextTokens: 0, decodeContextTokens: 0 };
  const step = (at: number, work: Partial<StepRecord>): StepRecord => {
    const none = { prefillTokens: 0, decodes: 0, logitRows: 1 };
    return { ...idle, ...none, device: "d", startMs: 1000 * at, endMs: 1000 * at + 1000, ...work };
  };
  const steps = [
    ...Array.from({ length: prefills }, (_, at) => step(at, { prefillTokens: 100 })),
    ...Array.from({ length: decodes }, (_, at) => step(prefills + at, { decodes: 4 })),
  ];
  const turn = { arrivedMs: 0, tokenMs: [1, 2, 3, 4], endedMs: 5 };
  const conversation = { id: "c", turns: [turn], transfers: 0, movedBytes: 0, error: undefined };
  const replayed: Replay = { policy: "baton", totalMs: 60_000, conversations: [conversation as unknown as Replay["conversations"][number]], steps, copies: [], occupancy: [] }; // biome-ignore format: one record
  const joules = (60 * WATTS.idle + prefills * WATTS.prefill + decodes * WATTS.decode) * (1 + off);
  return { load: 1, seed, replayed, joules: { "package-0": 0.75 * joules, "package-1": 0.25 * joules } };
}

const CELLS = [metered(1, 5, 40), metered(2, 20, 10), metered(3, 30, 25), metered(4, 10, 30), metered(5, 2, 5)]; // biome-ignore format: a list

test("the watts that made it are found, and foretell each cell by the others", () => {
  const energy = measuredEnergy(CELLS);
  for (const [phase, watts] of Object.entries(WATTS))
    expect(energy?.watts[phase as keyof typeof WATTS]).toBeCloseTo(watts, 1);
  for (const { modelError } of energy?.cells ?? []) expect(Math.abs(modelError)).toBeLessThan(0.001);
  expect(energy?.cells[0]?.joulesPerToken).toBeCloseTo((60 * 20 + 5 * 30 + 40 * 10) / 4, 1);
});

test("a cell that took more than the model explains is seen", () => {
  const energy = measuredEnergy([...CELLS, metered(6, 15, 15, 0.3)]);
  expect(energy?.cells.at(-1)?.modelError).toBeLessThan(-0.15);
});

test("nothing is said without counters, or by too few cells", () => {
  expect(measuredEnergy(CELLS.map((cell) => ({ ...cell, joules: undefined })))).toBeUndefined();
  expect(measuredEnergy(CELLS.slice(0, 3))).toBeUndefined();
});
