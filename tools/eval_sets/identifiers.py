#!/usr/bin/env python3
"""How often a word that stands in one document alone, asked alone, finds that document first.

Draws words from `footnote corpus export`, asks each through `footnote serve` with the default search,
prints the share and the misses. A word is a run of ASCII letters, digits and - _ . / : @ + # ( ), without
the punctuation around it; case does not count. Half of the words drawn hold something else than letters:
clause numbers, flags, constants, file names.

usage: identifiers.py --footnote BIN [--count 200] [--seed 1] [--least-share 0.98] CORPUS...

Exit status 1 when the share is below --least-share.
"""

import argparse
import collections
import json
import random
import re
import subprocess
import sys
import urllib.request

JOINTS = "-_./:@+#()"
OTHER_LETTER = r"[^\W\d_a-zA-Z]"
PART = rf"[A-Za-z0-9{re.escape(JOINTS)}]"
# Whole runs, and not beside letters of other scripts, which would make them part of a word.
RUN = re.compile(rf"(?<!{OTHER_LETTER})(?<!{PART}){PART}+(?!{OTHER_LETTER}|{PART})")
# Two dots or hyphens behind a word are a leader or a dash.
BREAK = re.compile(r"(?<=[A-Za-z0-9])(?=\.\.|--)")
READY = re.compile(r"^ready .*http=(\S+)$")


def words_of(text):
    for whole, run in ((whole, run) for whole in RUN.findall(text) for run in BREAK.split(whole)):
        hyphens = re.match(r"--?(?=[A-Za-z0-9])", run) if whole.startswith(run) else None
        core = run.lstrip(JOINTS)
        while core and not core[-1].isalnum():
            # "6(1)(f)" keeps its bracket, "close()" does not.
            if core[-1] == ")" and core[-2:-1] != "(" and core.count(")") <= core.count("("):
                break
            core = core[:-1]
        if core:
            yield (hyphens.group() if hyphens else "") + core


def draw(footnote, corpus, count, seed):
    """[(word as written, document id)], words that occur in one document only."""
    documents = collections.defaultdict(set)
    written = {}
    export = subprocess.Popen([footnote, "corpus", "export", corpus], stdout=subprocess.PIPE, text=True)
    for line in export.stdout:
        chunk = json.loads(line)
        for word in words_of(chunk["embedded_text"]):
            documents[word.lower()].add(chunk["document_id"])
            written.setdefault(word.lower(), word)
    if export.wait() != 0:
        sys.exit(f"identifiers.py: `footnote corpus export {corpus}` failed")
    alone = sorted(word for word, ids in documents.items()
                   if len(ids) == 1 and 3 <= len(word) <= 40 and sum(c.isalnum() for c in word) >= 3)
    names = [word for word in alone if not word.isalpha()]
    plain = [word for word in alone if word.isalpha()]
    source = random.Random(seed)
    drawn = (source.sample(names, min(len(names), count - count // 2)) +
             source.sample(plain, min(len(plain), count // 2)))
    return [(written[word], next(iter(documents[word]))) for word in drawn]


class Server:
    def __init__(self, footnote):
        self.process = subprocess.Popen([footnote, "serve", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        for line in self.process.stderr:
            ready = READY.match(line.strip())
            if ready:
                self.address = ready.group(1)
                return
        sys.exit("identifiers.py: the server did not start")

    def first(self, corpus, query):
        request = urllib.request.Request(f"http://{self.address}/api/v1/corpora/{corpus}/search",
                                         json.dumps({"query": query, "top_k": 1}).encode(),
                                         {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as response:
            passages = json.load(response)["passages"]
        return passages[0]["document_id"] if passages else None

    def stop(self):
        self.process.terminate()
        self.process.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--footnote", required=True)
    parser.add_argument("--count", type=int, default=200, help="words of each corpus")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--least-share", type=float, default=0.98)
    parser.add_argument("corpora", nargs="+", metavar="CORPUS")
    options = parser.parse_args()
    found = total = 0
    server = Server(options.footnote)
    try:
        for corpus in options.corpora:
            misses = []
            drawn = draw(options.footnote, corpus, options.count, options.seed)
            for word, document in drawn:
                first = server.first(corpus, word)
                if first != document:
                    misses.append((word, document, first))
            found += len(drawn) - len(misses)
            total += len(drawn)
            print(f"{corpus}: {len(drawn) - len(misses)} of {len(drawn)} found first")
            for word, document, first in misses:
                print(f"  missed {word!r}: {document}, got {first}")
    finally:
        server.stop()
    if total == 0:
        sys.exit("identifiers.py: no word stands in one document alone")
    print(f"all: {found / total:.3f} of {total}")
    return 0 if found / total >= options.least_share else 1


if __name__ == "__main__":
    sys.exit(main())
