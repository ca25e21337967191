"""Makes smollm2_tokenizer.data.json.gz: the tokenizer fields of SmolLM2-135M-Instruct's GGUF header, so that tiny test
models have the real tokenizer.

Python 3.11, gguf 0.19.0:  python smollm2_tokenizer.py SmolLM2-135M-Instruct.Q4_1.gguf

One object, by GGUF key. Arrays of strings become one string, its elements after one another with a line feed between
(no token of this vocabulary holds one); token types become a string of digits.
"""

import gzip
import json
import pathlib
import sys

import gguf

TEXTS = ["tokenizer.ggml.tokens", "tokenizer.ggml.merges"]
OTHERS = ["model", "pre", "add_space_prefix", "add_bos_token", "bos_token_id", "eos_token_id", "unknown_token_id",
          "padding_token_id"]

fields = gguf.GGUFReader(sys.argv[1]).fields
data = {f"tokenizer.ggml.{key}": fields[f"tokenizer.ggml.{key}"].contents() for key in OTHERS}
data["tokenizer.chat_template"] = fields["tokenizer.chat_template"].contents()
for key in TEXTS:
    texts = fields[key].contents()
    assert not any("\n" in text for text in texts)
    data[key] = "\n".join(texts)
data["tokenizer.ggml.token_type"] = "".join(str(kind) for kind in fields["tokenizer.ggml.token_type"].contents())

packed = gzip.compress(json.dumps(data, ensure_ascii=False).encode(), compresslevel=9, mtime=0)
pathlib.Path(__file__).with_name("smollm2_tokenizer.data.json.gz").write_bytes(packed)
print(len(packed), "bytes")
