"""Makes smollm2_logits.data.json.gz: what transformers computes, in 32-bit floats, from SmolLM2-135M-Instruct's GGUF file.

Run:  pip install torch transformers gguf accelerate && python make_smollm2.py SmolLM2-135M-Instruct.Q4_1.gguf
The file is dequantised to float32, attention is transformers' `eager`, long prompts run in chunks over a cache.

The output is one object: versions, file's sha256, `chats` (messages, rendered text, ids) and `cases`, each with
  ids          token ids
  from         first position for which `topIds` and `topLogprobs` are given, up to the last position
  topIds       base64 of little-endian uint16 [positions, 32]: the likeliest next tokens, likeliest first
  topLogprobs  base64 of little-endian float32 [positions, 32], natural logarithms
  logprobs     base64 of little-endian float32 [ids - 1]: of each token but the first after its predecessors
  greedy       ids (48, or up to and with the end-of-turn token), text, and at each step the margin between the two best logits
"""

import base64
import gzip
import hashlib
import importlib.metadata
import json
import pathlib
import sys

import torch
import transformers
from tokenizers import pre_tokenizers
from transformers import AutoModelForCausalLM, AutoTokenizer, DynamicCache

from smollm2_texts import CHATS, TEXTS, long_document

OUTPUT = pathlib.Path(__file__).parent / "smollm2_logits.data.json.gz"
TOP, GREEDY, CHUNK, LAST = 32, 48, 512, 48
END_OF_TURN = 2


def load(path, attention="eager", dtype=torch.float32):
    path = pathlib.Path(path)
    tokenizer = AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
    # The model's own pre-tokenizer (`smollm`) parts digits first; transformers does not read that from the file.
    byte_level = tokenizer.backend_tokenizer.pre_tokenizer
    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), byte_level])
    model = AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name, dtype=dtype, attn_implementation=attention)
    linear = model.model.layers[0].self_attn.q_proj
    assert type(linear) is torch.nn.Linear and linear.weight.dtype == dtype, "the weights were not dequantised at load"
    return model.eval(), tokenizer


@torch.no_grad()
def prefill(model, ids, keep_from=0, cache=None):
    """Log-probabilities [ids - keep_from, vocab] of positions keep_from and later, those of the given tokens, and the cache."""
    cache = DynamicCache(config=model.config) if cache is None else cache
    kept, given = [], []
    for start in range(0, len(ids), CHUNK):
        chunk = ids[start : start + CHUNK]
        logits = model(torch.tensor([chunk]), past_key_values=cache).logits[0].float()
        logprobs = torch.log_softmax(logits.double(), -1)
        following = torch.tensor(ids[start + 1 : start + CHUNK + 1])
        given.append(logprobs[torch.arange(len(following)), following])
        kept.append(logprobs[max(0, keep_from - start) :])
    return torch.cat(kept), torch.cat(given), cache


@torch.no_grad()
def greedy(model, tokenizer, logits, cache):
    ids, margins = [], []
    while len(ids) < GREEDY:
        best, second = torch.topk(logits, 2).values.tolist()
        ids.append(int(logits.argmax()))
        margins.append(round(best - second, 4))
        if ids[-1] == END_OF_TURN:
            break
        logits = model(torch.tensor([ids[-1:]]), past_key_values=cache).logits[0, -1].float()
    return {"ids": ids, "margins": margins, "text": tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)}


def case(model, tokenizer, name, ids, first=0):
    logprobs, given, cache = prefill(model, ids, first)
    top = torch.topk(logprobs, TOP)
    return {
        "name": name,
        "ids": ids,
        "from": first,
        "topIds": encode(top.indices, "<u2"),
        "topLogprobs": encode(top.values, "<f4"),
        "logprobs": encode(given, "<f4"),
        "greedy": greedy(model, tokenizer, logprobs[-1], cache),
    }


def encode(tensor, kind):
    return base64.b64encode(tensor.numpy().astype(kind).tobytes()).decode()


def plain_ids(tokenizer, text):
    return tokenizer.backend_tokenizer.encode(text, add_special_tokens=False).ids


def chat(tokenizer, name, messages):
    text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    return {"name": name, "messages": messages, "text": text, "ids": plain_ids(tokenizer, text)}


def inputs(tokenizer):
    """(name, ids, first position to keep) of every case; and the rendered chats."""
    chats = [chat(tokenizer, name, messages) for name, messages in CHATS.items()]
    cases = [(name, plain_ids(tokenizer, text), 0) for name, text in TEXTS.items()]
    cases += [(c["name"], c["ids"], 0) for c in chats]
    document = plain_ids(tokenizer, long_document())
    assert len(document) >= 6000, f"the long document has only {len(document)} tokens"
    cases += [(f"long_{n}", document[:n], n - LAST) for n in (2000, 6000)]
    return cases, chats


def main(path):
    model, tokenizer = load(path)
    cases, chats = inputs(tokenizer)
    made = []
    for name, ids, first in cases:
        made.append(case(model, tokenizer, name, ids, first))
        end = made[-1]["greedy"]
        print(f"{name:20} {len(ids):5} tokens, {len(end['ids'])} greedy, least margin {min(end['margins']):.3f}: {end['text'][:60]!r}")
    data = {
        "model": {"file": pathlib.Path(path).name, "sha256": hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()},
        "versions": {"torch": torch.__version__, "transformers": transformers.__version__, "gguf": importlib.metadata.version("gguf")},
        "attention": "eager",
        "dtype": "float32",
        "chats": chats,
        "cases": made,
    }
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()
    OUTPUT.write_bytes(gzip.compress(text, 9, mtime=0))
    print(f"{sum(len(ids) - first for _, ids, first in cases)} positions, {OUTPUT.stat().st_size} bytes")


if __name__ == "__main__":
    main(sys.argv[1])
