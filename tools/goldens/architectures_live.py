"""Random tiny models of each family through `footnote model probe`, against Hugging Face in float32.

Both formats, in `exact`; `fast` for what the folder holds (F16 or BF16) and for a GGUF in Q8_0, which
says how far rounding weights and activations to 8 bits moves models this small (no bound).
"""

import collections
import pathlib
import sys
import tempfile
import traceback
import zlib

import numpy as np

import architecture as tiny

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "acceptance"))
from probe_client import Probe, floats  # noqa: E402

EXACT = 2e-5          # relative L2 at every position
FAST = {"float16": 1e-2, "bfloat16": 2e-2}  # over all positions
MARGIN = 0.01         # greedy tokens are compared up to the first step with less


def per_position(got, want):
    return float((np.linalg.norm(got - want, axis=-1) / np.linalg.norm(want, axis=-1)).max())


def overall(got, want):
    return float(np.linalg.norm(got - want) / np.linalg.norm(want))


def probed_logits(probe, ids):
    shape, values = floats(probe.ask("logits", ids=ids))
    return np.array(values, dtype=np.float32).reshape(shape)


class Family:
    def __init__(self, name):
        self.name, self.worst, self.problems = name, collections.defaultdict(float), []
        self.greedy = [0, 0]

    def note(self, figure, value, limit=None, what=""):
        self.worst[figure] = max(self.worst[figure], value)
        if limit is not None and not value <= limit:
            self.problems.append(f"{figure} {value:.2g} > {limit:.2g}: {what}")

    def compare(self, label, path, model, prompts, binary, what):
        with Probe(binary, path, precision="exact") as probe:
            for ids in prompts:
                want = tiny.logits_of(model, ids).numpy()
                self.note(label, per_position(probed_logits(probe, ids), want), EXACT, what)
                tokens, margins = tiny.greedy(model, ids)
                steps = next((i for i, m in enumerate(margins) if m <= MARGIN), len(margins))
                got = probe.generate(ids, len(tokens))
                self.greedy[1] += 1
                if got[:steps] == tokens[:steps]:
                    self.greedy[0] += 1
                else:
                    self.problems.append(f"{label}: greedy {got} where {tokens[:steps]}: {what}")

    def fast(self, label, path, model, ids, binary, limit, what):
        with Probe(binary, path, precision="fast") as probe:
            want = tiny.logits_of(model, ids).numpy()
            self.note(label, overall(probed_logits(probe, ids), want), limit, what)


def try_one(family, description, binary, converter, scratch):
    what = " ".join(description.config.to_json_string(use_diff=True).split())
    folder = scratch / "model"
    tiny.save(description, tiny.build(description), folder, tiny.tokenizer())
    model = tiny.reload(folder)
    prompts = tiny.prompts(description.seed)
    family.compare("folder", folder, model, prompts, binary, what)
    dtype = str(description.dtype).removeprefix("torch.")
    family.fast(f"fast {dtype}", folder, model, prompts[1], binary, FAST[dtype], what)
    if converter is None or description.gguf is None:
        return
    standard = tiny.standard_folder(description, folder, scratch)
    said = tiny.reload(tiny.with_config(standard, description.gguf, scratch / "said"))
    for kind in ("f32", "q8_0"):
        path = scratch / f"{kind}.gguf"
        tiny.write_gguf(description, standard, path, converter, kind, scratch)
        if kind == "f32":
            family.compare("gguf", path, said, prompts, binary, what)
        else:
            family.fast("fast q8_0 file", path, said, prompts[1], binary, None, what)


def run(families, count, binary, converter, seed, names):
    """Returns the exit status."""
    failed = False
    for name, draw in families.items():
        if names and name not in names:
            continue
        family = Family(name)
        for number in range(count):
            rng = np.random.default_rng([seed, zlib.crc32(name.encode()), number])
            description = draw(rng)
            description.seed = int(rng.integers(1, 1 << 30))
            with tempfile.TemporaryDirectory() as scratch:
                try:
                    try_one(family, description, binary, converter, pathlib.Path(scratch))
                except Exception as error:  # one model that fails does not hide the others
                    traceback.print_exc()
                    family.problems.append(f"{type(error).__name__}: {error}"[:1500])
        figures = ", ".join(f"{k} {v:.2e}" for k, v in sorted(family.worst.items()))
        print(f"{name}: {count} models: {figures}; greedy {family.greedy[0]} of {family.greedy[1]}",
              flush=True)
        for problem in family.problems:
            print("  FAIL", problem, flush=True)
        failed = failed or bool(family.problems)
    return 1 if failed else 0
