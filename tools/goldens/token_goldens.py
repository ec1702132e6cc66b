#!/usr/bin/env python3
"""Golden tokenisations, made by Hugging Face `tokenizers`.

smollm2_tokens.jsonl       {"text","parse_special","ids"}: the tokenizer rebuilt from the vocabulary and
                           merges in the GGUF (no BOS is added by this model: add_special changes nothing)
minilm_tokens.jsonl        {"text","parse_special","ids"}: tokenizer.json without truncation and padding,
                           with [CLS] and [SEP]
pretokenizer_splits.jsonl  {"text","gpt-2","llama-bpe","qwen2","smollm"}: byte lengths of the pieces that
                           the published pre-tokenizer patterns make of the text; a number in place of a
                           list means "the same as gpt-2"

parse_special is given only where it makes a difference to what is being tested: strings without a
control token's text carry parse_special true.

usage: token_goldens.py SMOLLM2_GGUF MINILM_DIR
"""

import pathlib
import sys

import tokenizers
from tokenizers import Regex, pre_tokenizers

import gguf_model
import golden_io
import texts

GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|"
          r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")


def splitters():
    def split(pattern):
        return pre_tokenizers.Split(Regex(pattern), behavior="isolated")
    return {
        "gpt-2": split(GPT2), "llama-bpe": split(LLAMA3), "qwen2": split(QWEN2),
        "smollm": pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True),
                                           split(GPT2)]),
    }


def splits(strings):
    table = splitters()
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    rows = []
    for text in strings:
        row = {"text": text}
        for name, splitter in table.items():
            pieces = [piece for piece, _ in splitter.pre_tokenize_str(text)]
            assert "".join(pieces) == text, (name, text)
            row[name] = [len(piece.encode()) for piece in pieces]
        assert row["gpt-2"] == [len(p) for p, _ in byte_level.pre_tokenize_str(text)], text
        for name in list(table)[1:]:
            if row[name] == row["gpt-2"]:
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
