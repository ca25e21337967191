/**
 * A decoder of the llama architecture as an ONNX graph, with the operators and names that ONNX Runtime's own tools export: block-quantised
 * products, GroupQueryAttention with RoPE inside, fused skip and norm. Its output is of the last position alone.
 */

const MICROSOFT = "com.microsoft";
/** The numbers that ONNX gives to types. */
export const TYPES = { FLOAT: 1, UINT8: 2, INT32: 6, INT64: 7 };
const ATTRIBUTES = { FLOAT: 1, INT: 2 };
/** Positions that RoPE's tables hold: more than the benchmark's prompt and answer. */
const POSITIONS = 1024;

/** @typedef {import("./repack.mjs").Quantised} Quantised */

/**
 * @typedef {object} Decoder
 * @property {number} layers
 * @property {number} hidden
 * @property {number} heads
 * @property {number} kvHeads
 * @property {number} headDim
 * @property {number} vocab
 * @property {number} epsilon
 * @property {number} ropeBase
 * @property {(name: string) => Float32Array} gain a norm's, by its name in the GGUF file
 * @property {(name: string) => Quantised} matrix
 */

/** Collects the nodes and constants of a graph. Names of outputs are names of nodes. */
class Graph {
  /** @type {object[]} */
  nodes = [];
  /** @type {object[]} */
  constants = [];

  /**
   * @param {string} name
   * @param {number} dataType
   * @param {number[]} dims
   * @param {ArrayBufferView} data
   */
  constant(name, dataType, dims, data) {
    const rawData = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    this.constants.push({ name, dataType, dims, rawData });
    return name;
  }

  /**
   * @param {string} operator of ONNX, or of Microsoft's where it begins with `ms:`
   * @param {string[]} input
   * @param {string | string[]} output
   * @param {Record<string, number>} [ints]
   * @param {Record<string, number>} [floats]
   */
  node(operator, input, output, ints = {}, floats = {}) {
    const outputs = [output].flat();
    const opType = operator.replace("ms:", "");
    const attribute = [
      ...Object.entries(ints).map(([name, i]) => ({ name, type: ATTRIBUTES.INT, i })),
      ...Object.entries(floats).map(([name, f]) => ({ name, type: ATTRIBUTES.FLOAT, f })),
    ];
    const [name = ""] = outputs;
    const domain = opType === operator ? "" : MICROSOFT;
    this.nodes.push({ opType, domain, name, input, output: outputs, attribute });
    return name;
  }

  /**
   * @param {string} input
   * @param {string} name
   * @param {Quantised} matrix
   * @param {string} output
   */
  product(input, name, { rows, cols, bits, values, scales, zeros }, output) {
    const blocks = cols / 32;
    const weights = [
      this.constant(`${name}.values`, TYPES.UINT8, [rows, blocks, 4 * bits], values),
      this.constant(`${name}.scales`, TYPES.FLOAT, [rows * blocks], scales),
    ];
    if (zeros) weights.push(this.constant(`${name}.zeros`, TYPES.UINT8, [zeros.length], zeros));
    return this.node("ms:MatMulNBits", [input, ...weights], output, {
      K: cols,
      N: rows,
      bits,
      block_size: 32,
    });
  }
}

/** @param {Decoder} decoder @returns {object} an ONNX ModelProto as a plain object */
export function buildModel(decoder) {
  const graph = new Graph();
  addInputs(graph, decoder);
  /** The residual stream is `state.stream + state.added`; the next norm adds them. @type {{ stream: string, added?: string }} */
  let state = { stream: addEmbedding(graph, decoder) };
  for (let layer = 0; layer < decoder.layers; layer++) state = addLayer(graph, decoder, layer, state);
  const { output } = addNorm(graph, decoder, "output_norm.weight", state);
  const last = graph.node("Slice", [output, "minus-one", "end", "one"], "last");
  graph.product(last, "head", decoder.matrix("token_embd.weight"), "logits");
  const { FLOAT, INT64 } = TYPES;
  return {
    irVersion: 10,
    opsetImport: [
      { domain: "", version: 21 },
      { domain: MICROSOFT, version: 1 },
    ],
    producerName: "baton-peers",
    graph: {
      name: "decoder",
      node: graph.nodes,
      initializer: graph.constants,
      input: [
        value("input_ids", INT64, ["batch_size", "sequence_length"]),
        value("attention_mask", INT64, ["batch_size", "total_sequence_length"]),
        ...cacheValues("past_key_values", "past_sequence_length", decoder),
      ],
      output: [
        value("logits", FLOAT, ["batch_size", 1, decoder.vocab]),
        ...cacheValues("present", "total_sequence_length", decoder),
      ],
    },
  };
}

/**
 * How many tokens there are, in the two forms that attention takes, and RoPE's tables.
 * @param {Graph} graph
 * @param {Decoder} decoder
 */
