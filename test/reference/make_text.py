"""Makes text.data.json.gz: token ids and rendered chats as transformers has them, for the kinds of vocabularies Baton reads.

Run:  pip install torch transformers gguf sentencepiece protobuf && python make_text.py SmolLM2-135M-Instruct.Q4_1.gguf

SmolLM2's vocabulary is the file's (with the `smollm` pre-tokenizer of the model's own tokenizer.json: transformers' GGUF
conversion leaves the digits out). The others are small ones trained here, with the normaliser, pre-tokenizer, decoder and
merge settings of the real models' tokenizer files; the SentencePiece one by sentencepiece itself, read by transformers' conversion.

The output is one object:
  versions      of the packages that made it
  vocabularies  GGUF metadata by name (SmolLM2's is not repeated here)
  texts         the texts
  encodings     by vocabulary, for each text: `control` (control tokens parsed) and `plain` (split_special_tokens)
  decodings     by vocabulary: random ids and the text they decode to
  tools         the tools, as Baton is told of them
  templates     name, vocabulary, source, chats: messages as Baton has them, whether with the tools, generationPrompt, and rendered +
                ids or the error's message
"""

import datetime
import gzip
import importlib.metadata
import io
import json
import pathlib
import random
import re
import sys

import sentencepiece
from jinja2.exceptions import TemplateError
from sentencepiece import sentencepiece_model_pb2
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import AutoTokenizer, PreTrainedTokenizerFast
from transformers.integrations.gguf import gguf_tokenizer_mapping as gguf_mapping
from transformers.utils import chat_template_utils

from chat_templates import TEMPLATES
from text_inputs import CONVERSATIONS, TEXTS, TOOLS

OUTPUT = pathlib.Path(__file__).parent / "text.data.json.gz"
NOW = datetime.datetime(2024, 7, 6, 12, 30)
NORMAL, UNKNOWN, CONTROL, USER_DEFINED, BYTE = 1, 2, 3, 4, 6
VOCAB_TOKENS = 1400


def corpus():
    """Text to train on: the texts themselves, and prose with word forms in it."""
    lines = [line for text in TEXTS for line in (text, text.lower())]
    words = re.findall(r"[a-z]{3,}", " ".join(lines)) + ["the", "and", "of", "turn", "user", "system", "assistant", "model"]
    rng = random.Random(7)
    return lines + [" ".join(rng.choices(words, k=12)) + f" {rng.randint(0, 10**6)}" for _ in range(400)]


def split_by(regex):
    return pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(regex), behavior="isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )


def byte_level(pre, pre_tokenizer, control, user_defined, special, normalizer=None, ignore_merges=False, unmerged=()):
    """A small byte-level vocabulary of one kind: its GGUF metadata, and transformers' tokenizer of it."""
    trained = Tokenizer(models.BPE())
    trained.normalizer, trained.pre_tokenizer = normalizer, pre_tokenizer
    trainer = trainers.BpeTrainer(
        vocab_size=VOCAB_TOKENS, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), show_progress=False
    )
    trained.train_from_iterator(corpus(), trainer)
    model = json.loads(trained.to_str())["model"]
    words = sorted(model["vocab"], key=model["vocab"].get) + list(unmerged)
    tokens = words + control + user_defined
    vocab = {token: index for index, token in enumerate(tokens)}
    merges = [tuple(merge) for merge in model["merges"]]
    backend = Tokenizer(models.BPE(vocab=vocab, merges=merges, ignore_merges=ignore_merges))
    backend.normalizer, backend.pre_tokenizer, backend.decoder = normalizer, pre_tokenizer, decoders.ByteLevel()
    metadata = {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": pre,
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": [NORMAL] * len(words) + [CONTROL] * len(control) + [USER_DEFINED] * len(user_defined),
        "tokenizer.ggml.merges": [" ".join(merge) for merge in merges],
        **{f"tokenizer.ggml.{role}_token_id": vocab[token] for role, token in special.items()},
    }
    return metadata, wrap(backend, control, user_defined, special)


