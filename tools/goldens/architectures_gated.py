"""Architectures with RMS norms, gated MLPs and rotary positions: Llama, Mistral, Qwen 2 and 3,
Granite, Phi-3, Gemma 1 to 3.

Sizes are odd on purpose: 3 or 6 heads over fewer key heads, widths that no vector divides, heads
wider than width / heads, windows and original contexts between the two prompts' lengths.
"""

import torch
import transformers

from architecture import CONTEXT, VOCABULARY, Architecture, before_v5

IDS = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": None}
SIZES = dict(vocab_size=VOCABULARY, hidden_size=24, intermediate_size=28, num_hidden_layers=2,
             num_attention_heads=6, num_key_value_heads=2, max_position_embeddings=CONTEXT, **IDS)
DEFAULT = {"rope_type": "default", "rope_theta": 10000.0}
LLAMA3 = {"rope_type": "llama3", "rope_theta": 500.0, "factor": 8.0, "low_freq_factor": 1.0,
          "high_freq_factor": 4.0, "original_max_position_embeddings": 32}
YARN = {"rope_type": "yarn", "rope_theta": 10000.0, "factor": 4.0,
        "original_max_position_embeddings": 16}
LINEAR = {"rope_type": "linear", "rope_theta": 10000.0, "factor": 2.0}


def config(kind, rope=DEFAULT, **changes):
    settings = dict(SIZES, rope_parameters=dict(rope))
    settings.update(changes)
    return getattr(transformers, kind + "Config")(**settings)


def factors(pairs, largest, seed=5):
    generator = torch.Generator().manual_seed(seed)
    return [round(float(1 + (largest - 1) * x), 3) for x in torch.rand(pairs, generator=generator)]


def longrope(pairs, **changes):
    return {"rope_type": "longrope", "rope_theta": 10000.0, "short_factor": factors(pairs, 1.5),
            "long_factor": factors(pairs, 8, seed=6), **changes}


