#!/usr/bin/env python3
"""Sentence vectors of all-MiniLM-L6-v2 by sentence-transformers, float32, at most 256 tokens a text.

minilm_texts.jsonl   {"text","tokens"}: tokens before truncation, with [CLS] and [SEP]
minilm_vectors.f32   [texts, 384], unit length, one text at a time (no padding)

usage: minilm_vectors.py MINILM_DIR
"""

import pathlib
import sys

import numpy as np
import sentence_transformers
import tokenizers
import torch

import golden_io
import texts


def main():
    folder = pathlib.Path(sys.argv[1])
    torch.set_num_threads(2)
    model = sentence_transformers.SentenceTransformer(
        str(folder), device="cpu", model_kwargs={"dtype": torch.float32})
    assert model.max_seq_length == 256
    tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    chosen = texts.embedding_texts()
    counts = [len(tokenizer.encode(text).ids) for text in chosen]
    print(sorted(counts)[-8:])
    assert sum(count > 256 for count in counts) >= 3
    vectors = np.concatenate([model.encode([text], batch_size=1) for text in chosen])
    assert vectors.dtype == np.float32 and np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    golden_io.write_jsonl(golden_io.GOLDENS / "minilm_texts.jsonl",
                          [{"text": t, "tokens": n} for t, n in zip(chosen, counts)])
    golden_io.write_f32(golden_io.GOLDENS / "minilm_vectors.f32", vectors)
    golden_io.record_versions(["minilm_texts.jsonl", "minilm_vectors.f32"],
                              ["torch", "transformers", "tokenizers", "sentence-transformers"])


if __name__ == "__main__":
    main()
