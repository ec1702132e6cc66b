#!/usr/bin/env python3
"""Fits the support model (generator/grounding/support_model.h) and tells how well it does on a set it has not seen.

    footnote eval grounding SET --out /dev/null --features FEATURES     for each set
    tools/grounding/fit_support.py --out generator/grounding/support_weights.def FEATURES...

Logistic regression in numpy. Each set and label weighs the same; each set has an intercept of its own while the
weights are fitted, since sets differ in what their judges called supported; then one bias is fitted for all.
No weight may be negative: each feature speaks for support (support_features.def), and what only tells the
sets apart gets none. The table is printed before anything is written: AUROC on each set with the weights of the others.
"""

import argparse
import json
import sys

import numpy as np

SENTENCE_ONLY_MIN = 20  # labels of each kind that a set must have to take part in the sentence model


def read(paths):
    """Rows of each set: {set: [line]}."""
    sets = {}
    for path in paths:
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                row = json.loads(line)
                sets.setdefault(row["set"], []).append(row)
    return sets


def texts(rows):
    """(features, label, query) of the responses that are judged."""
    for row in rows:
        if row["label"] != "unknown":
            yield row["features"], row["label"], row["query_id"]


def sentences(rows):
    """The same of sentences, where people marked them."""
    for row in rows:
        for sentence in row["sentences"]:
            if sentence["label"] != "unknown":
                yield sentence["features"], sentence["label"], row["query_id"]


def matrix(rows, names):
    rows = list(rows)
    x = np.array([[features[name] for name in names] for features, _, _ in rows], float).reshape(len(rows), len(names))
    y = np.array([label == "supported" for _, label, _ in rows], float)
    return x, y


def balanced(y):
    """Weights by which both labels count the same; they sum to 1."""
    return np.where(y > 0, 0.5 / max(y.sum(), 1), 0.5 / max((1 - y).sum(), 1))


def logistic(z):
    return 1 / (1 + np.exp(-np.clip(z, -50, 50)))


def fit(data, ridge, steps=1500):
    """Weights (never negative) and bias of a logistic regression over `data`: [(x, y)] of the sets."""
    scale = np.concatenate([x for x, _ in data]).std(axis=0) + 1e-6
    weights = np.zeros(len(scale))
    intercepts = np.zeros(len(data))
    for _ in range(steps):
        gradient = ridge * weights
        for i, (x, y) in enumerate(data):
            error = balanced(y) * (logistic(x / scale @ weights + intercepts[i]) - y)
            gradient += (x / scale).T @ error / len(data)
            intercepts[i] -= 2 * error.sum()
        weights = np.maximum(weights - 0.5 * gradient, 0)
    weights = weights / scale
    bias = float(np.mean(intercepts))
    for _ in range(500):
        bias -= 2 * np.mean([(balanced(y) * (logistic(x @ weights + bias) - y)).sum() for x, y in data])
    return weights, bias


def auroc(scores, y):
    order = np.argsort(scores, kind="stable")
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks = (last - (counts - 1) / 2)[inverse]
    positive = y > 0
    n, m = positive.sum(), (~positive).sum()
    del order
    return float((ranks[positive].sum() - n * (n + 1) / 2) / (n * m))


CONTRADICTED_SHARE = 0.05  # kContradictedShare of generator/grounding/scoring.h


def discount(x, names):
    """What contradictions leave of a text's score (LeftByContradictions of scoring.h); sentences are told apart before it."""
    if "mean_agreement" not in names:
        return 1.0
    mean = x[:, names.index("mean_agreement")]
    agreement = (mean * np.clip((mean - 0.4) / 0.4, 0, 1) + x[:, names.index("agreement")]) / 2
    return CONTRADICTED_SHARE + (1 - CONTRADICTED_SHARE) * agreement


def score(x, names, weights, bias):
    return logistic(x @ weights + bias) * discount(x, names)


