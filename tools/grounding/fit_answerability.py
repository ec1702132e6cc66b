#!/usr/bin/env python3
"""Fits the weights of gate 1 and writes generator/grounding/answerability.def.

usage: footnote eval answerability SET… --out 'DIR/{set}.jsonl'
       fit_answerability.py [--out FILE] [--drop NAME,…] [--l2 3] FEATURES…
  FEATURES    what the first command wrote, one file a set; a file "off-NAME.jsonl" (off_topic_sets.py) belongs to the set NAME
  --out FILE  the .def to write (features that are dropped get no line)

A logistic regression, each set and each class in it weighing the same, one bias for all. Printed: the area under the curve of each set with the weights
fitted without it and without its off-topic sibling, and what thresholds let pass with the weights of all sets (in sample). Needs numpy.
"""

import argparse
import json
import pathlib
import re
import sys

import numpy

from answerability_baseline import auroc

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEFINITION = ROOT / "generator" / "grounding" / "answerability.def"


def read(path):
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return lines, numpy.array([line["answerable"] for line in lines], dtype=bool)


def matrix(lines, names):
    return numpy.array([[line["features"][name] for name in names] for line in lines])


def fit(groups, l2):
    """groups: [(features [n, f], answerable [n])]. Weights by feature, and the bias, for features as they come."""
    features = numpy.concatenate([x for x, _ in groups])
    answerable = numpy.concatenate([y for _, y in groups]).astype(float)
    share = numpy.concatenate([numpy.where(y, 1 / max(y.sum(), 1), 1 / max((~y).sum(), 1)) for _, y in groups])
    share *= len(share) / share.sum()
    mean, deviation = features.mean(0), features.std(0) + 1e-9
    scaled = numpy.c_[(features - mean) / deviation, numpy.ones(len(features))]
    penalty = numpy.diag([l2] * features.shape[1] + [0.0])
    weights = numpy.zeros(scaled.shape[1])
    for _ in range(100):
        chance = 1 / (1 + numpy.exp(-scaled @ weights))
        gradient = scaled.T @ (share * (answerable - chance)) - penalty @ weights
        step = numpy.linalg.solve((scaled.T * (share * chance * (1 - chance))) @ scaled + penalty, gradient)
        weights += step
        if numpy.abs(step).max() < 1e-10:
            break
    raw = weights[:-1] / deviation
    return raw, weights[-1] - raw @ mean


def sibling(name):
    return name.removeprefix("off-")


def write(path, names, weights, bias):
    """The file again, with new numbers; what is said of each feature stays."""
    said = dict(re.findall(r"FOOTNOTE_FEATURE\((\w+), [^)]*\)\s*(//.*)?", DEFINITION.read_text(encoding="utf-8")))
    head = [line for line in DEFINITION.read_text(encoding="utf-8").splitlines() if line.startswith("//")]
    lines = head + [f"FOOTNOTE_BIAS({bias:.3f})"]
    lines += [f"FOOTNOTE_FEATURE({name}, {weight:.3f})  {said.get(name, '')}".rstrip() for name, weight in zip(names, weights)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("features", nargs="+", type=pathlib.Path, metavar="FEATURES")
    parser.add_argument("--out", type=pathlib.Path)
    parser.add_argument("--drop", default="")
    parser.add_argument("--l2", type=float, default=3.0)
    options = parser.parse_args()
    data = {path.stem: read(path) for path in options.features}
    names = [name for name in next(iter(data.values()))[0][0]["features"] if name not in options.drop.split(",")]
    tables = {name: (matrix(lines, names), answerable) for name, (lines, answerable) in data.items()}

    print(f"{'set':>18}{'questions':>11}{'unanswerable':>14}{'AUROC, left out':>17}{'refused at 80 % kept':>22}")
    areas = {}
    for name, (x, y) in tables.items():
        others = [table for other, table in tables.items() if sibling(other) != sibling(name)]
        if not others or y.all():
            continue
        weights, _ = fit(others, options.l2)
        scores = x @ weights
        areas[name] = auroc(scores, y)
        threshold = numpy.sort(scores[y])[::-1][max(int(numpy.ceil(0.8 * y.sum())) - 1, 0)]
        print(f"{name:>18}{len(y):>11}{(~y).sum():>14}{areas[name]:>17.3f}{(scores[~y] < threshold).mean():>22.3f}")
    on_topic = [area for name, area in areas.items() if not name.startswith("off-")]
    if on_topic:
        print(f"{'mean, on topic':>18}{'':>11}{'':>14}{numpy.mean(on_topic):>17.3f}")

    weights, bias = fit(list(tables.values()), options.l2)
    print("\nbias", f"{bias:.3f}", *(f"\n{name} {weight:.3f}" for name, weight in zip(names, weights)))
    print(f"\nshare that passes (answerable / not), in sample\n{'set':>18}" + "".join(f"{threshold:>14.2f}" for threshold in (0.1, 0.2, 0.3, 0.4, 0.5, 0.6)))
    for name, (x, y) in tables.items():
        chance = 1 / (1 + numpy.exp(-(x @ weights + bias)))
        cells = []
        for threshold in (0.1, 0.2, 0.3, 0.4, 0.5, 0.6):
            refusable = f"{(chance[~y] >= threshold).mean():.2f}" if not y.all() else ""
            cells.append(f"{(chance[y] >= threshold).mean():.2f}/{refusable}")
        print(f"{name:>18}" + "".join(f"{cell:>14}" for cell in cells))
    if options.out:
        write(options.out, names, weights, bias)
    return 0


if __name__ == "__main__":
    sys.exit(main())
