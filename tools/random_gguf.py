#!/usr/bin/env python3
"""Writes a model of a common shape with random weights as a GGUF file: for measuring speed, not for reading.

usage: random_gguf.py --format Q4_K_M|Q4_0|Q8_0|BF16|F16|F32 --out FILE [--shape 7b] [--layers N] [--seed 1]

Shapes (--shape):
  7b      Llama-2-7B: width 4096, 32 heads (32 of keys and values), feed-forward 11008, vocabulary 32,000, 32 layers
  mistral Mistral-7B: as 7b with 8 heads of keys and values, feed-forward 14336, context 32,768
  8b      Llama-3-8B: as 7b with 8 heads of keys and values, feed-forward 14336, vocabulary 128,256
  1b      Llama-3.2-1B: width 2048, 32 heads (8), feed-forward 8192, vocabulary 128,256 shared with the output, 16 layers
  minilm  all-MiniLM-L6: a BERT of width 384, 12 heads, feed-forward 1536, vocabulary 30,522, 6 layers; F32 or F16

Each tensor has the type that llama.cpp's quantizer chooses for the format (Q4_K_M: Q6_K for the output and for the more
sensitive half of attn_v and ffn_down). Codes are random, block scales are such that weights have a standard deviation of
about 0.02, as trained ones do, so activations stay finite. Numbers repeat: one random block of up to 64 MB of each type
is written over and over, from another place for each tensor, so a file takes as long as its disk. The vocabulary is
SentencePiece's kind (WordPiece's for minilm), with made-up pieces.

Needs Python alone. FILE appears whole: it is written beside and then renamed.
"""

import argparse
import dataclasses
import itertools
import os
import pathlib
import random
import string
import struct
import sys

ALIGNMENT = 32
BLOCK_BYTES = 64_000_000


@dataclasses.dataclass(frozen=True)
class Type:
    number: int  # GGUF's
    values: int  # of a block
    bytes: int


TYPES = {"F32": Type(0, 1, 4), "F16": Type(1, 1, 2), "BF16": Type(30, 1, 2), "Q4_0": Type(2, 32, 18),
         "Q8_0": Type(8, 32, 34), "Q4_K": Type(12, 256, 144), "Q6_K": Type(14, 256, 210)}
# llama.cpp's numbers of file types.
FILE_TYPES = {"F32": 0, "F16": 1, "BF16": 32, "Q4_0": 2, "Q8_0": 7, "Q4_K_M": 15}

# Of a block's fp16 fields: byte offset and mean value. With uniform codes they give weights of standard deviation 0.02;
# Q4_K's minimum scale is 7.5 times its scale, which makes the mean weight zero.
SCALES = {
    "Q4_0": [(0, 0.02 / 4.61)],
    "Q8_0": [(0, 0.02 / 73.3)],
    "Q4_K": [(0, 0.02 / 258), (2, 7.5 * 0.02 / 258)],
    "Q6_K": [(208, 0.02 / 1366)],
}


@dataclasses.dataclass(frozen=True)
class Shape:
    name: str
    width: int
    heads: int
    kv_heads: int
    feed_forward: int
    vocabulary: int
    layers: int
    context_tokens: int
    rope_base: float = 10000.0
    tied: bool = False  # the output shares the table of embeddings
    bert: bool = False


SHAPES = {
    "7b": Shape("llama of the 7B shape", 4096, 32, 32, 11008, 32000, 32, 4096),
    "mistral": Shape("Mistral of the 7B shape", 4096, 32, 8, 14336, 32000, 32, 32768, 1000000.0),
    "8b": Shape("llama of the 8B shape", 4096, 32, 8, 14336, 128256, 32, 8192, 500000.0),
    "1b": Shape("llama of the 1B shape", 2048, 32, 8, 8192, 128256, 16, 8192, 500000.0, tied=True),
    "minilm": Shape("BERT of the MiniLM-L6 shape", 384, 12, 12, 1536, 30522, 6, 512, bert=True),
}


def takes_more_bits(layer, layers):
    """Where llama.cpp's quantizer spends more bits: the first and last eighth, and every third layer between."""
    return layer < layers // 8 or layer >= 7 * layers // 8 or (layer - layers // 8) % 3 == 2


def llama_tensors(shape, format_name, layers):
    """(name, rows, columns, type) of each tensor in the order of the file; rows is 0 for a vector of ones."""
    base = "Q4_K" if format_name == "Q4_K_M" else format_name
    output = "Q6_K" if format_name in ("Q4_K_M", "Q4_0") else base
    width, kv_width = shape.width, shape.width // shape.heads * shape.kv_heads
    yield "token_embd.weight", shape.vocabulary, width, output if shape.tied else base
    for layer in range(layers):
        sensitive = "Q6_K" if format_name == "Q4_K_M" and takes_more_bits(layer, layers) else base
        for name, rows, columns, kind in (
                ("attn_norm", 0, width, "F32"), ("attn_q", width, width, base), ("attn_k", kv_width, width, base),
                ("attn_v", kv_width, width, sensitive), ("attn_output", width, width, base),
                ("ffn_norm", 0, width, "F32"), ("ffn_gate", shape.feed_forward, width, base),
                ("ffn_up", shape.feed_forward, width, base), ("ffn_down", width, shape.feed_forward, sensitive)):
            yield f"blk.{layer}.{name}.weight", rows, columns, kind
    yield "output_norm.weight", 0, width, "F32"
    if not shape.tied:
        yield "output.weight", shape.vocabulary, width, output


