import type { OpenAdapter, Platform } from "./platform/platform.ts";
import { measureCandidates, recallCandidates } from "./roles/candidates.ts";
import {
  byRates,
  type Candidate,
  chooseRoles,
  collocated,
  contenders,
  type RoleChoice,
} from "./roles/choice.ts";
import type { CheckedRuntimeOptions } from "./runtime_options.ts";

/**
 * Which adapters get a role in a runtime whose caller does not say: `best`, and perhaps others. Where there is one GPU at most, nothing is
 * looked up or measured.
 * @throws the signal's reason
 */
export async function rolesFor(
  best: OpenAdapter,
  { precision, onProgress, signal }: Pick<CheckedRuntimeOptions, "precision" | "onProgress" | "signal">,
  platform: Platform,
): Promise<RoleChoice> {
  const first = unmeasured(best.summary);
  if (best.alternatives === undefined) return collocated(first, "it was asked for by name");
  const others = best.alternatives.map(unmeasured);
  const gpus = contenders([first, ...others]).map(({ adapter }) => adapter);
  if (gpus.length === 0) return chooseRoles(first, others);
  if (precision === "exact")
    return collocated(first, "in exact one adapter computes everything, so that results are the same bits");
  const known = await recallCandidates(gpus, platform);
  const missing = known.filter(({ rates }) => !rates).map(({ adapter }) => adapter);
  const measured = await measureCandidates(missing, platform, { onProgress, signal });
  return byRates([...known.filter(({ rates }) => rates), ...measured]) ?? chooseRoles(first, others);
}

function unmeasured(adapter: Candidate["adapter"]): Candidate {
  return { adapter, rates: undefined };
}
