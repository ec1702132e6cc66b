#!/usr/bin/env python3
"""Fits how well a span answers a question and writes generator/grounding/quotation_{weights,confidence}.def.

usage: footnote eval quotations SET... --limit 300 --out 'DIR/{set}.jsonl'
       fit_quotations.py [--out FOLDER] [--drop NAME,...] [--ridge 0.03] [--keep 16] FEATURES...
  FEATURES    what the first command wrote, one file a set
  --out FOLDER  where to write the two .def (features that are dropped get no line)
  --keep N    spans of a question that are embedded: those that look best by their words

The weights make a span that lies on the evidence come first: a softmax over the spans of a question. Then a scale and a bias are fitted, so that the logistic of
the sum is how likely one of the six best spans is right, and the confidence: how likely one of the first three is, judged also by how far it stands out from the
others. Each set weighs the same. The weight of a feature that can only speak for a span is not negative, that of a
flaw not positive; a span's length is no feature. Printed: each set's figures with the weights of the other sets, and with the scores in the files, where the
evidence was retrieved: the share of right ones of the first quotations, and the share of the pieces of evidence that right ones touch. Needs numpy.
"""

import argparse
import json
import pathlib
import re
import sys

import numpy

ROOT = pathlib.Path(__file__).resolve().parents[2]
GROUNDING = ROOT / "generator" / "grounding"
WEIGHTS, CONFIDENCE = "quotation_weights.def", "quotation_confidence.def"
FLAWS = {"fragment", "place"}
OPEN = {"pair", "opens_passage", "front", "modal"}  # may speak for a span or against it
# What the weights are pulled towards: those that were set by hand before, on cases of glossaries, ontologies, manuals and licences, which the sets hardly hold.
PRIOR = {"alignment": 5, "similarity": 6, "place": -1.5, "subject": 1.2, "entry": 4.5, "defines": 2, "wanted_number": 0.6, "wanted_date": 0.6, "wanted_name": 0.6,
         "fragment": -2, "pair": -0.3}
FIXED = {"entry"}  # left as it was set: no set has a glossary's or an ontology's entries
NEEDS_EMBEDDER = {"similarity"}
QUOTED = 3
RIVALS = 6  # kRivals of quotation_model.h
MOST_LEAD = 4  # kMostLead of quotation_model.cc
STEPS = 300
FURTHER = 0.1  # kFurtherConfidence of server/answer_run.cc
BOUNDS = (0, 0.3, 0.35, 0.4, 0.45, 0.5)


def read(path, names):
    questions = []
    for line in path.read_text(encoding="utf-8").splitlines():
        question = json.loads(line)
        spans = question["spans"]
        if not spans:
            continue
        questions.append({
            "x": numpy.array([[span["features"][name] for name in names] for span in spans], float),
            "score": numpy.array([span["score"] for span in spans], float),
            "right": numpy.array([span["right"] for span in spans], bool),
            "place": [(span["document_id"], span["start_byte"], span["end_byte"]) for span in spans],
            "touched": [[(span["document_id"], piece) for piece in span["touched"]] for span in spans],
            "evidence": question["evidence"], "retrieved": question["retrieved"], "query_id": question["query_id"]})
    return questions


def best(question, scores, count, allowed=None):
    """The best spans, none that overlaps a better one: State::Best of support_state.cc."""
    chosen = []
    for i in numpy.argsort(-scores, kind="stable"):
        if len(chosen) == count:
            break
        if allowed is not None and not allowed[i]:
            continue
        document, start, end = question["place"][i]
        if all(other != document or end <= begin or finish <= start for other, begin, finish in (question["place"][j] for j in chosen)):
            chosen.append(i)
    return chosen


class Spans:
    """All spans of a set, question after question; only questions with a right and a wrong span teach what comes first."""

    def __init__(self, questions):
        questions = [question for question in questions if question["right"].any() and not question["right"].all()]
        self.x = numpy.concatenate([question["x"] for question in questions])
        self.right = numpy.concatenate([question["right"] for question in questions])
        self.counts = [len(question["x"]) for question in questions]
        self.starts = numpy.cumsum([0] + self.counts[:-1])

    def shares(self, values):
        return values / numpy.repeat(numpy.add.reduceat(values, self.starts) + 1e-300, self.counts)

    def gradient(self, weights):
        """Of the mean of -log P(a right span is drawn)."""
        z = self.x @ weights
        z = numpy.exp(z - numpy.repeat(numpy.maximum.reduceat(z, self.starts), self.counts))
        return (self.shares(z) - self.shares(z * self.right)) @ self.x / len(self.counts)


