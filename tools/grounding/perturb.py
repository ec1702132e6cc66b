#!/usr/bin/env python3
"""Supported sentences and the same with one thing changed, as a set for `footnote eval grounding`; and what was caught.

usage: perturb.py make --out DIR [--seed 1] [--each 80] [--answers SET]... SET...
       perturb.py report DIR SCORES
  SET             a folder with corpus.jsonl: sentences of its documents, as they stand, shortened and reworded
  --answers SET   a folder with responses.jsonl too: sentences of its supported responses
  --each N        changed sentences of each kind: number, unit, date, name, negation, modality
  SCORES          what `footnote eval grounding DIR --out SCORES` wrote

Each changed sentence comes with its unchanged one. They are scored against the passage that the sentence comes from and
two others of the same document (an answer's: its documents). The report takes the threshold below which no more than 10 % of
the unchanged sentences lie, and tells how many of the changed ones lie below it. Python's standard library alone.
"""

import argparse
import collections
import json
import pathlib
import random
import sys

import changes
import sentences

PASSAGE_WORDS = 150
PASSAGES = 3
ALARMS = 0.10
# Of the sentences taken from documents; what a sentence does not allow becomes another form.
FORMS = ("verbatim", "shortened", "reworded")


def read(path):
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.strip()]


def passages(text):
    """Whole sentences, about PASSAGE_WORDS words together."""
    found, current, words = [], [], 0
    for sentence in sentences.split(text):
        current.append(sentence)
        words += len(sentence.split())
        if words >= PASSAGE_WORDS:
            found.append(current)
            current, words = [], 0
    if current:
        found.append(current)
    return found


class Bases:
    """Supported sentences with the texts that support them."""

    def __init__(self, rng):
        self.rng = rng
        self.documents = {}  # id -> (title, text)
        self.found = []  # (sentence, form, ids)

    def add_documents(self, folder):
        corpus = read(folder / "corpus.jsonl")
        self.rng.shuffle(corpus)
        for document in corpus[:400]:
            parts = passages(document["text"][:200_000])
            chosen = self.rng.sample(range(len(parts)), min(PASSAGES, len(parts)))
            ids = []
            for part in chosen:
                identifier = f"{folder.name}:{document['_id']}:{part}"
                self.documents[identifier] = (document.get("title", ""), " ".join(parts[part]))
                ids.append(identifier)
            for part in chosen:
                for sentence in parts[part]:
                    if sentences.usable(sentence):
                        self.found.append((sentence, self.rng.choice(FORMS), ids))

    def add_answers(self, folder):
        texts = {document["_id"]: (document.get("title", ""), document["text"]) for document in read(folder / "corpus.jsonl")}
        for response in read(folder / "responses.jsonl"):
            if response["label"] != "supported":
                continue
            ids = [f"{folder.name}:{identifier}" for identifier in response["doc_ids"]]
            for identifier in response["doc_ids"]:
                self.documents[f"{folder.name}:{identifier}"] = texts[identifier]
            for sentence in sentences.split(response["response"]):
                if sentences.usable(sentence):
                    self.found.append((sentence, "answer", ids))


def in_form(sentence, form):
    if form in ("shortened", "reworded"):
        for way in (form, "reworded" if form == "shortened" else "shortened"):
            other = getattr(sentences, way)(sentence)
            if other is not None:
                return other, way
    return sentence, form if form == "answer" else "verbatim"