def check(sets, path):
    """How far the scores in the features' files are from those of a weights' file: they are the program's own."""
    weights = {}
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("FOOTNOTE_WEIGHT("):
                kind, name, value = line[len("FOOTNOTE_WEIGHT("):].rstrip(")\n").split(", ")
                weights[kind, name] = float(value)
    names = [name for kind, name in weights if kind == "text" and name != "bias"]
    vector = np.array([weights["text", name] for name in names])
    for name, rows in sets.items():
        x, _ = matrix(((row["features"], "", "") for row in rows), names)
        own = np.array([row["ways"]["score"] for row in rows])
        print(f"{name}: {len(rows)} texts, largest difference {np.abs(score(x, names, vector, weights['text', 'bias']) - own).max():.2g}")


def train(sets, select, names, ridge):
    """Weights of all sets, and the AUROC on each with the weights of the others."""
    data = {}
    for name, rows in sets.items():
        x, y = matrix(select(rows), names)
        if min(y.sum(), (1 - y).sum()) >= SENTENCE_ONLY_MIN:
            data[name] = (x, y)
    unseen = {}
    for name, (x, y) in data.items():
        others = [pair for other, pair in data.items() if other != name]
        if not others:
            continue
        weights, bias = fit(others, ridge)
        unseen[name] = auroc(score(x, names, weights, bias), y)
    weights, bias = fit(list(data.values()), ridge)
    seen = {name: auroc(score(x, names, weights, bias), y) for name, (x, y) in data.items()}
    return weights, bias, unseen, seen


def table(title, unseen, seen, baseline):
    print(f"\n{title}")
    print(f"{'set':16} {'left out':>9} {'fitted on':>10} {'overlap':>9}")
    rows = list(unseen)
    for name in rows:
        print(f"{name:16} {unseen[name]:9.3f} {seen[name]:10.3f} {baseline.get(name, float('nan')):9.3f}")
    mean = [np.mean([values.get(name, np.nan) for name in rows]) for values in (unseen, seen, baseline)]
    print(f"{'mean':16} {mean[0]:9.3f} {mean[1]:10.3f} {mean[2]:9.3f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("features", nargs="+", help="files of `footnote eval grounding --features`")
    parser.add_argument("--out", help="the weights' file; without it only the table is printed")
    parser.add_argument("--ridge", type=float, default=0.1, help="penalty of large weights (default 0.1)")
    parser.add_argument("--leave-out", metavar="SET", help="fit the written weights without this set")
    parser.add_argument("--check", metavar="WEIGHTS", help="compare the files' scores with those of this weights' file, fit nothing")
    options = parser.parse_args()
    sets = read(options.features)
    if options.check:
        check(sets, options.check)
        return
    if options.leave_out:
        if options.leave_out not in sets:
            sys.exit(f"fit_support.py: there is no set {options.leave_out} in the files: it is one of {', '.join(sets)}")
    baseline = {}
    for name, rows in sets.items():
        judged = [row for row in rows if row["label"] != "unknown"]
        y = np.array([row["label"] == "supported" for row in judged], float)
        if min(y.sum(), (1 - y).sum()) > 0:
            baseline[name] = auroc(np.array([row["ways"]["overlap"] for row in judged]), y)
    fitted = {name: rows for name, rows in sets.items() if name != options.leave_out}
    lines = []
    for select, kind in ((sentences, "sentence"), (texts, "text")):
        every = next(iter(select(next(iter(sets.values())))))[0]
        for suffix in ("", "_words_only"):
            names = [name for name in every if not (suffix and name.endswith("similarity"))]
            weights, bias, unseen, seen = train(fitted, select, names, options.ridge)
            table(kind + suffix, unseen, seen, baseline if kind == "text" else {})
            lines.append((kind + suffix, "bias", bias))
            lines += [(kind + suffix, name, weight) for name, weight in zip(names, weights)]
    if not options.out:
        for kind, name, value in lines:
            print(f"{kind:24} {name:18} {value:8.3f}")
        return
    with open(options.out, "w", encoding="utf-8") as out:
        out.write("// Weights of the support model (support_model.h), written by tools/grounding/fit_support.py: do not edit.\n")
        out.write("//\n// FOOTNOTE_WEIGHT(model, feature, value)\n")
        for kind, name, value in lines:
            out.write(f"FOOTNOTE_WEIGHT({kind}, {name}, {value:.4f})\n")
    print(f"\nwritten: {options.out}")


if __name__ == "__main__":
    main()
