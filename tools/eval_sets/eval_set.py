"""An evaluation set's files (README.md beside this file), and which of its questions are asked."""

import dataclasses
import hashlib
import json
import pathlib
import sys


@dataclasses.dataclass
class Document:
    id: str
    title: str
    text: str


@dataclasses.dataclass
class Query:
    id: str
    text: str                # the last turn alone
    scope_document_id: str   # "": the whole corpus


@dataclasses.dataclass
class Evidence:
    """A stretch of a document that holds the answer, in characters (code points) of its text."""
    document_id: str
    start: int
    end: int


def json_lines(path):
    with open(path, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                try:
                    yield json.loads(line)
                except json.JSONDecodeError as error:
                    sys.exit(f"{path}, line {number}: not JSON ({error}); every line is one object")


@dataclasses.dataclass
class EvalSet:
    folder: pathlib.Path
    documents: list
    queries: list
    grades: dict     # query -> document -> grade
    evidence: dict   # query -> spans; only those with offsets

    @property
    def name(self):
        return self.folder.resolve().name

    def judged(self, limit):
        """The questions that have a relevant document, in the order of the MD5 of their ids: the first `limit`, all for 0."""
        asked = [query for query in self.queries if any(grade > 0 for grade in self.grades.get(query.id, {}).values())]
        return by_md5(asked)[:limit or None]

    def scoped(self, limit):
        """The questions about one document whose evidence in it is known, in the same order."""
        return by_md5([query for query in self.queries
                       if any(span.document_id == query.scope_document_id for span in self.evidence.get(query.id, []))])[:limit or None]


def by_md5(queries):
    return sorted(queries, key=lambda query: hashlib.md5(query.id.encode()).hexdigest())


def load(folder):
    folder = pathlib.Path(folder)
    for name in ("corpus.jsonl", "queries.jsonl"):
        if not (folder / name).is_file():
            sys.exit(f"there is no {name} in {folder}: an evaluation set is a folder with corpus.jsonl and queries.jsonl")
    documents = [Document(item["_id"], item.get("title", ""), item["text"]) for item in json_lines(folder / "corpus.jsonl")]
    queries = [Query(item["_id"], item["text"], item.get("scope_doc_id") or "") for item in json_lines(folder / "queries.jsonl")]
    grades = {}
    if (folder / "qrels.tsv").exists():
        with open(folder / "qrels.tsv", encoding="utf-8") as lines:
            for number, line in enumerate(lines):
                query, document, grade = line.rstrip("\r\n").split("\t")
                if number > 0 or grade.isdigit():  # the first line may be a header
                    grades.setdefault(query, {})[document] = int(grade)
    evidence = {}
    if (folder / "answers.jsonl").exists():
        for item in json_lines(folder / "answers.jsonl"):
            for span in item.get("evidence", []):
                if isinstance(span, dict) and "start" in span:
                    evidence.setdefault(item["query_id"], []).append(Evidence(span["doc_id"], span["start"], span["end"]))
    return EvalSet(folder, documents, queries, grades, evidence)
