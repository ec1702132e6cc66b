#!/usr/bin/env python3
"""A model in three GGUF files, written by gguf-py, which splits as llama.cpp's gguf-split does.

tests/data/models/split-gguf: split-0000N-of-00003.gguf. Six tensors, two a file; tensor i is filled
with i. Metadata are in the first file only.

usage: split_gguf.py
"""

import gguf
import numpy as np

import golden_io


def main():
    folder = golden_io.MODELS / "split-gguf"
    folder.mkdir(parents=True, exist_ok=True)
    writer = gguf.GGUFWriter(folder / "split.gguf", "llama", split_max_tensors=2)
    writer.add_block_count(2)
    writer.add_string("test.says", "metadata of the whole model")
    for i in range(6):
        writer.add_tensor(f"tensor.{i}", np.full((i + 1, 4), i, dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    for path in sorted(folder.glob("*.gguf")):
        print(f"{path.relative_to(golden_io.ROOT)}: {path.stat().st_size} bytes")
    golden_io.record_versions(["split-gguf"], ["gguf", "numpy"])


if __name__ == "__main__":
    main()
