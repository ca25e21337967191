import { expect, test } from "vitest";
import { bench } from "./run_bench.ts";

test("baton is simulated with each of its parts left out", async () => {
  const { status, stdout } = await bench(
    "parts",
    "--conversations",
    "8",
    "--seeds",
    "2",
    "--quiet",
    "--json",
  );
  expect(status).toBe(0);
  const { results } = JSON.parse(stdout);
  const scenes = new Set(results.map(({ scene }: { readonly scene: string }) => scene));
  expect(scenes.size).toBe(5);
  for (const scene of scenes) {
    const own = results.filter((result: { readonly scene: string }) => result.scene === scene);
    expect(own[0].variant).toBe("baton");
    for (const { sloShare, ttfetP95Ms } of own) {
      expect(sloShare).toBeGreaterThanOrEqual(0);
      expect(ttfetP95Ms).toBeGreaterThan(0);
    }
  }
});

test("for people there is a table for each scene", async () => {
  const { status, stdout } = await bench("parts", "--conversations", "4", "--seeds", "1", "--quiet");
  expect(status).toBe(0);
  expect(stdout).toContain("equal devices short of blocks, load 0.7");
  expect(stdout).toMatch(/no re-bind +\d/);
});