def bert_tensors(shape, format_name, layers):
    """As llama_tensors. Biases are ones like the norms' weights, which measures as well."""
    width, inner = shape.width, shape.feed_forward

    def norm(name):
        return [(f"{name}.weight", 0, width, "F32"), (f"{name}.bias", 0, width, "F32")]

    def linear(name, rows, columns):
        return [(f"{name}.weight", rows, columns, format_name), (f"{name}.bias", 0, rows, "F32")]
    yield "token_embd.weight", shape.vocabulary, width, format_name
    yield "token_types.weight", 2, width, "F32"
    yield "position_embd.weight", shape.context_tokens, width, "F32"
    yield from norm("token_embd_norm")
    for layer in range(layers):
        p = f"blk.{layer}."
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            yield from linear(p + name, width, width)
        yield from norm(p + "attn_output_norm")
        yield from linear(p + "ffn_up", inner, width)
        yield from linear(p + "ffn_down", width, inner)
        yield from norm(p + "layer_output_norm")


def random_bytes(rng, count):
    # In pieces: one large number of that many bits would be held twice.
    return bytearray(b"".join(rng.randbytes(min(1 << 20, count - at)) for at in range(0, count, 1 << 20)))


def random_block(rng, kind, most):
    """Whole blocks of a type, as many as fit in `most` bytes."""
    size = TYPES[kind].bytes
    blocks = most // size
    data = random_bytes(rng, blocks * size)
    if kind in ("BF16", "F16", "F32"):
        # The top byte holds the sign and the exponent's high bits: magnitudes of 2^-7 to 2^-5, of two binades of
        # BF16 and F32 (0.018 root mean square); those of F16 0.016 to 0.020.
        top = 0x24 if kind == "F16" else 0x3c
        data[size - 1::size] = bytes(data[size - 1::size]).translate(bytes(top | (b & 0x80) for b in range(256)))
        return data
    if kind == "Q8_0":
        data = bytearray(data.translate(bytes(0x81 if b == 0x80 else b for b in range(256))))  # never -128
    for offset, mean in SCALES[kind]:
        scales = b"".join(struct.pack("<e", mean * rng.uniform(0.75, 1.25)) for _ in range(min(blocks, 4096)))
        scales *= -(-blocks // min(blocks, 4096))
        for byte in range(2):
            data[offset + byte::size] = scales[byte::2][:blocks]
    return data


class RandomWeights:
    """Gives the bytes of one tensor after another."""

    def __init__(self, seed, largest):
        self._rng = random.Random(seed)
        self._largest = largest  # bytes of the largest tensor of each type
        self._blocks = {}

    def write(self, file, kind, count):
        if kind not in self._blocks:
            self._blocks[kind] = memoryview(random_block(self._rng, kind, min(BLOCK_BYTES, self._largest[kind])))
        block = self._blocks[kind]
        size = TYPES[kind].bytes
        at = self._rng.randrange(len(block) // size) * size
        while count > 0:
            piece = block[at:at + count]
            file.write(piece)
            count -= len(piece)
            at = 0


def pieces(mark):
    """Short ones first, each at the beginning of a word (`mark`) and within one."""
    for length in itertools.count(1):
        for letters in itertools.product(string.ascii_lowercase, repeat=length):
            yield "".join(letters)
            yield mark + "".join(letters)


NORMAL, UNKNOWN, CONTROL, BYTE = 1, 2, 3, 6
WORD_MARK = "\u2581"


def vocabulary(shape):
    """(text, score, type) of each token: the control tokens, all bytes, then made-up pieces."""
    if shape.bert:
        first = [(text, 0.0, CONTROL) for text in ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")]
        made_up = pieces(WORD_MARK)
    else:
        first = [("<unk>", 0.0, UNKNOWN), ("<s>", 0.0, CONTROL), ("</s>", 0.0, CONTROL)]
        first += [(f"<0x{byte:02X}>", 0.0, BYTE) for byte in range(256)]
        made_up = itertools.chain([WORD_MARK], pieces(WORD_MARK))
    yield from first
    for rank, piece in enumerate(itertools.islice(made_up, shape.vocabulary - len(first))):
        yield piece, -float(rank), NORMAL


def text(value):
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


SCALARS = {"u32": (4, "<I"), "f32": (6, "<f"), "bool": (7, "<?"), "i32": (5, "<i")}


def pair(key, kind, value):
    """One key of GGUF's header."""
    if kind == "string":
        return text(key) + struct.pack("<I", 8) + text(value)
    if kind == "strings":
        return text(key) + struct.pack("<IIQ", 9, 8, len(value)) + b"".join(map(text, value))
    if kind in ("f32s", "i32s"):
        number, code = SCALARS[kind[:-1]]
        return text(key) + struct.pack("<IIQ", 9, number, len(value)) + struct.pack(f"<{len(value)}{code[1]}", *value)
    number, code = SCALARS[kind]
    return text(key) + struct.pack("<I", number) + struct.pack(code, value)


def metadata(shape, format_name, layers):
    arch = "bert" if shape.bert else "llama"
    texts, scores, kinds = zip(*vocabulary(shape))
    yield "general.architecture", "string", arch
    yield "general.name", "string", f"random {shape.name}, {layers} layers, {format_name}"
    yield "general.file_type", "u32", FILE_TYPES[format_name]
    yield "general.quantization_version", "u32", 2
    yield f"{arch}.context_length", "u32", shape.context_tokens
    yield f"{arch}.embedding_length", "u32", shape.width
    yield f"{arch}.block_count", "u32", layers
    yield f"{arch}.feed_forward_length", "u32", shape.feed_forward
    yield f"{arch}.attention.head_count", "u32", shape.heads
    yield f"{arch}.vocab_size", "u32", shape.vocabulary
    yield "tokenizer.ggml.model", "string", arch
    yield "tokenizer.ggml.tokens", "strings", texts
    yield "tokenizer.ggml.token_type", "i32s", kinds
    if shape.bert:
        yield "bert.attention.layer_norm_epsilon", "f32", 1e-12
        yield "bert.attention.causal", "bool", False
        yield "bert.pooling_type", "u32", 1  # mean
        for name, number in (("padding", 0), ("unknown", 1), ("cls", 2), ("seperator", 3), ("mask", 4)):
            yield f"tokenizer.ggml.{name}_token_id", "u32", number
        return
    yield "llama.attention.head_count_kv", "u32", shape.kv_heads
    yield "llama.attention.layer_norm_rms_epsilon", "f32", 1e-5
    yield "llama.rope.dimension_count", "u32", shape.width // shape.heads
    yield "llama.rope.freq_base", "f32", shape.rope_base
    yield "tokenizer.ggml.scores", "f32s", scores
    for name, number in (("unknown", 0), ("bos", 1), ("eos", 2)):
        yield f"tokenizer.ggml.{name}_token_id", "u32", number
    yield "tokenizer.ggml.add_bos_token", "bool", True
    yield "tokenizer.ggml.add_eos_token", "bool", False


def padding(size):
    return b"\0" * (-size % ALIGNMENT)


def write(path, shape, format_name, layers, seed):
    beside = path.with_name(path.name + ".part")
    plan = [(name, rows, columns, kind, max(rows, 1) * columns // TYPES[kind].values * TYPES[kind].bytes)
            for name, rows, columns, kind in (bert_tensors if shape.bert else llama_tensors)(shape, format_name, layers)]
    keys = [pair(*each) for each in metadata(shape, format_name, layers)]
    header = bytearray(b"GGUF" + struct.pack("<IQQ", 3, len(plan), len(keys)) + b"".join(keys))
    offset = 0
    for name, rows, columns, kind, size in plan:
        sides = (columns, rows) if rows else (columns,)
        header += text(name) + struct.pack(f"<I{len(sides)}QIQ", len(sides), *sides, TYPES[kind].number, offset)
        offset += size + len(padding(size))
    largest = {}
    for _, rows, _, kind, size in plan:
        if rows:
            largest[kind] = max(largest.get(kind, 0), size)
    weights = RandomWeights(seed, largest)
    with open(beside, "wb") as file:
        file.write(header + padding(len(header)))
        for _, rows, columns, kind, size in plan:
            if rows:
                weights.write(file, kind, size)
            else:
                file.write(struct.pack("<f", 1.0) * columns)
            file.write(padding(size))
    os.replace(beside, path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--format", required=True, choices=sorted(FILE_TYPES))
    parser.add_argument("--out", required=True, type=pathlib.Path)
    parser.add_argument("--shape", default="7b", choices=SHAPES)
    parser.add_argument("--layers", type=int, help="default: the shape's")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    shape = SHAPES[options.shape]
    layers = shape.layers if options.layers is None else options.layers
    if layers < 1:
        parser.error("--layers must be 1 or more")
    if shape.bert and options.format not in ("F32", "F16"):
        parser.error(f"--shape {options.shape} is made as F32 or F16")
    if not options.out.parent.is_dir():
        parser.error(f"the folder {options.out.parent} does not exist")
    try:
        write(options.out, shape, options.format, layers, options.seed)
    except OSError as error:
        part = options.out.with_name(options.out.name + ".part")
        part.unlink(missing_ok=True)  # gigabytes
        raise SystemExit(f"{options.out} could not be written: {error.strerror or error} (the largest need 16 GB)")
    print(f"{options.out}: {options.out.stat().st_size} bytes, {layers} layers", file=sys.stderr)


if __name__ == "__main__":
    main()
