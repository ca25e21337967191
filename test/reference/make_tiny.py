"""Makes tiny/*.gguf and tiny/*.data.json: tiny random checkpoints and the logits that transformers computes for them.

Run:  pip install torch transformers gguf accelerate && python make_tiny.py
The weights are random from a fixed seed. The model that computes the logits holds the values of the file, after
quantisation, in 32-bit floats, with eager attention. Then transformers reads the file itself and must give the same logits.
"""

import base64
import importlib.metadata
import json
import pathlib

import gguf
import torch
import transformers
from transformers import AutoModelForCausalLM, LlamaConfig, Qwen2Config, Qwen3Config

from tiny_gguf import llama3_frequency_factors, vocabulary, write_gguf

FOLDER = pathlib.Path(__file__).parent / "tiny"
KIND = gguf.GGMLQuantizationType
FILE = gguf.LlamaFileType
CONFIGS = {"llama": LlamaConfig, "qwen2": Qwen2Config, "qwen3": Qwen3Config}
LLAMA3_ROPE = {
    "rope_type": "llama3",
    "rope_theta": 500000.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,  # so small that all three of its ranges occur within a head of 32
}


def rope(theta):
    return {"rope_type": "default", "rope_theta": theta}


def checkpoint(about, architecture, shape, tied, rope, types, file_type, pre):
    """shape: layers, hidden, heads, KV heads, head_dim, ffn."""
    return dict(locals())


CHECKPOINTS = {
    "llama_f32": checkpoint(
        "untied output; 4 : 2 heads of 16, together wider than hidden; ffn no multiple of 32",
        "llama", (2, 32, 4, 2, 16, 52), False, rope(10000.0), lambda name: KIND.F32, FILE.ALL_F32, "gpt-2",
    ),
    "llama_f16_llama3": checkpoint(
        "tied output; llama3 rope scaling, in the file as rope_freqs.weight; ffn no multiple of 32",
        "llama", (2, 96, 3, 1, 32, 36), True, LLAMA3_ROPE, lambda name: KIND.F16, FILE.MOSTLY_F16, "llama-bpe",
    ),
    "llama_q8_0_linear": checkpoint(
        "untied output; linear rope scaling by 4, in the file as rope.scaling.type and .factor",
        "llama", (2, 96, 3, 1, 32, 96), False, {"rope_type": "linear", "factor": 4.0, "rope_theta": 20000.0},
        lambda name: KIND.Q8_0, FILE.MOSTLY_Q8_0, "smollm",
    ),
    "qwen2_q4_1": checkpoint(
        "biases on q, k, v; tied Q8_0 embedding; layer matrices Q4_1; rope theta 1e6",
        "qwen2", (2, 160, 5, 1, 32, 96), True, rope(1000000.0),
        lambda name: KIND.Q8_0 if name == "token_embd" else KIND.Q4_1, FILE.MOSTLY_Q4_1, "qwen2",
    ),
    "qwen2_f16_linear": checkpoint(
        "biases on q, k, v; untied output; linear rope scaling by 2.5; heads of 16, 6 : 2",
        "qwen2", (2, 96, 6, 2, 16, 24), False, {"rope_type": "linear", "factor": 2.5, "rope_theta": 10000.0},
        lambda name: KIND.Q8_0 if name in ("token_embd", "output") else KIND.F16, FILE.MOSTLY_F16, "qwen2",
    ),
    "qwen3_q4_0": checkpoint(
        "normed q and k; heads of 64, 4 : 2, wider than hidden; tied Q8_0 embedding; layer matrices Q4_0",
        "qwen3", (2, 96, 4, 2, 64, 96), True, rope(1000000.0),
        lambda name: KIND.Q8_0 if name == "token_embd" else KIND.Q4_0, FILE.MOSTLY_Q4_0, "qwen2",
    ),
    "qwen3_mixed": checkpoint(
        "normed q and k; heads of 32, 6 : 2; untied; matrices of BF16, Q5_0, Q5_1, Q4_1, F32 in one file; rope theta 5e5",
        "qwen3", (3, 32, 6, 2, 32, 64), False, rope(500000.0),
        lambda name: next((kind for part, kind in MIXED.items() if part in name), KIND.BF16), FILE.MOSTLY_Q5_1, "qwen2",
    ),
}
MIXED = {"attn_q": KIND.Q5_0, "attn_k": KIND.Q4_1, "attn_v": KIND.Q5_1, "ffn_down": KIND.Q5_1, "ffn_up": KIND.F32, "token_embd": KIND.Q8_0}


