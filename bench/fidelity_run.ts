import type { Work } from "../src/cli/progress_display.ts";
import { paceMs } from "../src/comparison/pace.ts";
import { replay } from "../src/comparison/replay.ts";
import type { Replay } from "../src/metrics/replay.ts";
import { timesOf } from "../src/metrics/replay_cell.ts";
import { quantile } from "../src/metrics/summary.ts";
import type { Runner, RunnerLimits } from "../src/protocol/step.ts";
import { type PolicyName, policyNamed } from "../src/scheduler/policies/table.ts";
import { type FittedCosts, fitSteps, fittedCost } from "../src/simulator/fitted.ts";
import { simulate } from "../src/simulator/simulate.ts";
import type { LinkSpec } from "../src/simulator/simulated_link.ts";
import { AGENTS } from "../src/workload/agents.ts";
import { generateWorkload } from "../src/workload/generate.ts";
import { openAgentPair } from "./agents_run.ts";
import { COPY_BLOCKS, type CopyCost, type CopyTime, copyOf, costOf } from "./copy_cost.ts";
import { describeMachine, type Machine } from "./machine.ts";
import { spread } from "./spread.ts";

/**
 * How true the simulator is. It is fitted to the steps of some runs on real devices, foretells others, under other policies, loads and
 * conversations, and only then these are run.
 */

export interface FidelityRequest {
  readonly adapters: readonly [string, string];
  readonly shape: string;
  readonly conversations: number;
  readonly replicates: number;
  /** The workload of the runs that are foretold. */
  readonly seed: number;
  readonly signal: AbortSignal;
  readonly onProgress: (work: Work) => void;
  readonly onSoftware: (adapter: string) => void;
  /** Called before the first run that is foretold. */
  readonly onForetold: (foretold: readonly Foretold[]) => Promise<void>;
}

export interface Run {
  readonly policy: PolicyName;
  /** Of the rate at which conversations end that come all at once. */
  readonly load: number;
}

const SLO = { ttftMs: 1000, tbtMs: 75 };
const FIT_SEED = 71;
const FITTED: readonly Run[] = [
  { policy: "conserve", load: 0.6 },
  { policy: "collocated-sticky", load: 0.9 },
];
const CHECKED: readonly Run[] = [
  { policy: "conserve", load: 0.9 },
  { policy: "collocated-sticky", load: 0.5 },
  { policy: "baton", load: 0.5 },
  { policy: "baton", load: 0.9 },
  { policy: "per-turn", load: 0.5 },
  { policy: "ampd", load: 0.7 },
];
/** How far the machine's pace may change while runs are fitted, and be from that then, and how often runs are taken again for it. */
const PACE = 0.1;
const MOST_REPEATS = 2;

const METRICS = ["meanTtftMs", "meanTtfetMs", "meanTbtMs", "makespanMs", "p95TtftMs", "p95TtfetMs", "p95TbtMs"] as const; // biome-ignore format: a list
export type Metric = (typeof METRICS)[number];
export type Metrics = Readonly<Record<Metric, number>>;

export interface Foretold extends Run {
  readonly metrics: Metrics;
}

export interface FidelityCheck extends Run {
  readonly metric: Metric;
  readonly foretold: number;
  /** One for each replicate. */
  readonly measured: readonly number[];
  /** Of the mean of these, how far what was foretold is off. */
  readonly error: number;
  /** What it may be off by: 10% of means, 15% of 95th percentiles, or 1.5 times what replicates differ by, where that is more. */
  readonly allowed: number;
  readonly met: boolean;
}

export interface FidelityReport {
  readonly benchmark: "fidelity";
  readonly takenAt: string;
  readonly machine: Machine;
  readonly devices: readonly { readonly role: string; readonly adapter: string }[];
  readonly model: string;
  readonly workload: string;
  readonly fitted: Readonly<Record<string, FittedCosts>>;
  readonly link: LinkSpec;
  readonly ratePerSecond: number;
  readonly checks: readonly FidelityCheck[];
  /** Of the fixed work that says how fast the machine is, in ms: of the fitted runs, and of each that was foretold. */
  readonly paces: readonly number[];
  readonly met: number;
}

