#!/usr/bin/env python3
"""Asks the project's own questions of the sample corpora as they are indexed; nDCG@10 of documents by kind of question.

usage: ask_corpora.py [--footnote BIN] [--misses] [legal] [medical] [technical]
  --misses  names the questions whose document is not among the first three, and what was found instead

Starts `footnote serve` on free ports of this machine. Unlike sets made by make_set.py the corpora keep their structure (headings, clauses), and nothing is
embedded again. A follow-up is asked with the user's turn before it in front, since a search has no conversation. Standard library and numpy.
"""

import argparse
import contextlib
import http.client
import json
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

import questions
import rankings

PASSAGES = 200   # of which documents are ranked
MISSED = 3


@contextlib.contextmanager
def served(binary):
    """A connection to `footnote serve`, which ends with it."""
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen([str(binary), "serve", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"], stdout=subprocess.DEVNULL, stderr=log)
        try:
            while True:
                log.seek(0)
                output = log.read()
                ready = re.search(r"^ready grpc=\S+ http=(\S+)$", output, re.MULTILINE)
                if ready:
                    break
                if process.poll() is not None:
                    sys.exit(f"footnote serve ended: {output[-2000:]}")
                time.sleep(0.1)
            with contextlib.closing(http.client.HTTPConnection(ready.group(1), timeout=120)) as connection:
                yield connection
        finally:
            process.terminate()
            process.wait(timeout=60)


def ranked(connection, corpus, question):
    """Documents, best first."""
    turns = [turn["content"] for turn in question.history if turn["role"] == "user"][-1:]
    connection.request("POST", f"/api/v1/corpora/{corpus}/search",
                       json.dumps({"query": " ".join([*turns, question.question]), "top_k": PASSAGES}), {"Content-Type": "application/json"})
    reply = connection.getresponse()
    body = json.loads(reply.read())
    if reply.status != 200:
        sys.exit(f"footnote serve answered {reply.status}: {body}")
    return list(dict.fromkeys(passage["document_id"] for passage in body["passages"]))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpora", nargs="*", metavar="CORPUS", help=", ".join(questions.CORPORA))
    parser.add_argument("--footnote", type=pathlib.Path, default=questions.ROOT / "build" / "release" / "footnote")
    parser.add_argument("--misses", action="store_true")
    options = parser.parse_args()
    kinds = [kind for kind in questions.KINDS if kind != "unanswerable"]
    print(f"{'corpus':12}" + "".join(f"{kind:>18}" for kind in [*kinds, "all"]))
    misses = []
    with served(options.footnote) as connection:
        for corpus in options.corpora or questions.CORPORA:
            scores = {kind: [] for kind in [*kinds, "all"]}
            for question in questions.load(corpus):
                if not question.answers:
                    continue
                documents = ranked(connection, corpus, question)
                wanted = {answer.document: 1 for answer in question.answers}
                for kind in (question.kind, "all"):
                    scores[kind].append(rankings.ndcg(documents, wanted))
                if not wanted.keys() & set(documents[:MISSED]):
                    misses.append(f"{question.id}: {question.question}\n    wanted {', '.join(wanted)}; found {', '.join(documents[:MISSED])}")
            print(f"{corpus:12}" + "".join(f"{statistics.mean(values):11.3f} of {len(values):3}" for values in scores.values()))
    if options.misses:
        print("\n" + "\n".join(misses))
    return 0


if __name__ == "__main__":
    sys.exit(main())
