import type { ComparePoliciesOptions, WorkloadShape } from "./api.ts";
import { checkNumber, checkObject, invalidOption } from "./conversation/option_checks.ts";
import { type CheckedRuntimeOptions, checkRuntimeOptions } from "./runtime_options.ts";
import { policies as known } from "./scheduler/policies/table.ts";
import { AGENTS } from "./workload/agents.ts";

/** What `comparePolicies` is asked for, checked, with the defaults. */
export type CheckedCompareOptions = CheckedRuntimeOptions &
  Required<
    Pick<
      ComparePoliciesOptions,
      | "policies"
      | "loads"
      | "conversations"
      | "shape"
      | "seeds"
      | "ttftSloMs"
      | "tbtSloMs"
      | "patienceMs"
      | "devices"
    >
  >;

/** @throws InputError `invalid-option` */
export function checkCompareOptions(options: ComparePoliciesOptions): CheckedCompareOptions {
  checkObject("options", options);
  const { devices = [{ role: "prefiller" }, { role: "decoder" }] } = options;
  const { policies = ["baton", "conserve", "collocated-sticky"], loads = [0.5, 0.75, 1] } = options;
  const { conversations = 40, seeds = 2, ttftSloMs = 1000, tbtSloMs = 75, patienceMs = 30_000 } = options;
  checkList("policies", policies);
  const unknown = policies.find((name) => !Object.hasOwn(known, name));
  if (unknown !== undefined)
    throw invalidOption("policies", unknown, `some of ${Object.keys(known).join(", ")}`);
  checkList("loads", loads);
  for (const one of loads) checkNumber("loads", one, { above: 0, max: 10 });
  const slo = { above: 0, max: 3_600_000 };
  return {
    ...checkRuntimeOptions({ ...options, devices }),
    devices,
    policies,
    loads,
    conversations: checkNumber("conversations", conversations, { min: 1, max: 100_000, integer: true }),
    shape: checkShape(options.shape ?? AGENTS),
    seeds: checkNumber("seeds", seeds, { min: 1, max: 1000, integer: true }),
    ttftSloMs: checkNumber("ttftSloMs", ttftSloMs, slo),
    tbtSloMs: checkNumber("tbtSloMs", tbtSloMs, slo),
    patienceMs: checkNumber("patienceMs", patienceMs, { min: 0, max: 1_000_000_000 }),
  };
}

function checkList(name: string, list: readonly unknown[]): void {
  if (!Array.isArray(list) || list.length === 0) throw invalidOption(name, list, "a list of one at least");
}

const MOST = 1_000_000;

function checkShape(shape: WorkloadShape): WorkloadShape {
  checkObject("shape", shape);
  const { turns, firstTokens, laterTokens, outputTokens, pauseMs } = shape;
  checkObject("shape.turns", turns);
  checkNumber("shape.turns.min", turns.min, { min: 1, max: MOST, integer: true });
  checkNumber("shape.turns.max", turns.max, { min: turns.min, max: MOST, integer: true });
  for (const [name, one] of Object.entries({ firstTokens, laterTokens, outputTokens, pauseMs })) {
    checkObject(`shape.${name}`, one);
    checkNumber(`shape.${name}.median`, one.median, { above: 0, max: MOST });
    checkNumber(`shape.${name}.sigma`, one.sigma, { min: 0, max: 10 });
    checkNumber(`shape.${name}.min`, one.min, { min: 0, max: MOST });
    checkNumber(`shape.${name}.max`, one.max, { min: one.min, max: MOST });
  }
  return shape;
}
