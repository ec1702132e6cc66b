#!/usr/bin/env python3
"""Searching against txtai's hybrid search, in turn (A B A B …): nDCG@10 and the time of a query.

usage: search.sh --set SET [--fill SET]… [--home DIR --corpus NAME] [--limit N] [--rounds N] [--threads N] [--json FILE]
  --set SET    an evaluation set (tools/eval_sets/README.md): its questions and documents
  --fill SET   documents of another set, that answer nothing here: they make the index larger
  --corpus N   search this corpus of $FOOTNOTE_HOME (or --home), which holds SET's documents among others, instead of indexing them
  --limit N    the first N questions with a relevant document, by the MD5 of their ids (default 300)

Both search the same chunks, as Footnote cut them, with the same model and the same vectors of the chunks; a query is embedded by each itself, in float32.
Documents rank by their best passage among 100. Times are of ten passages: txtai's around the call in its process; Footnote's around an HTTP request to
`footnote serve`, and as it tells them itself. `footnote bench search` beside: stages, and what its index misses of an exact scan.
"""

import argparse
import contextlib
import hashlib
import http.client
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

import numpy

import machine

HERE = pathlib.Path(__file__).parent
sys.path.append(str(HERE.parents[2] / "tools" / "eval_sets"))
import eval_set  # noqa: E402  (needs the path above)
import rankings  # noqa: E402

CORPUS = "search"
QUALITY_PASSAGES = 100
TIMED_PASSAGES = 10
WARM_UP = 5