def rank_weights(sets, names, ridge):
    """Adam with projection: the problem is small, and nearly convex."""
    signs = numpy.array([0 if name in OPEN else -1 if name in FLAWS else 1 for name in names])
    spread = numpy.concatenate([spans.x for spans in sets]).std(0) + 1e-3
    prior = numpy.array([PRIOR.get(name, 0) for name in names], float)
    fixed = numpy.array([name in FIXED for name in names])
    weights = prior.copy()
    first, second = numpy.zeros_like(weights), numpy.zeros_like(weights)
    for step in range(1, STEPS + 1):
        gradient = sum(spans.gradient(weights) for spans in sets) / len(sets) + ridge * spread**2 * (weights - prior)
        first = 0.9 * first + 0.1 * gradient
        second = 0.99 * second + 0.01 * gradient**2
        rate = 0.2 if step < STEPS / 2 else 0.03
        weights -= rate * (first / (1 - 0.9**step)) / (numpy.sqrt(second / (1 - 0.99**step)) + 1e-9)
        weights = numpy.where(fixed, prior, weights)
        weights = numpy.where(signs > 0, numpy.maximum(weights, 0), numpy.where(signs < 0, numpy.minimum(weights, 0), weights))
    return weights


def calibrate(sets, weights):
    """Scale and bias of the logistic over the best spans of every question, by Newton's method."""
    rows = []
    for questions in sets:
        found = [(z[i], question["right"][i]) for question in questions for z in [question["x"] @ weights] for i in best(question, z, RIVALS)]
        rows += [(z, right, 1 / len(found)) for z, right in found]
    z, right, share = (numpy.array(column, float) for column in zip(*rows))
    return logistic(numpy.c_[z, numpy.ones(len(z))], right, share)


def logistic(x, right, share):
    """Newton's method; the last column of x is 1."""
    values = numpy.zeros(x.shape[1])
    for _ in range(100):
        chance = 1 / (1 + numpy.exp(-x @ values))
        slope = (x.T * (share * chance * (1 - chance))) @ x + 1e-9 * numpy.eye(len(values))
        values += numpy.clip(numpy.linalg.solve(slope, x.T @ (share * (right - chance))), -1, 1)
    return values


def lead(z, i, begin, rivals, nothing):
    """Log-odds of the share that span i has of the odds of as many as `rivals`, those from `begin` on; where there are fewer, as if the others had nothing
    to do with the question."""
    odds = numpy.exp(numpy.clip(z, -20.7, 20.7))
    those = odds[begin:begin + rivals]
    share = numpy.clip(odds[i] / (those.sum() + (rivals - len(those)) * numpy.exp(nothing)), 1e-9, 1 - 1e-9)
    return numpy.clip(numpy.log(share / (1 - share)), -MOST_LEAD, MOST_LEAD)


def signs_of(z, i, nothing):
    """What the confidence in the i-th of the best spans, with these log-odds, looks at."""
    first = lead(z, 0, 0, RIVALS, nothing)
    return [first, 1] if i == 0 else [first, lead(z, i, 0, RIVALS, nothing), lead(z, i, i, RIVALS - 1, nothing), 1]


def chosen_of(question, fitted, allowed=None):
    z = question["x"] @ fitted[0] + fitted[1]
    chosen = best(question, z, RIVALS, allowed)
    return chosen, z[chosen]


def fit_confidence(sets, fitted):
    """Weights for the best span, and for one behind it."""
    weights = []
    for ranks in ((0,), range(1, QUOTED)):
        rows, right, shares = [], [], []
        for questions in sets:
            found = [(signs_of(z, i, fitted[1]), question["right"][chosen[i]])
                     for question in questions for chosen, z in [chosen_of(question, fitted)] for i in ranks if i < len(chosen)]
            rows += [signs for signs, _ in found]
            right += [hit for _, hit in found]
            shares += len(found) * [1 / len(found)]
        weights.append(logistic(numpy.array(rows, float), numpy.array(right, float), numpy.array(shares)))
    return weights


