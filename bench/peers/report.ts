import { formatTable } from "../../src/cli/format.ts";
import { summarize } from "../../src/metrics/summary.ts";
import type { Machine } from "../machine.ts";
import type { Spread } from "../spread.ts";
import type { PeerSample } from "./protocol.ts";
import type { PeerOutcome } from "./rounds.ts";

/** What `bench peers --json` prints. */
export interface PeersReport {
  readonly benchmark: "peers";
  readonly takenAt: string;
  readonly machine: Machine;
  /** Load average of the machine when measuring began and when it ended. */
  readonly loadAverage: readonly [number, number];
  /** The model's file, without its folder. */
  readonly model: string;
  readonly promptTokens: number;
  readonly rounds: number;
  readonly scenes: readonly SceneReport[];
}

export interface SceneReport {
  readonly scene: string;
  /** Baton's, as it names it; null where Baton failed. */
  readonly adapter: string | null;
  readonly results: readonly PeerResult[];
  /** Baton over the quickest peer on the same adapter, round by round; null where there is none. */
  readonly overBestPeer: Ratios | null;
}

/** `peer`: on the same adapter; `ceiling`: another engine on the same cores, without an adapter. */
export type PeerRole = "baton" | "peer" | "ceiling";

export interface PeerName {
  readonly id: string;
  readonly title: string;
  readonly role: PeerRole;
}

export type PeerResult = PeerName & (MeasuredPeer | FailedPeer);

export interface MeasuredPeer {
  readonly kind: "measured";
  readonly version: string;
  readonly device: string | null;
  readonly prefillTokensPerSecond: Spread;
  readonly decodeTokensPerSecond: Spread;
  /** Tokens generated in each round. */
  readonly tokens: number;
  /** Of these, how many from the first on are Baton's as well; null for Baton, and where Baton failed. */
  readonly sameTokens: number | null;
  /** Baton's rate over this one's; null for Baton, and where Baton failed. */
  readonly ratios: Ratios | null;
}

export interface FailedPeer {
  readonly kind: "failed";
  readonly reason: string;
}

/** Of rates measured in the same round. */
export interface Ratios {
  readonly prefill: Spread;
  readonly decode: Spread;
}

interface Rates {
  readonly prefill: number;
  readonly decode: number;
}

/** `outcomes` in the order of `names`; Baton's samples are what the others' are held against. */
export function sceneReport(
  scene: string,
  names: readonly PeerName[],
  outcomes: readonly PeerOutcome[],
  promptTokens: number,
): SceneReport {
  const outcomeOf = (name: PeerName) => outcomes[names.indexOf(name)];
  const measured = (role: PeerRole) =>
    names.flatMap((name) => {
      const outcome = name.role === role ? outcomeOf(name) : undefined;
      return outcome?.kind === "measured" ? [outcome] : [];
    });
  const [baton] = measured("baton");
  const rates = (samples: readonly PeerSample[]) => samples.map((sample) => ratesOf(sample, promptTokens));
  const results = names.map((name): PeerResult => {
    const outcome = outcomeOf(name);
    if (outcome?.kind !== "measured")
      return { ...name, kind: "failed", reason: outcome?.reason ?? "it was not run" };
    const { version, device, samples } = outcome;
    const other = name.role === "baton" ? undefined : baton;
    return {
      ...name,
      kind: "measured",
      version,
      device: device ?? null,
      prefillTokensPerSecond: spread(rates(samples).map(({ prefill }) => prefill)),
      decodeTokensPerSecond: spread(rates(samples).map(({ decode }) => decode)),
      tokens: samples[0]?.tokens.length ?? 0,
      sameTokens: other ? commonTokens(other.samples, samples) : null,
      ratios: other ? ratiosOf(rates(other.samples), rates(samples)) : null,
    };
  });
  const peers = measured("peer").map(({ samples }) => rates(samples));
  const overBestPeer = baton && peers.length > 0 ? ratiosOf(rates(baton.samples), bestOf(peers)) : null;
  return { scene, adapter: baton?.device ?? null, results, overBestPeer };
}