function addInputs(graph, { headDim, ropeBase }) {
  const { FLOAT, INT32, INT64 } = TYPES;
  graph.constant("one", INT64, [1], new BigInt64Array([1n]));
  graph.constant("minus-one", INT64, [1], new BigInt64Array([-1n]));
  graph.constant("end", INT64, [1], new BigInt64Array([2n ** 62n]));
  graph.constant("second", INT64, [], new BigInt64Array([1n]));
  graph.node("ReduceSum", ["attention_mask", "one"], "attended", { keepdims: 0 });
  graph.node("Sub", ["attended", "one"], "attended-before");
  graph.node("Cast", ["attended-before"], "seqlens_k", { to: INT32 });
  graph.node("Shape", ["attention_mask"], "mask-shape");
  graph.node("Gather", ["mask-shape", "second"], "mask-total", { axis: 0 });
  graph.node("Cast", ["mask-total"], "total_sequence_length", { to: INT32 });
  const half = headDim / 2;
  const angles = Array.from({ length: POSITIONS * half }, (_, at) => {
    return Math.floor(at / half) * ropeBase ** (-(at % half) / half);
  });
  graph.constant("cos", FLOAT, [POSITIONS, half], Float32Array.from(angles, Math.cos));
  graph.constant("sin", FLOAT, [POSITIONS, half], Float32Array.from(angles, Math.sin));
}

/**
 * @param {Graph} graph
 * @param {Decoder} decoder
 */
function addEmbedding(graph, { vocab, hidden, matrix }) {
  const { values, scales, bits } = matrix("token_embd.weight");
  graph.constant("embedding.values", TYPES.UINT8, [vocab, hidden], values);
  graph.constant("embedding.scales", TYPES.FLOAT, [vocab, hidden / 32], scales);
  const inputs = ["embedding.values", "input_ids", "embedding.scales"];
  const ints = { gather_axis: 0, quantize_axis: 1, block_size: 32, bits };
  return graph.node("ms:GatherBlockQuantized", inputs, "embedded", ints);
}

/**
 * @param {Graph} graph
 * @param {Decoder} decoder
 * @param {number} layer
 * @param {{ stream: string, added?: string }} before
 */
function addLayer(graph, decoder, layer, before) {
  const name = (/** @type {string} */ part) => `blk.${layer}.${part}`;
  const product = (/** @type {string} */ input, /** @type {string} */ part) =>
    graph.product(input, name(part), decoder.matrix(name(`${part}.weight`)), name(`${part}.out`));
  const attended = addNorm(graph, decoder, name("attn_norm.weight"), before);
  const { heads, kvHeads, headDim } = decoder;
  const past = ["key", "value"].map((part) => `past_key_values.${layer}.${part}`);
  const present = ["key", "value"].map((part) => `present.${layer}.${part}`);
  const qkv = ["attn_q", "attn_k", "attn_v"].map((part) => product(attended.output, part));
  const attention = graph.node(
    "ms:GroupQueryAttention",
    [...qkv, ...past, "seqlens_k", "total_sequence_length", "cos", "sin"],
    [name("attention"), ...present],
    { num_heads: heads, kv_num_heads: kvHeads, do_rotary: 1, rotary_interleaved: 0 },
    { scale: 1 / Math.sqrt(headDim) },
  );
  const between = { stream: attended.stream, added: product(attention, "attn_output") };
  const fed = addNorm(graph, decoder, name("ffn_norm.weight"), between);
  const gate = product(fed.output, "ffn_gate");
  const up = product(fed.output, "ffn_up");
  const sigmoid = graph.node("Sigmoid", [gate], name("sigmoid"));
  const silu = graph.node("Mul", [gate, sigmoid], name("silu"));
  const gated = graph.node("Mul", [silu, up], name("gated"));
  return { stream: fed.stream, added: product(gated, "ffn_down") };
}

/**
 * @param {Graph} graph
 * @param {Decoder} decoder
 * @param {string} name
 * @param {{ stream: string, added?: string }} before
 * @returns {{ output: string, stream: string }} the normalised sum, and the sum
 */
function addNorm(graph, { hidden, epsilon, gain }, name, { stream, added }) {
  graph.constant(name, TYPES.FLOAT, [hidden], gain(name));
  const output = `${name}.out`;
  if (added === undefined) {
    const inputs = [stream, name];
    graph.node("SimplifiedLayerNormalization", inputs, output, { axis: -1, stash_type: 1 }, { epsilon });
    return { output, stream };
  }
  const outputs = [output, "", "", `${name}.sum`];
  graph.node("ms:SkipSimplifiedLayerNormalization", [stream, added, name], outputs, {}, { epsilon });
  return { output, stream: `${name}.sum` };
}

/**
 * @param {string} name
 * @param {number} elemType
 * @param {(string | number)[]} dims
 */
function value(name, elemType, dims) {
  const dim = dims.map((size) => (typeof size === "string" ? { dimParam: size } : { dimValue: size }));
  return { name, type: { tensorType: { elemType, shape: { dim } } } };
}

/**
 * @param {string} prefix
 * @param {string} length
 * @param {Decoder} decoder
 */
function cacheValues(prefix, length, { layers, kvHeads, headDim }) {
  return Array.from({ length: layers }, (_, layer) =>
    ["key", "value"].map((part) =>
      value(`${prefix}.${layer}.${part}`, TYPES.FLOAT, ["batch_size", kvHeads, length, headDim]),
    ),
  ).flat();
}
