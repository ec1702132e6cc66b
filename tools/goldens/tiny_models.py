#!/usr/bin/env python3
"""Tiny models with random weights, and what Hugging Face computes with them in float32.

So small that they are committed, so complete (config, tokenizer, weights) that the whole engine can
be tested without a download:

tiny-llama          grouped-query attention, tied head, F16 weights, config as transformers v5 writes it
tiny-llama-untied   the same with a head of its own, BF16 weights in two shards, config as before v5
tiny-llama-gguf     tiny-llama as GGUF in F32 and in Q8_0, q/k rows permuted as llama.cpp's converter does
tiny-mistral-swa    sliding window of 8 positions, untied head, BF16 weights, config as before v5
tiny-bert           encoder with WordPiece tokenizer and sentence-transformers' modules, F16 weights
tiny-cross-encoder  BertForSequenceClassification with one label, tanh GELU, F16 weights

Weights are drawn wide enough that attention is far from uniform: a wrong rotation, mask, window or
norm moves the outputs by far more than a test's tolerance.

usage: tiny_models.py [decoders] [encoder] [cross-encoder]        (default: all)
"""

import json
import shutil
import sys

import gguf
import numpy as np
import torch
import transformers
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

import golden_io
import texts

VOCABULARY = 300
HIDDEN = 64
LAYERS = 2
HEADS = 4
INPUT_TOKENS = 45
GREEDY_TOKENS = 32
CONTROL_TOKENS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
CHAT_TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content']"
    " + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}")


def randomise(model, seed):
    """Norm weights around one, biases around zero, matrices that keep activations near unit size."""
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in model.named_parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        with torch.no_grad():
            if "norm" in name.lower() and name.endswith("weight"):
                parameter.copy_(1.0 + 0.2 * noise)
            elif parameter.dim() == 1:
                parameter.copy_(0.1 * noise)
            elif "embed" in name:
                parameter.copy_(0.6 * noise)
            else:
                parameter.copy_(1.6 * noise / parameter.shape[1] ** 0.5)


def byte_level_tokenizer(vocabulary=VOCABULARY, alphabet=None):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary, special_tokens=CONTROL_TOKENS, show_progress=False,
        initial_alphabet=alphabet or sorted(pre_tokenizers.ByteLevel.alphabet()))
    tokenizer.train_from_iterator(texts.embedding_texts()[:24], trainer)
    assert tokenizer.get_vocab_size() == vocabulary
    return tokenizer


def word_piece_tokenizer():
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(
        vocab_size=VOCABULARY, show_progress=False,
        special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
    tokenizer.train_from_iterator(texts.embedding_texts()[:24], trainer)
    # The trainer gives up to its limit; the embedding matrix has VOCABULARY rows whatever it gave.
    assert tokenizer.get_vocab_size() <= VOCABULARY
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", tokenizer.token_to_id("[CLS]")),
                        ("[SEP]", tokenizer.token_to_id("[SEP]"))])
    return tokenizer


def write_json(path, value):
    path.write_text(json.dumps(value, indent=1) + "\n")


def state(model, dtype):
    tied = getattr(model.config, "tie_word_embeddings", False)
    return {name: value.to(dtype).contiguous() for name, value in model.state_dict().items()
            if not (tied and name == "lm_head.weight")}


def save_sharded(tensors, folder):
    """Two shards and their index, as large checkpoints come."""
    names = sorted(tensors)
    half = len(names) // 2
    weight_map = {}
    for number, part in enumerate((names[:half], names[half:]), start=1):
        file_name = f"model-{number:05d}-of-00002.safetensors"
        save_file({n: tensors[n] for n in part}, folder / file_name, metadata={"format": "pt"})
        weight_map.update({n: file_name for n in part})
    total = sum(t.numel() * t.element_size() for t in tensors.values())
    write_json(folder / "model.safetensors.index.json",
               {"metadata": {"total_size": total}, "weight_map": weight_map})


def config_before_v5(model, dtype_name):
    """The spelling of configs before transformers v5: rope_theta and torch_dtype at the top."""
    config = model.config.to_diff_dict()
    rope = model.config.rope_parameters
    for key in ("rope_parameters", "dtype", "transformers_version"):
        config.pop(key, None)
    config.update(rope_theta=rope["rope_theta"], torch_dtype=dtype_name,
                  architectures=[type(model).__name__], model_type=model.config.model_type,
                  transformers_version="4.40.0")
    return config


