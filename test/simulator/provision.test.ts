import { expect, test } from "vitest";
import { policies } from "../../src/scheduler/policies/table.ts";
import { modelCosts } from "../../src/simulator/device_file.ts";
import { boundOf, type Offer, type ProvisionRequest, provision } from "../../src/simulator/provision.ts";
import { generateWorkload, scaled } from "../../src/workload/generate.ts";
import { shapes } from "../../src/workload/shapes.ts";

const request: ProvisionRequest = {
  workload: generateWorkload({
    seed: 1,
    conversations: 60,
    arrivals: { kind: "poisson", ratePerSecond: 4 },
    shape: scaled(shapes["swe-agent"], 0.05),
  }),
  model: modelCosts("qwen3-0.6b", "model"),
  policy: policies.baton,
  slo: { ttftMs: 500, tbtMs: 30 },
  share: 0.9,
  prefillers: ["a40", "l4"],
  decoders: ["a40", "l4"],
  most: 6,
  by: "price",
};

function search(by: ProvisionRequest["by"]) {
  const tried: Offer[] = [];
  const steps = provision({ ...request, by });
  for (let next = steps.next(); ; next = steps.next()) {
    if (next.done) return { tried, ...next.value };
    tried.push(next.value);
  }
}

test("what is offered keeps the SLOs, no offer has fewer of everything, and the best is the cheapest", () => {
  const { best, enough, tried } = search("price");
  expect(enough.length).toBeGreaterThan(0);
  for (const offer of enough) {
    expect(offer.sloShare).toBeGreaterThanOrEqual(0.9);
    const fewer = tried.filter(
      (other) =>
        other.prefiller === offer.prefiller &&
        other.decoder === offer.decoder &&
        other.prefillers === offer.prefillers &&
        other.decoders < offer.decoders,
    );
    expect(fewer.every(({ sloShare }) => sloShare < 0.9)).toBe(true);
    expect(offer.pricePerHour).toBeGreaterThanOrEqual(best?.pricePerHour ?? Number.NaN);
  }
});

test("by energy the best is the one that takes least of that", () => {
  const { best, enough } = search("energy");
  expect(best?.joulesPerToken).toBe(Math.min(...enough.map(({ joulesPerToken }) => joulesPerToken)));
});

test("no fleet below the bounds is tried, and none below them could do", () => {
  for (const offer of search("price").tried) {
    const bound = boundOf(request, offer.prefiller, offer.decoder);
    expect(offer.bound).toEqual(bound);
    expect(offer.prefillers).toBeGreaterThanOrEqual(bound.prefillers);
    expect(offer.decoders).toBeGreaterThanOrEqual(bound.decoders);
  }
});

test("where nothing is enough, nothing is offered", () => {
  const steps = provision({ ...request, most: 1, slo: { ttftMs: 1, tbtMs: 1 } });
  let next = steps.next();
  while (!next.done) next = steps.next();
  expect(next.value).toEqual({ best: undefined, enough: [] });
});

test("conversations that outgrow the model's context are refused before any fleet is tried", () => {
  const workload = request.workload.map((one) => ({
    ...one,
    turns: [{ inputTokens: 50_000, outputTokens: 1, delayMs: 0 }],
  }));
  expect(() => provision({ ...request, workload }).next()).toThrow("0% fit into its 40960 tokens");
});
