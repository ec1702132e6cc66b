#!/usr/bin/env python3
"""Acceptance of encoders: `footnote model probe` against transformers in float32, on random tiny models.

Makes models of every kind of encoder with configurations drawn at random (widths, layers, buckets,
windows, biases, heads for texts and tokens, number formats, checkpoints with and without a prefix),
embeds and scores random padded batches with both, and compares. Exit status 1 when one differs.

usage: encoders.py --footnote BIN [--count N] [--seed N] [--keep FOLDER]
"""

import argparse
import json
import pathlib
import random
import sys
import tempfile

import numpy as np
import torch
import transformers
from safetensors.torch import load_file, save_file

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tools" / "goldens"), str(pathlib.Path(__file__).parent)]

from probe_client import Probe, ProbeError, floats  # noqa: E402
from tiny_encoders import older_modernbert  # noqa: E402
from tiny_models import randomise, word_piece_tokenizer, write_json  # noqa: E402

VOCABULARY = 300
KINDS = ["Bert", "Roberta", "XLMRoberta", "Camembert", "Electra", "MPNet", "DebertaV2", "ModernBert",
         "DistilBert", "NomicBert"]
TASKS = ["Model", "ForMaskedLM", "ForSequenceClassification", "ForTokenClassification"]
WITHOUT_TYPES = ("ModernBert", "DistilBert", "MPNet")
COSINE = 0.99999
LOGITS = 1e-4  # where they are above 1, of the largest


def configuration(kind, draw):
    heads, head_width = draw.choice([1, 2, 3, 4]), draw.choice([8, 10, 16, 24, 32])
    width = heads * head_width
    values = dict(
        vocab_size=VOCABULARY, hidden_size=width, num_attention_heads=heads,
        intermediate_size=draw.choice([17, 40, 64, 96]), num_labels=draw.choice([1, 2, 3]),
        max_position_embeddings=draw.choice([130, 140]), num_hidden_layers=draw.choice([1, 2, 3, 5]))
    if kind in ("Roberta", "XLMRoberta", "Camembert"):
        values.update(type_vocab_size=draw.choice([1, 2]), layer_norm_eps=draw.choice([1e-5, 1e-12]),
                      hidden_act=draw.choice(["gelu", "gelu_new"]), pad_token_id=draw.choice([0, 1, 3]))
    elif kind == "Bert":
        values.update(hidden_act=draw.choice(["gelu", "gelu_new", "gelu_pytorch_tanh"]),
                      type_vocab_size=draw.choice([1, 2, 3]))
    elif kind == "Electra":
        values.update(embedding_size=draw.choice([width, 24]))
    elif kind == "DebertaV2":
        values.update(
            relative_attention=draw.choice([True, True, True, False]),
            position_buckets=draw.choice([-1, 8, 16, 32]), share_att_key=draw.choice([True, False]),
            norm_rel_ebd=draw.choice(["layer_norm", "none"]), type_vocab_size=draw.choice([0, 2]),
            pos_att_type=draw.choice([["c2p", "p2c"], ["p2c"], ["c2p"], "c2p|p2c"]),
            position_biased_input=draw.choice([True, False]),
            max_relative_positions=draw.choice([-1, 40]),
            embedding_size=draw.choice([width, width, 24]),
            pooler_hidden_act=draw.choice(["gelu", "tanh"]))
    elif kind == "ModernBert":
        values.update(
            local_attention=draw.choice([2, 8, 16, 128]), pad_token_id=0, bos_token_id=1,
            eos_token_id=2, cls_token_id=1, sep_token_id=2, norm_bias=draw.choice([False, True]),
            attention_bias=draw.choice([False, True]), mlp_bias=draw.choice([False, True]),
            classifier_pooling=draw.choice(["cls", "mean"]),
            classifier_bias=draw.choice([False, True]), hidden_activation=draw.choice(["gelu", "silu"]),
            classifier_activation=draw.choice(["gelu", "relu", "tanh"]))
    elif kind == "DistilBert":
        values = dict(vocab_size=VOCABULARY, dim=width, n_heads=heads, num_labels=values["num_labels"],
                      n_layers=values["num_hidden_layers"], hidden_dim=values["intermediate_size"],
                      max_position_embeddings=130)
    return getattr(transformers, kind + "Config")(**values)


