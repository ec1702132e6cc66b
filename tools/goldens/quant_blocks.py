#!/usr/bin/env python3
"""Golden blocks of the quantised weight formats, made by gguf-py.

quant_blocks.jsonl: bytes of whole blocks and the float32 values that gguf-py's `dequantize` reads
from them. The bytes are random (so every bit pattern of codes and packed scales occurs), the fp16
scales are finite; the first blocks of each format are edge cases: zero scale, negative scale,
subnormal scale, all codes zero, all codes at their maximum.
quantize_blocks.jsonl: float32 input and the bytes that gguf-py's `quantize` makes of it.

usage: quant_blocks.py
"""

import gguf
import numpy as np
from gguf import GGMLQuantizationType as T

import golden_io

RANDOM_BLOCKS = 3

# Byte offsets of the fp16 fields of one block: what must stay finite.
HALF_FIELDS = {
    T.Q8_0: [0], T.Q4_0: [0], T.Q4_1: [0, 2], T.Q5_0: [0], T.Q5_1: [0, 2],
    T.Q4_K: [0, 2], T.Q5_K: [0, 2], T.Q6_K: [208],
    T.Q2_K: [80, 82], T.Q3_K: [108], T.IQ4_NL: [0], T.IQ4_XS: [0],
}


def half_bytes(value):
    return np.frombuffer(np.float16(value).tobytes(), dtype=np.uint8)


def block_rows(kind, rng):
    block_bytes = gguf.GGML_QUANT_SIZES[kind][1]
    offsets = HALF_FIELDS[kind]
    scales = [(0.0, 0.5), (-0.03125, -0.25), (6e-8, 6e-8), (0.0171, 0.0342), (-1.5, 2.25)]
    fills = [None, None, None, 0x00, 0xFF]
    for _ in range(RANDOM_BLOCKS):
        scales.append(tuple(rng.normal(0, 0.05, size=2)))
        fills.append(None)
    rows = []
    for pair, fill in zip(scales, fills):
        block = rng.integers(0, 256, size=block_bytes, dtype=np.uint8)
        if fill is not None:
            block[:] = fill
        for offset, value in zip(offsets, pair):
            block[offset:offset + 2] = half_bytes(value)
        rows.append(block)
    return np.concatenate(rows)


def float_bytes(kind, rng):
    """Bit patterns of F16 or BF16: signed zeros, subnormals, the largest finite, random finite."""
    if kind == T.F16:
        special = [0x0000, 0x8000, 0x0001, 0x8001, 0x03FF, 0x0400, 0x3C00, 0xBC00, 0x7BFF, 0xFBFF]
        random = rng.normal(0, 1, size=22).astype(np.float16).view(np.uint16)
    else:
        special = [0x0000, 0x8000, 0x0001, 0x8001, 0x007F, 0x0080, 0x3F80, 0xBF80, 0x7F7F, 0xFF7F]
        random = (rng.normal(0, 1, size=22).astype(np.float32).view(np.uint32) >> 16).astype(
            np.uint16)
    return np.concatenate([np.array(special, dtype=np.uint16), random]).view(np.uint8)


def main():
    rng = np.random.default_rng(20240601)
    rows = []
    for kind in [T.F16, T.BF16] + list(HALF_FIELDS):
        data = float_bytes(kind, rng) if kind in (T.F16, T.BF16) else block_rows(kind, rng)
        values = gguf.quants.dequantize(data[np.newaxis, :], kind)[0].astype(np.float32)
        assert np.isfinite(values).all(), kind
        values_per_block, block_bytes = gguf.GGML_QUANT_SIZES[kind]
        rows.append({
            "format": kind.name, "ggml_type": int(kind), "block_values": values_per_block,
            "block_bytes": block_bytes, "blocks": len(data) // block_bytes,
            "hex": data.tobytes().hex(),
            "values": {"shape": [len(values)], "f32": golden_io.b64_f32(values)},
        })
    golden_io.write_jsonl(golden_io.GOLDENS / "quant_blocks.jsonl", rows)

    rows = []
    for kind in [T.F16, T.BF16, T.Q8_0, T.Q4_0, T.Q4_1, T.Q5_0, T.Q5_1]:
        values = rng.normal(0, 0.3, size=(1, 128)).astype(np.float32)
        values[0, :32] = 0.0                       # a zero block: the scale's reciprocal is not used
        values[0, 40] = -3.0                       # the largest magnitude is negative
        data = gguf.quants.quantize(values, kind)
        rows.append({
            "format": kind.name, "ggml_type": int(kind),
            "values": {"shape": [128], "f32": golden_io.b64_f32(values)},
            "hex": data.tobytes().hex(),
        })
    golden_io.write_jsonl(golden_io.GOLDENS / "quantize_blocks.jsonl", rows)
    golden_io.record_versions(["quant_blocks.jsonl", "quantize_blocks.jsonl"], ["gguf", "numpy"])


if __name__ == "__main__":
    main()
