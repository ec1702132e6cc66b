#!/usr/bin/env python3
"""Checks the `footnote` command as its users meet it, on the quickstart's corpora and on folders of its own.

usage: service.py --footnote BIN [--only questions,crash,filters,bad-input,memory] [--kills 10]

  questions  nine questions: the expected document is cited, every quote is the stored document's bytes;
             three that the corpora do not answer: abstained, with a reason; time to the first verified sentence
  crash      kill -9 at random moments of an index run: the last generation stays readable, and the finished corpus
             equals one that was never interrupted (documents, chunks, exact search results, corpus verify)
  filters    filters that hide exactly a query's nearest neighbours: complete, nothing hidden, recall against exact
  bad-input  missing, damaged and wrong files, empty and huge questions, full disk, second writer: one clear sentence
             each, exit status 1, no signal
  memory     peak resident memory of `ask`

Standard library only. Prints a line a check; exit status 1 when one failed.
"""

import argparse
import json
import os
import pathlib
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time

QUESTIONS = [
    # corpus, question, part of the id or title of a document that answers it
    ("legal", "What must I do when I distribute modified files under the Apache License 2.0?", "apache"),
    ("legal", "Does the GNU General Public License version 3 come with a warranty?", "gpl"),
    ("legal", "What must be included in all copies of software under the MIT License?", "mit"),
    ("medical", "What is arachnodactyly?", "arachnodactyly"),
    ("medical", "What is bradycardia?", "bradycardia"),
    ("medical", "Which conditions does category E10 exclude?", "e10"),
    ("technical", "What does open() return on error?", "open"),
    ("technical", "Which signals cannot be caught, blocked, or ignored?", "signal"),
    ("technical", "What does fork() return in the child process?", "fork"),
]
UNANSWERABLE = [
    ("legal", "What is the capital of France?"),
    ("medical", "Who won the football world cup in 2014?"),
    ("technical", "How many eggs does a chocolate cake need?"),
]


class Checker:
    def __init__(self, footnote):
        self.footnote = str(pathlib.Path(footnote).resolve())
        self.failed = 0

    def check(self, name, ok, detail=""):
        self.failed += 0 if ok else 1
        print(f"{'ok  ' if ok else 'FAIL'}  {name}{'  ' + detail if detail else ''}", flush=True)
        return ok

    def run(self, *arguments, environment=None, timeout=900, **more):
        return subprocess.run([self.footnote, *arguments], capture_output=True, timeout=timeout,
                              env={**os.environ, **(environment or {})}, **more)

    def run_json(self, *arguments, environment=None):
        result = self.run(*arguments, "--json", environment=environment)
        if result.returncode != 0:
            raise RuntimeError(f"{' '.join(arguments)}: {result.stderr.decode(errors='replace')}")
        return json.loads(result.stdout)


def check_questions(checker):
    first_sentence = []
    for corpus, question, expected in QUESTIONS:
        answer = checker.run_json("ask", corpus, question)
        cited = [c["document_id"] + " " + c["title"] for c in answer["citations"]]
        right = not answer["abstained"] and any(expected in c.lower() for c in cited)
        quotes = True
        for citation in answer["citations"]:
            text = checker.run("corpus", "document", corpus, citation["document_id"], "--text").stdout
            quotes &= text[citation["start_byte"]:citation["end_byte"]] == citation["quote"].encode()
        first = answer["timings_ms"]["first_sentence"]
        first_sentence.append(first)
        checker.check(f"{corpus}: {question}", right and quotes,
                      f"cited {sorted(set(cited))}, quotes {'exact' if quotes else 'DIFFER'}, first sentence {first:.0f} ms"
                      f"\n        {answer['answer'] or answer['reason']!r}")
    for corpus, question in UNANSWERABLE:
        answer = checker.run_json("ask", corpus, question)
        checker.check(f"{corpus}: {question} (not answered by the corpus)",
                      answer["abstained"] and answer["reason"] != "" and answer["answer"] == "",
                      f"{answer['reason']}, answerability {answer['answerability']:.2f} {answer['answer']}")
    first_sentence.sort()
    print(f"      first verified sentence: median {first_sentence[len(first_sentence) // 2]:.0f} ms, "
          f"slowest {first_sentence[-1]:.0f} ms")


