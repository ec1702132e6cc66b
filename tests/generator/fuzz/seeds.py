#!/usr/bin/env python3
"""Seeds of the fuzz targets, from the tiny models of tests/data.

usage: seeds.py FOLDER      makes FOLDER/TARGET with a few files for each target
"""

import json
import pathlib
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3] / "tools"))
import random_gguf  # noqa: E402

MODELS = pathlib.Path(__file__).resolve().parents[2] / "data" / "models"
LINE = b"\n====\n"


def header(path):
    data = path.read_bytes()
    return data[8:8 + struct.unpack("<Q", data[:8])[0]]


def read(path):
    return path.read_bytes() if path.exists() else b"{}"


def vocabulary(bert):
    """A GGUF file of metadata alone, with a made-up SentencePiece or WordPiece vocabulary."""
    shape = random_gguf.Shape("tiny", 32, 2, 1, 64, 300, 1, 64, bert=bert)
    pairs = [random_gguf.pair(*each) for each in random_gguf.metadata(shape, "F32", 1)]
    return b"GGUF" + struct.pack("<IQQ", 3, 0, len(pairs)) + b"".join(pairs)


def main():
    out = pathlib.Path(sys.argv[1])

    def put(target, name, data):
        (out / target).mkdir(parents=True, exist_ok=True)
        (out / target / name).write_bytes(data)

    for path in sorted(MODELS.glob("*/*.gguf")):
        data = path.read_bytes()
        if len(data) < 200_000:
            put("gguf_fuzz", path.name, data)
            put("gguf_vocabulary_fuzz", path.name, data[:20_000])  # metadata come first
    put("gguf_vocabulary_fuzz", "sentencepiece", vocabulary(bert=False))
    put("gguf_vocabulary_fuzz", "wordpiece", vocabulary(bert=True))
    for path in sorted(MODELS.glob("*/*.safetensors")):
        data = path.read_bytes()
        put("safetensors_fuzz", f"{path.parent.name}-{path.name}", data[:8] + header(path))
    small = b'{"a":{"dtype":"F16","shape":[2,2],"data_offsets":[0,8]},"b":{"dtype":"I64","shape":[],"data_offsets":[8,16]}}'
    put("safetensors_fuzz", "small", struct.pack("<Q", len(small)) + small + bytes(16))
    index = b'{"weight_map":{"a":"one.safetensors","b":"one.safetensors"}}'
    put("folder_fuzz", "shards", LINE.join([b'{"model_type":"llama"}', index, small, b"{}"]))
    for folder in sorted(MODELS.iterdir()):
        config = folder / "tokenizer_config.json"
        template = json.loads(read(config)).get("chat_template")
        if template:
            put("chat_template_fuzz", folder.name, template.encode())
        if (folder / "tokenizer.json").exists():
            put("tokenizer_json_fuzz", folder.name,
                LINE.join([read(folder / "tokenizer.json"), read(config), read(folder / "generation_config.json")]))
        if (folder / "model.safetensors").exists():
            put("folder_fuzz", folder.name,
                LINE.join([read(folder / "config.json"), b"", header(folder / "model.safetensors"), read(config)]))
    for path in sorted((MODELS.parent / "tokenizers").glob("*/tokenizer.*")):
        target = "tokenizer_json_fuzz" if path.suffix == ".json" else "sentencepiece_model_fuzz"
        put(target, path.parent.name, path.read_bytes())
    for number, line in enumerate((MODELS.parent / "goldens" / "templates.jsonl").read_text().splitlines()):
        put("chat_template_fuzz", f"golden-{number}", json.loads(line)["template"].encode())
    here = pathlib.Path(__file__).parent / "templates"
    for path in sorted(here.glob("*.jinja")):
        put("chat_template_fuzz", path.name, path.read_bytes())


if __name__ == "__main__":
    main()
