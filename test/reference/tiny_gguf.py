"""Writes a Hugging Face llama, qwen2 or qwen3 model as a GGUF file, the way llama.cpp's convert_hf_to_gguf does.

Names, metadata keys and the order of rows are the converter's: for `llama` the rows of each query and key head are
interleaved (rotary pairs are neighbours), for the others they stay as they are (pairs are half a head apart).
"""

import gguf
import numpy as np
import torch

LAYER_NAMES = {
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
TOP_NAMES = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}

SPECIALS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
MERGES = ["Ġ t", "h e", "Ġt he", "i n"]
CHAT_TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)


def byte_characters():
    """The 256 printable characters that stand for bytes in byte-level BPE, in the order of the bytes."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = iter(range(256, 512))
    return [chr(b) if b in printable else chr(next(others)) for b in range(256)]


def vocabulary():
    """Special tokens, bytes, merged tokens: 263 in all."""
    return SPECIALS + byte_characters() + [merge.replace(" ", "") for merge in MERGES]


def gguf_name(name):
    stem, suffix = name.rsplit(".", 1)
    if stem in TOP_NAMES:
        return f"{TOP_NAMES[stem]}.{suffix}"
    layer, part = stem.removeprefix("model.layers.").split(".", 1)
    return f"blk.{layer}.{LAYER_NAMES[part]}.{suffix}"


def interleave_rows(weights, heads):
    """[heads, 2, half, ...] -> [heads, half, 2, ...]: puts the two rows of each rotary pair next to each other."""
    half = weights.shape[0] // heads // 2
    return weights.reshape(heads, 2, half, *weights.shape[1:]).swapaxes(1, 2).reshape(weights.shape)


def write_metadata(writer, config, file_type, pre_tokenizer):
    architecture = config.model_type
    writer.add_name(f"tiny random {architecture}")
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    head_dim = getattr(config, "head_dim", None)
    if head_dim is not None:
        writer.add_key_length(head_dim)
        writer.add_value_length(head_dim)
    writer.add_file_type(file_type)
    if architecture == "llama":
        writer.add_vocab_size(config.vocab_size)
        writer.add_rope_dimension_count(head_dim)
    if config.rope_parameters["rope_type"] == "linear":
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(config.rope_parameters["factor"])
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    tokens = vocabulary()
    kinds = [gguf.TokenType.CONTROL if token in SPECIALS else gguf.TokenType.NORMAL for token in tokens]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre_tokenizer)
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges(MERGES)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_pad_token_id(2)
    writer.add_add_bos_token(False)
    writer.add_chat_template(CHAT_TEMPLATE)


def llama3_frequency_factors(config):
    """[head_dim / 2]: what each rotary frequency is divided by, written out from the definition of Llama 3.1's scaling."""
    rope = config.rope_parameters
    frequencies = 1.0 / rope["rope_theta"] ** (np.arange(0, config.head_dim, 2, dtype=np.float64) / config.head_dim)
    low, high = rope["low_freq_factor"], rope["high_freq_factor"]
    original = rope["original_max_position_embeddings"]
    factors = []
    for wavelength in 2 * np.pi / frequencies:
        smooth = (original / wavelength - low) / (high - low)
        if wavelength < original / high:
            factors.append(1.0)
        elif wavelength > original / low:
            factors.append(rope["factor"])
        else:
            factors.append(1.0 / ((1 - smooth) / rope["factor"] + smooth))
    return np.array(factors, dtype=np.float32)


def write_gguf(path, model, types, pre_tokenizer, file_type):
    """Writes the model, and puts the values that the file holds (after quantisation) back into it.

    types: (name in the file, without ".weight") -> gguf.GGMLQuantizationType of a matrix. Vectors are F32.
    """
    config = model.config
    writer = gguf.GGUFWriter(path, config.model_type)
    write_metadata(writer, config, file_type, pre_tokenizer)
    if config.rope_parameters["rope_type"] == "llama3":
        writer.add_tensor("rope_freqs.weight", llama3_frequency_factors(config))
    for hf_name, parameter in model.named_parameters():  # a tied output matrix is listed once, as the embedding
        name = gguf_name(hf_name)
        values = parameter.detach().numpy()
        kind = types(name.removesuffix(".weight")) if values.ndim == 2 else gguf.GGMLQuantizationType.F32
        parameter.data = torch.from_numpy(gguf.dequantize(gguf.quantize(values, kind), kind).astype(np.float32).copy())
        if config.model_type == "llama" and (".attn_q." in name or ".attn_k." in name):
            heads = config.num_attention_heads if ".attn_q." in name else config.num_key_value_heads
            values = interleave_rows(values, heads)
        writer.add_tensor(name, np.ascontiguousarray(gguf.quantize(values, kind)), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
