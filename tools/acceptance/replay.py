#!/usr/bin/env python3
"""Does `footnote ask --replay` give the same answer byte for byte, on one thread or two, busy or idle?

usage: replay.py --footnote BIN --corpus NAME [--questions FILE] [--limit 50] [--kept DIR]

Asks the first questions of a file (default: tests/data/questions/NAME.jsonl), keeps each answer, and replays it twice:
with --threads 1 on a machine left alone, and with --threads 2 while two processes of this script are busy. Compares the
answers as wholes (answer, abstained, reason, answerability, grounding_score, passages, sentences, citations, record).

The corpus is read from $FOOTNOTE_HOME; answers go to a folder of their own (--kept: to this one, and stay). Standard
library only. Prints a line for each difference and the counts; exit status 1 when an answer differs.
"""

import argparse
import json
import multiprocessing
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
PARTS = ("answer", "abstained", "reason", "answerability", "grounding_score", "passages", "sentences", "citations",
         "record")


def ask(footnote, corpus, question, *options):
    command = [footnote, "ask", corpus, question, "--json", *options]
    done = subprocess.run(command, capture_output=True, timeout=900)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: {done.stderr.decode(errors='replace').strip()}")
    return json.loads(done.stdout)


def spin(stop):
    number = 1
    while not stop.is_set():
        for _ in range(100000):
            number = number * 1103515245 % 2147483647


class Busy:
    """Two processes that take what they get of the processor."""

    def __enter__(self):
        self.stop = multiprocessing.Event()
        self.processes = [multiprocessing.Process(target=spin, args=(self.stop,)) for _ in range(2)]
        for process in self.processes:
            process.start()

    def __exit__(self, *_):
        self.stop.set()
        for process in self.processes:
            process.join()


def differences(first, again):
    return [part for part in PARTS if json.dumps(first.get(part)) != json.dumps(again.get(part))]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--footnote", required=True)
    parser.add_argument("--corpus", required=True)
    parser.add_argument("--questions", type=pathlib.Path)
    parser.add_argument("--limit", type=int, default=50)
    parser.add_argument("--kept", type=pathlib.Path)
    options = parser.parse_args()
    footnote = str(pathlib.Path(options.footnote).resolve())
    questions = options.questions or ROOT / "tests" / "data" / "questions" / f"{options.corpus}.jsonl"
    lines = [json.loads(line) for line in questions.read_text().splitlines()][:options.limit]

    with tempfile.TemporaryDirectory() as folder:
        kept = options.kept or pathlib.Path(folder)
        kept.mkdir(parents=True, exist_ok=True)
        answers = {}
        for line in lines:
            answer = ask(footnote, options.corpus, line["question"])
            (kept / f"{line['id']}.json").write_text(json.dumps(answer))
            answers[line["id"]] = answer

        replays = same = 0

        def replay(label, *more):
            nonlocal replays, same
            for line in lines:
                record = kept / f"{line['id']}.json"
                again = ask(footnote, options.corpus, line["question"], "--replay", str(record), *more)
                replays += 1
                differ = differences(answers[line["id"]], again)
                same += not differ
                if differ:
                    print(f"DIFFERS  {line['id']} ({label}): {', '.join(differ)}", flush=True)

        replay("one thread, idle", "--threads", "1")
        with Busy():
            replay("two threads, busy", "--threads", "2")
    answered = sum(not answer["abstained"] for answer in answers.values())
    print(f"{len(lines)} questions, {answered} answered; {same} of {replays} replays the same")
    sys.exit(0 if same == replays and replays > 0 else 1)


if __name__ == "__main__":
    main()
