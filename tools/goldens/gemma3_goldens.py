#!/usr/bin/env python3
"""What Gemma 3 270M (GGUF Q4_K_M) computes, by Hugging Face in float32 from the dequantised weights.

gemma3_perplexity.jsonl   the first 2,048 tokens, the one that begins a text included, of the GPL-3
                          text as Debian ships it, tokenised by llama.cpp; greedy tokens behind the
                          first 32, with top-2 margins

usage: gemma3_goldens.py GEMMA3_GGUF [GPL3_TEXT]
"""

import hashlib
import pathlib
import sys

import numpy as np
import torch

import gguf_model
import golden_io
import oracle_runs

TOKENS = 2048
PROMPT_TOKENS = 32
GREEDY_TOKENS = 24
ROWS = 128  # of logits at a time: a row of this vocabulary is a megabyte
DEFAULT_GPL3 = "/usr/share/common-licenses/GPL-3"


def perplexity(model, ids):
    with torch.no_grad():
        hidden = model.model(torch.tensor([ids])).last_hidden_state[0]
        losses = []
        for begin in range(0, len(ids) - 1, ROWS):
            end = min(begin + ROWS, len(ids) - 1)
            logits = model.lm_head(hidden[begin:end]).double()
            losses.append(-torch.log_softmax(logits, -1)[range(end - begin), ids[begin + 1:end + 1]])
    return torch.cat(losses).numpy()


def main():
    gguf_path = sys.argv[1]
    gpl3 = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else DEFAULT_GPL3).read_bytes()
    torch.set_num_threads(2)
    llama = oracle_runs.open_llama_cpp(gguf_path)
    ids = llama.tokenize(gpl3, add_bos=True, special=False)[:TOKENS]
    del llama
    model = gguf_model.load_float32(gguf_path)
    config = model.config
    assert config.layer_types.count("full_attention") == 3 and config.sliding_window == 512
    losses = perplexity(model, ids)
    row = {"text_sha256": hashlib.sha256(gpl3).hexdigest(), "tokens": len(ids),
           "ids_sha256_as_le_int32": hashlib.sha256(np.array(ids, "<i4").tobytes()).hexdigest(),
           "perplexity": round(float(np.exp(losses.mean())), 5),
           "by_prefix": {str(n): round(float(np.exp(losses[:n - 1].mean())), 5)
                         for n in (128, 512, 1024, TOKENS)}}
    print(row)
    row["prompt"] = ids[:PROMPT_TOKENS]
    row["greedy"], row["greedy_margins"] = oracle_runs.hf_greedy(model, row["prompt"], GREEDY_TOKENS)
    golden_io.write_jsonl(golden_io.GOLDENS / "gemma3_perplexity.jsonl", [row])
    golden_io.record_versions(["gemma3_perplexity.jsonl"],
                              ["torch", "transformers", "gguf", "llama-cpp-python"])


if __name__ == "__main__":
    main()