/** @throws BatonError; the signal's reason */
export async function runFidelity(request: FidelityRequest): Promise<FidelityReport> {
  const { conversations, replicates, seed, signal, onProgress, onForetold } = request;
  const { devices, close } = await openAgentPair(request);
  const workload = (of: number, ratePerSecond: number) =>
    generateWorkload({
      seed: of,
      conversations,
      arrivals: { kind: "poisson", ratePerSecond },
      shape: AGENTS,
    });
  const runs = FITTED.length + CHECKED.length * replicates;
  let done = 0;
  const report = () => onProgress({ phase: "measure", done, total: runs * conversations, unit: "conversations", label: "" }); // biome-ignore format: one record
  const real = (run: Run, of: number, rate: number) =>
    replay(workload(of, run.load * rate), {
      policy: policyNamed(run.policy, SLO),
      devices,
      seed: of,
      signal,
      patienceMs: 1e9,
      onConversation: () => {
        done = Math.min(done + 1, runs * conversations);
        report();
      },
    });
  const pace = () => paceMs(devices.map(({ runner }) => runner));
  try {
    report();
    const [from, to] = devices;
    if (from === undefined || to === undefined) throw new Error("There are no two devices.");
    const link = await measureLink(from.runner, to.runner);
    // Warms up as well.
    const atOnce = await real({ policy: "collocated-sticky", load: 1 }, FIT_SEED, 1000);
    done = 0;
    const ratePerSecond = (1000 * conversations) / atOnce.totalMs;
    const takeFitted = async () => {
      const own = [await pace()];
      const replays: Replay[] = [];
      for (const run of FITTED) {
        replays.push(await real(run, FIT_SEED, ratePerSecond));
        own.push(await pace());
      }
      return { replays, paces: own };
    };
    let { replays: fitRuns, paces } = await takeFitted();
    // What is fitted to runs at unlike paces foretells neither.
    for (let again = 0; again < MOST_REPEATS && Math.max(...paces) > (1 + PACE) * Math.min(...paces); again++)
      ({ replays: fitRuns, paces } = await takeFitted());
    const usualMs = paces.reduce((sum, ms) => sum + ms, 0) / paces.length;
    const fitted = fitDevices(fitRuns, devices);
    const foretold = CHECKED.map((run): Foretold => {
      const policy = policyNamed(run.policy, SLO);
      const simulated = devices.flatMap(({ id, role, limits }) => {
        const costs = fitted[id];
        return costs ? [{ id, role, limits, cost: fittedCost(costs) }] : [];
      });
      const workloadOf = workload(seed, run.load * ratePerSecond);
      return { ...run, metrics: metricsOf(simulate(workloadOf, { policy, devices: simulated, link })) };
    });
    await onForetold(foretold);
    const measured: Metrics[][] = foretold.map(() => []);
    for (let replicate = 0; replicate < replicates; replicate++) {
      for (const [at, run] of CHECKED.entries()) {
        let taken = await atPace(() => real(run, seed, ratePerSecond), pace);
        for (let again = 0; again < MOST_REPEATS && Math.abs(taken.paceMs / usualMs - 1) > PACE; again++)
          taken = await atPace(() => real(run, seed, ratePerSecond), pace);
        paces.push(taken.paceMs);
        measured[at]?.push(metricsOf(taken.replayed));
      }
    }
    const checks = foretold.flatMap((one, at) => checksOf(one, measured[at] ?? []));
    return {
      benchmark: "fidelity",
      takenAt: new Date().toISOString(),
      machine: describeMachine(),
      devices: devices.map(({ role, runner }) => ({ role, adapter: runner.name })),
      model: `${request.shape}, random weights`,
      workload: `agents, ${conversations} conversations a run`,
      fitted,
      link,
      ratePerSecond,
      checks,
      paces,
      met: checks.filter((check) => check.met).length,
    };
  } finally {
    close();
  }
}

async function atPace(take: () => Promise<Replay>, pace: () => Promise<number>) {
  const beforeMs = await pace();
  const replayed = await take();
  return { replayed, paceMs: (beforeMs + (await pace())) / 2 };
}

function fitDevices(
  runs: readonly Replay[],
  devices: readonly { readonly id: string; readonly limits: RunnerLimits }[],
): Record<string, FittedCosts> {
  const steps = runs.flatMap((run) => run.steps);
  return Object.fromEntries(
    devices.flatMap(({ id, limits }) => {
      const own = steps.filter(({ device }) => device === id);
      return own.length === 0 ? [] : [[id, fitSteps(own, limits.tileTokens)]];
    }),
  );
}

/** By copies alone between idle devices: in a run they wait for steps, which the simulation sees to itself. */
async function measureLink(from: Runner, to: Runner): Promise<LinkSpec> {
  const copies: CopyTime[] = [];
  for (const blocks of COPIED) {
    const ms: number[] = [];
    for (let sample = -1; sample < COPY_SAMPLES; sample++) {
      const tookMs = await copyOf(from, to, blocks);
      // The first makes the buffers.
      if (sample >= 0) ms.push(tookMs);
    }
    copies.push({ blocks, bytes: blocks * from.limits.blockBytes, ms: spread(ms) });
  }
  return linkOf(costOf(copies));
}

const COPIED = [1, 4, 16, COPY_BLOCKS];
const COPY_SAMPLES = 7;

/** A copy leaves one device and enters the other: each takes half of it. */
export function linkOf({ fixedMs, msPerMiB }: CopyCost): LinkSpec {
  return { bytesPerMs: (2 * 2 ** 20) / Math.max(msPerMiB, 1e-3), latencyMs: Math.max(0, fixedMs / 2) };
}

export function metricsOf({ conversations, totalMs }: Replay): Metrics {
  const times = conversations.flatMap((one) => timesOf(one) ?? []);
  const ttft = times.flatMap(({ firstTtftMs, laterTtftMs }) => [firstTtftMs, ...laterTtftMs]);
  const ttfet = times.map(({ ttfetMs }) => ttfetMs);
  const tbt = times.flatMap(({ tbtMs }) => tbtMs);
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const p95 = (values: readonly number[]) => quantile(values.toSorted((a, b) => a - b), 0.95); // biome-ignore format: one line
  return {
    meanTtftMs: mean(ttft),
    meanTtfetMs: mean(ttfet),
    meanTbtMs: mean(tbt),
    makespanMs: totalMs,
    p95TtftMs: p95(ttft),
    p95TtfetMs: p95(ttfet),
    p95TbtMs: p95(tbt),
  };
}

function checksOf({ metrics, ...run }: Foretold, replicates: readonly Metrics[]): readonly FidelityCheck[] {
  return METRICS.map((metric) => {
    const measured = replicates.map((one) => one[metric]);
    const mean = measured.reduce((sum, value) => sum + value, 0) / measured.length;
    const spread = Math.max(...measured) - Math.min(...measured);
    const error = Math.abs(metrics[metric] - mean);
    const allowed = Math.max((metric.startsWith("p95") ? 0.15 : 0.1) * mean, 1.5 * spread);
    return { ...run, metric, foretold: metrics[metric], measured, error: error / mean, allowed: allowed / mean, met: error <= allowed }; // biome-ignore format: one record
  });
}
