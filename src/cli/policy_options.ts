import { checkNumber, invalidOption } from "../conversation/option_checks.ts";
import type { Slo } from "../metrics/conversation_metrics.ts";
import { type PolicyName, policies } from "../scheduler/policies/table.ts";

/** Options of the commands that set policies beside each other. */

/** @throws InputError `invalid-option` for a name that no policy has */
export function policyOption(option: string, name: string): PolicyName {
  if (isPolicy(name)) return name;
  throw invalidOption(option, name, `one of ${Object.keys(policies).join(", ")}`);
}

function isPolicy(name: string): name is PolicyName {
  return Object.hasOwn(policies, name);
}

/** `--ttft-slo` and `--tbt-slo`. @throws InputError `invalid-option` */
export function sloOptions(given: { readonly ttftSlo: number; readonly tbtSlo: number }): Slo {
  const range = { above: 0, max: 3_600_000 };
  return {
    ttftMs: checkNumber("--ttft-slo", given.ttftSlo, range),
    tbtMs: checkNumber("--tbt-slo", given.tbtSlo, range),
  };
}
