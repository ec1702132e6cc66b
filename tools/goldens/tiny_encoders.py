#!/usr/bin/env python3
"""Tiny encoders with random weights, and what Hugging Face computes with them in float32.

One folder for each kind of encoder, small enough to be committed, with what makes its attention or
head unlike BERT's: see CASES. Inputs are longer than windows and than what distances have rows of their
own for, one row is padded on the left, one has a masked token in its middle.

usage: tiny_encoders.py [--into FOLDER] [NAME]...       (default: all, into tests/data)
"""

import argparse
import json
import pathlib
import shutil

import numpy as np
import torch
import transformers
from safetensors.torch import save_file
from sentence_transformers.base.modules import Dense
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

import golden_io
import texts
from tiny_models import VOCABULARY, randomise, word_piece_tokenizer, write_json

WIDTH, HEADS, INNER, POSITIONS = 48, 3, 40, 64
SPECIAL = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
LENGTHS = [45, 12, 1, 30]


def roberta_tokenizer():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=SPECIAL, show_progress=False,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()))
    tokenizer.train_from_iterator(texts.embedding_texts()[:24], trainer)
    tokenizer.post_processor = processors.RobertaProcessing(
        ("</s>", 2), ("<s>", 0), trim_offsets=True, add_prefix_space=False)
    return tokenizer


def config_of(kind, **changes):
    common = dict(vocab_size=VOCABULARY, hidden_size=WIDTH, num_attention_heads=HEADS,
                  intermediate_size=INNER, max_position_embeddings=POSITIONS, num_hidden_layers=2)
    common.update(changes)
    return kind(**common)


# name: (class of the model, its configuration, number format, pooling, modules behind it, tokenizer)
def cases():
    t = transformers
    relative = dict(relative_attention=True, pad_token_id=0)
    modern = dict(pad_token_id=0, bos_token_id=1, eos_token_id=2, cls_token_id=1, sep_token_id=2,
                  local_attention=12, hidden_size=36, num_hidden_layers=5, intermediate_size=24)
    return {
        "tiny-roberta": (t.RobertaModel, config_of(t.RobertaConfig, type_vocab_size=1,
                                                   layer_norm_eps=1e-5),
                         torch.float16, "weightedmean", [Dense(WIDTH, 20), Normalize()],
                         roberta_tokenizer),
        "tiny-xlmr-reranker": (t.XLMRobertaForSequenceClassification,
                               config_of(t.XLMRobertaConfig, type_vocab_size=1, num_labels=1, num_hidden_layers=1,
                                         layer_norm_eps=1e-5),
                               torch.float32, "cls", [Normalize()], roberta_tokenizer),
        "tiny-distilbert": (t.DistilBertForSequenceClassification,
                            t.DistilBertConfig(vocab_size=VOCABULARY, dim=WIDTH, n_heads=HEADS,
                                               n_layers=2, hidden_dim=INNER,
                                               max_position_embeddings=POSITIONS, num_labels=2),
                            torch.float16, "max", [], word_piece_tokenizer),
        "tiny-electra": (t.ElectraForSequenceClassification,
                         config_of(t.ElectraConfig, embedding_size=32, num_labels=3),
                         torch.float16, "lasttoken", [], word_piece_tokenizer),
        "tiny-mpnet": (t.MPNetForSequenceClassification,
                       config_of(t.MPNetConfig, num_labels=2),
                       torch.float16, "mean", [Normalize()], word_piece_tokenizer),
        "tiny-deberta-v3": (t.DebertaV2ForSequenceClassification,
                            config_of(t.DebertaV2Config, position_buckets=8, share_att_key=True,
                                      norm_rel_ebd="layer_norm", pos_att_type="c2p|p2c",
                                      position_biased_input=False, type_vocab_size=0, num_labels=3,
                                      max_relative_positions=-1, **relative),
                            torch.float16, "mean", [], word_piece_tokenizer),
        "tiny-deberta-v2": (t.DebertaV2ForTokenClassification,
                            config_of(t.DebertaV2Config, share_att_key=False, embedding_size=32,
                                      pos_att_type=["p2c", "c2p"], position_biased_input=True,
                                      type_vocab_size=2, num_labels=3, max_relative_positions=12,
                                      hidden_act="gelu_new", **relative),
                            torch.float16, "mean_sqrt_len_tokens", [Normalize()],
                            word_piece_tokenizer),
        "tiny-modernbert": (t.ModernBertForSequenceClassification,
                            config_of(t.ModernBertConfig, num_labels=3, classifier_pooling="mean",
                                      **modern),
                            torch.bfloat16, "mean", [Normalize()], word_piece_tokenizer),
        "tiny-modernbert-biases": (t.ModernBertForTokenClassification,
                                   config_of(t.ModernBertConfig, num_labels=5, norm_bias=True,
                                             attention_bias=True, mlp_bias=True,
                                             classifier_bias=True, hidden_activation="silu",
                                             **{**modern, "num_hidden_layers": 4}),
                                   torch.float16, "cls", [], word_piece_tokenizer),
        "tiny-nomic": (t.NomicBertModel, config_of(t.NomicBertConfig), torch.float16, "mean",
                       [Normalize()], word_piece_tokenizer),
        "tiny-bert-tokens": (t.BertForTokenClassification,
                             config_of(t.BertConfig, num_labels=4, num_hidden_layers=1),
                             torch.float32, "mean", [], word_piece_tokenizer),
    }


