#!/usr/bin/env python3
"""Two plain gates to compare `footnote eval answerability` with: a cosine, and the question's wording alone.

usage: answerability_baseline.py --out 'FILE.{set}.jsonl' [--limit 600] [--precision int8] SET…
  SET            a folder with corpus.jsonl, queries.jsonl, answers.jsonl (each answer "answerable" or not)
  --out FILE     JSON lines {"query_id", "score"} for `footnote eval answerability --against`; {set} stands for the set's name
  --limit N      the first N questions by the MD5 of their ids; 0: all

cosine: the largest MiniLM cosine of the question (last turn) and windows of 70 words, stride 50, of its document (`scope_doc_id`) or of all.
wording: where a set asks the same of many documents, how often the same question has an answer in the *other* documents. It knows nothing of the
document, so a gate that only learned it would fail on the next corpus; it is printed to be seen beside.

Needs numpy (tools/eval_sets/requirements.txt), a built `footnote` and the MiniLM model. Vectors are kept in $FOOTNOTE_CACHE/eval/vectors.sqlite.
"""

import argparse
import json
import os
import pathlib
import re
import sys

import numpy

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tools" / "eval_sets"))
import eval_set  # noqa: E402
import vectors  # noqa: E402

WINDOW_WORDS = 70
STRIDE_WORDS = 50


def windows(text):
    words = [match.span() for match in re.finditer(r"\S+", text)]
    firsts = range(0, max(len(words) - (WINDOW_WORDS - STRIDE_WORDS), 1), STRIDE_WORDS)
    return [text[words[first][0]:words[min(first + WINDOW_WORDS, len(words)) - 1][1]] for first in firsts] if words else []


def auroc(scores, answerable):
    """The chance that an answerable question's score is above an unanswerable one's; equal ones count half."""
    scores, answerable = numpy.asarray(scores, dtype=float), numpy.asarray(answerable, dtype=bool)
    if answerable.all() or not answerable.any():
        return float("nan")
    _, level = numpy.unique(scores, return_inverse=True)
    negatives = numpy.bincount(level[~answerable], minlength=level.max() + 1)
    below = numpy.cumsum(negatives) - negatives / 2
    return below[level[answerable]].sum() / (answerable.sum() * (~answerable).sum())


def wording_scores(queries, lines, answerable):
    """Share of answerable ones among the other questions of the same wording; None where a set has no such wording."""
    key = next((name for name in ("category", "hypothesis") if name in lines[queries[0].id]), None)
    if key is None:
        return None
    totals = {}
    for identifier, line in lines.items():
        if identifier in answerable:
            count = totals.setdefault(line[key], [0, 0])
            count[0] += answerable[identifier]
            count[1] += 1
    scores = []
    for query in queries:
        yes, count = totals[lines[query.id][key]]
        scores.append((yes - answerable[query.id]) / (count - 1) if count > 1 else 0.5)
    return scores


def main():
    cache = pathlib.Path(os.environ.get("FOOTNOTE_CACHE") or pathlib.Path.home() / ".cache" / "footnote")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="+", type=pathlib.Path, metavar="SET")
    parser.add_argument("--out", required=True)
    parser.add_argument("--limit", type=int, default=600)
    parser.add_argument("--precision", default="int8")
    parser.add_argument("--footnote", type=pathlib.Path, default=ROOT / "build" / "release" / "footnote")
    parser.add_argument("--model", type=pathlib.Path, default=cache / "models" / "all-minilm-l6-v2")
    options = parser.parse_args()
    if len(options.sets) > 1 and "{set}" not in options.out:
        parser.error("with several sets --out must hold {set}")
    print(f"{'set':>14}{'questions':>11}{'unanswerable':>14}{'cosine':>9}{'wording':>9}")
    with vectors.Embedder(options.footnote, options.model, options.precision, cache / "eval") as embedder:
        for folder in options.sets:
            data = eval_set.load(folder)
            answerable = {item["query_id"]: bool(item["answerable"]) for item in eval_set.json_lines(folder / "answers.jsonl") if "answerable" in item}
            lines = {item["_id"]: item for item in eval_set.json_lines(folder / "queries.jsonl")}
            queries = eval_set.by_md5([query for query in data.queries if query.id in answerable])[:options.limit or None]
            scoped = {query.scope_document_id for query in queries}
            documents = [document for document in data.documents if "" in scoped or document.id in scoped]
            texts, owners = [], []
            for document in documents:
                pieces = windows(document.text)
                texts += pieces
                owners += [document.id] * len(pieces)
            passages = embedder.embed(texts, f"{data.name}: windows")
            asked = embedder.embed([query.text for query in queries], f"{data.name}: questions")
            rows = {}
            for row, owner in enumerate(owners):
                rows.setdefault(owner, []).append(row)
            everything = numpy.arange(len(owners))
            scores = []
            with open(options.out.replace("{set}", data.name), "w", encoding="utf-8") as out:
                for query, vector in zip(queries, asked):
                    of = rows.get(query.scope_document_id, []) if query.scope_document_id else everything
                    scores.append(float((passages[of] @ vector).max()) if len(of) else 0.0)
                    out.write(json.dumps({"query_id": query.id, "score": scores[-1]}) + "\n")
            labels = [answerable[query.id] for query in queries]
            wording = wording_scores(queries, lines, answerable)
            print(f"{data.name:>14}{len(queries):>11}{labels.count(False):>14}{auroc(scores, labels):>9.3f}"
                  f"{f'{auroc(wording, labels):.3f}' if wording else '':>9}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
