#!/usr/bin/env python3
"""A tiny random model of every architecture that writes text, and what Hugging Face computes with it.

What is built stands in architectures_*.py. Per model: the folder tests/data/models/arch-NAME, with a
GGUF by llama.cpp's converter beside the safetensors where one can say the same, and
tests/data/goldens/arch-NAME.json (see tests/data/README.md) and .logits.f32.

usage: tiny_architectures.py [--gguf CONVERTER_FOLDER] [NAME...]      (default: all)
       tiny_architectures.py --list
       tiny_architectures.py --live N BINARY [--gguf CONVERTER_FOLDER] [--seed S] [FAMILY...]

CONVERTER_FOLDER holds convert_hf_to_gguf.py. --live builds N random models of each family and compares
`footnote model probe` with Hugging Face on both formats; exit status 1 when a figure is out of bounds.
"""

import argparse
import importlib
import json
import pathlib
import sys
import tempfile

import numpy as np

GROUPS = ("architectures_plain", "architectures_gated")


def groups():
    for name in GROUPS:
        if pathlib.Path(__file__).with_name(name + ".py").exists():
            yield importlib.import_module(name)


class Goldens:
    """Runs of one fixture and the rows of logits they point to."""

    def __init__(self):
        self.runs, self.rows = [], []

    def add(self, architecture, path, changes, model, lengths):
        """`lengths`: which prompts; the first is also continued greedily."""
        import architecture as tiny
        for number, ids in enumerate(tiny.prompts(architecture.seed)[:lengths]):
            logits = tiny.logits_of(model, ids).numpy()
            run = {"path": path, "config": changes, "ids": ids,
                   "first_row": sum(len(rows) for rows in self.rows)}
            same = [r for r, rows in zip(self.runs, self.rows_of_runs())
                    if r["ids"] == ids and np.array_equal(rows, logits)]
            if same:
                run["first_row"] = same[0]["first_row"]
            else:
                self.rows.append(logits)
            if number == 0:  # goes on behind the rows, where a window may begin to matter
                run["greedy"], run["greedy_margins"] = tiny.greedy(model, ids)
            self.runs.append(run)

    def rows_of_runs(self):
        rows = np.concatenate(self.rows) if self.rows else np.zeros((0, 1))
        return [rows[r["first_row"]:r["first_row"] + len(r["ids"])] for r in self.runs]

    def write(self, name):
        import golden_io
        rows = np.concatenate(self.rows)
        golden_io.write_f32(golden_io.GOLDENS / f"{name}.logits.f32", rows)
        golden_io.write_jsonl(golden_io.GOLDENS / f"{name}.jsonl", self.runs)


def make(architecture, converter):
    import architecture as tiny
    import golden_io
    name = f"arch-{architecture.name}"
    folder = golden_io.MODELS / name
    gguf = f"{architecture.name}.gguf"
    kept = (folder / gguf).read_bytes() if (folder / gguf).exists() else None
    model = tiny.build(architecture)
    tiny.save(architecture, model, folder, tiny.tokenizer())
    goldens = Goldens()
    measured = tiny.reload(folder)
    goldens.add(architecture, "", {}, measured, lengths=2)
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        for changes in architecture.variants:
            changed = tiny.reload(tiny.with_config(folder, changes, scratch / "variant"))
            goldens.add(architecture, "", changes, changed, lengths=1)
        if architecture.gguf is not None:
            standard = tiny.standard_folder(architecture, folder, scratch)
            kind = {"float16": "f16", "bfloat16": "bf16"}[str(architecture.dtype).split(".")[1]]
            if converter is not None:
                tiny.write_gguf(architecture, standard, folder / gguf, converter, kind, scratch)
            elif kept is not None:
                (folder / gguf).write_bytes(kept)
            else:
                sys.exit(f"{name}: needs --gguf CONVERTER_FOLDER")
            said = tiny.reload(tiny.with_config(standard, architecture.gguf, scratch / "said"))
            goldens.add(architecture, gguf, {}, said, lengths=2)
    goldens.write(name)
    size = sum(path.stat().st_size for path in [*folder.iterdir(),
                                                *golden_io.GOLDENS.glob(name + ".*")])
    print(f"{name}: {size} bytes in all")
    golden_io.record_versions(
        sorted(path.name for path in golden_io.GOLDENS.glob(name + ".*")),
        ["torch", "transformers", "tokenizers", "safetensors"])


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--gguf", metavar="CONVERTER_FOLDER", type=pathlib.Path)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--live", nargs=2, metavar=("N", "BINARY"))
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    if options.gguf is not None:  # its own gguf module, before anything imports another
        sys.path.insert(0, str(options.gguf / "gguf-py"))
    import architecture as tiny
    converter = tiny.Converter(options.gguf) if options.gguf is not None else None
    if options.live:
        import architectures_live
        families = {name: draw for group in groups() for name, draw in group.FAMILIES.items()}
        sys.exit(architectures_live.run(families, int(options.live[0]), options.live[1], converter,
                                        options.seed, options.names))
    known = {a.name: a for group in groups() for a in group.FIXTURES}
    if options.list:
        print(json.dumps(list(known)))
        return
    unknown = set(options.names) - set(known)
    if unknown:
        sys.exit(f"no such model: {sorted(unknown)}; known: {list(known)}")
    for name in options.names or known:
        make(known[name], converter)


if __name__ == "__main__":
    main()