def save_decoder(model, name, dtype, tokenizer, old_config=False, sharded=False):
    folder = golden_io.MODELS / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    dtype_name = str(dtype).removeprefix("torch.")
    if old_config:
        write_json(folder / "config.json", config_before_v5(model, dtype_name))
    else:
        model.config.architectures = [type(model).__name__]
        model.config.dtype = dtype
        model.config.save_pretrained(folder)
    if sharded:
        save_sharded(state(model, dtype), folder)
    else:
        save_file(state(model, dtype), folder / "model.safetensors", metadata={"format": "pt"})
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    write_json(folder / "generation_config.json", {"eos_token_id": 2, "bos_token_id": 1})
    write_json(folder / "tokenizer_config.json", {
        "bos_token": "<|im_start|>", "eos_token": "<|im_end|>", "pad_token": "<|im_end|>",
        "unk_token": "<|endoftext|>", "add_bos_token": False, "chat_template": CHAT_TEMPLATE,
        "tokenizer_class": "PreTrainedTokenizerFast"})
    # What is measured is what was saved: read back, in float32.
    return transformers.AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager").eval()


def margins_of(logits):
    top = torch.topk(logits, 2, dim=-1).values
    return [round(float(a - b), 5) for a, b in top]


def decoder_goldens(model, name, goldens):
    ids = np.random.default_rng(3).integers(3, VOCABULARY, size=INPUT_TOKENS).tolist()
    with torch.no_grad():
        logits = model(torch.tensor([ids])).logits[0]
        sequence, greedy, step_logits = list(ids[:12]), [], []
        for _ in range(GREEDY_TOKENS):
            step = model(torch.tensor([sequence])).logits[0, -1]
            step_logits.append(step)
            greedy.append(int(step.argmax()))
            sequence.append(greedy[-1])
    golden_io.write_f32(golden_io.GOLDENS / f"{name}.logits.f32", logits.numpy())
    goldens.append({
        "model": name, "ids": ids, "logits_file": f"{name}.logits.f32",
        "logits_shape": list(logits.shape), "greedy_prompt": ids[:12], "greedy": greedy,
        "greedy_margins": margins_of(torch.stack(step_logits))})
    return logits


