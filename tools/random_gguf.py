#!/usr/bin/env python3
"""Writes a llama model of the 7B shape with random weights as a GGUF file: for measuring speed, not for reading.

usage: random_gguf.py --format Q4_K_M|Q4_0|Q8_0 --out FILE [--layers 32] [--seed 1]

The shape is Llama-2-7B's: width 4096, 32 heads (32 of keys and values), feed-forward 11008, vocabulary 32000, context 4096.
Each tensor has the type that llama.cpp's quantizer chooses for the format (Q4_K_M: Q6_K for the output and for the more
sensitive half of attn_v and ffn_down). Codes are random, block scales are such that weights have a standard deviation of
about 0.02, as trained ones do, so activations stay finite. The vocabulary is SentencePiece's kind, with made-up pieces.

Needs numpy and gguf. FILE appears whole: it is written beside and then renamed.
"""

import argparse
import itertools
import os
import pathlib
import string
import sys

import gguf
import numpy as np
from gguf import GGMLQuantizationType as T

WIDTH = 4096
HEADS = 32
FEED_FORWARD = 11008
VOCABULARY = 32000
CONTEXT_TOKENS = 4096
FILE_TYPES = {"Q4_K_M": gguf.LlamaFileType.MOSTLY_Q4_K_M, "Q4_0": gguf.LlamaFileType.MOSTLY_Q4_0,
              "Q8_0": gguf.LlamaFileType.MOSTLY_Q8_0}

# Of a block's fp16 fields: byte offset and mean value. With uniform codes they give weights of standard deviation 0.02;
# Q4_K's minimum scale is 7.5 times its scale, which makes the mean weight zero.
SCALES = {
    T.Q4_0: [(0, 0.02 / 4.61)],
    T.Q8_0: [(0, 0.02 / 73.3)],
    T.Q4_K: [(0, 0.02 / 258), (2, 7.5 * 0.02 / 258)],
    T.Q6_K: [(208, 0.02 / 1366)],
}


def takes_more_bits(layer, layers):
    """Where llama.cpp's quantizer spends more bits: the first and last eighth, and every third layer between."""
    return layer < layers // 8 or layer >= 7 * layers // 8 or (layer - layers // 8) % 3 == 2


def tensors(format_name, layers):
    """(name, rows, columns, type) of each tensor in the order of the file; rows is 0 for a vector."""
    base = {"Q4_K_M": T.Q4_K, "Q4_0": T.Q4_0, "Q8_0": T.Q8_0}[format_name]
    output = T.Q8_0 if format_name == "Q8_0" else T.Q6_K
    yield "token_embd.weight", VOCABULARY, WIDTH, base
    for layer in range(layers):
        sensitive = T.Q6_K if format_name == "Q4_K_M" and takes_more_bits(layer, layers) else base
        for name, rows, columns, kind in (
                ("attn_norm", 0, WIDTH, T.F32), ("attn_q", WIDTH, WIDTH, base), ("attn_k", WIDTH, WIDTH, base),
                ("attn_v", WIDTH, WIDTH, sensitive), ("attn_output", WIDTH, WIDTH, base),
                ("ffn_norm", 0, WIDTH, T.F32), ("ffn_gate", FEED_FORWARD, WIDTH, base),
                ("ffn_up", FEED_FORWARD, WIDTH, base), ("ffn_down", WIDTH, FEED_FORWARD, sensitive)):
            yield f"blk.{layer}.{name}.weight", rows, columns, kind
    yield "output_norm.weight", 0, WIDTH, T.F32
    yield "output.weight", VOCABULARY, WIDTH, output


