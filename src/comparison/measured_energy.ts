import type { Replay } from "../metrics/replay.ts";
import { fitSteps, fittedCost } from "../simulator/fitted.ts";
import { fitWeights } from "../simulator/least_squares.ts";
import { prefillShare } from "../simulator/simulated_device.ts";

/** What cells took by the machine's own counters, and how well idle, prefill and decode watts explain it: the simulator's model of energy. */

/** Joules since some moment, by the counter's name. */
export type ReadJoules = () => Promise<Readonly<Record<string, number>>>;

export interface MeteredReplay {
  readonly load: number;
  readonly seed: number;
  readonly replayed: Replay;
  /** What each counter counted meanwhile; undefined where there is none. */
  readonly joules: Readonly<Record<string, number>> | undefined;
}

export interface CellEnergy {
  readonly policy: string;
  readonly load: number;
  readonly seed: number;
  readonly joules: Readonly<Record<string, number>>;
  /** Of all counters, over the tokens answered. */
  readonly joulesPerToken: number;
  /** By how much the model is off that was fitted to the other cells. */
  readonly modelError: number;
}

export interface MeasuredEnergy {
  readonly cells: readonly CellEnergy[];
  /** Fitted to all cells: of the machine all the time, and beyond that of a device while it prefills and while it decodes. */
  readonly watts: { readonly idle: number; readonly prefill: number; readonly decode: number };
}

/** As many as the model has watts and one to check it by. */
const LEAST_CELLS = 4;

/** Undefined where the machine has no counters, or there are too few cells to say anything. */
export function measuredEnergy(taken: readonly MeteredReplay[]): MeasuredEnergy | undefined {
  const metered = taken.flatMap(({ joules = {}, ...one }) => {
    const total = Object.values(joules).reduce((sum, one) => sum + one, 0);
    return total > 0 ? [{ ...one, joules, total }] : [];
  });
  if (metered.length < LEAST_CELLS) return undefined;
  const factors = phaseSeconds(metered.map(({ replayed }) => replayed));
  const totals = metered.map(({ total }) => total);
  const foretold = (at: number) => {
    const others = (_: unknown, index: number) => index !== at;
    const weights = fitWeights(factors.filter(others), totals.filter(others));
    return (factors[at] ?? []).reduce((sum, factor, of) => sum + factor * (weights[of] ?? 0), 0);
  };
  const [idle = 0, prefill = 0, decode = 0] = fitWeights(factors, totals).map(round);
  return {
    watts: { idle, prefill, decode },
    cells: metered.map(({ load, seed, replayed, joules, total }, at) => ({
      policy: replayed.policy,
      load,
      seed,
      joules: Object.fromEntries(Object.entries(joules).map(([name, value]) => [name, round(value)])),
      joulesPerToken: round(total / answeredTokens(replayed)),
      modelError: round(foretold(at) / total - 1),
    })),
  };
}

/** Of each replay: its seconds, and those of all devices that went to prompts and to decodes. */
function phaseSeconds(replays: readonly Replay[]): readonly (readonly number[])[] {
  const steps = replays.flatMap((replay) => replay.steps);
  const ids = [...new Set(steps.map(({ device }) => device))];
  const costs = new Map(ids.map((id) => [id, fittedCost(fitSteps(steps.filter(({ device }) => device === id)))])); // biome-ignore format: one map
  return replays.map((replay) => {
    let [prefill, decode] = [0, 0];
    for (const step of replay.steps) {
      const cost = costs.get(step.device);
      const seconds = (step.endMs - step.startMs) / 1000;
      const share = cost === undefined ? 0 : prefillShare(cost, step);
      prefill += share * seconds;
      decode += (1 - share) * seconds;
    }
    return [replay.totalMs / 1000, prefill, decode];
  });
}

function answeredTokens({ conversations }: Replay): number {
  return conversations.flatMap(({ turns }) => turns).reduce((sum, { tokenMs }) => sum + tokenMs.length, 0);
}

function round(value: number): number {
  return Number(value.toPrecision(4));
}
