#!/usr/bin/env python3
"""Sets for fitting gate 1 whose unanswerable questions are about something else altogether: other sets' questions, and general knowledge.

usage: off_topic_sets.py --out DIR [--questions 80] SET SET…
  writes DIR/off-NAME for each SET: its documents (a link), its first N answerable questions, and as many that its documents do not treat:
  those of the other SETs, evenly, and a few of general knowledge. Questions within a document get one of the set's documents.
"""

import argparse
import itertools
import json
import pathlib
import random
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "eval_sets"))
import eval_set  # noqa: E402

GENERAL = ["What is the capital of France?", "Who painted the ceiling of the Sistine Chapel?", "How do I bake sourdough bread?",
           "How far is the moon from the earth?", "Which team won the world cup in 1998?", "What is the plural of ox?",
           "How many strings does a violin have?", "When did the Berlin wall come down?", "What do pandas eat?", "How tall is Mount Everest?"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="+", type=pathlib.Path, metavar="SET")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--questions", type=int, default=80)
    options = parser.parse_args()
    loaded = {}
    for folder in options.sets:
        data = eval_set.load(folder)
        answers = {item["query_id"]: item.get("answerable", True) for item in eval_set.json_lines(folder / "answers.jsonl")}
        lines = {item["_id"]: item for item in eval_set.json_lines(folder / "queries.jsonl")}
        loaded[data.name] = folder, data, [lines[query.id] for query in eval_set.by_md5(data.queries) if answers.get(query.id)]
    for name, (folder, data, own) in loaded.items():
        chance = random.Random(name)
        scoped = bool(own[0].get("scope_doc_id"))
        others = itertools.chain.from_iterable(zip(*[iter([{key: value for key, value in line.items() if key not in ("history", "scope_doc_id")}
                                                           for line in questions]) for other, (_, _, questions) in loaded.items() if other != name]))
        foreign = [{"_id": f"general-{n}", "text": text} for n, text in enumerate(GENERAL)] + list(itertools.islice(others, options.questions - len(GENERAL)))
        for line in foreign:
            line["_id"] = "off-" + line["_id"]
            if scoped:
                line["scope_doc_id"] = chance.choice(data.documents).id
        target = options.out / f"off-{name}"
        target.mkdir(parents=True, exist_ok=True)
        corpus = target / "corpus.jsonl"
        corpus.unlink(missing_ok=True)
        corpus.symlink_to((folder / "corpus.jsonl").resolve())
        mine = own[:options.questions]
        (target / "queries.jsonl").write_text("".join(json.dumps(line) + "\n" for line in mine + foreign), encoding="utf-8")
        (target / "answers.jsonl").write_text("".join(json.dumps({"query_id": line["_id"], "answers": [], "answerable": line in mine, "evidence": []}) + "\n"
                                                      for line in mine + foreign), encoding="utf-8")
        print(f"{target}: {len(mine)} answerable, {len(foreign)} off topic")
    return 0


if __name__ == "__main__":
    sys.exit(main())