def phi3(rope=None, **changes):
    settings = dict(num_attention_heads=3, num_key_value_heads=1,
                    original_max_position_embeddings=16)
    settings.update(changes)
    heads = settings["num_attention_heads"]
    pairs = int(SIZES["hidden_size"] // heads * (rope or {}).get("partial_rotary_factor", 1)) // 2
    return config("Phi3", {**longrope(pairs), **(rope or {})}, **settings)


def gemma3(**changes):
    settings = dict(
        num_hidden_layers=7, num_attention_heads=4, intermediate_size=20, head_dim=6,
        sliding_window=8, query_pre_attn_scalar=6,
        rope_parameters={"full_attention": dict(LINEAR, rope_theta=1e6, factor=8.0),
                         "sliding_attention": dict(DEFAULT)})
    settings.update(changes)
    return config("Gemma3Text", **settings)


def gemma3_before_v5(written):
    """As the folders of 2025 say it."""
    rope = written["rope_parameters"]
    config = before_v5({**written, "rope_parameters": None})
    config["rope_theta"] = rope["full_attention"]["rope_theta"]
    config["rope_local_base_freq"] = rope["sliding_attention"]["rope_theta"]
    if rope["full_attention"]["rope_type"] != "default":
        config["rope_scaling"] = {"rope_type": rope["full_attention"]["rope_type"],
                                  "factor": rope["full_attention"]["factor"]}
    config.pop("layer_types")
    config["sliding_window_pattern"] = 6
    return config


def beside_images(written):
    """A folder that reads images too: the text part is a section that says what differs."""
    written = dict(written)
    top = {key: written.pop(key) for key in ("torch_dtype", "transformers_version")}
    written.pop("architectures")
    return {"architectures": ["Gemma3ForConditionalGeneration"], "model_type": "gemma3", **top,
            "boi_token_index": 255999, "image_token_index": 262144, "mm_tokens_per_image": 256,
            "text_config": written,
            "vision_config": {"model_type": "siglip_vision_model", "hidden_size": 16,
                              "intermediate_size": 32, "num_hidden_layers": 1,
                              "num_attention_heads": 2, "image_size": 28, "patch_size": 14}}


def vision_tensors(tensors):
    """Under the names of a folder with images, and something of those beside them."""
    stored = {"language_model." + name: value for name, value in tensors.items()}
    stored["vision_tower.vision_model.embeddings.patch_embedding.bias"] = torch.zeros(16)
    stored["multi_modal_projector.mm_soft_emb_norm.weight"] = torch.zeros(16)
    return stored


# The converter adds 1 to norms in the format they are stored in: float16 would be rounded again.
GEMMA_DTYPES = (torch.bfloat16,)
FIXTURES = [
    Architecture("llama3", config("Llama", LLAMA3, head_dim=10, attention_bias=True, mlp_bias=True),
                 seed=41,
                 variants=[{"rope_parameters": LINEAR}, {"rope_parameters": YARN},
                           {"rope_parameters": {**YARN, "rope_theta": 100.0, "truncate": False,
                                                "attention_factor": 1.25}},
                           {"rope_parameters": longrope(
                               5, original_max_position_embeddings=16, factor=2.0)},
                           {"hidden_act": "gelu"}]),
    Architecture("mistral", config("Mistral", head_dim=10, sliding_window=9), torch.bfloat16,
                 spelling=before_v5, seed=42, variants=[{"sliding_window": 4}],
                 gguf={"sliding_window": 4096}),
    Architecture("qwen2", config("Qwen2", use_sliding_window=True, sliding_window=7,
                                 max_window_layers=1, num_hidden_layers=3,
                                 tie_word_embeddings=True),
                 seed=43,
                 variants=[{"use_sliding_window": False, "layer_types": None},
                           {"layer_types": ["sliding_attention", "full_attention",
                                            "full_attention"]},
                           {"layer_types": None, "max_window_layers": 0}],
                 gguf={"use_sliding_window": False, "layer_types": None}),
    Architecture("qwen3", config("Qwen3", head_dim=10, tie_word_embeddings=True), torch.bfloat16,
                 seed=44, variants=[{"rope_parameters": YARN}]),
    Architecture("granite", config("Granite", embedding_multiplier=3.5, attention_multiplier=0.3,
                                   residual_multiplier=0.45, logits_scaling=1.7,
                                   attention_bias=True, tie_word_embeddings=True),
                 seed=45, variants=[{"logits_scaling": 8.0, "attention_multiplier": None,
                                     "residual_multiplier": None, "embedding_multiplier": None}]),
    Architecture("phi3", phi3(), seed=46,
                 variants=[{"original_max_position_embeddings": 48}, {"sliding_window": 11},
                           {"rope_parameters.type": "su", "rope_parameters.rope_type": None,
                            "rope_parameters.attention_factor": 1.5},
                           {"rope_parameters": DEFAULT}]),
    Architecture("phi4-mini", phi3({"partial_rotary_factor": 0.75}, tie_word_embeddings=True,
                                   sliding_window=60),
                 torch.bfloat16, spelling=before_v5, seed=47),
    Architecture("gemma", config("Gemma", head_dim=10, hidden_act="gelu"), torch.bfloat16,
                 spelling=lambda c: {**before_v5(c), "hidden_activation": None}, seed=48),
    Architecture("gemma2", config("Gemma2", head_dim=8, sliding_window=7, query_pre_attn_scalar=13,
                                  attn_logit_softcapping=5.0, final_logit_softcapping=3.0,
                                  num_hidden_layers=3),
                 torch.bfloat16, seed=49,
                 variants=[{"attention_bias": False,
                            "layer_types": ["full_attention", "full_attention",
                                            "sliding_attention"]}],
                 gguf={"query_pre_attn_scalar": 8}),
    Architecture("gemma3", gemma3(), torch.bfloat16, seed=50, variants=[{"final_logit_softcapping": 4.0},
                                                        {"layer_types": None,
                                                         "sliding_window_pattern": 3}]),
    Architecture("gemma3-images", gemma3(num_hidden_layers=6, query_pre_attn_scalar=11), torch.bfloat16,
                 spelling=lambda c: beside_images(gemma3_before_v5(c)), tensors=vision_tensors,
                 seed=51, gguf=None),
]


def pick(rng, *choices):
    return choices[int(rng.integers(len(choices)))]


def sizes(rng, whole_heads=True, explicit=True):
    """Random sizes; whole_heads: width is a multiple of the heads even where that means nothing."""
    kv_heads = pick(rng, 1, 1, 2, 3)
    heads = kv_heads * pick(rng, 1, 2, 3, 5)
    head_width = 2 * int(rng.integers(2, 11))
    width = heads * head_width
    drawn = {"num_attention_heads": heads, "num_key_value_heads": kv_heads,
             "intermediate_size": int(rng.integers(20, 90)),
             "num_hidden_layers": int(rng.integers(1, 4)),
             "rms_norm_eps": pick(rng, 1e-6, 1e-5, 1e-3)}
    if explicit and pick(rng, True, False):
        drawn["head_dim"] = pick(rng, head_width, head_width + 2, 80, 4)
        width = heads * int(rng.integers(2, 12)) if whole_heads else int(rng.integers(17, 90))
    return {**drawn, "hidden_size": width}


def head_width(drawn):
    return drawn.get("head_dim", drawn["hidden_size"] // drawn["num_attention_heads"])


def rope(rng, base=None):
    base = base or pick(rng, 100.0, 10000.0, 500000.0, 1e6)
    kind = pick(rng, DEFAULT, DEFAULT, LINEAR, LLAMA3, YARN)
    drawn = {**kind, "rope_theta": base}
    if "factor" in drawn:
        drawn["factor"] = pick(rng, 2.0, 3.5, 8.0, 32.0)
    if "original_max_position_embeddings" in drawn:
        drawn["original_max_position_embeddings"] = pick(rng, 8, 16, 32)
    return drawn


def unsaid(written, base=False):
    """Changes that take away what a GGUF of the family does not say: Llama 3's factors; with `base`
    every setting of the rotation."""
    if written["rope_type"] != "llama3" and not base:
        return {}
    theta = 10000.0 if base else written["rope_theta"]
    return {"rope_parameters": dict(DEFAULT, rope_theta=theta), "rope_scaling": None,
            "rope_theta": None}


def drawn(rng, name, made, dtypes=(torch.float16, torch.bfloat16), **settings):
    dtype = pick(rng, *dtypes)
    if settings.pop("old", True) and pick(rng, True, False):
        settings["spelling"] = before_v5
    return Architecture(name, made, dtype, **settings)


def tied(rng):
    return pick(rng, True, False)


def draw_llama(rng):
    act = pick(rng, "silu", "silu", "silu", "gelu", "gelu_pytorch_tanh")
    made = config("Llama", rope(rng), **sizes(rng), attention_bias=tied(rng), mlp_bias=tied(rng),
                  hidden_act=act, tie_word_embeddings=tied(rng))
    return drawn(rng, "llama", made, gguf={} if act == "silu" else None)


def draw_llama_longrope(rng):
    size = sizes(rng)
    made = config("Llama", longrope(head_width(size) // 2, factor=pick(rng, 2.0, 8.0),
                                    original_max_position_embeddings=pick(rng, 8, 30, 50)), **size)
    return drawn(rng, "llama", made, gguf=None)


def draw_mistral(rng):
    window = pick(rng, None, 1, 5, 17, 33)
    made = config("Mistral", rope(rng), **sizes(rng, False), sliding_window=window,
                  tie_word_embeddings=tied(rng))
    return drawn(rng, "mistral", made, gguf={"sliding_window": 4096})


def windows(rng, size):
    changes = dict(use_sliding_window=tied(rng), sliding_window=pick(rng, 3, 8, 20),
                   max_window_layers=pick(rng, 0, 1, 2))
    if changes["use_sliding_window"] and tied(rng):
        changes["layer_types"] = [pick(rng, "full_attention", "sliding_attention")
                                  for _ in range(size["num_hidden_layers"])]
    return changes


def draw_qwen2(rng):
    size = sizes(rng, False)
    made = config("Qwen2", rope(rng), **size, **windows(rng, size), tie_word_embeddings=tied(rng))
    return drawn(rng, "qwen2", made, gguf={"use_sliding_window": False, "layer_types": None,
                                          **unsaid(made.rope_parameters)})


def draw_qwen3(rng):
    size = sizes(rng, False)
    size.setdefault("head_dim", head_width(size))
    made = config("Qwen3", rope(rng), **size, **windows(rng, size), tie_word_embeddings=tied(rng),
                  attention_bias=pick(rng, False, False, True))
    return drawn(rng, "qwen3", made, gguf={"use_sliding_window": False, "layer_types": None,
                                          **unsaid(made.rope_parameters)})


def draw_granite(rng):
    turns = rope(rng)
    made = config("Granite", turns, **sizes(rng, explicit=False), attention_bias=tied(rng),
                  mlp_bias=tied(rng), embedding_multiplier=pick(rng, 1.0, 12.0, 0.7),
                  attention_multiplier=pick(rng, 0.0625, 0.3, 1.0),
                  residual_multiplier=pick(rng, 0.22, 1.0), logits_scaling=pick(rng, 1.0, 8.0, 0.5),
                  tie_word_embeddings=tied(rng))
    # The converter has no place for Llama 3's factors in this family.
    return drawn(rng, "granite", made, gguf=None if turns["rope_type"] == "llama3" else {})


def draw_phi3(rng):
    size = sizes(rng, explicit=False)
    width = head_width(size)
    part = pick(rng, 1.0, 1.0, 0.75, 0.5)
    pairs = int(width * part) // 2
    if int(width * part) % 2 or pairs == 0:
        part, pairs = 1.0, width // 2
    settings = longrope(pairs) if pick(rng, True, True, False) else dict(DEFAULT)
    settings["partial_rotary_factor"] = part
    made = config("Phi3", settings, **size, tie_word_embeddings=tied(rng),
                  original_max_position_embeddings=pick(rng, 8, 20, 36, 40, 50, 64),
                  sliding_window=pick(rng, None, None, 5, 30))
    return drawn(rng, "phi3", made)


def gemma_rope(rng):
    return pick(rng, DEFAULT, dict(DEFAULT, rope_theta=500.0), LINEAR)


def draw_gemma(rng):
    size = sizes(rng)
    size.setdefault("head_dim", head_width(size))
    made = config("Gemma", gemma_rope(rng), **size, attention_bias=tied(rng),
                  hidden_act=pick(rng, "gelu", "gelu_pytorch_tanh"))
    return drawn(rng, "gemma", made, GEMMA_DTYPES, gguf=unsaid(made.rope_parameters, base=True))


def draw_gemma2(rng):
    size = sizes(rng)
    size.setdefault("head_dim", head_width(size))
    made = config("Gemma2", gemma_rope(rng), **size, attention_bias=tied(rng),
                  attn_logit_softcapping=pick(rng, 2.0, 50.0),
                  final_logit_softcapping=pick(rng, 2.0, 30.0), sliding_window=pick(rng, 3, 8, 20),
                  query_pre_attn_scalar=pick(rng, 4, size["head_dim"], 144))
    return drawn(rng, "gemma2", made, GEMMA_DTYPES,
                 gguf={"query_pre_attn_scalar": size["head_dim"], "layer_types": None,
                       **unsaid(made.rope_parameters, base=True)})


def draw_gemma3(rng):
    size = sizes(rng)
    size.setdefault("head_dim", head_width(size))
    size["num_hidden_layers"] = int(rng.integers(5, 9))
    changes = {}
    if tied(rng):
        changes["layer_types"] = [pick(rng, "full_attention", "sliding_attention")
                                  for _ in range(size["num_hidden_layers"])]
    full = pick(rng, DEFAULT, LINEAR, dict(LINEAR, factor=8.0))
    local = dict(DEFAULT, rope_theta=pick(rng, 10000.0, 300.0))
    made = gemma3(**{**SIZES, **size, **changes},
                  rope_parameters={"full_attention": dict(full, rope_theta=pick(rng, 1e6, 3e4)),
                                   "sliding_attention": local},
                  sliding_window=pick(rng, 3, 8, 20), attention_bias=tied(rng),
                  query_pre_attn_scalar=pick(rng, 4, size["head_dim"], 168),
                  final_logit_softcapping=pick(rng, None, None, 5.0))
    old = gemma3_before_v5 if not changes and tied(rng) else None
    return drawn(rng, "gemma3", made, GEMMA_DTYPES, old=False, spelling=old,
                 gguf={"query_pre_attn_scalar": size["head_dim"], "layer_types": None})


FAMILIES = {"llama": draw_llama, "llama-longrope": draw_llama_longrope, "mistral": draw_mistral,
            "qwen2": draw_qwen2, "qwen3": draw_qwen3, "granite": draw_granite, "phi3": draw_phi3,
            "gemma": draw_gemma, "gemma2": draw_gemma2, "gemma3": draw_gemma3}