def confidence_of(z, i, weights, nothing):
    chances = [1 / (1 + numpy.exp(-numpy.array(signs_of(z, rank, nothing)) @ weights[min(rank, 1)])) for rank in range(i + 1)]
    return min(chances)


def quoted_above(questions, fitted, confidence, bound, allowed=lambda question: None):
    """Of the questions with evidence at hand, the share whose first quotation reaches the bound; precision and recall of those, and of a second that exceeds it."""
    asked, answered, quoted, right, touched, pieces = 0, 0, 0, 0, 0, 0
    for question in questions:
        if not question["retrieved"]:
            continue
        asked += 1
        chosen, z = chosen_of(question, fitted, allowed(question))
        if not len(chosen) or confidence_of(z, 0, confidence, fitted[1]) < bound:
            continue
        answered += 1
        pieces += question["evidence"]
        seen = set()
        for rank, i in enumerate(chosen[:QUOTED - 1]):
            if rank == 0 or confidence_of(z, rank, confidence, fitted[1]) >= bound + FURTHER:
                quoted += 1
                right += question["right"][i]
                if question["right"][i]:
                    seen |= set(question["touched"][i])
        touched += len(seen)
    return answered / max(asked, 1), right / max(quoted, 1), touched / max(pieces, 1)


def kept_by_words(question, words, keep):
    allowed = numpy.zeros(len(words), bool)
    allowed[numpy.argsort(-words, kind="stable")[:keep]] = True
    return allowed


def figures(questions, score, allowed=lambda question: None):
    """Precision and recall by the first 1, 2, 3."""
    quoted, right, touched, pieces = numpy.zeros(QUOTED), numpy.zeros(QUOTED), numpy.zeros(QUOTED), 0
    for question in questions:
        if not question["retrieved"]:
            continue
        pieces += question["evidence"]
        chosen = best(question, score(question), QUOTED, allowed(question))
        seen, hits = set(), 0
        for i in range(QUOTED):
            if i < len(chosen) and question["right"][chosen[i]]:
                hits += 1
                seen |= set(question["touched"][chosen[i]])
            quoted[i] += min(i + 1, len(chosen))
            right[i] += hits
            touched[i] += len(seen)
    return right / quoted, touched / pieces


def row(name, old, new):
    cells = [f"{value:.3f}" for pair in (old, new) for values in pair for value in values]
    print(f"{name:>14}" + "".join(f"{cell:>8}" for cell in cells))


def fit(sets, names, ridge):
    weights = rank_weights([Spans(questions) for questions in sets], names, ridge)
    scale, bias = calibrate(sets, weights)
    return weights * scale, bias


def without(names, columns):
    return [i for i, name in enumerate(names) if name not in columns]


def select(questions, columns):
    return [{**question, "x": question["x"][:, columns]} for question in questions]


