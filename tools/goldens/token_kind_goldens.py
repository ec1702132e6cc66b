#!/usr/bin/env python3
"""Small tokenizers of every kind and what Hugging Face `tokenizers` makes of odd texts with them.

tests/data/tokenizers/KIND/tokenizer.json  trained on the sentences in texts.py
tests/data/tokenizers/KIND/tokenizer.model the same as a SentencePiece model; ids of "sentencepiece-bpe" are by that library
token_kinds.jsonl  {"text", KIND: ids, "KIND>": decoded}: with control tokens read; `KIND>` only where decoding, without
                   control tokens, does not give the text back

usage: token_kind_goldens.py
"""

import json
import pathlib
import random
import tempfile

import golden_io
import sentencepiece
import texts
import token_fuzz
import token_kinds

KINDS = ["roberta", "llama-spm-legacy", "llama-spm-first", "gemma-spm", "unigram-xlm-r", "unigram-bytes",
         "wordpiece-accents", "step-nfd-accents", "step-nfkd-digits", "step-nfkc-punctuation", "step-punctuation-previous"]

# What a character map may do: one to one, one to several, several to one, away.
RULES = [("\uff21", "A"), ("\uff22", "B"), ("\u2460", "1"), ("\ufb01", "fi"), ("\u00bd", "1\u20442"), ("e\u0301", "\u00e9"),
         ("a\u0308", "\u00e4"), ("\u200b", ""), ("\u00ad", ""), ("\t", " "), ("\n", " "), ("\u3000", " "), ("\u00a0", " "),
         ("\r\n", " "), ("\u0001", ""), ("\u0301", "")]

ODD = ["", " ", "   ", "e\u0301", "e\u0301\u0301", "e\u0301\u0301\u0301", "\uff21\u0301x", "\u0600e\u0301", "\r\n\u0301", "\u0001\u0301",
       "\u4e2d\u0301", "\u2581", "\u2581\u2581a", " \u2581", "a \u2581b", "<s>a</s>", "a <mask> b", "a   <mask>   b", "<user> x<user>",
       "\n\nA\n\n\nB", "  lead", "trail  ", "a  b   c", "\u200b\u00ad", "x\u200by", "<Word> x <Word>", "a<Word>", "b <strip>  c",
       "<0x41><0x0A>", "\U0001f600\U0001f600", "\u1112\u1161\u11ab", "\u00b2\u00bd 12 \u0663", "it's 3.14, isn't it?", "\ufb01ne"]


def main():
    rng = random.Random(5)
    token_kinds.BYTE_TOKENS, token_kinds.PIECES, token_kinds.WORD_PIECES, token_kinds.ALPHABET = 400, 500, 350, 90
    strings = texts.token_strings()
    corpus = texts.embedding_texts()[:40] + strings[::8]
    lines = list(dict.fromkeys(ODD + strings[::7] + [token_fuzz.random_line(rng)[:60] for _ in range(25)]))
    rows = [{"text": line} for line in lines]
    with tempfile.NamedTemporaryFile("w", suffix=".tsv", encoding="ascii") as rules:
        for source, target in RULES:
            rules.write(" ".join(f"{ord(c):X}" for c in source) + "\t" + " ".join(f"{ord(c):X}" for c in target) + "\n")
        rules.flush()
        token_kinds.RULES = rules.name
        for kind in KINDS:
            tokenizer = token_kinds.KINDS[kind](corpus)
            path = golden_io.ROOT / "tests/data/tokenizers" / kind / "tokenizer.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(json.loads(tokenizer.to_str()), ensure_ascii=True, separators=(",", ":")) + "\n")
            print(f"{pathlib.Path(*path.parts[-4:])}: {path.stat().st_size} bytes")
            for row in rows:
                row[kind] = tokenizer.encode(row["text"]).ids
                text = tokenizer.decode(row[kind], skip_special_tokens=True)
                if text != row["text"]:
                    row[kind + ">"] = text
        models = {"sentencepiece-bpe": token_kinds.llama_model(corpus), "sentencepiece-unigram": token_kinds.unigram_model(corpus)}
    for kind, data in models.items():
        path = golden_io.ROOT / "tests/data/tokenizers" / kind / "tokenizer.model"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        print(f"{pathlib.Path(*path.parts[-4:])}: {path.stat().st_size} bytes")
    library = sentencepiece.SentencePieceProcessor(model_proto=models["sentencepiece-bpe"])
    converted = token_kinds.unigram_tokenizer(models["sentencepiece-unigram"], "t5")
    for row in rows:
        text = row["text"]
        if "<mask>" not in text:  # which is no piece
            row["sentencepiece-unigram"] = converted.encode(text, add_special_tokens=False).ids
        # The library knows user-defined pieces inside a text only, control tokens not at all.
        if not any(odd in text for odd in ("<user>", "\n\n", "<s>", "</s>")):
            row["sentencepiece-bpe"] = library.encode(text)
    golden_io.write_jsonl(golden_io.GOLDENS / "token_kinds.jsonl", rows)
    golden_io.record_versions(["token_kinds.jsonl"], ["tokenizers", "sentencepiece"])


if __name__ == "__main__":
    main()