# As the configuration of tiny-modernbert-biases was spelt before transformers 5.
def older_modernbert(config):
    config.pop("layer_types", None)
    rope = config.pop("rope_parameters")
    config["global_attn_every_n_layers"] = 3
    config["global_rope_theta"] = rope["full_attention"]["rope_theta"]
    config["local_rope_theta"] = rope["sliding_attention"]["rope_theta"]
    config["position_embedding_type"] = "absolute"
    config["reference_compile"] = None
    return config


def save_folder(folder, model, dtype, pooling, behind, tokenizer):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    model.config.architectures = [type(model).__name__]
    model.config.dtype = dtype
    model.save_pretrained(folder)  # with the names of tensors that published checkpoints have
    from safetensors.torch import load_file
    stored = load_file(folder / "model.safetensors")
    save_file({name: value.to(dtype).contiguous() for name, value in stored.items()},
              folder / "model.safetensors", metadata={"format": "pt"})
    if folder.name == "tiny-modernbert-biases":
        path = folder / "config.json"
        write_json(path, older_modernbert(json.loads(path.read_text())))
    modules = [("", "sentence_transformers.models.Transformer")]
    for number, module in enumerate([pooling, *behind], start=1):
        name = type(module).__name__
        path = folder / f"{number}_{name}"
        modules.append((path.name, "sentence_transformers.models." + name))
        if name != "Normalize":
            path.mkdir()
            module.save(str(path))
    write_json(folder / "modules.json", [
        {"idx": i, "name": str(i), "path": path, "type": kind}
        for i, (path, kind) in enumerate(modules)])
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)


