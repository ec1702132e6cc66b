#!/usr/bin/env python3
"""Draws sentences of answers to be read by a person who does not see which mode wrote them, and counts the verdicts.

usage: footnote eval answers SET... --limit N --mode grounded,plain,closed-book --out 'A/{set}.{mode}.jsonl'
       read_blind.py make --answers 'A/{set}.{mode}.jsonl' --count 100 [--written 60] --seed 1 --sheet SHEET --key KEY SET...
       read_blind.py report --sheet SHEET --key KEY VERDICTS

SHEET has one JSON object a line: number, question, sentence, evidence (what the set marks), passages (what was retrieved: the same for every mode).
VERDICTS has {"number": N, "verdict": V} a line. V: "supported" (the evidence or a passage says it, in whatever words), "partly" (a part of it is not
said there), "unsupported", "empty" (it claims nothing). KEY says which mode and origin a number has: do not open it before the verdicts are written.
"""

import argparse
import json
import math
import pathlib
import random
import sys

MODES = ("grounded", "plain", "closed-book")
VERDICTS = ("supported", "partly", "unsupported", "empty")
ENOUGH = 6  # words of a sentence that can claim something


def lines(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.strip()]


def read_set(folder):
    documents = {}
    for document in lines(folder / "corpus.jsonl"):
        documents[document["_id"]] = document["text"]
    questions = {query["_id"]: query["text"] for query in lines(folder / "queries.jsonl")}
    answers = {answer["query_id"]: answer for answer in lines(folder / "answers.jsonl")}
    return documents, questions, answers


def evidence_of(answer, documents):
    texts = []
    for piece in answer.get("evidence", []):
        if "start" in piece:
            texts.append(documents[piece["doc_id"]][piece["start"]:piece["end"]])
        elif "text" in piece:
            texts.append(piece["text"])
        elif piece.get("doc_id") in documents:
            texts.append(documents[piece["doc_id"]])
    return texts


def make(options):
    drawn = []
    chance = random.Random(options.seed)
    for mode in MODES:
        found = []
        for folder in options.sets:
            documents, questions, answers = read_set(folder)
            for answer in lines(options.answers.replace("{set}", folder.name).replace("{mode}", mode)):
                if answer["abstained"]:
                    continue
                query = answer["query_id"]
                passages = [documents[passage["document_id"]].encode()[passage["start_byte"]:passage["end_byte"]].decode(errors="replace")
                            for passage in answer["passages"]]
                for sentence in answer["sentences"]:
                    if len(sentence["text"].split()) < ENOUGH:
                        continue
                    found.append(({"question": questions[query], "sentence": sentence["text"], "evidence": evidence_of(answers[query], documents),
                                   "passages": passages}, {"mode": mode, "set": folder.name, "query_id": query, "origin": sentence["origin"]}))
        if len(found) < options.count:
            sys.exit(f"read_blind: {mode} has {len(found)} sentences, {options.count} are asked for: ask more questions, or draw fewer (--count)")
        chosen = chance.sample(range(len(found)), options.count)
        drawn += [found[i] for i in chosen]
        if mode == "grounded" and options.written:
            written = [i for i in range(len(found)) if found[i][1]["origin"] != "quoted" and i not in chosen]
            drawn += [(shown, {**hidden, "besides": True}) for shown, hidden in
                      (found[i] for i in chance.sample(written, min(options.written, len(written))))]
    chance.shuffle(drawn)
    with open(options.sheet, "w", encoding="utf-8") as sheet, open(options.key, "w", encoding="utf-8") as key:
        for number, (shown, hidden) in enumerate(drawn, 1):
            sheet.write(json.dumps({"number": number, **shown}, ensure_ascii=False) + "\n")
            key.write(json.dumps({"number": number, **hidden}) + "\n")
    print(f"{options.sheet}: {len(drawn)} sentences")


def interval(part, whole):
    """Wilson's, 95 %."""
    z, p = 1.96, part / whole
    middle = (p + z * z / (2 * whole)) / (1 + z * z / whole)
    half = z * math.sqrt(p * (1 - p) / whole + z * z / (4 * whole * whole)) / (1 + z * z / whole)
    return middle - half, middle + half


def report(options):
    key = {line["number"]: line for line in lines(options.key)}
    verdicts = {line["number"]: line["verdict"] for line in lines(options.verdicts)}
    odd = [f"{number}: {verdict}" for number, verdict in verdicts.items() if verdict not in VERDICTS or number not in key]
    missing = sorted(set(key) - set(verdicts))
    if odd or missing:
        sys.exit(f"read_blind: {options.verdicts}: verdicts that are none: {odd[:5]}; numbers without one: {missing[:10]}")
    groups = [(mode, lambda line, mode=mode: line["mode"] == mode and not line.get("besides")) for mode in MODES]
    groups += [(f"grounded, {origin}", lambda line, origin=origin: line["mode"] == "grounded" and line["origin"] == origin)
               for origin in ("generated", "regenerated", "quoted")]
    groups.append(("grounded, written", lambda line: line["mode"] == "grounded" and line["origin"] != "quoted"))
    print(f"{'':24}" + "".join(f"{name:>13}" for name in VERDICTS) + "   not wholly supported, of those that claim something")
    for name, is_in in groups:
        said = [verdicts[number] for number, line in key.items() if is_in(line)]
        claims = [verdict for verdict in said if verdict != "empty"]
        cells = "".join(f"{said.count(verdict):>13}" for verdict in VERDICTS)
        if not claims:
            print(f"{name:24}{cells}")
            continue
        bad = len(claims) - claims.count("supported")
        low, high = interval(bad, len(claims))
        print(f"{name:24}{cells}   {bad / len(claims):.2f} ({low:.2f}-{high:.2f})")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    draw = commands.add_parser("make")
    draw.add_argument("sets", nargs="+", type=pathlib.Path, metavar="SET")
    draw.add_argument("--answers", required=True)
    draw.add_argument("--count", type=int, default=100)
    draw.add_argument("--written", type=int, default=0, help="so many more of the sentences that the model wrote in the grounded mode, counted apart")
    draw.add_argument("--seed", type=int, default=1)
    count = commands.add_parser("report")
    count.add_argument("verdicts")
    for command in (draw, count):
        command.add_argument("--sheet", required=True)
        command.add_argument("--key", required=True)
    options = parser.parse_args()
    make(options) if options.command == "make" else report(options)


if __name__ == "__main__":
    main()