def run(command, environment):
    done = subprocess.run([str(part) for part in command], env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\nfailed: {done.stderr[-2000:]}")
    return done.stdout


def write_documents(data, fill, path):
    """One set's documents, and others' under ids that clash with none."""
    with open(path, "w", encoding="utf-8") as out:
        for number, each in enumerate([data, *fill]):
            for document in each.documents:
                name = document.id if number == 0 else f"fill-{number}-{document.id}"
                out.write(json.dumps({"_id": name, "title": document.title, "text": document.text}) + "\n")


def export(footnote, environment, folder, corpus):
    """Files of all chunks and of their vectors."""
    vectors = []
    with open(folder / "chunks.jsonl", "w", encoding="utf-8") as out, \
            subprocess.Popen([str(footnote), "corpus", "export", corpus, "--vectors"], env=environment, stdout=subprocess.PIPE) as process:
        for line in process.stdout:
            chunk = json.loads(line)
            out.write(json.dumps({"document_id": chunk["document_id"], "text": chunk["embedded_text"]}) + "\n")
            vectors.append(numpy.array(chunk["vector"], dtype=numpy.float32))
    if process.returncode != 0:
        sys.exit("`footnote corpus export` failed")
    numpy.save(folder / "vectors.npy", numpy.stack(vectors))
    return folder / "chunks.jsonl", folder / "vectors.npy"


class Txtai:
    name = "txtai hybrid"

    def __init__(self, chunks, vectors, model, threads, environment):
        self._process = subprocess.Popen([sys.executable, str(HERE / "search_worker.py"), "--chunks", str(chunks), "--vectors", str(vectors),
                                          "--model", str(model), "--threads", str(threads)],
                                         env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.built = self._read()

    def _read(self):
        line = self._process.stdout.readline()
        if not line:
            sys.exit("txtai's process ended: its last words are above")
        return json.loads(line)

    def search(self, queries, limit):
        """(milliseconds, rankings of documents) of each query"""
        self._process.stdin.write(json.dumps({"queries": queries, "limit": limit}) + "\n")
        self._process.stdin.flush()
        answer = self._read()
        return {"": answer["ms"]}, [[document for document, _ in found] for found in answer["found"]]

    def close(self):
        self._process.stdin.close()
        self._process.wait(timeout=60)


class Footnote:
    name = "footnote"

    def __init__(self, binary, corpus, threads, environment):
        self._corpus = corpus
        self._log = tempfile.TemporaryFile("w+")
        self._process = subprocess.Popen([str(binary), "serve", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--threads", str(threads)],
                                         env=environment, stdout=subprocess.DEVNULL, stderr=self._log)
        while True:
            self._log.seek(0)
            log = self._log.read()
            ready = re.search(r"^ready grpc=\S+ http=(\S+)$", log, re.MULTILINE)
            if ready:
                break
            if self._process.poll() is not None:
                sys.exit(f"footnote serve ended: {log[-2000:]}")
            time.sleep(0.1)
        self._connection = http.client.HTTPConnection(ready.group(1), timeout=60)

    def search(self, queries, limit):
        outside, inside, found = [], [], []
        for query in queries:
            begin = time.perf_counter()
            self._connection.request("POST", f"/api/v1/corpora/{self._corpus}/search", json.dumps({"query": query, "top_k": limit}),
                                     {"Content-Type": "application/json"})
            reply = self._connection.getresponse()
            body = json.loads(reply.read())
            outside.append(1000 * (time.perf_counter() - begin))
            if reply.status != 200:
                sys.exit(f"footnote serve answered {reply.status}: {body}")
            inside.append(body["timings_ms"]["total"])
            found.append([passage["document_id"] for passage in body["passages"]])
        return {"": outside, "itself": inside}, found

    def close(self):
        self._connection.close()
        self._process.terminate()
        self._process.wait(timeout=60)


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def measure(contenders, data, queries, rounds):
    texts = [query.text for query in queries]
    figures = {}
    for contender in contenders:
        contender.search(texts[:WARM_UP], TIMED_PASSAGES)
        _, found = contender.search(texts, QUALITY_PASSAGES)
        documents = [list(dict.fromkeys(passages)) for passages in found]
        scores = [rankings.ndcg(ranking, data.grades[query.id]) for query, ranking in zip(queries, documents)]
        figures[contender.name] = {"ndcg@10": statistics.mean(scores), "times": {}}
    for number in range(rounds):
        for contender in contenders:
            times, _ = contender.search(texts, TIMED_PASSAGES)
            for kind, values in times.items():
                figures[contender.name]["times"].setdefault(kind, []).append(
                    {"p50_ms": percentile(values, 0.5), "p95_ms": percentile(values, 0.95)})
            print(f"round {number + 1}: {contender.name}: p50 {percentile(times[''], 0.5):.1f} ms", file=sys.stderr)
    return figures


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--footnote", type=pathlib.Path, required=True)
    parser.add_argument("--cache", type=pathlib.Path, required=True)
    parser.add_argument("--set", type=pathlib.Path, required=True)
    parser.add_argument("--fill", type=pathlib.Path, action="append", default=[])
    parser.add_argument("--home", type=pathlib.Path)
    parser.add_argument("--corpus")
    parser.add_argument("--limit", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--json", type=pathlib.Path)
    options = parser.parse_args()
    model = options.cache / "models" / "all-minilm-l6-v2"
    data = eval_set.load(options.set)
    fill = [eval_set.load(folder) for folder in options.fill]
    queries = data.judged(options.limit)
    # Kept: with the same sets the next run finds the documents indexed.
    key = hashlib.sha256("\n".join(str(path.resolve()) for path in (options.set, *options.fill)).encode()).hexdigest()[:10]
    work = options.cache / "peers" / "search" / key
    work.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "FOOTNOTE_HOME": str(work / "home"), "FOOTNOTE_CACHE": str(options.cache),
                   "OMP_NUM_THREADS": str(options.threads), "RAYON_NUM_THREADS": str(options.threads),
                   "TOKENIZERS_PARALLELISM": "true", "CUDA_VISIBLE_DEVICES": "", "HF_HUB_OFFLINE": "1"}
    corpus = options.corpus or CORPUS
    if options.corpus:
        environment["FOOTNOTE_HOME"] = str(options.home or os.environ.get("FOOTNOTE_HOME", pathlib.Path.home() / ".local/share/footnote"))
    else:
        write_documents(data, fill, work / "documents.jsonl")
        print("indexing (the first time embeds everything)", file=sys.stderr)
        run([options.footnote, "index", corpus, work / "documents.jsonl", "--public", "--prune", "--precision", "int8", "--threads", options.threads,
             "--progress", "none", "--json"], environment)
    chunks, vectors = export(options.footnote, environment, work, corpus)
    watch = machine.Watch()
    with contextlib.closing(Txtai(chunks, vectors, model, options.threads, environment)) as theirs, \
            contextlib.closing(Footnote(options.footnote, corpus, options.threads, environment)) as ours:
        print(f"txtai indexed {theirs.built['chunks']} chunks with ready vectors in {theirs.built['seconds']:.0f} s", file=sys.stderr)
        figures = measure([theirs, ours], data, queries, options.rounds)
        chunk_count = theirs.built["chunks"]
    questions = work / "queries.txt"
    questions.write_text("".join(" ".join(query.text.split()) + "\n" for query in queries), encoding="utf-8")
    bench = json.loads(run([options.footnote, "bench", "search", corpus, "--queries", questions, "--count", len(queries), "--top-k", TIMED_PASSAGES,
                            "--json"], environment))
    others = watch.others()

    print(machine.text(machine.describe()))
    print(f"{chunk_count} chunks ({bench['vector_index']}), {len(queries)} questions of {data.name}, {options.rounds} rounds, {options.threads} threads, "
          f"others took {others:.1%}\n")
    print(f"{'':28}{'nDCG@10':>9}{'p50 ms':>9}{'p95 ms':>9}")
    for name, figure in figures.items():
        for kind, times in figure["times"].items():
            middle = {share: statistics.median(each[share] for each in times) for share in ("p50_ms", "p95_ms")}
            label = f"{name}, as it tells {kind}" if kind else name + (" (over HTTP)" if name == "footnote" else "")
            print(f"{label:28}{figure['ndcg@10']:9.4f}{middle['p50_ms']:9.1f}{middle['p95_ms']:9.1f}")
    print("\nfootnote bench search: " + ", ".join(f"{stage} {bench[stage + '_ms_p50']:.1f} / {bench[stage + '_ms_p95']:.1f} ms"
                                                for stage in ("embed", "dense", "lexical", "fuse", "rerank", "fetch", "total")) +
          f" (p50 / p95); recall against an exact scan {bench['recall_against_exact']:.3f}")
    if options.json:
        options.json.write_text(json.dumps({"machine": machine.describe(), "others": others, "chunks": chunk_count, "figures": figures,
                                            "bench": bench}, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
