#!/usr/bin/env python3
"""Plain retrieval baselines on evaluation sets: BM25, MiniLM, and two ways of joining them.

usage: baselines.py [--out DIR] [--limit 300] [--precision exact] [--json FILE] SET…
       baselines.py --scoped [--limit 300] [--characters N] SET…
  SET             a folder with corpus.jsonl, queries.jsonl, qrels.tsv (and answers.jsonl for --scoped)
  --out DIR       writes SET.NAME.run (TREC) and SET.NAME.ndcg.tsv (one question a line) for bm25, minilm, rrf and minmax
  --limit N       the first N questions with a relevant document, by the MD5 of their ids; 0: all
  --precision P   of the embedding model: exact, fast, bf16 or int8
  --scoped        each question within its document: windows of 180 words, RRF of BM25 and MiniLM over the document's windows;
                  recall of the evidence's characters by the best five
  --characters N  with --scoped: the windows in order until N characters are returned, the last one cut, instead of five

Needs numpy (requirements.txt beside this file), a built `footnote` and the MiniLM model (tools/fetch_models.sh minilm). Vectors are kept in
$FOOTNOTE_CACHE/eval/vectors.sqlite. Definitions: README.md beside this file.
"""

import argparse
import json
import os
import pathlib
import re
import sys

import numpy

import eval_set
import rankings
import vectors
from bm25 import Bm25

ROOT = pathlib.Path(__file__).resolve().parents[2]
NAMES = ("bm25", "minilm", "rrf", "minmax")
WINDOW_WORDS = 180
STRIDE_WORDS = 150
RUN_DEPTH = 100
SCOPED_PASSAGES = 5


def windows(text):
    """(start, end) in characters of each window of words; an empty text is one empty window.

    One from every 150th word on, as long as it holds words that the one before does not.
    """
    words = [match.span() for match in re.finditer(r"\S+", text)]
    overlap = WINDOW_WORDS - STRIDE_WORDS
    inside = [words[first:first + WINDOW_WORDS] for first in range(0, max(len(words) - overlap, 1), STRIDE_WORDS)]
    return [(window[0][0], window[-1][1]) if window else (0, 0) for window in inside]


def retrieval(data, embedder, options):
    """{name: {query: nDCG@10}}; writes run files."""
    texts, owners = [], []
    for row, document in enumerate(data.documents):
        whole = f"{document.title}. {document.text}"
        spans = windows(whole)
        texts += [whole[start:end] for start, end in spans]
        owners += [row] * len(spans)
    firsts = numpy.flatnonzero(numpy.diff([-1, *owners]))  # of each document's windows
    queries = data.judged(options.limit)
    passages = embedder.embed(texts, f"{data.name}: windows")
    asked = embedder.embed([query.text for query in queries], f"{data.name}: questions")
    index = Bm25([f"{document.title} {document.text}" for document in data.documents])
    figures = {name: {} for name in NAMES}
    runs = {name: [] for name in NAMES}
    for query, vector in zip(queries, asked):
        lexical = index.scores(query.text)
        dense = numpy.maximum.reduceat(passages @ vector, firsts)
        lists = rankings.best_first(lexical), rankings.best_first(dense, later_first=True)
        scored = {"bm25": {int(row): lexical[row] for row in lists[0]}, "minilm": {int(row): dense[row] for row in lists[1]},
                  "rrf": rankings.reciprocal_ranks(*lists), "minmax": rankings.min_max_sum(lexical, dense)}
        for name, scores in scored.items():
            ranked = sorted(scores, key=lambda row: -scores[row])[:RUN_DEPTH]  # of equal ones the first in its list
            ids = [data.documents[row].id for row in ranked]
            figures[name][query.id] = rankings.ndcg(ids, data.grades[query.id])
            runs[name] += [f"{query.id} Q0 {data.documents[row].id} {rank} {scores[row]:.6f} {name}\n" for rank, row in enumerate(ranked, 1)]
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
        for name in NAMES:
            (options.out / f"{data.name}.{name}.run").write_text("".join(runs[name]), encoding="utf-8")
            (options.out / f"{data.name}.{name}.ndcg.tsv").write_text(
                "".join(f"{query}\t{value:.6f}\n" for query, value in figures[name].items()), encoding="utf-8")
    return figures


