"""The project's own questions (tests/data/questions) and the sample corpora that they are about."""

import dataclasses
import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = ROOT / "tests" / "data" / "questions"
CORPORA = ("legal", "medical", "technical")
KINDS = ("plain", "identifier", "misspelt", "named", "follow-up", "unanswerable")


@dataclasses.dataclass
class Answer:
    document: str
    quote: str


@dataclasses.dataclass
class Question:
    id: str
    kind: str
    question: str
    history: list   # [{"role", "content"}]
    answers: list   # none: the corpus does not tell


def load(corpus):
    path = FOLDER / f"{corpus}.jsonl"
    questions = []
    with open(path, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            try:
                item = json.loads(line)
                questions.append(Question(item["id"], item["kind"], item["question"], item.get("history", []),
                                          [Answer(answer["document"], answer["quote"]) for answer in item["answers"]]))
            except (json.JSONDecodeError, KeyError, TypeError) as error:
                sys.exit(f"{path}, line {number}: {error!r}; README.md in tools/eval_sets tells the format")
    return questions


def footnote(binary, *arguments):
    """What the command prints, as bytes."""
    done = subprocess.run([str(binary), *arguments], capture_output=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.decode(errors="replace").strip())
    return done.stdout


def places(quote, text):
    """Spans of the quote in characters of the text; a run of white space matches any other."""
    return [match.span() for match in re.finditer(r"\s+".join(map(re.escape, quote.split())), text)]