def save(folder, model, dtype, mode, older):
    folder.mkdir(parents=True)
    model.config.architectures = [type(model).__name__]
    model.save_pretrained(folder)
    weights = folder / "model.safetensors"
    save_file({name: value.to(dtype).contiguous() for name, value in load_file(weights).items()},
              weights, metadata={"format": "pt"})
    kinds = ["Transformer", "Pooling"]
    write_json(folder / "modules.json", [
        {"idx": i, "name": str(i), "path": "" if i == 0 else "1_Pooling",
         "type": "sentence_transformers.models." + kind} for i, kind in enumerate(kinds)])
    (folder / "1_Pooling").mkdir()
    write_json(folder / "1_Pooling" / "config.json", {
        "pooling_mode_cls_token": mode == "cls", "pooling_mode_mean_tokens": mode == "mean"})
    word_piece_tokenizer().save(str(folder / "tokenizer.json"))
    if older:
        path = folder / "config.json"
        write_json(path, older_modernbert(json.loads(path.read_text())))


def batch(config, draw, rng):
    lengths = [draw.randint(1, 126) for _ in range(3)]
    ids = np.full((3, max(lengths)), config.pad_token_id or 0)
    mask, types = np.zeros_like(ids), np.zeros_like(ids)
    for row, length in enumerate(lengths):
        ids[row, :length] = rng.integers(0, VOCABULARY, size=length)
        mask[row, :length] = 1
        if getattr(config, "type_vocab_size", 0) > 1:
            types[row, length // 2:length] = 1
    return ids, mask, types


def compare(binary, folder, model, kind, mode, precision, ids, mask, types):
    """(smallest cosine, largest difference of logits)"""
    arguments = dict(input_ids=torch.tensor(ids), attention_mask=torch.tensor(mask))
    if kind not in WITHOUT_TYPES:
        arguments["token_type_ids"] = torch.tensor(types)
    base = getattr(model, model.base_model_prefix, model)
    scored = type(model).__name__.endswith("Classification")
    with torch.no_grad():
        hidden = base(**arguments).last_hidden_state
        seen = torch.tensor(mask)[..., None].float()
        want = hidden[:, 0] if mode == "cls" else (hidden * seen).sum(1) / seen.sum(1)
        want = want.numpy()
        logits = model(**arguments).logits.numpy() if scored else None
    request = dict(ids=ids.tolist(), mask=mask.tolist(), types=types.tolist())
    with Probe(binary, folder, precision) as probe:
        shape, values = floats(probe.ask("embed", **request))
        vectors = np.array(values).reshape(shape)
        cosine = min(float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))
                     for a, b in zip(vectors, want))
        if not scored:
            return cosine, 0.0
        scores = np.array(probe.ask("score", **request)["scores"]).reshape(logits.shape)
        chosen = mask.astype(bool) if logits.ndim == 3 else slice(None)
        largest = max(1.0, float(np.abs(logits[chosen]).max()))
        return cosine, float(np.abs(scores[chosen] - logits[chosen]).max()) / largest


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--footnote", required=True, help="the binary")
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=pathlib.Path, help="where models are put and stay")
    options = parser.parse_args()
    transformers.logging.set_verbosity_error()
    draw, rng = random.Random(options.seed), np.random.default_rng(options.seed)
    worst, failures = {}, 0
    with tempfile.TemporaryDirectory() as scratch:
        for number in range(options.count):
            kind, task = KINDS[number % len(KINDS)], draw.choice(TASKS)
            config = configuration(kind, draw)
            torch.manual_seed(number)
            maker = getattr(transformers, kind + task)
            model = maker(config)
            randomise(model, seed=number)
            folder = (options.keep or pathlib.Path(scratch)) / f"{number}-{kind}{task}"
            dtype = draw.choice([torch.float32, torch.float16, torch.bfloat16])
            mode = draw.choice(["cls", "mean"])
            save(folder, model, dtype, mode, kind == "ModernBert" and draw.random() < 0.5)
            model = maker.from_pretrained(folder, dtype=torch.float32,
                                          attn_implementation="eager").eval()
            # Activations are rounded with weights in bfloat16 where speed counts.
            precision = "exact" if dtype == torch.bfloat16 else draw.choice(["exact", "fast"])
            try:
                cosine, logits = compare(options.footnote, folder, model, kind, mode, precision,
                                         *batch(config, draw, rng))
            except ProbeError as error:
                print(f"FAIL  {folder.name}: {error}")
                failures += 1
                continue
            if cosine < COSINE or logits > LOGITS:
                print(f"FAIL  {folder.name} {dtype} {mode} {precision}: cosine {cosine}, logits {logits}")
                failures += 1
            before = worst.get(kind, (1.0, 0.0, 0))
            worst[kind] = (min(before[0], cosine), max(before[1], logits), before[2] + 1)
    for kind, (cosine, logits, count) in worst.items():
        print(f"{kind:<12} {count:>3} models  cosine >= {cosine:.7f}  logits within {logits:.1e}")
    print(f"{options.count} models, {failures} failed")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
