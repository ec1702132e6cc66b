#!/usr/bin/env python3
"""Makes evaluation sets of the project's own questions and the sample corpora.

usage: make_set.py [--footnote BIN] --out DIR [legal] [medical] [technical]

Writes DIR/CORPUS/{corpus,queries,answers}.jsonl and qrels.tsv, for `footnote eval retrieval DIR/CORPUS`. Needs the quickstart's corpora in
$FOOTNOTE_HOME. The documents' texts stay outside the project: DIR must not be in it.
"""

import argparse
import json
import pathlib
import sys

import questions


def documents(corpus, binary):
    """{id: (title, text)}: the chunks put together; what lies between two of them is white space, as much as there was."""
    texts, titles = {}, {}
    for line in questions.footnote(binary, "corpus", "export", corpus).decode().splitlines():
        chunk = json.loads(line)
        name, text = chunk["document_id"], texts.setdefault(chunk["document_id"], bytearray())
        text += b"\n" * (chunk["start_byte"] - len(text)) + chunk["text"].encode()
        # Title > heading > heading, and a line break; nothing where the chunk itself begins with the title.
        context = chunk["embedded_text"].removesuffix(chunk["text"]).strip()
        titles[name] = titles.get(name) or context.split(" > ")[0]
    return {name: (titles[name], text.decode()) for name, text in texts.items()}


def write_lines(path, items):
    with open(path, "w", encoding="utf-8") as out:
        for item in items:
            out.write(json.dumps(item, ensure_ascii=False) + "\n")


def make(corpus, binary, folder):
    stored = documents(corpus, binary)
    asked = questions.load(corpus)
    folder.mkdir(parents=True, exist_ok=True)
    write_lines(folder / "corpus.jsonl", [{"_id": name, "title": title, "text": text} for name, (title, text) in stored.items()])
    write_lines(folder / "queries.jsonl", [{"_id": question.id, "text": question.question, "kind": question.kind,
                                            **({"history": question.history} if question.history else {})} for question in asked])
    answers, grades = [], ["query-id\tcorpus-id\tscore\n"]
    for question in asked:
        evidence = []
        for answer in question.answers:
            found = questions.places(answer.quote, stored.get(answer.document, ("", ""))[1])
            if len(found) != 1:
                sys.exit(f"{question.id}: the quote {answer.quote!r} stands {len(found)} times in {answer.document}: run check_questions.py")
            evidence.append({"doc_id": answer.document, "start": found[0][0], "end": found[0][1]})
        answers.append({"query_id": question.id, "answers": [answer.quote for answer in question.answers],
                        "answerable": bool(question.answers), "evidence": evidence})
        grades += [f"{question.id}\t{document}\t1\n" for document in sorted({answer.document for answer in question.answers})]
    write_lines(folder / "answers.jsonl", answers)
    (folder / "qrels.tsv").write_text("".join(grades), encoding="utf-8")
    print(f"{folder}: {len(stored)} documents, {len(asked)} questions")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpora", nargs="*", metavar="CORPUS", help=", ".join(questions.CORPORA))
    parser.add_argument("--footnote", type=pathlib.Path, default=questions.ROOT / "build" / "release" / "footnote")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    options = parser.parse_args()
    if questions.ROOT in options.out.resolve().parents:
        sys.exit(f"{options.out} lies in the project, where no corpus text belongs: choose a folder elsewhere")
    for corpus in options.corpora or questions.CORPORA:
        make(corpus, options.footnote, options.out / corpus)
    return 0


if __name__ == "__main__":
    sys.exit(main())
