import { expect, test } from "vitest";
import { caseProfile } from "../../bench/profile.ts";
import type { StepProfile } from "../../src/runner/step_profile.ts";

const matmul = { label: "qkv", bytes: 2e6, macs: 8e6 };

/** Two layers of a product by two dispatches, and a stage that this step leaves out. */
function profileOf(ms: readonly [number, number, number, number, number], onePassMs: number): StepProfile {
  const dispatch = (stage: number, kernel: string, at: number) => ({
    stage,
    kernel,
    startMs: at,
    ms: ms[at] ?? 0,
  });
  return {
    host: { startedMs: 0, uploadMs: 1, encodeMs: 2, submitMs: 3, waitMs: 4 },
    onePassMs,
    stages: [matmul, { label: "never", bytes: 1, macs: 1 }, { label: "norm", bytes: 0, macs: 0 }, matmul],
    dispatches: [
      dispatch(0, "product", 0),
      dispatch(0, "reduce", 1),
      dispatch(2, "norm", 2),
      dispatch(3, "product", 3),
      dispatch(3, "reduce", 4),
    ],
  };
}

const probe = (median: number) => ({ samples: 1, median, min: median, max: median });
const probes = { copy: probe(1e9), float: probe(8e9) };

test("stages are summed over layers, their work counted once, and set against the probes", () => {
  const steps = [
    profileOf([1, 1, 2, 1, 1], 6),
    profileOf([2, 2, 1, 2, 2], 10),
    profileOf([1, 0, 4, 1, 2], 4),
  ];
  const { stages, dispatches, sumMs, sumOverOnePass, wallMs } = caseProfile("c", 1, steps, probes);
  expect(dispatches).toBe(5);
  expect(stages.map(({ stage }) => stage)).toEqual(["qkv", "norm"]);
  const [qkv, norm] = stages;
  expect(qkv).toMatchObject({
    kernels: ["product", "reduce"],
    dispatches: 4,
    ms: { samples: 3, median: 4, min: 4, max: 8 },
    share: 0.6667,
    bytesPerSecond: 1e9,
    macsPerSecond: 4e9,
    shareOf: { copy: 1, float: 0.5 },
  });
  expect(norm).toMatchObject({ ms: { median: 2 }, share: 0.3333, bytesPerSecond: 0 });
  expect(sumMs).toMatchObject({ median: 8, min: 6, max: 9 });
  expect(sumOverOnePass).toMatchObject({ median: 1, min: 0.9, max: 2 });
  expect(wallMs.median).toBe(10);
});