def padded_batch(vocabulary, pad, types):
    """Rows: whole, with a masked token in its middle, of one token, padded on the left."""
    rng = np.random.default_rng(5)
    width = max(LENGTHS)
    ids = np.full((len(LENGTHS), width), pad, dtype=np.int64)
    mask, kinds = np.zeros_like(ids), np.zeros_like(ids)
    for row, length in enumerate(LENGTHS):
        start = width - length if row == 3 else 0
        ids[row, start:start + length] = rng.integers(5, vocabulary, size=length)
        mask[row, start:start + length] = 1
        if types:
            kinds[row, start + length // 2:start + length] = 1
    mask[1, 5] = 0
    return ids, mask, kinds


def pool(hidden, mask, pooling, behind):
    features = {"token_embeddings": hidden, "attention_mask": torch.tensor(mask)}
    for module in [pooling, *behind]:
        features = module(features)
    return features["sentence_embedding"]


def floats(values):
    return {"shape": list(values.shape), "f32": golden_io.b64_f32(values.numpy())}


def base_model(model):
    return getattr(model, model.base_model_prefix, model)


def run(model, ids, mask, types, has_types):
    arguments = dict(input_ids=torch.tensor(ids), attention_mask=torch.tensor(mask))
    if has_types:
        arguments["token_type_ids"] = torch.tensor(types)
    return model(**arguments)


def text_golden(model, tokenizer, pooling, behind):
    """Texts cut to what the model takes, one by one."""
    limit = POSITIONS - 2
    tokenizer.enable_truncation(limit)
    sentences = texts.embedding_texts()[:8] + ["", " ", texts.embedding_texts()[-1]]
    encoded = [tokenizer.encode(text).ids for text in sentences]
    assert max(map(len, encoded)) == limit
    vectors = []
    for row in encoded:
        hidden = base_model(model)(input_ids=torch.tensor([row])).last_hidden_state
        vectors.append(pool(hidden, np.ones((1, len(row)), dtype=np.int64), pooling, behind)[0])
    return {"texts": sentences, "text_ids": encoded, "text_vectors": floats(torch.stack(vectors))}


def pair_golden(model, tokenizer):
    query = "which court has jurisdiction?"
    passages = texts.embedding_texts()[:8] + ["", texts.embedding_texts()[-1]]
    tokenizer.enable_truncation(POSITIONS - 2, strategy="only_second")
    logits = []
    for passage in passages:
        ids = tokenizer.encode(query, passage).ids
        logits.append(float(model(input_ids=torch.tensor([ids])).logits[0, 0]))
    return {"query": query, "passages": passages, "pair_logits": logits}


def make(name, case, folder):
    kind, config, dtype, mode, behind, make_tokenizer = case
    torch.manual_seed(3)
    model = kind(config)
    randomise(model, seed=sum(map(ord, name)))
    pooling = Pooling(config.hidden_size, pooling_mode=mode)
    for module in behind:
        if isinstance(module, Dense):
            randomise(module, seed=9)
    tokenizer = make_tokenizer()
    save_folder(folder, model, dtype, pooling, behind, tokenizer)

    model = kind.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    has_types = getattr(config, "type_vocab_size", 0) > 0 and "odernBert" not in kind.__name__
    pad = config.pad_token_id
    ids, mask, types = padded_batch(VOCABULARY, pad, getattr(config, "type_vocab_size", 0) > 1)
    golden = {"model": name, "ids": ids.tolist(), "mask": mask.tolist(), "types": types.tolist()}
    with torch.no_grad():
        hidden = run(base_model(model), ids, mask, types, has_types).last_hidden_state
        golden["vectors"] = floats(pool(hidden, mask, pooling, behind))
        # Attention is far from uniform: what is far away changes the first token's state.
        changed = ids.copy()
        changed[0, 40] = changed[0, 40] % (VOCABULARY - 5) + 5
        other = run(base_model(model), changed, mask, types, has_types).last_hidden_state
        assert (other[0, 0] - hidden[0, 0]).abs().max() > 1e-4
        if kind.__name__.endswith("Classification"):
            ids, mask, types = ids[:3], mask[:3], types[:3]  # heads take the first token, or pad
            logits = run(model, ids, mask, types, has_types).logits
            golden["scores"] = floats(logits)
        if name == "tiny-roberta":
            golden.update(text_golden(model, tokenizer, pooling, behind))
        if name == "tiny-xlmr-reranker":
            golden.update(pair_golden(model, tokenizer))
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    print(f"{name}: {size} bytes")
    assert size < 150_000
    return golden


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--into", type=pathlib.Path, help="a folder instead of tests/data")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    models_folder = options.into or golden_io.MODELS
    goldens = (options.into or golden_io.GOLDENS) / "tiny_encoders.jsonl"
    rows = {}
    if goldens.exists():
        rows = {row["model"]: row for row in map(json.loads, goldens.read_text().splitlines())}
    chosen = cases()
    for name in options.names or chosen:
        rows[name] = make(name, chosen[name], models_folder / name)
    goldens.write_text("".join(golden_io.dumps(rows[name]) + "\n" for name in chosen if name in rows))
    if options.into is None:
        golden_io.record_versions([goldens.name], [
            "torch", "transformers", "tokenizers", "safetensors", "sentence-transformers"])


if __name__ == "__main__":
    main()