def covered(spans, wanted):
    """Share of the wanted characters that the spans hold, and how many different characters they return."""
    returned = {character for start, end in spans for character in range(start, end)}
    evidence = {character for start, end in wanted for character in range(start, end)}
    return len(returned & evidence) / len(evidence), len(returned)


def first_characters(spans, count):
    """The spans in order until they hold `count` different characters; the last one is cut."""
    kept, seen = [], set()
    for start, end in spans:
        at = start
        while at < end and len(seen) < count:
            seen.add(at)
            at += 1
        kept.append((start, at))
    return kept


def scoped(data, embedder, options):
    """[(recall of the evidence's characters, characters returned)] by question."""
    queries = data.scoped(options.limit)
    documents = {document.id: document for document in data.documents}
    needed = sorted({query.scope_document_id for query in queries})
    spans = {name: windows(documents[name].text) for name in needed}
    texts = {name: [documents[name].text[start:end] for start, end in spans[name]] for name in needed}
    joined = embedder.embed([text for name in needed for text in texts[name]], f"{data.name}: windows")
    ends = numpy.cumsum([len(texts[name]) for name in needed])
    of = dict(zip(needed, numpy.split(joined, ends[:-1])))
    asked = embedder.embed([query.text for query in queries], f"{data.name}: questions")
    indexes = {name: Bm25(texts[name]) for name in needed}
    results = []
    for query, vector in zip(queries, asked):
        name = query.scope_document_id
        fused = rankings.reciprocal_ranks(rankings.best_first(indexes[name].scores(query.text)), rankings.best_first(of[name] @ vector, later_first=True))
        ranked = [spans[name][row] for row in sorted(fused, key=lambda row: -fused[row])]
        kept = first_characters(ranked, options.characters) if options.characters else ranked[:SCOPED_PASSAGES]
        results.append(covered(kept, [(span.start, span.end) for span in data.evidence[query.id] if span.document_id == name]))
    return results


def mean(values):
    values = list(values)
    return sum(values) / len(values) if values else 0.0


def main():
    cache = pathlib.Path(os.environ.get("FOOTNOTE_CACHE") or pathlib.Path.home() / ".cache" / "footnote")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="+", type=pathlib.Path, metavar="SET")
    parser.add_argument("--out", type=pathlib.Path)
    parser.add_argument("--limit", type=int, default=300)
    parser.add_argument("--precision", default="exact")
    parser.add_argument("--scoped", action="store_true")
    parser.add_argument("--characters", type=int, default=0)
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--footnote", type=pathlib.Path, default=ROOT / "build" / "release" / "footnote")
    parser.add_argument("--model", type=pathlib.Path, default=cache / "models" / "all-minilm-l6-v2")
    options = parser.parse_args()
    rows = []
    with vectors.Embedder(options.footnote, options.model, options.precision, cache / "eval") as embedder:
        for folder in options.sets:
            data = eval_set.load(folder)
            if options.scoped:
                results = scoped(data, embedder, options)
                rows.append({"set": data.name, "questions": len(results), "evidence_recall": mean(recall for recall, _ in results),
                             "returned_characters": mean(returned for _, returned in results)})
            else:
                figures = retrieval(data, embedder, options)
                rows.append({"set": data.name, "questions": len(figures["bm25"]),
                             **{name: mean(figures[name].values()) for name in NAMES}})
    if len(rows) > 1:
        rows.append({"set": "mean", "questions": sum(row["questions"] for row in rows),
                     **{key: mean(row[key] for row in rows) for key in rows[0] if key not in ("set", "questions")}})
    print("".join(f"{key:>20}" for key in rows[0]))
    for row in rows:
        print("".join(f"{value:>20.4f}" if isinstance(value, float) else f"{value:>20}" for value in row.values()))
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