def build(spec, seed):
    layers, hidden, heads, kv_heads, head_dim, ffn = spec["shape"]
    kwargs = {} if spec["architecture"] == "qwen2" else {"head_dim": head_dim}
    config = CONFIGS[spec["architecture"]](
        vocab_size=len(vocabulary()), hidden_size=hidden, intermediate_size=ffn, num_hidden_layers=layers,
        num_attention_heads=heads, num_key_value_heads=kv_heads, max_position_embeddings=512, rms_norm_eps=1e-5,
        tie_word_embeddings=spec["tied"], rope_parameters=dict(spec["rope"]), attn_implementation="eager",
        bos_token_id=1, eos_token_id=2, pad_token_id=2, **kwargs,
    )  # fmt: skip
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in model.named_parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        parameter.data = lively(name, noise, hidden)
    return model


def lively(name, noise, hidden):
    """Spreads that give every part of the model a say: logits of about +-3, attention neither flat nor fixed on one token."""
    if name.endswith(".bias"):
        return 0.5 * noise
    if noise.ndim == 1:
        return 1 + 0.25 * noise
    if "embed_tokens" in name or "lm_head" in name:
        return noise * 3 / hidden**0.5
    gain = 1.5 if "q_proj" in name or "k_proj" in name else 1.0
    return noise * gain / noise.shape[1] ** 0.5


def sequences(seed):
    """Ids and the positions whose logits are kept: all of the short ones, some of the long one, its last 12 among them."""
    generator = torch.Generator().manual_seed(seed)
    for length in (1, 5, 18, 70):
        ids = torch.randint(0, len(vocabulary()), (length,), generator=generator).tolist()
        yield ids, [p for p in range(length) if length < 20 or p % 8 == 7 or p >= length - 12]


def check_rope(model, spec):
    """The frequencies that the file stands for are those transformers uses."""
    parameters = model.config.rope_parameters
    head_dim = spec["shape"][4]
    plain = 1.0 / parameters["rope_theta"] ** (torch.arange(0, head_dim, 2, dtype=torch.float64) / head_dim)
    scale = {"default": 1.0, "linear": parameters.get("factor", 1.0)}.get(parameters["rope_type"])
    if scale is None:
        scale = torch.from_numpy(llama3_frequency_factors(model.config)).double()
    torch.testing.assert_close(model.model.rotary_emb.inv_freq.double(), plain / scale, rtol=1e-5, atol=0)


def read_back(name, model, spec):
    """The model as transformers reads it from the file. It ignores rope scaling and qwen3's head_dim there, so they are handed to it."""
    ignored = ["rope scaling"] if spec["rope"]["rope_type"] != "default" else []
    ignored += ["head_dim"] if spec["architecture"] == "qwen3" else []
    config = {"config": model.config} if ignored else {}
    read = AutoModelForCausalLM.from_pretrained(
        FOLDER, gguf_file=f"{name}.gguf", dtype=torch.float32, attn_implementation="eager", **config
    )
    return read.eval(), f"tensors; its reader ignores {' and '.join(ignored)}" if ignored else "all of it"


@torch.no_grad()
def make(name, spec, seed):
    path = FOLDER / f"{name}.gguf"
    model = build(spec, seed)
    write_gguf(path, model, spec["types"], spec["pre"], spec["file_type"])
    check_rope(model, spec)
    read, verified = read_back(name, model, spec)
    kept, file_diff, precise = [], 0.0, []
    for ids, positions in sequences(seed):
        logits = model(torch.tensor([ids])).logits[0]
        file_diff = max(file_diff, (read(torch.tensor([ids])).logits[0] - logits).abs().max().item())
        precise.append((ids, logits))
        kept.append({"ids": ids, "positions": positions, "logits": encode(logits[positions])})
    model.double()
    noise = max((model(torch.tensor([ids])).logits[0] - logits).abs().max().item() for ids, logits in precise)
    assert file_diff < 1e-5, f"{name}: the file's logits differ by {file_diff}"
    spread = torch.cat([logits for _, logits in precise]).std().item()
    print(f"{name:20} {path.stat().st_size:7} bytes, logits spread {spread:.2f}, file {file_diff:.1e}, float64 {noise:.1e}")
    data = {
        "about": spec["about"],
        "versions": {"torch": torch.__version__, "transformers": transformers.__version__, "gguf": importlib.metadata.version("gguf")},
        "readByTransformers": verified,
        "maxDifferenceFromFloat64": float(f"{noise:.2g}"),
        "vocab": len(vocabulary()),
        "encoding": "logits: base64 of little-endian float32 [positions, vocab]",
        "sequences": kept,
    }
    (FOLDER / f"{name}.data.json").write_text(json.dumps(data, separators=(",", ":")) + "\n")


def encode(tensor):
    return base64.b64encode(tensor.contiguous().numpy().astype("<f4").tobytes()).decode()


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for index, (name, spec) in enumerate(CHECKPOINTS.items()):
        make(name, spec, 1000 + index)
