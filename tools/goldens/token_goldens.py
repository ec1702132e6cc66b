#!/usr/bin/env python3
"""Golden tokenisations, made by Hugging Face `tokenizers`.

smollm2_tokens.jsonl       {"text","parse_special","ids"}: the tokenizer rebuilt from the vocabulary and
                           merges in the GGUF (no BOS is added by this model: add_special changes nothing)
minilm_tokens.jsonl        {"text","parse_special","ids"}: tokenizer.json without truncation and padding,
                           with [CLS] and [SEP]
pretokenizer_splits.jsonl  {"text","gpt-2","llama-bpe",…}: byte lengths of the pieces that the published
                           pre-tokenizers make of the text; a number in place of a list means "the same
                           as gpt-2"

parse_special is given only where it makes a difference to what is being tested: strings without a
control token's text carry parse_special true.

usage: token_goldens.py SMOLLM2_GGUF MINILM_DIR
"""

import pathlib
import sys

import tokenizers
from tokenizers import pre_tokenizers

import gguf_model
import golden_io
import texts
import token_kinds

# The first four are compared on every text, the others on every second.
SPLITTERS = ["gpt-2", "llama-bpe", "qwen2", "smollm", "qwen35", "falcon", "gpt-4o", "tekken", "deepseek-coder",
             "deepseek-llm", "deepseek-v3"]


def pieces(name, text):
    """Lengths in bytes, by the letters that the last step makes of bytes."""
    steps = token_kinds.PRE_TOKENIZERS[name][1]()
    splitter = pre_tokenizers.Sequence(steps)
    return [len(piece) for piece, _ in splitter.pre_tokenize_str(text)]


def splits(strings):
    rows = []
    for i, text in enumerate(strings):
        row = {"text": text}
        for name in SPLITTERS if i % 2 == 0 else SPLITTERS[:4]:
            row[name] = pieces(name, text)
            assert sum(row[name]) == len(text.encode()), (name, text)
            if name != "gpt-2" and row[name] == row["gpt-2"]:
                row[name] = 0
        rows.append(row)
    return rows


def encode_rows(strings, encode):
    """`encode(text, parse_special)` → ids; both ways where they differ."""
    rows = []
    for text in strings:
        special, plain = encode(text, True), encode(text, False)
        rows.append({"text": text, "parse_special": True, "ids": special})
        if text in texts.CONTROL_LOOKALIKES or special != plain:
            rows.append({"text": text, "parse_special": False, "ids": plain})
    return rows


def main():
    smollm2_gguf, minilm_dir = sys.argv[1:3]
    strings = texts.token_strings()
    fuzz = texts.fuzz_strings(300, seed=11)

    smollm2 = {flag: gguf_model.bpe_tokenizer(smollm2_gguf, flag) for flag in (True, False)}
    golden_io.write_jsonl(
        golden_io.GOLDENS / "smollm2_tokens.jsonl",
        encode_rows(strings + texts.embedding_texts()[-7:] + fuzz[:40],
                    lambda text, special: smollm2[special].encode(text).ids))

    minilm = tokenizers.Tokenizer.from_file(str(pathlib.Path(minilm_dir) / "tokenizer.json"))
    minilm.no_truncation()
    minilm.no_padding()

    def encode_minilm(text, special):
        minilm.encode_special_tokens = not special
        return minilm.encode(text).ids

    golden_io.write_jsonl(
        golden_io.GOLDENS / "minilm_tokens.jsonl",
        encode_rows(strings + texts.embedding_texts() + fuzz[:40], encode_minilm))

    golden_io.write_jsonl(golden_io.GOLDENS / "pretokenizer_splits.jsonl",
                          splits(strings + fuzz))
    golden_io.record_versions(
        ["smollm2_tokens.jsonl", "minilm_tokens.jsonl", "pretokenizer_splits.jsonl"],
        ["tokenizers", "gguf"])


if __name__ == "__main__":
    main()
