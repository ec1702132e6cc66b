"""Architectures with layer norms and plain MLPs: Phi, Falcon, GPT-BigCode, GPT-2.

Sizes are odd on purpose: 3 heads, widths that no vector divides.
"""

import torch
import transformers

from architecture import CONTEXT, VOCABULARY, Architecture, before_v5

IDS = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": None}


def phi(**changes):
    settings = dict(
        vocab_size=VOCABULARY, hidden_size=36, intermediate_size=45, num_hidden_layers=2,
        num_attention_heads=3, max_position_embeddings=CONTEXT,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0,
                         "partial_rotary_factor": 0.5}, **IDS)
    settings.update(changes)
    return transformers.PhiConfig(**settings)


def falcon(**changes):
    settings = dict(
        vocab_size=VOCABULARY, hidden_size=36, num_hidden_layers=2, num_attention_heads=3,
        ffn_hidden_size=45, max_position_embeddings=CONTEXT,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0}, **IDS)
    settings.update(changes)
    return transformers.FalconConfig(**settings)


def gpt_bigcode(**changes):
    settings = dict(vocab_size=VOCABULARY, n_embd=36, n_layer=2, n_head=3, n_inner=45,
                    n_positions=CONTEXT, **IDS)
    settings.update(changes)
    return transformers.GPTBigCodeConfig(**settings)


def gpt2(**changes):
    settings = dict(vocab_size=VOCABULARY, n_embd=36, n_layer=2, n_head=3, n_inner=40,
                    n_positions=CONTEXT, **IDS)
    settings.update(changes)
    return transformers.GPT2Config(**settings)


def published_gpt2(tensors, layers=2):
    """Without the prefix and with the mask buffers, as the checkpoint of 2019 has them."""
    stored = {name.removeprefix("transformer."): value for name, value in tensors.items()}
    for layer in range(layers):
        mask = torch.tril(torch.ones(CONTEXT, CONTEXT, dtype=torch.uint8))[None, None]
        stored[f"h.{layer}.attn.bias"] = mask
        stored[f"h.{layer}.attn.masked_bias"] = torch.tensor(-1e4, dtype=torch.float32)
    return stored


# A GGUF holds neither Falcon's rotary base nor which GELU GPT-BigCode has (llama.cpp takes the tanh
# one); its converter wants GPT-2's old key, and the one key head of a multi-query Falcon.
FALCON_GGUF = {"rope_parameters.rope_theta": 10000.0}
BIGCODE_GGUF = {"activation_function": "gelu_pytorch_tanh"}
GPT2_GGUF = {"activation_function": "gelu_new", "scale_attn_by_inverse_layer_idx": False,
             "scale_attn_weights": True}
ONE_KEY_HEAD = {"num_kv_heads": 1}
GPT2_CONVERTER = {"n_ctx": CONTEXT}



def only_the_head(tensors):
    """A tied matrix stored once, under the head's name."""
    return {("lm_head.weight" if name.endswith("wte.weight") else name): value
            for name, value in tensors.items()}


def head_of_its_own(tensors):
    """Tied by its configuration, but the checkpoint has a head with other values."""
    embedding = next(v for name, v in tensors.items() if name.endswith("word_embeddings.weight"))
    return {**tensors, "lm_head.weight": embedding.flip(0).contiguous()}


FIXTURES = [
    Architecture("phi", phi(), spelling=before_v5, seed=21,
                 variants=[{"partial_rotary_factor": 0.34, "rope_theta": 500000.0},
                           {"hidden_act": "gelu"}]),
    Architecture("falcon-7b", falcon(), seed=22, converter=ONE_KEY_HEAD,
                 variants=[{"activation": "gelu_new"},
                           {"rope_parameters": {"rope_type": "linear", "factor": 3.0,
                                                "rope_theta": 10000.0}}]),
    Architecture("falcon-40b", falcon(new_decoder_architecture=True, num_attention_heads=6,
                                      num_kv_heads=2, layer_norm_epsilon=1e-6),
                 dtype=torch.bfloat16, seed=23),
    Architecture("falcon-11b", falcon(new_decoder_architecture=True, num_attention_heads=6,
                                      num_kv_heads=3, num_ln_in_parallel_attn=1,
                                      tie_word_embeddings=False, rope_parameters={
                                          "rope_type": "default", "rope_theta": 500042.0}),
                 spelling=before_v5, seed=24, gguf=FALCON_GGUF),
    Architecture("falcon-sequential", falcon(parallel_attn=False, multi_query=False, bias=True),
                 tensors=head_of_its_own, seed=25, gguf=None),
    Architecture("gpt-bigcode", gpt_bigcode(activation_function="gelu"), seed=26,
                 variants=[{"activation_function": None}, {"scale_attn_weights": False}],
                 gguf=BIGCODE_GGUF),
    Architecture("gpt-bigcode-heads", gpt_bigcode(multi_query=False, n_inner=None),
                 dtype=torch.bfloat16, spelling=before_v5, seed=27, gguf=None,
                 tensors=only_the_head),
    Architecture("gpt2", gpt2(), seed=28, tensors=published_gpt2, converter=GPT2_CONVERTER,
                 variants=[{"scale_attn_by_inverse_layer_idx": True,
                            "reorder_and_upcast_attn": True},
                           {"activation_function": "gelu", "scale_attn_weights": False}]),
]