def write_documents(folder, count, seed):
    """Markdown of random words, so that chunks differ and searching finds each."""
    generator = random.Random(seed)
    words = ["".join(generator.choice("abcdefghijklmnoprstuvwy") for _ in range(generator.randint(3, 9))) for _ in range(3000)]
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(count):
        sections = []
        for section in range(generator.randint(1, 4)):
            sentences = [" ".join(generator.choices(words, k=12)).capitalize() + "." for _ in range(generator.randint(3, 12))]
            sections.append(f"## Section {section + 1}\n\n{' '.join(sentences)}\n")
        (folder / f"doc{i:04}.md").write_text(f"# Document {i}\n\n" + "\n".join(sections))
    return words


def exact_results(checker, corpus, queries, environment):
    results = []
    for query in queries:
        found = checker.run_json("search", corpus, query, "--exact", "--top-k", "20", environment=environment)
        results.append([(p["document_id"], p["start_byte"], p["end_byte"], p["score"]) for p in found["passages"]])
    return results


def summary(checker, corpus, environment):
    shown = checker.run_json("corpus", "show", corpus, environment=environment)
    return {key: shown[key] for key in ("documents", "chunks", "tokens")}


def check_crash(checker, kills):
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        before, after = scratch / "before", scratch / "after"
        write_documents(before, 60, 1)
        words = write_documents(after, 240, 2)
        queries = [" ".join(random.Random(i).choices(words, k=5)) for i in range(6)]
        whole = {"FOOTNOTE_HOME": str(scratch / "whole")}
        killed = {"FOOTNOTE_HOME": str(scratch / "killed")}
        for environment in (whole, killed):
            checker.run_json("index", "c", str(before), "--public", environment=environment)
        start = time.monotonic()
        checker.run_json("index", "c", str(after), "--public", "--prune", environment=whole)
        duration = time.monotonic() - start
        readable = True
        ended_before_kill = 0
        generator = random.Random(3)
        published = summary(checker, "c", killed)
        for _ in range(kills):
            process = subprocess.Popen([checker.footnote, "index", "c", str(after), "--public", "--prune"],
                                       env={**os.environ, **killed}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            # Shorter than a whole run, since each resumes where the last stopped.
            time.sleep(generator.uniform(0.02, max(duration / kills * 2, 0.4)))
            ended_before_kill += process.poll() is not None
            process.send_signal(signal.SIGKILL)
            process.wait()
            found = checker.run("search", "c", queries[0], "--json", environment=killed)
            readable &= found.returncode == 0 and len(json.loads(found.stdout)["passages"]) > 0
            now = summary(checker, "c", killed)
            readable &= now in (published, summary(checker, "c", whole))
        checker.check(f"{kills} kills: the last generation stayed readable", readable,
                      f"an uninterrupted run takes {duration:.1f} s; {ended_before_kill} runs ended before their kill")
        checker.run_json("index", "c", str(after), "--public", "--prune", environment=killed)
        checker.check("documents, chunks and tokens as uninterrupted", summary(checker, "c", killed) == summary(checker, "c", whole),
                      str(summary(checker, "c", killed)))
        checker.check("exact search results as uninterrupted",
                      exact_results(checker, "c", queries, killed) == exact_results(checker, "c", queries, whole))
        verified = checker.run("corpus", "verify", "c", "--json", environment=killed)
        checker.check("corpus verify: documents, chunks, vectors, postings and FAISS agree",
                      verified.returncode == 0 and json.loads(verified.stdout)["findings"] == [], verified.stdout.decode()[:200])


def check_filters(checker):
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        generator = random.Random(5)
        words = write_documents(scratch / "unused", 0, 7)
        lines = []
        for i in range(1500):
            text = " ".join(generator.choices(words, k=25)).capitalize() + "."
            lines.append(json.dumps({"_id": f"d{i}", "title": f"Note {i}", "text": text, "rank": i, "half": i % 2}))
        (scratch / "docs.jsonl").write_text("\n".join(lines) + "\n")
        for kind in ("flat", "sq8", "hnsw", "ivf"):
            environment = {"FOOTNOTE_HOME": str(scratch / kind)}
            checker.run_json("index", "c", str(scratch / "docs.jsonl"), "--public", "--vector-index", kind, environment=environment)
            recalls, complete, hidden = [], True, 0
            for i in range(8):
                query = " ".join(generator.choices(words, k=6))
                nearest = checker.run_json("search", "c", query, "--fusion", "dense", "--top-k", "50", "--exact", environment=environment)
                hide = sorted({p["document_id"] for p in nearest["passages"]})
                expression = "not document_id in [" + ", ".join(f'"{d}"' for d in hide) + "]"
                arguments = ["search", "c", query, "--fusion", "dense", "--top-k", "10", "--filter", expression]
                got = checker.run_json(*arguments, environment=environment)["passages"]
                exact = checker.run_json(*arguments, "--exact", environment=environment)["passages"]
                hidden += sum(p["document_id"] in hide for p in got)
                complete &= len(got) == 10
                recalls.append(len({p["chunk_id"] for p in got} & {p["chunk_id"] for p in exact}) / len(exact))
            recall = sum(recalls) / len(recalls)
            checker.check(f"filters hide the nearest neighbours ({kind})", complete and hidden == 0 and recall >= 0.95,
                          f"recall@10 {recall:.3f}, hidden returned {hidden}, complete {complete}")


def expect_refusal(checker, name, result, *parts):
    text = result.stderr.decode(errors="replace")
    ok = result.returncode == 1 and result.stdout == b"" and all(part in text for part in parts) and len(text) > 10
    checker.check(name, ok, f"exit {result.returncode}: {text.strip()[:220]}")


def check_bad_input(checker):
    cache = pathlib.Path(os.environ.get("FOOTNOTE_CACHE", pathlib.Path.home() / ".cache/footnote"))
    model = next((cache / "models/smollm2-135m-instruct").glob("*.gguf"))
    embedder = cache / "models/all-minilm-l6-v2"
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        environment = {"FOOTNOTE_HOME": str(scratch / "home")}
        write_documents(scratch / "docs", 5, 1)
        checker.run_json("index", "c", str(scratch / "docs"), "--public", environment=environment)
        before = summary(checker, "c", environment)

        def run(*arguments, **more):
            return checker.run(*arguments, environment=environment, **more)

        expect_refusal(checker, "missing source", run("index", "c", str(scratch / "missing"), "--public"), "missing")
        whole = model.read_bytes()
        for size in (0, 3, 1000, len(whole) // 2, len(whole) - 1):
            (scratch / "cut.gguf").write_bytes(whole[:size])
            expect_refusal(checker, f"GGUF cut at {size} bytes", run("ask", "c", "Why?", "--generator", str(scratch / "cut.gguf")), "cut.gguf")
        generator = random.Random(9)
        crashed = 0
        for _ in range(25):
            bytes_ = bytearray(whole[: 6 << 20])
            for _ in range(4):
                bytes_[generator.randrange(1 << 12 if generator.random() < 0.5 else len(bytes_))] ^= 1 << generator.randrange(8)
            (scratch / "flipped.gguf").write_bytes(bytes(bytes_) + whole[6 << 20:])
            result = run("model", "show", str(scratch / "flipped.gguf"))
            crashed += result.returncode not in (0, 1)
        checker.check("bit-flipped GGUF headers (25)", crashed == 0, f"{crashed} crashed")
        expect_refusal(checker, "an encoder as generator", run("ask", "c", "Why is it so?", "--generator", str(embedder)), str(embedder))
        expect_refusal(checker, "a decoder as embedder", run("index", "d", str(scratch / "docs"), "--public", "--embedder", str(model)), model.name)
        expect_refusal(checker, "unknown corpus", run("ask", "nowhere", "Why?"), "nowhere")
        expect_refusal(checker, "empty question", run("ask", "c", ""), "empty")
        expect_refusal(checker, "invalid UTF-8", run("ask", "c", b"caf\xe9?"), "UTF-8")
        # One argument can have 128 KiB on Linux, so a larger question comes by standard input.
        expect_refusal(checker, "a question of 1 MB", run("ask", "c", "-", input=b"a" * (1 << 20)), "1048576 bytes")
        (scratch / "history.json").write_text("[{]")
        expect_refusal(checker, "broken history", run("ask", "c", "Why?", "--history", str(scratch / "history.json")), "history.json")

        # A second writer while the first is at work.
        write_documents(scratch / "many", 400, 4)
        first = subprocess.Popen([checker.footnote, "index", "c", str(scratch / "many"), "--public"],
                                 env={**os.environ, **environment}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(2)
        expect_refusal(checker, "second writer", run("index", "c", str(scratch / "docs"), "--public"), str(first.pid))
        reads = run("search", "c", "anything at all", "--json")
        checker.check("searching beside the writer", reads.returncode == 0)
        first.send_signal(signal.SIGINT)
        first.wait()
        checker.check("after an interrupted writer nothing is lost", summary(checker, "c", environment)["documents"] >= before["documents"])

        # A disk that fills up.
        small = scratch / "small"
        small.mkdir()
        if os.geteuid() == 0 and subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(small)]).returncode == 0:
            try:
                full = {"FOOTNOTE_HOME": str(small)}
                checker.run_json("index", "c", str(scratch / "docs"), "--public", environment=full)
                kept = summary(checker, "c", full)
                # What is left of the disk goes to a file, all but a little.
                free = shutil.disk_usage(small).free
                (small / "filler").write_bytes(b"\0" * max(free - (300 << 10), 0))
                result = checker.run("index", "c", str(scratch / "many"), "--public", environment=full)
                text = result.stderr.decode(errors="replace")
                checker.check("full disk", result.returncode == 1 and ("space" in text.lower() or "full" in text.lower()), text.strip()[-220:])
                checker.check("full disk: the last generation stays readable", summary(checker, "c", full) == kept)
                (small / "filler").unlink()
                (small / "filler2").touch()
                checker.run_json("index", "c", str(scratch / "docs"), "--public", environment=full)
                checker.check("full disk: works again once there is room", summary(checker, "c", full)["documents"] >= kept["documents"])
            finally:
                subprocess.run(["umount", "-l", str(small)])
        else:
            print("skip  full disk  (needs root, to mount a small tmpfs)")


def check_memory(checker):
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    peaks = []
    for corpus, question, _ in QUESTIONS[::3]:
        process = subprocess.Popen([checker.footnote, "ask", corpus, question], stdout=subprocess.DEVNULL)
        _, _, usage = os.wait4(process.pid, 0)
        peaks.append(usage.ru_maxrss / 1024)
    del before
    checker.check("peak memory of ask below 1 GB", max(peaks) < 1024, f"{max(peaks):.0f} MiB")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--footnote", required=True)
    parser.add_argument("--only", default="questions,crash,filters,bad-input,memory")
    parser.add_argument("--kills", type=int, default=10)
    arguments = parser.parse_args()
    checker = Checker(arguments.footnote)
    parts = {
        "questions": lambda: check_questions(checker),
        "crash": lambda: check_crash(checker, arguments.kills),
        "filters": lambda: check_filters(checker),
        "bad-input": lambda: check_bad_input(checker),
        "memory": lambda: check_memory(checker),
    }
    for name in arguments.only.split(","):
        print(f"-- {name}", flush=True)
        parts[name]()
    print(f"{checker.failed} failed")
    return 1 if checker.failed else 0


if __name__ == "__main__":
    sys.exit(main())