def random_matrix(rng, rows, columns, kind):
    """Bytes of a quantised matrix, [rows, bytes of a row]."""
    block_values, block_bytes = gguf.GGML_QUANT_SIZES[kind]
    blocks = rows * columns // block_values
    words = rng.integers(0, 2**64, size=-(-blocks * block_bytes // 8), dtype=np.uint64, endpoint=False)
    data = words.view(np.uint8)[:blocks * block_bytes].reshape(blocks, block_bytes)
    for offset, mean in SCALES[kind]:
        scales = (mean * rng.uniform(0.75, 1.25, size=blocks)).astype("<f2")
        data[:, offset:offset + 2] = scales.view(np.uint8).reshape(blocks, 2)
    if kind == T.Q8_0:
        codes = data[:, 2:].view(np.int8)
        np.maximum(codes, -127, out=codes)  # a quantizer never writes -128
    return data.reshape(rows, -1)


def vocabulary():
    """(text, score, type) of each token: the control tokens, all bytes, then made-up pieces, short ones first."""
    kind = gguf.TokenType
    yield "<unk>", 0.0, kind.UNKNOWN
    yield "<s>", 0.0, kind.CONTROL
    yield "</s>", 0.0, kind.CONTROL
    for byte in range(256):
        yield f"<0x{byte:02X}>", 0.0, kind.BYTE

    def pieces():
        yield "\u2581"
        for length in itertools.count(1):
            for letters in itertools.product(string.ascii_lowercase, repeat=length):
                yield "".join(letters)
                yield "\u2581" + "".join(letters)
    for rank, piece in enumerate(itertools.islice(pieces(), VOCABULARY - 259)):
        yield piece, -float(rank), kind.NORMAL


def add_metadata(writer, format_name, layers):
    writer.add_name(f"random llama of the 7B shape, {layers} layers, {format_name}")
    writer.add_file_type(FILE_TYPES[format_name])
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    writer.add_context_length(CONTEXT_TOKENS)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(layers)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(VOCABULARY)
    texts, scores, kinds = zip(*vocabulary())
    writer.add_tokenizer_model("llama")
    writer.add_token_list(texts)
    writer.add_token_scores(scores)
    writer.add_token_types(kinds)
    writer.add_unk_token_id(0)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_add_bos_token(True)
    writer.add_add_eos_token(False)


def write(path, format_name, layers, seed):
    beside = path.with_name(path.name + ".part")
    writer = gguf.GGUFWriter(beside, "llama")
    add_metadata(writer, format_name, layers)
    plan = list(tensors(format_name, layers))
    for name, rows, columns, kind in plan:
        if rows == 0:
            writer.add_tensor_info(name, (columns,), np.dtype(np.float32), 4 * columns)
            continue
        block_values, block_bytes = gguf.GGML_QUANT_SIZES[kind]
        row_bytes = columns // block_values * block_bytes
        writer.add_tensor_info(name, (rows, row_bytes), np.dtype(np.uint8), rows * row_bytes, kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    rng = np.random.Generator(np.random.SFC64(seed))
    for name, rows, columns, kind in plan:
        # One tensor in memory at a time: the file may be larger than the memory.
        writer.write_tensor_data(np.ones(columns, np.float32) if rows == 0
                                 else random_matrix(rng, rows, columns, kind))
    writer.close()
    os.replace(beside, path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--format", required=True, choices=sorted(FILE_TYPES))
    parser.add_argument("--out", required=True, type=pathlib.Path)
    parser.add_argument("--layers", type=int, default=32)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    if options.layers < 1:
        parser.error("--layers must be 1 or more")
    if not options.out.parent.is_dir():
        parser.error(f"the folder {options.out.parent} does not exist")
    try:
        write(options.out, options.format, options.layers, options.seed)
    except OSError as error:
        part = options.out.with_name(options.out.name + ".part")
        part.unlink(missing_ok=True)  # gigabytes
        raise SystemExit(f"{options.out} could not be written: {error.strerror or error} (32 layers need up to 7.2 GB)")
    print(f"{options.out}: {options.out.stat().st_size} bytes, {options.layers} layers", file=sys.stderr)


if __name__ == "__main__":
    main()