def sizes(rng):
    """Heads, their width, layers, MLP width."""
    return (int(rng.integers(1, 6)), 2 * int(rng.integers(6, 42)), int(rng.integers(1, 4)),
            int(rng.integers(9, 170)))


def weights(rng):
    return [torch.float16, torch.bfloat16][rng.integers(2)]


def spelling(rng):
    return [None, before_v5][rng.integers(2)]


def base(rng):
    return float(rng.choice([10000.0, 500042.0, 1e6, 100.0]))


def draw_phi(rng):
    heads, head, layers, inner = sizes(rng)
    share = float(rng.choice([0.5, 0.4, 0.25, 1.0]))
    while int(head * share) % 2 or int(head * share) == 0:
        head += 2
    theta = base(rng)
    config = phi(
        hidden_size=heads * head, num_attention_heads=heads, num_hidden_layers=layers,
        intermediate_size=inner, layer_norm_eps=float(rng.choice([1e-5, 1e-6, 1e-3])),
        hidden_act=str(rng.choice(["gelu_new", "gelu", "gelu_fast", "gelu_pytorch_tanh"])),
        tie_word_embeddings=bool(rng.integers(2)),
        num_key_value_heads=int(rng.choice([d for d in range(1, heads + 1) if heads % d == 0])),
        rope_parameters={"rope_type": "default", "rope_theta": theta,
                         "partial_rotary_factor": share})
    said = {"hidden_act": "gelu_new", "rope_parameters.rope_theta": 10000.0}
    whole = config.num_key_value_heads == heads
    return Architecture("phi", config, dtype=weights(rng), spelling=spelling(rng),
                        gguf=said if whole else None)


def draw_falcon(rng):
    heads, head, layers, inner = sizes(rng)
    grouped = bool(rng.integers(2))
    multi_query = bool(rng.integers(4))
    parallel = bool(rng.integers(4))
    settings = dict(
        hidden_size=heads * head, num_attention_heads=heads, num_hidden_layers=layers,
        ffn_hidden_size=inner if rng.integers(3) else None, tie_word_embeddings=bool(rng.integers(2)),
        bias=not rng.integers(4), layer_norm_epsilon=float(rng.choice([1e-5, 1e-6, 1e-3])),
        activation=str(rng.choice(["gelu", "gelu", "gelu_new"])),
        rope_parameters={"rope_type": "default", "rope_theta": base(rng)})
    if grouped:
        settings.update(
            new_decoder_architecture=True, num_ln_in_parallel_attn=[None, 1, 2][rng.integers(3)],
            num_kv_heads=int(rng.choice([d for d in range(1, heads + 1) if heads % d == 0])))
    else:
        settings.update(parallel_attn=parallel, multi_query=multi_query,
                        num_kv_heads=heads)
    config = falcon(**settings)
    said = {"activation": "gelu", **FALCON_GGUF}
    converted = not settings["bias"] and (grouped or parallel)
    return Architecture("falcon", config, dtype=weights(rng), spelling=spelling(rng),
                        gguf=said if converted else None,
                        converter={} if grouped or not multi_query else ONE_KEY_HEAD)


def draw_gpt(rng, make, **more):
    heads, head, layers, inner = sizes(rng)
    head -= int(rng.integers(2))  # odd widths too: nothing is rotated
    return make(
        n_embd=heads * head, n_head=heads, n_layer=layers, n_inner=inner if rng.integers(3) else None,
        layer_norm_epsilon=float(rng.choice([1e-5, 1e-6, 1e-3])),
        activation_function=str(rng.choice(["gelu_new", "gelu", "gelu_pytorch_tanh", "gelu_fast"])),
        tie_word_embeddings=bool(rng.integers(4)), scale_attn_weights=bool(rng.integers(4)), **more)


def draw_gpt_bigcode(rng):
    config = draw_gpt(rng, gpt_bigcode, multi_query=bool(rng.integers(3)))
    said = {**BIGCODE_GGUF, "scale_attn_weights": True} if config.multi_query else None
    return Architecture("gpt_bigcode", config, dtype=weights(rng), spelling=spelling(rng), gguf=said)


def draw_gpt2(rng):
    config = draw_gpt(rng, gpt2, reorder_and_upcast_attn=bool(rng.integers(2)),
                      scale_attn_by_inverse_layer_idx=bool(rng.integers(2)))
    stored = None
    if rng.integers(2) and config.tie_word_embeddings:
        def stored(tensors, layers=config.n_layer):
            return published_gpt2(tensors, layers)
    return Architecture("gpt2", config, dtype=weights(rng), spelling=spelling(rng), tensors=stored,
                        gguf=GPT2_GGUF, converter=GPT2_CONVERTER)


FAMILIES = {"phi": draw_phi, "falcon": draw_falcon, "gpt_bigcode": draw_gpt_bigcode,
            "gpt2": draw_gpt2}
