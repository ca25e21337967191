"""Makes quant_blocks.data.json: a few blocks of every GGML type and the floats that the Python package gguf reads in them.

Python 3.11, gguf 0.19.0, numpy 2:  python quant_blocks.py

Blocks of the simple types are gguf's own quantisation of random numbers; those of the K-quants, for which it has none,
are random bits under plausible 16-bit scales (the second block of each has negative ones, where the type allows it).
One object by type: `bytes` and `floats` are base64 of the blocks and of little-endian float32.
"""

import base64
import json
import pathlib

import numpy
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType
from gguf.quants import dequantize, quantize

SIMPLE = ["F32", "F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0"]
K_SCALES = {"Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208]}  # where the 16-bit scales stand
VALUES, BLOCKS = 96, 3

random = numpy.random.default_rng(1)


def k_blocks(kind, places):
    _, size = GGML_QUANT_SIZES[GGMLQuantizationType[kind]]
    blocks = random.integers(0, 256, (BLOCKS, size), dtype=numpy.uint8)
    for i, block in enumerate(blocks):
        for place in places:
            scale = numpy.float16(random.uniform(0.0005, 0.01) * (-1 if i == 1 else 1))
            block[place : place + 2] = numpy.frombuffer(scale.tobytes(), numpy.uint8)
    return blocks


def encoded(array):
    return base64.b64encode(numpy.ascontiguousarray(array).tobytes()).decode()


data = {}
for kind in SIMPLE + list(K_SCALES):
    number = GGMLQuantizationType[kind]
    if kind in K_SCALES:
        blocks = k_blocks(kind, K_SCALES[kind])
    else:
        blocks = quantize(random.normal(0, 0.5, (1, VALUES)).astype(numpy.float32), number)
    floats = dequantize(blocks, number).astype(numpy.float32)
    data[kind] = {"bytes": encoded(blocks), "floats": encoded(floats)}

pathlib.Path(__file__).with_name("quant_blocks.data.json").write_text(json.dumps(data, indent=1) + "\n")
