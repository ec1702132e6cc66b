"""Greedy runs of the two outside engines, with the gap between the two best logits at each step.

The gap says how much a step can be trusted: where it is smaller than the engines' numerical
difference, either token is right and what follows is no longer comparable.
"""

import numpy as np


def top2_margin(logits):
    best, second = np.sort(np.partition(logits, -2)[-2:])[::-1]
    return round(float(best - second), 4)


def hf_greedy(model, ids, count):
    import torch
    with torch.no_grad():
        out = model(torch.tensor([ids]), use_cache=True)
        greedy, margins = [], []
        for step in range(count):
            logits = out.logits[0, -1].numpy()
            greedy.append(int(logits.argmax()))
            margins.append(top2_margin(logits))
            if step + 1 < count:
                out = model(torch.tensor([[greedy[-1]]]), use_cache=True,
                            past_key_values=out.past_key_values)
    return greedy, margins


def hf_perplexity(model, ids):
    """Perplexity of ids[1:] as one sequence from position 0, and the loss of every prediction."""
    import torch
    with torch.no_grad():
        logits = model(torch.tensor([ids])).logits[0, :-1].double()
    losses = -torch.log_softmax(logits, dim=-1)[range(len(ids) - 1), ids[1:]]
    return float(torch.exp(losses.mean())), losses.numpy()


def open_llama_cpp(gguf_path, threads=2):
    import llama_cpp
    return llama_cpp.Llama(str(gguf_path), n_ctx=2048, n_threads=threads, n_threads_batch=threads,
                           n_gpu_layers=0, verbose=False)


def llama_cpp_greedy(llama, ids, count):
    llama.reset()
    llama.eval(ids)
    greedy, margins = [], []
    for step in range(count):
        logits = np.array(llama._ctx.get_logits_ith(-1)[:llama.n_vocab()], dtype=np.float32)
        greedy.append(int(logits.argmax()))
        margins.append(top2_margin(logits))
        if step + 1 < count:
            llama.eval([greedy[-1]])
    return greedy, margins


def compared_length(margins, limit):
    """How many leading steps have a margin above `limit`: those must agree."""
    for step, margin in enumerate(margins):
        if margin <= limit:
            return step
    return len(margins)
