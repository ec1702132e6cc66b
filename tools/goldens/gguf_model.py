"""A GGUF file as Hugging Face sees it: its tokenizer rebuilt with `tokenizers`, its model loaded by
transformers in float32 from the dequantised weights."""

import pathlib

import gguf
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

CONTROL_TOKEN = 3  # tokenizer.ggml.token_type of a control token


def metadata(gguf_path):
    reader = gguf.GGUFReader(str(gguf_path))
    return {key: field.contents() for key, field in reader.fields.items()}


def bpe_tokenizer(gguf_path, parse_special):
    """The `smollm` tokenizer; control tokens are recognised in text only with `parse_special`."""
    meta = metadata(gguf_path)
    assert meta["tokenizer.ggml.model"] == "gpt2" and meta["tokenizer.ggml.pre"] == "smollm"
    pieces = meta["tokenizer.ggml.tokens"]
    merges = [tuple(merge.split(" ")) for merge in meta["tokenizer.ggml.merges"]]
    tokenizer = Tokenizer(models.BPE({piece: i for i, piece in enumerate(pieces)}, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Digits(individual_digits=True),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)])
    tokenizer.decoder = decoders.ByteLevel()
    if parse_special:
        kinds = meta["tokenizer.ggml.token_type"]
        tokenizer.add_special_tokens([
            AddedToken(piece, special=True, normalized=False)
            for piece, kind in zip(pieces, kinds) if kind == CONTROL_TOKEN])
    return tokenizer


def load_float32(gguf_path):
    """The dequantised model in float32. transformers undoes llama.cpp's q/k row permutation; whoever
    calls this checks a perplexity, since a wrong permutation would not be an error."""
    import torch
    import transformers
    path = pathlib.Path(gguf_path)
    model = transformers.AutoModelForCausalLM.from_pretrained(
        path.parent, gguf_file=path.name, dtype=torch.float32, attn_implementation="eager")
    assert all(p.dtype == torch.float32 for p in model.parameters())
    return model.eval()


def vocabulary_tokenizer(gguf_path, splitter):
    """A byte-level BPE vocabulary with another pre-tokenizer; no control token is recognised.

    Llama 3 takes a piece that is a token as it stands, without applying merges.
    """
    meta = metadata(gguf_path)
    assert meta["tokenizer.ggml.model"] == "gpt2", meta["tokenizer.ggml.model"]
    merges = [tuple(merge.split(" ")) for merge in meta["tokenizer.ggml.merges"]]
    pieces = {piece: i for i, piece in enumerate(meta["tokenizer.ggml.tokens"])}
    tokenizer = Tokenizer(models.BPE(
        pieces, merges, ignore_merges=meta["tokenizer.ggml.pre"] == "llama-bpe"))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        splitter, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    return tokenizer
