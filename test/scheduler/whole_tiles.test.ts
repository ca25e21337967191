import fc from "fast-check";
import { expect, test } from "vitest";
import { baton } from "../../src/scheduler/policies/baton.ts";
import { inWholeTiles } from "../../src/scheduler/step_composition.ts";
import { tokensOf } from "./driver.ts";
import { Fleet } from "./fleet.ts";

/** Prompts fill the kernels' tiles together with the decodes of their step. */

const limits = { blockTokens: 16, blockBytes: 1, blocks: 1, maxStepTokens: 256, maxStepRows: 16, maxLogitRows: 16, contextTokens: 2048, vocabTokens: 100, plansInFlight: 1 }; // biome-ignore format: one record

test("a step's tokens are the multiple of a tile that is nearest to what is allowed, where it holds any of a prompt", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 512 }),
      fc.nat(16),
      fc.integer({ min: 1, max: 64 }),
      (allowed, decodes, tileTokens) => {
        const prompts = inWholeTiles(allowed, decodes, { ...limits, tileTokens });
        expect(prompts).toBeGreaterThan(0);
        expect(Math.abs(prompts - allowed)).toBeLessThanOrEqual(tileTokens / 2);
        if (prompts !== allowed) expect((prompts + decodes) % tileTokens).toBe(0);
      },
    ),
  );
  expect(inWholeTiles(Number.POSITIVE_INFINITY, 3, { ...limits, tileTokens: 8 })).toBe(
    Number.POSITIVE_INFINITY,
  );
  expect(inWholeTiles(20, 3, limits)).toBe(20);
  expect(inWholeTiles(0, 5, { ...limits, tileTokens: 8 })).toBe(0);
});

test("a long prompt beside decodes goes by whole tiles", () => {
  const device = { maxStepTokens: 100, maxStepRows: 8, blocks: 400, plansInFlight: 1, tileTokens: 8 };
  const fleet = new Fleet({ one: { role: "both", limits: device } }, baton);
  const runner = fleet.machines.get("one")?.runner;
  if (runner) runner.stepMs = (tokens) => 2 * tokens;
  const prompt = Array.from({ length: 90 }, (_, at) => at);
  fleet.arrive(0, "first", prompt.slice(0, 64), { output: tokensOf(1) });
  fleet.finish();
  // Answers are behind their pace.
  fleet.msPerEvent = 100;
  for (const turn of [1, 2, 3]) fleet.arrive(turn, `talks-${turn}`, prompt.slice(turn, turn + 4), { output: tokensOf(40) }); // biome-ignore format: one call
  for (let n = 0; n < 3; n++) fleet.step("one");
  fleet.arrive(4, "long", prompt.toReversed(), { output: tokensOf(1) });
  for (let n = 0; n < 12; n++) fleet.step("one");
  const steps = fleet.commands.flatMap((command) => {
    const rows = command.kind === "run-step" ? command.plan.rows : [];
    return rows.some(({ sequence }) => sequence === "long") ? [rows.map(({ tokens }) => tokens.length)] : [];
  });
  expect(steps.length).toBeGreaterThan(1);
  for (const counts of steps.slice(0, -1)) {
    expect(counts).toHaveLength(4);
    expect(counts.reduce((sum, count) => sum + count, 0) % 8).toBe(0);
  }
});
