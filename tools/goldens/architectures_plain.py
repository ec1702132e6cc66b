"""Architectures with layer norms and plain MLPs: Phi, Falcon, GPT-BigCode, GPT-2.

Sizes are odd on purpose: 3 heads, widths that no vector divides.
"""

import torch
import transformers

from architecture import CONTEXT, VOCABULARY, Architecture, before_v5

IDS = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": None}


def phi(**changes):
    settings = dict(
        vocab_size=VOCABULARY, hidden_size=36, intermediate_size=60, num_hidden_layers=2,
        num_attention_heads=3, max_position_embeddings=CONTEXT,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0,
                         "partial_rotary_factor": 0.5}, **IDS)
    settings.update(changes)
    return transformers.PhiConfig(**settings)


def falcon(**changes):
    settings = dict(
        vocab_size=VOCABULARY, hidden_size=36, num_hidden_layers=2, num_attention_heads=3,
        ffn_hidden_size=60, max_position_embeddings=CONTEXT,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0}, **IDS)
    settings.update(changes)
    return transformers.FalconConfig(**settings)


def gpt_bigcode(**changes):
    settings = dict(vocab_size=VOCABULARY, n_embd=36, n_layer=2, n_head=3, n_inner=60,
                    n_positions=CONTEXT, **IDS)
    settings.update(changes)
    return transformers.GPTBigCodeConfig(**settings)


def gpt2(**changes):
    settings = dict(vocab_size=VOCABULARY, n_embd=36, n_layer=2, n_head=3, n_inner=60,
                    n_positions=CONTEXT, **IDS)
    settings.update(changes)
    return transformers.GPT2Config(**settings)


def published_gpt2(tensors):
    """Without the prefix and with the mask buffers, as the checkpoint of 2019 has them."""
    stored = {name.removeprefix("transformer."): value for name, value in tensors.items()}
    for layer in range(2):
        mask = torch.tril(torch.ones(CONTEXT, CONTEXT, dtype=torch.uint8))[None, None]
        stored[f"h.{layer}.attn.bias"] = mask
        stored[f"h.{layer}.attn.masked_bias"] = torch.tensor(-1e4, dtype=torch.float32)
    return stored


FIXTURES = [
    Architecture("phi", phi(), spelling=before_v5, seed=21,
                 variants=[{"partial_rotary_factor": 0.34, "rope_theta": 500000.0},
                           {"hidden_act": "gelu"}]),
    Architecture("falcon-7b", falcon(), seed=22, converter={"num_kv_heads": 1},
                 variants=[{"activation": "gelu_new"}]),
]

FAMILIES = {}
