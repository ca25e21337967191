import type { PolicyName } from "../src/scheduler/policies/table.ts";
import type { GridPoint } from "../src/simulator/grid_point.ts";
import { multiplied, scaled } from "../src/workload/generate.ts";
import { shapes } from "../src/workload/shapes.ts";
import type { WorkloadConversation } from "../src/workload/workload.ts";

/**
 * The setting of ConServe's evaluation (arXiv 2606.01839), as far as it is known: Qwen3-0.6B, A40s, agents; and what is assumed where it
 * is not, each assumption with the values that it is swept over, one at a time around the base.
 */

export const POLICIES: readonly PolicyName[] = ["conserve", "ampd", "predictive", "clairvoyant", "collocated-sticky", "collocated", "baton"]; // biome-ignore format: a list

/** The paper's policy. Rates are shares of what it manages, so that SLOs are kept under it, as the paper says they are. */
const SUBJECT: PolicyName = "conserve";

/** Of a setting: what differs from the base. */
export interface Setting {
  readonly load: number;
  readonly prefillers: number;
  readonly decoders: number;
  readonly prefillerGpu: string;
  readonly decoderGpu: string;
  /** Of first turns in all prompts' tokens, which are as many whatever first turns hold of them. */
  readonly firstShare: number;
  /** By how many times tools' pauses are longer. */
  readonly pauses: number;
  /** By how many times everything is shorter than where the workload's numbers are from, so that it fits the model's context. */
  readonly length: number;
  readonly predictionError: number;
  readonly ttftMs: number;
  readonly tbtMs: number;
  readonly linkGBps: number;
}

export const BASE: Setting = {
  load: 0.7,
  prefillers: 1,
  decoders: 3,
  prefillerGpu: "a40",
  decoderGpu: "a40",
  firstShare: 0.5,
  pauses: 1,
  length: 0.25,
  predictionError: 0.5,
  ttftMs: 2000,
  tbtMs: 50,
  linkGBps: 25,
};

export interface Assumption {
  readonly name: keyof Setting | "devices" | "tiers";
  readonly why: string;
  readonly values: readonly Partial<Setting>[];
}

export const ASSUMPTIONS: readonly Assumption[] = [
  {
    name: "load",
    why: "the paper's abstract gives no rate: a share of the highest at which 90% keep the SLOs under conserve",
    values: [0.3, 0.5, 0.7, 0.9, 1, 1.2].map((load) => ({ load })),
  },
  {
    name: "devices",
    why: "how many prefillers and decoders",
    values: [
      { prefillers: 1, decoders: 1 },
      { prefillers: 1, decoders: 2 },
      { prefillers: 1, decoders: 3 },
      { prefillers: 2, decoders: 2 },
      { prefillers: 3, decoders: 1 },
    ],
  },
  {
    name: "firstShare",
    why: "what of all prompts' tokens first turns hold: 0.2 in runs of Codex, more where tools answer shortly",
    values: [0.2, 0.35, 0.5, 0.7, 0.9].map((firstShare) => ({ firstShare })),
  },
  {
    name: "pauses",
    why: "how long tools take, against TraceLab's 0.3 s in the median",
    values: [0.1, 1, 5, 20].map((pauses) => ({ pauses })),
  },
  {
    name: "length",
    why: "how long contexts are, against Codex's 84,000 tokens: Qwen3-0.6B takes 40,960",
    values: [0.05, 0.1, 0.25].map((length) => ({ length })),
  },
  {
    name: "predictionError",
    why: "of AMPD: the standard deviation of the logarithm of what is predicted over what comes",
    values: [0, 0.5, 1, 2].map((predictionError) => ({ predictionError })),
  },
  {
    name: "ttftMs",
    why: "SLOs are not in the abstract; AMPD's rule reads them",
    values: [
      { ttftMs: 500, tbtMs: 25 },
      { ttftMs: 2000, tbtMs: 50 },
      { ttftMs: 8000, tbtMs: 200 },
    ],
  },
  {
    name: "linkGBps",
    why: "by which KV moves: 100 Gb/s Ethernet, PCIe 4.0, NVLink",
    values: [3, 12, 25, 100].map((linkGBps) => ({ linkGBps })),
  },
  {
    name: "tiers",
    why: "mixed GPU tiers: which card prefills and which decodes",
    values: [
      { prefillerGpu: "a40", decoderGpu: "a40" },
      { prefillerGpu: "a40", decoderGpu: "l4" },
      { prefillerGpu: "a100", decoderGpu: "a40" },
      { prefillerGpu: "a100", decoderGpu: "l4" },
      { prefillerGpu: "h100", decoderGpu: "l4" },
      { prefillerGpu: "l4", decoderGpu: "a40" },
    ],
  },
];

export interface Size {
  readonly conversations: number;
  readonly seeds: number;
}

export function pointOf(of: string, setting: Setting, { conversations, seeds }: Size): GridPoint {
  const { prefillers, decoders, prefillerGpu, decoderGpu, firstShare, pauses, length } = setting;
  const shape = scaled(shapes["swe-agent"], length);
  const { pauseMs, firstTokens } = shape;
  const link = { GBps: setting.linkGBps, latencyMs: 0.05 };
  return {
    at: { of, ...setting },
    devices: {
      devices: [
        { id: "prefiller", role: "prefiller", gpu: prefillerGpu, count: prefillers, link },
        { id: "decoder", role: "decoder", gpu: decoderGpu, count: decoders, link },
      ],
    },
    model: "qwen3-0.6b",
    shape: {
      ...shape,
      pauseMs: { ...pauseMs, median: pauseMs.median * pauses, max: pauseMs.max * pauses },
      firstTokens: multiplied(firstTokens, firstShare / BASE.firstShare),
      firstShare,
    },
    conversations,
    seeds,
    load: setting.load,
    loadOf: [SUBJECT],
    policies: POLICIES,
    subject: SUBJECT,
    slo: { ttftMs: setting.ttftMs, tbtMs: setting.tbtMs },
    predictionError: setting.predictionError,
  };
}

/** The base with a trace's conversations in place of the generated ones, and a model whose context holds the trace's. */
export function tracePoint(
  trace: readonly WorkloadConversation[],
  model: string,
  conversations: number,
): GridPoint {
  const base = pointOf("trace", BASE, { conversations: Math.min(conversations, trace.length), seeds: 1 });
  const { firstShare: _share, pauses: _pauses, length: _length, ...at } = base.at;
  return { ...base, at: { ...at, model, conversations: base.conversations }, model, trace };
}

/** Every assumption's values, one assumption at a time. */
export function paperPoints(size: Size): readonly GridPoint[] {
  return ASSUMPTIONS.flatMap(({ name, values }) =>
    values.map((value) => pointOf(name, { ...BASE, ...value }, size)),
  );
}
