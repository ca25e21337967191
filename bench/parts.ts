import type { Command } from "commander";
import { formatTable } from "../src/cli/format.ts";
import { interruptible } from "../src/cli/interrupt.ts";
import { type Io, print, printJson, say } from "../src/cli/io.ts";
import { parseNumber } from "../src/cli/model_options.ts";
import { checkNumber } from "../src/conversation/option_checks.ts";
import { type Cell, cellOf } from "../src/metrics/replay_cell.ts";
import { baton } from "../src/scheduler/policies/baton.ts";
import { conserve } from "../src/scheduler/policies/conserve.ts";
import type { Policy, StepRules } from "../src/scheduler/policy.ts";
import { simulate } from "../src/simulator/simulate.ts";
import type { SimulatedSpec } from "../src/simulator/simulation.ts";
import { AGENTS } from "../src/workload/agents.ts";
import { generateWorkload } from "../src/workload/generate.ts";

/** What each part of the policy `baton` is worth: it is simulated with each one left out, on the same workloads, on a virtual clock. */

interface PartsOptions {
  readonly conversations: number;
  readonly seeds: number;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/**
 * What a step takes, as on lavapipe with one core of two, with 15M parameters: so much, for each token of a prompt and each that the last tile
 * of a step with prompts is short of, and for each decode.
 */
const COST = { stepMs: 9, promptMsPerToken: 2.4, decodeMs: 4 };
const TILE_TOKENS = 8;
const LINK = { bytesPerMs: 500_000, latencyMs: 1 };
const SLO = { ttftMs: 1000, tbtMs: 75 };
/** Conversations a second that two such devices can just take. */
const RATE = 3.4;

interface Scene {
  readonly name: string;
  readonly load: number;
  /** By how many times the decoder is slower than the prefiller. */
  readonly slower: number;
  /** KV blocks of each device, and of host memory. */
  readonly blocks: number;
  readonly hostBlocks: number;
}

const ROOMY = { blocks: 2000, hostBlocks: 0 };
const SCENES: readonly Scene[] = [
  { name: "equal devices, load 0.7", load: 0.7, slower: 1, ...ROOMY },
  { name: "equal devices, load 1", load: 1, slower: 1, ...ROOMY },
  { name: "decoder 2.5 times slower, load 0.5", load: 0.5, slower: 2.5, ...ROOMY },
  { name: "decoder 8 times slower, load 0.65", load: 0.65, slower: 8, ...ROOMY },
  { name: "equal devices short of blocks, load 0.7", load: 0.7, slower: 1, blocks: 80, hostBlocks: 2000 },
];

interface Variant {
  readonly name: string;
  readonly policy: Policy;
}

function withSteps(steps: Partial<StepRules>): Policy {
  return { ...baton, steps: { promptWeight: 0, paceMs: 1e9, ...baton.steps, ...steps } }; // biome-ignore format: one record
}

const { steps: _steps, ...withoutSteps } = baton;
const { rebind: _rebind, ...withoutRebind } = baton;

const VARIANTS: readonly Variant[] = [
  { name: "baton", policy: baton },
  { name: "prompts on the prefiller alone", policy: { ...baton, place: conserve.place } },
  { name: "and all stay on the decoder", policy: { ...baton, place: conserve.place, bind: conserve.bind } },
  { name: "no bound on prompts beside decodes", policy: withSteps({ paceMs: 1e9 }) }, // biome-ignore format: one record
  { name: "no short prompts first", policy: withSteps({ promptWeight: 0 }) },
  { name: "late turns keep their order", policy: withSteps({ lateMs: 1e9 }) },
  { name: "no rules for steps", policy: withoutSteps },
  { name: "no parking", policy: { ...baton, parks: false } },
  { name: "no re-bind", policy: withoutRebind },
  { name: "a gate at 0.8 of the blocks", policy: withSteps({ admitShare: 0.8 }) },
];

interface PartResult {
  readonly scene: string;
  readonly variant: string;
  /** Means over the seeds. */
  readonly sloShare: number;
  readonly ttfetP95Ms: number;
  readonly firstTtftP95Ms: number;
  readonly laterTtftP95Ms: number;
  readonly lastTurnTbtP95Ms: number;
  readonly handoffs: number;
}

export function addParts(program: Command, io: Io): void {
  program
    .command("parts")
    .description("Simulate the policy baton with each of its parts left out.")
    .option("--conversations <number>", "of a workload", parseNumber("--conversations"), 100)
    .option("--seeds <number>", "workloads of each scene", parseNumber("--seeds"), 40)
    .option("--json", "print JSON for machines")
    .option("--quiet", "nothing on stderr but errors")
    .action(async (options: PartsOptions) => {
      const most = { min: 1, max: 100_000, integer: true };
      const conversations = checkNumber("--conversations", options.conversations, most);
      const seeds = checkNumber("--seeds", options.seeds, most);
      const results = await interruptible(io, async (signal) => {
        const results: PartResult[] = [];
        for (const scene of SCENES) {
          if (options.quiet !== true) say(io, scene.name);
          for (const variant of VARIANTS) {
            // So that Ctrl-C is heard.
            await new Promise((resolve) => setImmediate(resolve));
            signal.throwIfAborted();
            results.push(resultOf(scene, variant, conversations, seeds));
          }
        }
        return results;
      });
      const report = { benchmark: "parts", conversations, seeds, cost: COST, slo: SLO, results };
      await (options.json ? printJson(io, report) : print(io, describe(results, conversations, seeds)));
    });
}

function resultOf(scene: Scene, { name, policy }: Variant, conversations: number, seeds: number): PartResult {
  const ratePerSecond = scene.load * RATE;
  const cells = Array.from({ length: seeds }, (_, index): Cell => {
    const seed = index + 1;
    const arrivals = { kind: "poisson", ratePerSecond } as const;
    const workload = generateWorkload({ seed, conversations, arrivals, shape: AGENTS });
    const { hostBlocks, load } = scene;
    const replay = simulate(workload, { policy, devices: devicesOf(scene), link: LINK, hostBlocks });
    return cellOf(replay, { load, ratePerSecond, seed, slo: SLO });
  });
  const mean = (of: (cell: Cell) => number) => {
    return Number((cells.reduce((sum, cell) => sum + of(cell), 0) / cells.length).toPrecision(4));
  };
  return {
    scene: scene.name,
    variant: name,
    sloShare: mean(({ sloShare }) => sloShare),
    ttfetP95Ms: mean(({ ttfetMs }) => ttfetMs.p95),
    firstTtftP95Ms: mean(({ firstTtftMs }) => firstTtftMs.p95),
    laterTtftP95Ms: mean(({ laterTtftMs }) => laterTtftMs.p95),
    lastTurnTbtP95Ms: mean(({ lastTurnTbtMs }) => lastTurnTbtMs.p95),
    handoffs: mean(({ handoffs }) => handoffs / conversations),
  };
}

function devicesOf({ slower, blocks }: Scene): readonly SimulatedSpec[] {
  const costOf = (times: number): SimulatedSpec["cost"] => {
    return ({ prefillTokens, decodes }) => {
      const tokens = prefillTokens + decodes;
      const padded = prefillTokens === 0 ? 0 : Math.ceil(tokens / TILE_TOKENS) * TILE_TOKENS - tokens;
      return (
        times * (COST.stepMs + COST.promptMsPerToken * (prefillTokens + padded) + COST.decodeMs * decodes)
      );
    };
  };
  const limits = {
    blockTokens: 16,
    tileTokens: TILE_TOKENS,
    blockBytes: 12_288,
    blocks,
    maxStepTokens: 256,
    maxStepRows: 16,
    maxLogitRows: 64,
    contextTokens: 2048,
    vocabTokens: 32_000,
    plansInFlight: 2,
  };
  return [
    { id: "prefiller", role: "prefiller", limits, cost: costOf(1) },
    { id: "decoder", role: "decoder", limits, cost: costOf(slower) },
  ];
}

function describe(results: readonly PartResult[], conversations: number, seeds: number): string {
  const tables = SCENES.map(({ name }) => {
    const rows = results
      .filter(({ scene }) => scene === name)
      .map((result) => [
        result.variant,
        (100 * result.sloShare).toFixed(1),
        result.ttfetP95Ms.toFixed(0),
        result.firstTtftP95Ms.toFixed(0),
        result.laterTtftP95Ms.toFixed(0),
        result.lastTurnTbtP95Ms.toFixed(0),
        result.handoffs.toFixed(2),
      ]);
    const titles = [name, "SLO %", "TTFET", "first TTFT", "later TTFT", "last TBT", "handoffs"];
    return formatTable([titles, ...rows]);
  });
  return `${tables.join("\n\n")}

Simulated: ${conversations} conversations, means of ${seeds} seeds, 95th percentiles in ms. A step takes ${COST.stepMs} ms, and ${COST.promptMsPerToken} a token of a prompt, ${COST.decodeMs} a decode.
`;
}
