#!/usr/bin/env python3
"""Checks the project's own questions against the sample corpora: each quote stands in its document, exactly once.

usage: check_questions.py [--footnote BIN] [--also] [legal] [medical] [technical]
  --also  names the other documents that hold a quote, too: does the question leave open which one is meant?

Needs the quickstart's corpora in $FOOTNOTE_HOME. Exit status 1 when something is wrong.
"""

import argparse
import collections
import json
import pathlib
import sys

import questions


def faults(corpus, asked, binary):
    texts = {}
    for question in asked:
        if question.kind not in questions.KINDS:
            yield f"{question.id}: the kind {question.kind!r} is not one of {', '.join(questions.KINDS)}"
        if bool(question.answers) == (question.kind == "unanswerable"):
            yield f"{question.id}: of kind {question.kind}, with {len(question.answers)} answers"
        if bool(question.history) != (question.kind == "follow-up"):
            yield f"{question.id}: of kind {question.kind}, with {len(question.history)} turns before it"
        for answer in question.answers:
            if answer.document not in texts:
                try:
                    texts[answer.document] = questions.footnote(binary, "corpus", "document", corpus, answer.document, "--text").decode()
                except RuntimeError as error:
                    texts[answer.document] = ""
                    yield f"{question.id}: {error}"
            found = len(questions.places(answer.quote, texts[answer.document]))
            if found != 1:
                yield f"{question.id}: the quote {answer.quote!r} stands {found} times in {answer.document}, not once"
    for name, count in collections.Counter(question.id for question in asked).items():
        if count > 1:
            yield f"{name}: {count} questions have this id"


def also(corpus, asked, binary):
    documents = collections.defaultdict(str)
    for line in questions.footnote(binary, "corpus", "export", corpus).decode().splitlines():
        chunk = json.loads(line)
        documents[chunk["document_id"]] += chunk["text"] + " "
    plain = {name: " ".join(text.split()) for name, text in documents.items()}
    for question in asked:
        known = {answer.document for answer in question.answers}
        for answer in question.answers:
            others = [name for name, text in plain.items() if name not in known and " ".join(answer.quote.split()) in text]
            if others:
                yield f"{question.id}: also in {', '.join(others)}: {answer.quote[:60]}…"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpora", nargs="*", metavar="CORPUS", help=", ".join(questions.CORPORA))
    parser.add_argument("--footnote", type=pathlib.Path, default=questions.ROOT / "build" / "release" / "footnote")
    parser.add_argument("--also", action="store_true")
    options = parser.parse_args()
    status = 0
    for corpus in options.corpora or questions.CORPORA:
        asked = questions.load(corpus)
        for fault in faults(corpus, asked, options.footnote):
            print(fault)
            status = 1
        if options.also:
            for remark in also(corpus, asked, options.footnote):
                print(remark)
        kinds = collections.Counter(question.kind for question in asked)
        print(f"{corpus}: {len(asked)} questions: {', '.join(f'{kinds[kind]} {kind}' for kind in questions.KINDS)}")
    return status


if __name__ == "__main__":
    sys.exit(main())