def permute_rows(weight, heads):
    """Hugging Face's rotary layout (halves) to GGUF's (neighbouring pairs), row by row."""
    rows, columns = weight.shape
    return (weight.reshape(heads, 2, rows // heads // 2, columns).swapaxes(1, 2)
            .reshape(rows, columns))


GGUF_NAMES = {
    "model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight",
    "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def gguf_name(name):
    if name in GGUF_NAMES:
        return GGUF_NAMES[name]
    _, _, layer, rest = name.split(".", 3)
    return f"blk.{layer}.{GGUF_NAMES[rest.removesuffix('.weight')]}.weight"


def write_gguf(model, path, tokenizer, kind):
    """Writes tiny-llama in one format. Returns the dequantised state for a Hugging Face run."""
    config = model.config
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_name("tiny-llama")
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_rope_dimension_count(config.head_dim)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_vocab_size(config.vocab_size)
    quantised = kind != gguf.GGMLQuantizationType.F32
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0 if quantised
                         else gguf.LlamaFileType.ALL_F32)
    vocabulary = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list([piece for piece, _ in vocabulary])
    writer.add_token_types([3 if piece in CONTROL_TOKENS else 1 for piece, _ in vocabulary])
    merges = json.loads(tokenizer.to_str())["model"]["merges"]
    writer.add_token_merges([m if isinstance(m, str) else " ".join(m) for m in merges])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_add_bos_token(False)
    writer.add_chat_template(CHAT_TEMPLATE)
    dequantised = {}
    for name, tensor in state(model, torch.float32).items():
        values = tensor.numpy()
        stored_kind = kind if values.ndim == 2 else gguf.GGMLQuantizationType.F32
        stored = gguf.quants.quantize(values, stored_kind)
        # Quantising goes row by row, so permuting before or after it is the same.
        dequantised[name] = torch.from_numpy(
            np.array(gguf.quants.dequantize(stored, stored_kind), dtype=np.float32))
        if name.endswith("q_proj.weight"):
            stored = permute_rows(stored, config.num_attention_heads)
        if name.endswith("k_proj.weight"):
            stored = permute_rows(stored, config.num_key_value_heads)
        writer.add_tensor(gguf_name(name), np.ascontiguousarray(stored), raw_dtype=stored_kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return dequantised


def llama_config(**changes):
    settings = dict(
        vocab_size=VOCABULARY, hidden_size=HIDDEN, intermediate_size=96, num_hidden_layers=LAYERS,
        num_attention_heads=HEADS, num_key_value_heads=2, head_dim=HIDDEN // HEADS,
        max_position_embeddings=256, bos_token_id=1, eos_token_id=2, pad_token_id=2,
        rms_norm_eps=1e-5, tie_word_embeddings=True,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0})
    settings.update(changes)
    return settings


def make_decoders():
    goldens = []
    tokenizer = byte_level_tokenizer()

    model = transformers.LlamaForCausalLM(transformers.LlamaConfig(**llama_config()))
    randomise(model, seed=1)
    tied = save_decoder(model, "tiny-llama", torch.float16, tokenizer)
    decoder_goldens(tied, "tiny-llama", goldens)

    folder = golden_io.MODELS / "tiny-llama-gguf"
    folder.mkdir(parents=True, exist_ok=True)
    write_gguf(tied, folder / "tiny-llama-f32.gguf", tokenizer, gguf.GGMLQuantizationType.F32)
    dequantised = write_gguf(tied, folder / "tiny-llama-q8_0.gguf", tokenizer,
                             gguf.GGMLQuantizationType.Q8_0)
    missing = tied.load_state_dict(dequantised, strict=False)
    assert missing.missing_keys in ([], ["lm_head.weight"]) and not missing.unexpected_keys
    decoder_goldens(tied, "tiny-llama-q8_0", goldens)

    model = transformers.LlamaForCausalLM(transformers.LlamaConfig(**llama_config(
        tie_word_embeddings=False, rms_norm_eps=1e-6,
        rope_parameters={"rope_type": "default", "rope_theta": 500000.0})))
    randomise(model, seed=2)
    untied = save_decoder(model, "tiny-llama-untied", torch.bfloat16, tokenizer, old_config=True,
                          sharded=True)
    decoder_goldens(untied, "tiny-llama-untied", goldens)

    settings = llama_config(tie_word_embeddings=False, num_key_value_heads=1, sliding_window=8)
    model = transformers.MistralForCausalLM(transformers.MistralConfig(**settings))
    randomise(model, seed=13)
    mistral = save_decoder(model, "tiny-mistral-swa", torch.bfloat16, tokenizer, old_config=True)
    assert mistral.config.sliding_window == 8
    windowed = decoder_goldens(mistral, "tiny-mistral-swa", goldens)
    mistral.config.sliding_window = None
    with torch.no_grad():
        full = mistral(torch.tensor([goldens[-1]["ids"]])).logits[0]
    distance = (windowed - full).abs().amax(dim=-1)
    assert distance[:8].max() < 1e-4 and distance[8:].min() > 0.05, distance  # the window matters
    golden_io.write_jsonl(golden_io.GOLDENS / "tiny_decoders.jsonl", goldens)

    golden_io.write_jsonl(golden_io.GOLDENS / "tiny_bpe_tokens.jsonl", [
        {"text": text, "ids": tokenizer.encode(text).ids} for text in texts.token_strings()[:60]])


def make_encoder():
    tokenizer = word_piece_tokenizer()
    folder = golden_io.MODELS / "tiny-bert"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "1_Pooling").mkdir(parents=True)
    model = transformers.BertModel(transformers.BertConfig(
        vocab_size=VOCABULARY, hidden_size=HIDDEN, num_hidden_layers=LAYERS,
        num_attention_heads=HEADS, intermediate_size=128, max_position_embeddings=64,
        layer_norm_eps=1e-12, hidden_act="gelu"), add_pooling_layer=False)
    randomise(model, seed=4)
    model.config.architectures = ["BertModel"]
    model.config.dtype = torch.float16
    model.config.save_pretrained(folder)
    save_file(state(model, torch.float16), folder / "model.safetensors", metadata={"format": "pt"})
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    write_json(folder / "tokenizer_config.json", {
        "tokenizer_class": "BertTokenizer", "do_lower_case": True, "cls_token": "[CLS]",
        "sep_token": "[SEP]", "pad_token": "[PAD]", "unk_token": "[UNK]", "mask_token": "[MASK]",
        "model_max_length": 64})
    write_json(folder / "modules.json", [
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
        {"idx": 2, "name": "2", "path": "2_Normalize",
         "type": "sentence_transformers.models.Normalize"}])
    write_json(folder / "1_Pooling" / "config.json", {
        "word_embedding_dimension": HIDDEN, "pooling_mode_cls_token": False,
        "pooling_mode_mean_tokens": True, "pooling_mode_max_tokens": False,
        "pooling_mode_mean_sqrt_len_tokens": False})
    write_json(folder / "sentence_bert_config.json", {"max_seq_length": 48, "do_lower_case": False})

    model = transformers.BertModel.from_pretrained(
        folder, dtype=torch.float32, add_pooling_layer=False, attn_implementation="eager").eval()
    rng = np.random.default_rng(5)
    lengths = [45, 12, 1, 30]
    width = max(lengths)
    ids = np.zeros((len(lengths), width), dtype=np.int64)
    mask, types = np.zeros_like(ids), np.zeros_like(ids)
    for row, length in enumerate(lengths):
        ids[row, :length] = rng.integers(5, VOCABULARY, size=length)
        mask[row, :length] = 1
        types[row, length // 2:length] = 1 if row == 3 else 0
    with torch.no_grad():
        hidden = model(input_ids=torch.tensor(ids), attention_mask=torch.tensor(mask),
                       token_type_ids=torch.tensor(types)).last_hidden_state
        weights = torch.tensor(mask, dtype=torch.float32)[..., None]
        pooled = (hidden * weights).sum(1) / weights.sum(1)
        pooled = torch.nn.functional.normalize(pooled, dim=-1)

    sentences = texts.embedding_texts()[:16] + ["", " ", texts.embedding_texts()[-1]]
    tokenizer.enable_truncation(48)
    encoded = [tokenizer.encode(text).ids for text in sentences]
    vectors = []
    with torch.no_grad():
        for row in encoded:
            states = model(input_ids=torch.tensor([row])).last_hidden_state[0]
            vectors.append(torch.nn.functional.normalize(states.mean(0), dim=-1))
    golden_io.write_f32(golden_io.GOLDENS / "tiny-bert.hidden.f32", hidden[0].numpy())
    golden_io.write_jsonl(golden_io.GOLDENS / "tiny_bert.jsonl", [
        {"op": "embed", "ids": ids.tolist(), "mask": mask.tolist(), "types": types.tolist(),
         "pooled": {"shape": list(pooled.shape), "f32": golden_io.b64_f32(pooled.numpy())},
         "first_row_hidden_file": "tiny-bert.hidden.f32",
         "first_row_hidden_shape": list(hidden[0].shape)},
        {"op": "embed_text", "texts": sentences, "ids": encoded,
         "vectors": {"shape": [len(sentences), HIDDEN],
                     "f32": golden_io.b64_f32(torch.stack(vectors).numpy())}}])


def make_cross_encoder():
    tokenizer = word_piece_tokenizer()
    folder = golden_io.MODELS / "tiny-cross-encoder"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    model = transformers.BertForSequenceClassification(transformers.BertConfig(
        vocab_size=VOCABULARY, hidden_size=HIDDEN // 2, num_hidden_layers=LAYERS,
        num_attention_heads=HEADS // 2, intermediate_size=HIDDEN, max_position_embeddings=48,
        layer_norm_eps=1e-12, hidden_act="gelu_new", num_labels=1))
    randomise(model, seed=6)
    model.config.architectures = ["BertForSequenceClassification"]
    model.config.dtype = torch.float16
    # As sentence-transformers leaves it.
    model.config.sentence_transformers = {
        "activation_fn": "torch.nn.modules.linear.Identity", "version": "5.0.0"}
    model.config.save_pretrained(folder)
    save_file(state(model, torch.float16), folder / "model.safetensors", metadata={"format": "pt"})
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    write_json(folder / "tokenizer_config.json", {
        "tokenizer_class": "BertTokenizer", "do_lower_case": True, "cls_token": "[CLS]",
        "sep_token": "[SEP]", "pad_token": "[PAD]", "unk_token": "[UNK]", "mask_token": "[MASK]",
        "model_max_length": 48})

    model = transformers.AutoModelForSequenceClassification.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager").eval()
    query = "which court has jurisdiction?"
    passages = texts.embedding_texts()[:12] + ["", texts.embedding_texts()[-1]]
    tokenizer.enable_truncation(48, strategy="only_second")
    tokenizer.enable_padding()
    encoded = tokenizer.encode_batch([(query, passage) for passage in passages])
    ids = [row.ids for row in encoded]
    mask = [row.attention_mask for row in encoded]
    types = [row.type_ids for row in encoded]
    with torch.no_grad():
        logits = model(input_ids=torch.tensor(ids), attention_mask=torch.tensor(mask),
                       token_type_ids=torch.tensor(types)).logits
        untyped = model(input_ids=torch.tensor(ids), attention_mask=torch.tensor(mask)).logits
    assert (logits - untyped).abs().min() > 1e-3  # types matter
    assert max(map(sum, mask)) == 48 and min(map(sum, mask)) < 20  # one is cut, another short
    golden_io.write_jsonl(golden_io.GOLDENS / "tiny_cross_encoder.jsonl", [
        {"op": "score", "ids": ids, "mask": mask, "types": types, "query": query,
         "texts": passages, "logits": [round(float(value), 7) for value in logits[:, 0]]}])


def main():
    torch.manual_seed(0)
    makers = {"decoders": make_decoders, "encoder": make_encoder,
              "cross-encoder": make_cross_encoder}
    wanted = sys.argv[1:] or list(makers)
    before = {path: path.stat().st_mtime_ns for path in golden_io.GOLDENS.glob("tiny*")}
    for name in wanted:
        makers[name]()
    made = sorted(path.name for path in golden_io.GOLDENS.glob("tiny*")
                  if path.stat().st_mtime_ns != before.get(path))
    golden_io.record_versions(made, ["torch", "transformers", "tokenizers", "gguf", "safetensors"])


if __name__ == "__main__":
    main()
