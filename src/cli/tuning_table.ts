import type { CandidateReport, Tuning } from "../api.ts";
import { formatTable } from "./format.ts";

/** What tuning chose, for people. */
export function describeTuning(tuning: Tuning): string {
  const { choices, complete, ms, identity, model } = tuning;
  const changed = choices.filter(({ ratio }) => ratio < 1).length;
  const rows = choices.map((choice) => [
    choice.key,
    choice.upToTokens === null ? "more" : `up to ${choice.upToTokens}`,
    describeTile(choice.default),
    choice.ratio < 1 ? describeTile(choice.chosen) : "as it is",
    choice.ratio < 1 ? `${(1 / choice.ratio).toFixed(2)}x` : "",
    choice.candidates.map(describeCandidate).join(", "),
  ]);
  const header = ["product or attention", "tokens", "default", "chosen", "quicker", "candidates, ms each"];
  const time = `${(ms / 1000).toFixed(1)} s`;
  const rest = complete ? "" : "; the time was up before all was decided: tune again to go on";
  return [
    `${model} on ${identity.adapter}, precision ${identity.precision}: ${changed} of ${choices.length} choices are not the default (${time}${rest}).\n`,
    choices.length > 0 ? formatTable([header, ...rows], [4]) : "",
  ].join("");
}

/** The kernel's name, and its numbers. */
export function describeTile({ kernel, ...numbers }: CandidateReport["tile"]): string {
  return [kernel, Object.values(numbers).join("/")].filter((part) => part !== undefined).join(" ");
}

function describeCandidate({ tile, ms, outcome }: CandidateReport): string {
  const found = ms === null ? outcome.replaceAll("-", " ") : ms.toFixed(ms < 1 ? 4 : 2);
  return `${describeTile(tile)} ${found}`;
}