def wrap(backend, control, user_defined, special):
    roles = {"unknown": "unk_token", "padding": "pad_token", "bos": "bos_token", "eos": "eos_token"}
    named = {roles[role]: token for role, token in special.items() if role in roles}
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, clean_up_tokenization_spaces=False, **named)
    tokenizer.add_special_tokens({"additional_special_tokens": control}, replace_extra_special_tokens=False)
    tokenizer.add_tokens(user_defined)
    return tokenizer


def sentencepiece_llama(control, special):
    """A vocabulary as Llama 2's is made: BPE with byte fallback, digits apart, spaces kept."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(line for line in corpus() if line.strip()), model_writer=model, model_type="bpe",
        vocab_size=VOCAB_TOKENS, byte_fallback=True, normalization_rule_name="identity", remove_extra_whitespaces=False,
        split_digits=True, allow_whitespace_only_pieces=True, character_coverage=0.98, control_symbols=control,
        minloglevel=2, num_threads=1,
    )  # fmt: skip
    proto = sentencepiece_model_pb2.ModelProto.FromString(model.getvalue())
    tokens = [piece.piece for piece in proto.pieces]
    metadata = {
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.pre": "default",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.scores": [piece.score for piece in proto.pieces],
        "tokenizer.ggml.token_type": [piece.type for piece in proto.pieces],
        **{f"tokenizer.ggml.{role}_token_id": tokens.index(token) for role, token in special.items()},
    }
    renames = gguf_mapping.GGUF_TOKENIZER_MAPPING["tokenizer"]
    read = {name: metadata[f"tokenizer.{key}"] for key, name in renames.items() if f"tokenizer.{key}" in metadata}
    backend, _ = gguf_mapping.convert_gguf_tokenizer("llama", read)
    return metadata, wrap(backend, control + ["<s>", "</s>"], [], special)


def small_vocabularies():
    gpt2 = pre_tokenizers.ByteLevel(add_prefix_space=False)
    digits = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), gpt2])
    chatml = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    llama3 = ["<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]
    return {
        "gpt-2": byte_level("gpt-2", gpt2, ["<|endoftext|>"], [], {"bos": "<|endoftext|>", "eos": "<|endoftext|>"}),
        "smollm": byte_level("smollm", digits, chatml, [], {"bos": "<|im_start|>", "eos": "<|im_end|>"}),
        "llama-bpe": byte_level(
            "llama-bpe", split_by(gguf_mapping._LLAMA3_SPLIT), llama3, [], {"bos": "<|begin_of_text|>", "eos": "<|end_of_text|>"},
            ignore_merges=True, unmerged=["unreachable", "Ġunreachable"],
        ),
        "qwen2": byte_level(
            "qwen2", split_by(gguf_mapping._QWEN2_SPLIT), chatml, ["<think>", "</think>"],
            {"eos": "<|endoftext|>", "padding": "<|endoftext|>"}, normalizer=normalizers.NFC(),
        ),
        "llama": sentencepiece_llama(
            ["<start_of_turn>", "<end_of_turn>", "[INST]", "[/INST]"], {"bos": "<s>", "eos": "</s>", "unknown": "<unk>"}
        ),
    }  # fmt: skip


def smollm2(path):
    tokenizer = AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
    backend = tokenizer.backend_tokenizer
    backend.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), backend.pre_tokenizer])
    return tokenizer


def ids_of(tokenizer, text, control, prefix=True):
    backend = tokenizer.backend_tokenizer
    backend.encode_special_tokens = not control
    metaspace = isinstance(backend.pre_tokenizer, pre_tokenizers.Metaspace)
    if metaspace:
        backend.pre_tokenizer.prepend_scheme = "first" if prefix else "never"
    ids = backend.encode(text, add_special_tokens=False).ids
    backend.encode_special_tokens = False
    if metaspace:
        backend.pre_tokenizer.prepend_scheme = "first"
    return ids


def decodings(tokenizer, rng):
    cases = []
    while len(cases) < 60:
        ids = [rng.randrange(len(tokenizer)) for _ in range(rng.randint(1, 12))]
        text = tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        # SentencePiece's decoder gives one U+FFFD per byte of a run with any invalid one; Baton one per invalid sequence.
        if "\ufffd" not in text or "▁" not in tokenizer.backend_tokenizer.to_str()[-2000:]:
            cases.append({"ids": ids, "text": text})
    return cases


def shielded_ids(tokenizer, messages, tools, render):
    """Ids when control tokens come from the template alone: texts that hold some are put in after the rest is cut at control tokens."""
    control = sorted({t.content for t in tokenizer.added_tokens_decoder.values() if t.special}, key=len, reverse=True)
    hidden = {}

    def hide(value):
        if isinstance(value, dict):
            return {key: hide(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [hide(inner) for inner in value]
        if not isinstance(value, str) or not any(token in value for token in control):
            return value
        placeholder = chr(0x100000 + len(hidden))
        hidden[placeholder] = value
        return placeholder

    rendered = render(hide(messages), hide(tools))
    ids = []
    for part in re.split("(" + "|".join(map(re.escape, control)) + ")", rendered):
        if part in control:
            ids.append(tokenizer.convert_tokens_to_ids(part))
        else:
            for placeholder, content in hidden.items():
                part = part.replace(placeholder, content)
            ids += ids_of(tokenizer, part, control=False, prefix=not ids)
    return ids


def as_transformers_has(message):
    if "toolCalls" in message:
        calls = [{"type": "function", "function": {key: made[key] for key in ("name", "arguments")}} for made in message["toolCalls"]]
        return {"role": message["role"], "content": message["content"], "tool_calls": calls}
    return {key: message[key] for key in ("role", "name", "content") if key in message}


def chat(tokenizer, source, name, messages, prompt, with_tools):
    def render(chat_messages, chat_tools, tokenize=False):
        return tokenizer.apply_chat_template(
            chat_messages, tools=chat_tools, chat_template=source, tokenize=tokenize, add_generation_prompt=prompt,
            return_dict=False,
        )  # fmt: skip

    case = {"name": name, "messages": messages, "withTools": with_tools, "generationPrompt": prompt}
    given = [as_transformers_has(message) for message in messages]
    tools = [{"type": "function", "function": tool} for tool in TOOLS] if with_tools else None
    try:
        rendered = render(given, tools)
    except TemplateError as error:
        return {**case, "error": str(error)}
    if with_tools or name == "forged":
        return {**case, "rendered": rendered, "ids": shielded_ids(tokenizer, given, tools, render)}
    ids = render(given, tools, tokenize=True)
    assert ids == ids_of(tokenizer, rendered, control=True)
    return {**case, "rendered": rendered, "ids": ids}


class FixedClock(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return NOW


def main(path):
    chat_template_utils.datetime = FixedClock
    small = small_vocabularies()
    tokenizers = {"smollm2": smollm2(path), **{name: tokenizer for name, (_, tokenizer) in small.items()}}
    packages = ("transformers", "tokenizers", "sentencepiece", "gguf", "jinja2")
    encodings = {
        name: [{"control": ids_of(tokenizer, text, True), "plain": ids_of(tokenizer, text, False)} for text in TEXTS]
        for name, tokenizer in tokenizers.items()
    }
    templates = [
        {
            "name": name, "vocabulary": vocabulary, "source": source,
            "chats": [
                chat(tokenizers[vocabulary], source, title, messages, prompt, conversations is not CONVERSATIONS)
                for conversations in (CONVERSATIONS, with_tools)
                for title, messages in conversations.items() for prompt in (True, False)
            ],
        }
        for name, vocabulary, source, with_tools in TEMPLATES
    ]  # fmt: skip
    data = {
        "versions": {name: importlib.metadata.version(name) for name in packages},
        "now": NOW.isoformat(),
        "vocabularies": {name: metadata for name, (metadata, _) in small.items()},
        "texts": TEXTS,
        "encodings": encodings,
        "decodings": {name: decodings(tokenizer, random.Random(11)) for name, tokenizer in tokenizers.items()},
        "tools": TOOLS,
        "templates": templates,
    }
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    OUTPUT.write_bytes(gzip.compress(text.encode("utf-8"), mtime=0))
    print(json.dumps(data["versions"]), f"{OUTPUT.stat().st_size} bytes")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