def make(options):
    rng = random.Random(options.seed)
    bases = Bases(rng)
    for folder in options.sets:
        bases.add_documents(pathlib.Path(folder))
    for folder in options.answers:
        bases.add_answers(pathlib.Path(folder))
    if not bases.found:
        sys.exit("perturb.py: the sets hold no sentence that can be changed: give folders with corpus.jsonl of prose")
    # Half of the sentences are answers' where there are answers, so that not all are copies; of all sets alike.
    groups = collections.defaultdict(list)
    for base in bases.found:
        groups[(base[1] == "answer", base[2][0].split(":")[0])].append(base)
    for group in groups.values():
        rng.shuffle(group)
    other_text = " ".join(text for _, text in rng.sample(sorted(bases.documents.values()), min(200, len(bases.documents))))
    lines, used, counts = [], set(), collections.Counter()
    for kind, change in changes.KINDS.items():
        kinds = sorted({key[0] for key in groups})
        turn = 0
        queues = {key: iter(group) for key, group in groups.items()}
        while counts[kind] < options.each and queues:
            wanted = [key for key in sorted(queues) if key[0] == kinds[turn % len(kinds)]] or sorted(queues)
            key = wanted[turn // len(kinds) % len(wanted)]
            turn += 1
            for sentence, form, ids in queues[key]:
                if (sentence, kind) in used:
                    continue
                text, form = in_form(sentence, form)
                documents = " ".join(bases.documents[identifier][1] for identifier in ids)
                changed = change(text, documents, other_text, rng)
                if changed is None or changed == text or changed in documents:
                    continue
                used.add((sentence, kind))
                counts[kind] += 1
                number = len(lines) // 2
                for label, words in (("supported", text), ("unsupported", changed)):
                    lines.append({"query_id": f"p{number}", "response_id": f"p{number}:{kind}:{label}", "response": words, "label": label,
                                  "doc_ids": ids, "kind": kind, "form": form})
                break
            else:
                del queues[key]
    out = pathlib.Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    needed = sorted({identifier for line in lines for identifier in line["doc_ids"]})
    with open(out / "corpus.jsonl", "w", encoding="utf-8") as file:
        for identifier in needed:
            title, text = bases.documents[identifier]
            file.write(json.dumps({"_id": identifier, "title": title, "text": text}, ensure_ascii=False) + "\n")
    with open(out / "responses.jsonl", "w", encoding="utf-8") as file:
        for line in lines:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
    print(f"{out}: {len(lines) // 2} changed sentences, each with its unchanged one: " +
          ", ".join(f"{kind} {count}" for kind, count in counts.items()))


def report(options):
    scores = {line["response_id"]: line["score"] for line in read(options.scores)}
    lines = read(pathlib.Path(options.directory) / "responses.jsonl")
    unchanged = sorted(scores[line["response_id"]] for line in lines if line["label"] == "supported")
    threshold = unchanged[int(ALARMS * len(unchanged))]
    below = lambda rows: sum(scores[row["response_id"]] < threshold for row in rows)
    print(f"threshold {threshold:.4f}: {below([line for line in lines if line['label'] == 'supported'])} alarms on {len(unchanged)} unchanged sentences")
    print(f"{'kind':10} {'changed':>8} {'caught':>7}")
    for field in ("kind", "form"):
        for value in dict.fromkeys(line[field] for line in lines):
            rows = [line for line in lines if line[field] == value and line["label"] == "unsupported"]
            false = [line for line in lines if line[field] == value and line["label"] == "supported"]
            print(f"{value:10} {len(rows):8} {below(rows) / max(1, len(rows)):7.1%}   (alarms {below(false) / max(1, len(false)):.1%})")
        print()
    if options.missed:
        for line in lines:
            if (line["label"] == "unsupported") != (scores[line["response_id"]] < threshold):
                print(line["response_id"], line["form"], f"{scores[line['response_id']]:.3f}", line["response"])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    maker = commands.add_parser("make", help="write a set of changed and unchanged sentences")
    maker.add_argument("sets", nargs="*")
    maker.add_argument("--answers", action="append", default=[])
    maker.add_argument("--out", required=True)
    maker.add_argument("--seed", type=int, default=1)
    maker.add_argument("--each", type=int, default=80)
    reporter = commands.add_parser("report", help="tell which changes were caught")
    reporter.add_argument("directory")
    reporter.add_argument("scores")
    reporter.add_argument("--missed", action="store_true", help="list the changed ones that passed and the unchanged ones that did not")
    options = parser.parse_args()
    (make if options.command == "make" else report)(options)


if __name__ == "__main__":
    main()