def write(path, names, full, words):
    text = (GROUNDING / WEIGHTS).read_text(encoding="utf-8").splitlines()
    said = dict(re.findall(r"FOOTNOTE_QUOTATION_FEATURE\((\w+), [^)]*\)\s*(//.*)?", "\n".join(text)))
    lines = [line for line in text if line.startswith("//")]
    lines.append(f"FOOTNOTE_QUOTATION_BIAS({full[1]:.3f}, {words[1]:.3f})")
    of_words = dict(zip((name for name in names if name not in NEEDS_EMBEDDER), words[0]))
    for name, weight in zip(names, full[0]):
        lines.append(f"FOOTNOTE_QUOTATION_FEATURE({name}, {weight + 0.0:.3f}, {of_words.get(name, 0.0) + 0.0:.3f})  {said.get(name, '')}".rstrip())
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_confidence(path, full, words):
    text = (GROUNDING / CONFIDENCE).read_text(encoding="utf-8")
    names = re.findall(r"^FOOTNOTE_QUOTATION_CONFIDENCE\((\w+)", text, flags=re.MULTILINE)
    # In the file each bias comes first.
    ordered = [[values for part in side for values in (part[-1], *part[:-1])] for side in (full, words)]
    for name, value, alone in zip(names, *ordered, strict=True):
        text = re.sub(rf"(FOOTNOTE_QUOTATION_CONFIDENCE\({name}, )[^)]*\)", rf"\g<1>{value + 0.0:.3f}, {alone + 0.0:.3f})", text)
    path.write_text(text, encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("features", nargs="+", type=pathlib.Path, metavar="FEATURES")
    parser.add_argument("--out", type=pathlib.Path)
    parser.add_argument("--drop", default="")
    parser.add_argument("--ridge", type=float, default=0.03)
    parser.add_argument("--keep", type=int, default=16)
    options = parser.parse_args()
    with options.features[0].open(encoding="utf-8") as lines:
        every = next(iter(json.loads(next(lines))["spans"]))["features"]
    names = [name for name in every if name not in options.drop.split(",")]
    sets = {path.stem: read(path, names) for path in options.features}
    columns = without(names, NEEDS_EMBEDDER)
    word_names = [names[i] for i in columns]
    word_sets = {name: select(questions, columns) for name, questions in sets.items()}

    print(f"{'':>14}{'scores in the files: precision, recall':>48}{'left out: precision, recall':>48}")
    print(f"{'set':>14}" + "".join(f"{number:>8}" for number in 4 * (1, 2, 3)))
    rows = []
    curves = {}
    for name, questions in sets.items():
        others = [other for other in sets if other != name]
        if not others:
            continue
        fitted = fit([sets[other] for other in others], names, options.ridge)
        weights = fitted[0]
        words, _ = fit([word_sets[other] for other in others], word_names, options.ridge)
        old = figures(questions, lambda question: question["score"])
        new = figures(questions, lambda question: question["x"] @ weights,
                      lambda question: kept_by_words(question, question["x"][:, columns] @ words, options.keep))
        confidence = fit_confidence([sets[other] for other in others], fitted)
        curves[name] = [quoted_above(questions, fitted, confidence, bound, lambda question: kept_by_words(question, question["x"][:, columns] @ words, options.keep))
                        for bound in BOUNDS]
        rows.append((old, new))
        row(name, old, new)
    if rows:
        row("mean", *(tuple(numpy.mean([pair[side][part] for pair in rows], axis=0) for part in (0, 1)) for side in (0, 1)))

    if curves:
        print("\nleft out: at least so confident: share answered, precision and recall of at most two")
        print(" " * 14 + "".join(f"{bound:>18.2f}" for bound in BOUNDS))
        curves["mean"] = numpy.mean(list(curves.values()), axis=0)
        for name, curve in curves.items():
            print(f"{name:>14}" + "".join(f"{answered:>8.2f}{precision:>5.2f}{recall:>5.2f}" for answered, precision, recall in curve))

    full = fit(list(sets.values()), names, options.ridge)
    words = fit(list(word_sets.values()), word_names, options.ridge)
    confidences = [fit_confidence(list(sets.values()), full), fit_confidence(list(word_sets.values()), words)]
    print("\nconfidence of the first: lead, bias; of a further one: lead of the first, own, over the rest, bias")
    for values in confidences:
        print(*(numpy.round(part, 3) for part in values))
    of_words = dict(zip(word_names, words[0]))
    print(f"\n{'bias':20}{full[1]:8.3f}{words[1]:8.3f}")
    for name, weight in zip(names, full[0]):
        print(f"{name:20}{weight:8.3f}{of_words.get(name, 0.0):8.3f}")
    print("\nfirst quotations by score, in sample (all questions): share that is right, of how many\n" + " " * 14 + "".join(f"{low:>11.1f}..." for low in numpy.arange(0, 1, 0.1)))
    for name, questions in sets.items():
        found = [(z[i], question["right"][i]) for question in questions for z in [question["x"] @ full[0] + full[1]] for i in best(question, z, 1)]
        chance = 1 / (1 + numpy.exp(-numpy.array([z for z, _ in found])))
        right = numpy.array([hit for _, hit in found])
        cells = []
        for low in numpy.arange(0, 1, 0.1):
            among = (chance >= low) & (chance < low + 0.1)
            cells.append(f"{right[among].mean():.2f} of {among.sum()}" if among.any() else "")
        print(f"{name:>14}" + "".join(f"{cell:>14}" for cell in cells))
    if options.out:
        write(options.out / WEIGHTS, names, full, words)
        write_confidence(options.out / CONFIDENCE, *confidences)
    return 0


if __name__ == "__main__":
    sys.exit(main())
