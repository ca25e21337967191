/** What sets one architecture apart from the shared forward pass: flags and tensor names, as data. */
export interface Architecture {
  /** `general.architecture` of the GGUF file, and the prefix of its metadata keys. */
  readonly name: string;
  /** RoPE pairs dimension i with i + half (true) or 2i with 2i + 1 (false), as the GGUF file stores q and k. */
  readonly neoxRope: boolean;
  /** Biases on q, k and v. */
  readonly qkvBias: boolean;
  /** RMS normalisation of each query and key head before RoPE. */
  readonly qkNorm: boolean;
}

/** Tensor names all architectures here share (llama.cpp's `gguf-py/gguf/constants.py`). */
export const tensorNames = {
  embedding: "token_embd.weight",
  outputNorm: "output_norm.weight",
  output: "output.weight",
  ropeFactors: "rope_freqs.weight",
  layer: (index: number) => {
    const name = (part: string) => `blk.${index}.${part}`;
    return {
      attentionNorm: name("attn_norm.weight"),
      q: name("attn_q.weight"),
      k: name("attn_k.weight"),
      v: name("attn_v.weight"),
      qBias: name("attn_q.bias"),
      kBias: name("attn_k.bias"),
      vBias: name("attn_v.bias"),
      qNorm: name("attn_q_norm.weight"),
      kNorm: name("attn_k_norm.weight"),
      attentionOutput: name("attn_output.weight"),
      ffnNorm: name("ffn_norm.weight"),
      gate: name("ffn_gate.weight"),
      up: name("ffn_up.weight"),
      down: name("ffn_down.weight"),
    };
  },
} as const;

export type LayerTensorNames = ReturnType<typeof tensorNames.layer>;