function ratesOf({ prefillMs, decodeMs, tokens }: PeerSample, promptTokens: number): Rates {
  return { prefill: (promptTokens * 1000) / prefillMs, decode: ((tokens.length - 1) * 1000) / decodeMs };
}

/** The quickest of each round. */
function bestOf(peers: readonly (readonly Rates[])[]): Rates[] {
  const rounds = Math.min(...peers.map(({ length }) => length));
  return Array.from({ length: rounds }, (_, round) => ({
    prefill: Math.max(...peers.map((rates) => rates[round]?.prefill ?? 0)),
    decode: Math.max(...peers.map((rates) => rates[round]?.decode ?? 0)),
  }));
}

function ratiosOf(baton: readonly Rates[], other: readonly Rates[]): Ratios {
  const pairs = baton.flatMap((ours, round) => {
    const theirs = other[round];
    return theirs ? [{ ours, theirs }] : [];
  });
  return {
    prefill: spread(pairs.map(({ ours, theirs }) => ours.prefill / theirs.prefill)),
    decode: spread(pairs.map(({ ours, theirs }) => ours.decode / theirs.decode)),
  };
}

function commonTokens([baton]: readonly PeerSample[], [other]: readonly PeerSample[]): number {
  const theirs = other?.tokens ?? [];
  const differs = theirs.findIndex((id, at) => id !== baton?.tokens[at]);
  return differs < 0 ? theirs.length : differs;
}

function spread(values: readonly number[]): Spread {
  const summary = summarize(values);
  if (!summary) throw new RangeError("nothing was measured");
  const { samples, median, min, max } = summary;
  const round = (value: number) => Number(value.toPrecision(4));
  return { samples, median: round(median), min: round(min), max: round(max) };
}

/** For a person. */
export function describePeers(report: PeersReport): string {
  const { machine, loadAverage, model, promptTokens, rounds } = report;
  const [before, after] = loadAverage.map((load) => load.toFixed(1));
  const head = formatTable([
    [
      "versions",
      `Baton ${machine.baton} (${machine.commit ?? "no commit"}), Node ${machine.node}, Dawn ${machine.dawn}`,
    ],
    ["machine", `${machine.os}, ${machine.cores} x ${machine.cpu}, load ${before} to ${after}`],
    ["model", model],
    ["measured", `prefill of ${promptTokens} tokens and decode after them, greedy, ${rounds} rounds`],
  ]);
  return [head, ...report.scenes.map(describeScene)].join("\n");
}

function describeScene({ scene, adapter, results, overBestPeer }: SceneReport): string {
  const header = ["", "prefill tokens/s", "decode tokens/s", "Baton / it: prefill", "decode", "same tokens"];
  const best = overBestPeer ? [["best peer", "", "", ...ratioTexts(overBestPeer), ""]] : [];
  const table = formatTable([header, ...results.map(row), ...best], [1, 2, 3, 4, 5]);
  const notes = results.flatMap((result) => {
    if (result.kind === "failed") return [`${result.title} did not run: ${result.reason}.\n`];
    return [`${result.title}: ${result.version}${result.device === null ? "" : `, ${result.device}`}\n`];
  });
  return `${scene}: ${adapter ?? "Baton did not run"}\n${table}${notes.join("")}`;
}

function row(result: PeerResult): string[] {
  if (result.kind === "failed") return [result.title, "did not run"];
  const { title, prefillTokensPerSecond, decodeTokensPerSecond, ratios, sameTokens, tokens } = result;
  return [
    title,
    rangeText(prefillTokensPerSecond),
    rangeText(decodeTokensPerSecond),
    ...(ratios ? ratioTexts(ratios) : ["", ""]),
    sameTokens === null ? "" : `${sameTokens} of ${tokens}`,
  ];
}

function ratioTexts({ prefill, decode }: Ratios): string[] {
  return [rangeText(prefill), rangeText(decode)];
}

/** Rates and ratios go from hundredths to hundreds. */
function rangeText({ median, min, max }: Spread): string {
  const [middle, least, greatest] = [median, min, max].map((value) => value.toFixed(value < 10 ? 2 : 1));
  return `${middle} (${least}–${greatest})`;
}
