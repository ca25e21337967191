"""Measures what roundings cost: KL divergence of variants of transformers from smollm2_logits.data.json.gz.

Run:  python measure_rounding.py SmolLM2-135M-Instruct.Q4_1.gguf [variant ...]
KL is taken over the reference's 32 likeliest tokens and one bucket for all the others, as test/harness/scoring.ts does.
It tells what a bar means: how far a mere change of the order of additions goes, and a cache of 16-bit floats.

Mean KL, greatest KL and top-1 agreement over the 1,717 positions of the short cases, torch 2.15.0 on a CPU (the contexts
of 2,000 and 6,000 tokens are no worse):
  sdpa, float64   1e-11     1.4e-9   100 %
  kv_float16      6.5e-7    2.5e-5   100 %
  kv_bfloat16     4.2e-5    3.9e-3   99.77 %
  all_float16     2.4e-5    6.1e-4   99.71 %
  all_bfloat16    1.6e-3    4.4e-2   97.32 %
"""

import base64
import gzip
import json
import sys

import numpy as np
import torch
from transformers import DynamicCache

from make_smollm2 import OUTPUT, load, prefill


class RoundedCache(DynamicCache):
    """Keeps K and V as `kind` would, each value rounded as it is written."""

    def __init__(self, config, kind):
        super().__init__(config=config)
        self.kind = kind

    def update(self, key_states, value_states, *args, **kwargs):
        def rounded(states):
            return states.to(self.kind).to(states.dtype)

        return super().update(rounded(key_states), rounded(value_states), *args, **kwargs)


# attention, type of weights and activations, type of K and V
VARIANTS = {
    "sdpa": ("sdpa", torch.float32, None),
    "float64": ("eager", torch.float64, None),
    "kv_float16": ("eager", torch.float32, torch.float16),
    "kv_bfloat16": ("eager", torch.float32, torch.bfloat16),
    "all_float16": ("sdpa", torch.float16, None),
    "all_bfloat16": ("sdpa", torch.bfloat16, None),
}


def decode(text, kind, *shape):
    return np.frombuffer(base64.b64decode(text), kind).astype(np.float64).reshape(*shape)


def divergence(case, logprobs):
    """KL [positions], and whether the best token is the reference's."""
    ids = torch.from_numpy(decode(case["topIds"], "<u2", -1, 32).astype(np.int64))
    reference = torch.from_numpy(decode(case["topLogprobs"], "<f4", -1, 32))
    ours = logprobs.double().gather(1, ids)
    rest, our_rest = (1 - x.exp().sum(1) for x in (reference, ours))
    bucket = torch.where(rest > 1e-9, rest * (rest / our_rest.clamp_min(1e-9)).log(), 0)
    return ((reference.exp() * (reference - ours)).sum(1) + bucket).numpy(), (logprobs.argmax(1) == ids[:, 0]).numpy()


def measure(model, kind, cases):
    found, agreed, worst = [], [], ("", 0.0)
    for case in cases:
        cache = RoundedCache(model.config, kind) if kind else None
        logprobs, _, _ = prefill(model, case["ids"], case["from"], cache)
        kl, same = divergence(case, logprobs)
        worst = max(worst, (case["name"], float(kl.max())), key=lambda pair: pair[1])
        found.append(kl)
        agreed.append(same)
    kl, agreed = np.concatenate(found), np.concatenate(agreed)
    return f"{len(kl):5} positions: mean KL {kl.mean():.2e}, max {worst[1]:.2e} in {worst[0]}, top-1 {agreed.mean():.4%}"


def main(path, *names):
    cases = json.loads(gzip.decompress(OUTPUT.read_bytes()))["cases"]
    for name in names or VARIANTS:
        attention, dtype, kind = VARIANTS[name]
        model, _ = load(path, attention, dtype)
        print(f"{name:13} short {measure(model, kind, cases[:-2])}", flush=True)
        for case in cases[-2:]:
            print(f"{name:13} {case['name']} {measure(model, kind, [case])}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
