import { ModelError } from "../errors.ts";
import type { Architecture } from "./architectures/architecture.ts";
import { architectures } from "./architectures/table.ts";

/** A decoder-only transformer's shape, read from a file's metadata; names nothing after one model. */
export interface ModelConfig {
  readonly architecture: Architecture;
  readonly layers: number;
  readonly hidden: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  /** Width of the feed-forward layer. */
  readonly ffn: number;
  readonly vocab: number;
  readonly contextTokens: number;
  readonly normEps: number;
  /** Sliding window in tokens and cap of the scores (arXiv 2310.06825, 2408.00118); 0 for none. */
  readonly attention: { readonly window: number; readonly softCap: number };
  readonly rope: RopeConfig;
}

export interface RopeConfig {
  readonly base: number;
  /** Leading dimensions of a head that are rotated. */
  readonly dims: number;
  /** Positions are divided by it (linear scaling, arXiv 2306.15595); 1 for none. */
  readonly linearFactor: number;
}

type Metadata = Readonly<Record<string, unknown>>;

/** Bounds no real model reaches; they keep a lying header from asking for absurd allocations. */
const MAX_LAYERS = 1024;
const MAX_WIDTH = 1 << 20;
const MAX_CONTEXT = 1 << 30;

/** @throws ModelError `unknown-architecture`, `gguf-invalid` */
export function readModelConfig(metadata: Metadata, vocab: number): ModelConfig {
  const name = metadata["general.architecture"];
  const architecture =
    typeof name === "string" && Object.hasOwn(architectures, name) ? architectures[name] : undefined;
  if (!architecture) {
    const known = Object.keys(architectures);
    throw new ModelError(
      "unknown-architecture",
      `The file's architecture is "${String(name)}", and Baton runs ${known.join(", ")}. Choose a model of one of these.`,
      { architecture: String(name), known },
    );
  }
  const read = reader(metadata, architecture.name);
  const hidden = read.integer("embedding_length", MAX_WIDTH);
  const heads = read.integer("attention.head_count", MAX_WIDTH);
  const kvHeads = read.integer("attention.head_count_kv", heads, heads);
  const headDim = read.integer("attention.key_length", MAX_WIDTH, hidden / heads);
  const optional = (key: string, value: (key: string) => number) =>
    metadata[`${architecture.name}.${key}`] ? value(key) : 0;
  const config = {
    architecture,
    layers: read.integer("block_count", MAX_LAYERS),
    hidden,
    heads,
    kvHeads,
    headDim,
    ffn: read.integer("feed_forward_length", MAX_WIDTH),
    vocab,
    contextTokens: read.integer("context_length", MAX_CONTEXT),
    normEps: read.number("attention.layer_norm_rms_epsilon"),
    attention: {
      window: optional("attention.sliding_window", (key) => read.integer(key, MAX_CONTEXT)),
      softCap: optional("attn_logit_softcapping", (key) => read.number(key)),
    },
    rope: {
      base: read.number("rope.freq_base", 10_000),
      dims: read.integer("rope.dimension_count", headDim, headDim),
      linearFactor: linearFactor(metadata, architecture.name),
    },
  };
  checkShape(config);
  return config;
}

function checkShape({ hidden, heads, kvHeads, headDim, rope, architecture }: ModelConfig): void {
  const wrong =
    heads % kvHeads !== 0
      ? `${heads} heads cannot share ${kvHeads} KV heads evenly`
      : headDim % 8 !== 0
        ? `heads of ${headDim} dimensions are not a multiple of 8`
        : hidden % 4 !== 0
          ? `a hidden size of ${hidden} is not a multiple of 4`
          : rope.dims % 4 !== 0
            ? `${rope.dims} rotated dimensions are not a multiple of 4`
            : undefined;
  if (wrong)
    throw invalid(`The file says of its ${architecture.name} model what Baton cannot run: ${wrong}.`);
}

/** Scaling kinds: none, linear; llama3's factors come as a tensor. Others change the result, so they are refused. */
function linearFactor(metadata: Metadata, prefix: string): number {
  const factor = metadata[`${prefix}.rope.scaling.factor`] ?? metadata[`${prefix}.rope.scale_linear`];
  const kind =
    metadata[`${prefix}.rope.scaling.type`] ?? (factor === undefined || factor === 0 ? "none" : "linear");
  if (kind === "none") return 1;
  if (kind === "linear" && typeof factor === "number" && factor > 0 && Number.isFinite(factor)) return factor;
  throw new ModelError(
    "unknown-architecture",
    `The file asks for RoPE scaling "${String(kind)}" (factor ${String(factor)}), and Baton knows none, linear and llama3. Choose another model.`,
    { ropeScaling: String(kind) },
  );
}

function reader(metadata: Metadata, prefix: string) {
  const number = (key: string, fallback?: number): number => {
    const value = metadata[`${prefix}.${key}`] ?? fallback;
    if (typeof value === "number" && Number.isFinite(value) && value > 0) return value;
    throw invalid(
      `The file's "${prefix}.${key}" is ${String(value)}, which is no positive number. Download it again.`,
    );
  };
  const integer = (key: string, max: number, fallback?: number): number => {
    const value = number(key, fallback);
    if (Number.isInteger(value) && value <= max) return value;
    throw invalid(
      `The file's "${prefix}.${key}" is ${value}; a whole number up to ${max} was expected. Download it again.`,
    );
  };
  return { number, integer };
}

function invalid(message: string): ModelError {
  return new ModelError("gguf-invalid", message);
}
