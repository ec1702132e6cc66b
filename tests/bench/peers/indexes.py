#!/usr/bin/env python3
"""Indexing against txtai, LlamaIndex with Chroma, and Haystack, in turn (A B A B …): chunks/s and peak memory.

usage: indexes.sh [--footnote BIN] [--sources DIR] [--every N] [--rounds N] [--threads N] [--json FILE]
  --sources DIR   default: the technical sample corpus in $FOOTNOTE_CACHE
  --every N       take each N-th file of it (default 6)

Footnote begins with the files: it parses, cuts, embeds (in each precision), writes and publishes. The peers get the chunks that it
made, as texts, with the same model, each with its better batch of two. Exit status: 0 the required ratios are met, 1 one is not.
"""

import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile

import machine

HERE = pathlib.Path(__file__).parent
PEERS = ("txtai", "llama-index", "haystack")
PRECISIONS = ("int8", "bf16", "fast")
MUST = 4.0   # times the chunks/s of these peers, by the fastest precision
AGAINST = ("txtai", "llama-index")


def sample(sources, every, folder):
    files = sorted(path for path in sources.rglob("*") if path.is_file() and not path.name.startswith("."))
    for path in files[::every]:
        target = folder / path.relative_to(sources)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    return len(files[::every])


def run(command, environment):
    done = subprocess.run([str(part) for part in command], env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\nfailed: {done.stderr[-2000:]}")
    return done.stdout


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--footnote", type=pathlib.Path, required=True)
    parser.add_argument("--cache", type=pathlib.Path, required=True)
    parser.add_argument("--sources", type=pathlib.Path)
    parser.add_argument("--every", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--json", type=pathlib.Path)
    options = parser.parse_args()
    sources = options.sources or options.cache / "corpora" / "technical"
    model = options.cache / "models" / "all-minilm-l6-v2"
    environment = {**os.environ, "OMP_NUM_THREADS": str(options.threads), "RAYON_NUM_THREADS": str(options.threads),
                   "TOKENIZERS_PARALLELISM": "true", "CUDA_VISIBLE_DEVICES": "", "HF_HUB_OFFLINE": "1",
                   "ANONYMIZED_TELEMETRY": "False", "HAYSTACK_TELEMETRY_ENABLED": "False"}
    figures = {}
    with tempfile.TemporaryDirectory() as temporary:
        work = pathlib.Path(temporary)
        print(f"{sample(sources, options.every, work / 'sources')} files of {sources}", file=sys.stderr)
        home = {**environment, "FOOTNOTE_HOME": str(work / "home")}
        run([options.footnote, "index", "peers", work / "sources", "--public", "--precision", "int8", "--threads",
             options.threads, "--progress", "none", "--json"], home)
        chunks = work / "chunks.jsonl"
        with open(chunks, "w", encoding="utf-8") as out:
            for line in run([options.footnote, "corpus", "export", "peers"], home).splitlines():
                out.write(json.dumps({"text": json.loads(line)["embedded_text"]}) + "\n")

        def ours(precision):
            result = json.loads(run([options.footnote, "bench", "index", work / "sources", "--precision", precision,
                                     "--threads", options.threads, "--json"], environment))
            return {"chunks": result["chunks"], "seconds": result["seconds"],
                    "peak_resident_bytes": result["peak_resident_bytes"]}

        def theirs(peer, batch):
            out = work / "out"
            shutil.rmtree(out, ignore_errors=True)
            out.mkdir()
            return json.loads(run([sys.executable, HERE / "index_worker.py", peer, "--chunks", chunks, "--model", model,
                                   "--threads", options.threads, "--out", out, "--batch", batch],
                                  environment).splitlines()[-1])

        batches = {}
        for peer in PEERS:
            looks = {batch: theirs(peer, batch) for batch in (8, 32)}
            batches[peer] = min(looks, key=lambda batch: looks[batch]["seconds"])
            print(f"{peer}: batch {batches[peer]}", file=sys.stderr)
        contenders = {f"footnote {name}": lambda name=name: ours(name) for name in PRECISIONS}
        contenders |= {f"{peer} batch {batches[peer]}": lambda peer=peer: theirs(peer, batches[peer]) for peer in PEERS}
        watch = machine.Watch()
        for number in range(options.rounds):
            for name, measure in contenders.items():
                figures.setdefault(name, []).append(measure())
                last = figures[name][-1]
                print(f"round {number + 1}: {name}: {last['chunks'] / last['seconds']:.1f} chunks/s", file=sys.stderr)
        others = watch.others()

    rate = {name: statistics.median(run["chunks"] / run["seconds"] for run in runs) for name, runs in figures.items()}
    peak = {name: max(run["peak_resident_bytes"] for run in runs) for name, runs in figures.items()}
    best = max((name for name in rate if name.startswith("footnote")), key=rate.get)
    count = figures[best][0]["chunks"]
    print(machine.text(machine.describe()))
    print(f"{count} chunks, {options.rounds} rounds, {options.threads} threads, others took {others:.1%}\n")
    print(f"{'':24}{'chunks/s':>10}{'(min–max)':>16}{'peak MiB':>10}{'ours (' + best.split()[1] + ') to it':>18}")
    missed = False
    for name, runs in figures.items():
        rates = [run["chunks"] / run["seconds"] for run in runs]
        ratio = rate[best] / rate[name]
        print(f"{name:24}{rate[name]:10.1f}{min(rates):9.1f}–{max(rates):.1f}{peak[name] / 2**20:10.0f}{ratio:17.2f}×")
        if name.split()[0] in AGAINST:
            missed |= ratio < MUST or peak[best] >= peak[name]
    print(f"\nrequired: {MUST:g}× against {' and '.join(AGAINST)}, with less memory: {'not met' if missed else 'met'}")
    if options.json:
        options.json.write_text(json.dumps({"machine": machine.describe(), "others": others, "chunks": count,
                                            "runs": figures, "chunks_per_second": rate, "peak_resident_bytes": peak}, indent=1),
                                encoding="utf-8")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
