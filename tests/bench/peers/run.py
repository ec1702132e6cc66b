#!/usr/bin/env python3
"""Footnote against its peers: one table of ratios. tests/bench/peers/run.sh installs what this needs and starts it."""

import argparse
import dataclasses
import fnmatch
import importlib.metadata
import json
import os
import pathlib
import platform
import sys
import time
import traceback

import lines
import llama_cpp
import machine
import ours
import rounds
from processes import NotMeasured

HERE = pathlib.Path(__file__).parent
LLAMA_VERSION = "0.3.36"  # of llama-cpp-python, as build_llama.sh has it


def say(text):
    print(f"{time.strftime('%H:%M:%S')}  {text}", file=sys.stderr, flush=True)


class Parser(argparse.ArgumentParser):
    def error(self, message):
        self.print_usage(sys.stderr)
        self.exit(3, f"{self.prog}: {message}\n")  # argparse's own 2 means "not measured" here


def parse():
    parser = Parser(prog="run.sh", description=__doc__)
    parser.add_argument("--footnote", type=pathlib.Path, default=ours.ROOT / "build" / "release" / "footnote")
    parser.add_argument("--only", default="*", metavar="LINE,…")
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE")
    parser.add_argument("--layers", type=int, default=32)
    parser.add_argument("--eval", type=pathlib.Path, metavar="DIR")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--cache", type=pathlib.Path, default=pathlib.Path.home() / ".cache" / "footnote",
                        help=argparse.SUPPRESS)
    options = parser.parse_args()
    names = [line.name for group in lines.GROUPS for line in group.lines]
    for pattern in options.only.split(","):
        if not fnmatch.filter(names, pattern):
            parser.error(f"--only: no line is called '{pattern}'; these are: {', '.join(names)}")
    for name in ("repetitions", "threads", "layers"):
        if getattr(options, name) < 1:
            parser.error(f"--{name} must be 1 or more")
    if options.eval is not None and not options.eval.is_dir():
        parser.error(f"--eval: {options.eval} is no folder")
    if not options.list and not os.access(options.footnote, os.X_OK):
        parser.error(f"{options.footnote} is no program: build it (cmake --build --preset release) or give --footnote")
    return options


def wanted(options):
    """Groups with those of their lines that were asked for."""
    patterns = options.only.split(",")
    for group in lines.GROUPS:
        chosen = [line for line in group.lines if any(fnmatch.fnmatch(line.name, pattern) for pattern in patterns)]
        if chosen:
            yield dataclasses.replace(group, lines=chosen)


def best_peer(outcome, contenders, figure):
    """(name, series) of the peer with the best median, or None."""
    peers = [(c.name, outcome.series[c.name][figure]) for c in contenders
             if not c.ours and figure in outcome.series.get(c.name, {})]
    if not peers:
        return None
    pick = min if figure in lines.LOWER_IS_BETTER else max
    return pick(peers, key=lambda item: item[1].median)


def judge(line, outcome, contenders):
    """One row of the table as a dictionary; "met" is None when it could not be measured."""
    row = {"line": line.name, "what": line.what, "unit": line.unit, "digits": line.digits, "must": line.must, "aim": line.aim, "limit": line.limit,
           "ours": None, "peer": None, "peer_setting": None, "ratio": None, "met": None, "aim_met": None, "why": None}
    have = outcome.series.get(line.contender, {}).get(line.figure)
    peer = best_peer(outcome, contenders, line.figure)
    if peer is not None:
        row["peer_setting"], row["peer"] = peer[0], peer[1]
    if have is None:
        row["why"] = outcome.failures.get(line.contender, f"{line.contender} does not say '{line.figure}'")
        return row
    row["ours"] = have
    if line.limit:
        meets = (lambda limit: have.median <= limit) if line.limit == "at most" else (lambda limit: have.median >= limit)
        row["met"], row["aim_met"] = meets(line.must), meets(line.aim)
        return row
    if line.against:
        against = outcome.series.get(line.against[0], {}).get(line.against[1])
        row["peer_setting"], row["peer"] = f"own {line.against[0]}: {line.against[1]}", against
    else:
        against = row["peer"]
    if against is None:
        why = dict.fromkeys(outcome.failures.values())  # each once, in order
        row["why"] = "; ".join(why)[:300] or "nothing to compare with was measured"
        return row
    ratio = have.median / against.median
    if line.figure in lines.LOWER_IS_BETTER:
        ratio = 1 / ratio
    row["ratio"] = ratio
    row["met"], row["aim_met"] = ratio >= line.must, ratio >= line.aim
    return row


def print_table(rows):
    def value(row, who):
        return "–" if row[who] is None else f"{row[who].text(row['digits'])} {row['unit']}".rstrip()
    table = [("line", "ours: median (min–max)", "best peer: median (min–max)", "which", "ratio", "must", "aim", "met")]
    for row in rows:
        sign = {"at most": "≤ ", "at least": "≥ "}.get(row["limit"], "")
        times = "" if row["limit"] else "×"
        met = "not measured" if row["met"] is None else "aim" if row["aim_met"] else "must" if row["met"] else "MISSED"
        table.append((row["what"], value(row, "ours"), value(row, "peer"),
                      row["peer_setting"] or "–", f"{row['ratio']:.2f}×" if row["ratio"] else "–",
                      f"{sign}{row['must']:g}{times}", f"{sign}{row['aim']:g}{times}", met))
    widths = [max(len(cells[i]) for cells in table) for i in range(len(table[0]))]
    for number, cells in enumerate(table):
        print("| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths)) + " |")
        if number == 0:
            print("|" + "|".join("-" * (width + 2) for width in widths) + "|")


def print_runs(measured):
    """Every setting with its figures and its command, the left-out ones too."""
    for group in measured:
        for contender in group["contenders"]:
            name = contender["name"]
            seen = group["outcome"].series.get(name, {})
            looked = group["outcome"].first_look.get(name, {})
            said = [f"{figure} {series.text()}" for figure, series in seen.items() if figure != "peak_bytes"]
            said += [f"{figure} {rounds.short(value)} (first look only)" for figure, value in looked.items() if figure != "peak_bytes"]
            if "peak_bytes" in seen:
                said.append(f"peak {seen['peak_bytes'].median / 2**20:.0f} MiB")
            if name in group["outcome"].failures:
                said = [f"not measured: {group['outcome'].failures[name]}"]
            print(f"  {name}: {'; '.join(said) or '–'}\n    {contender['command']}")


def versions(context):
    found = {"python": platform.python_version()}
    for package in ("onnxruntime", "sentence-transformers", "torch", "transformers", "tokenizers", "numpy"):
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "missing"
    for name, ask in (("footnote", context.footnote.version), ("llama.cpp", context.llama.version)):
        try:
            found[name] = ask()
        except NotMeasured as error:
            found[name] = f"unknown: {error}"
    found["llama-cpp-python"] = LLAMA_VERSION
    return found


def measure(group, context, options):
    """(rows, what to keep)"""
    say(", ".join(line.name for line in group.lines))
    try:
        with group.open(context) as (contenders, remarks):
            outcome = rounds.compare(contenders, group.repetitions or options.repetitions, lines.LOWER_IS_BETTER,
                                     lambda text: say(f"  {text}"))
            rows = [judge(line, outcome, contenders) for line in group.lines]
    except NotMeasured as error:
        outcome, contenders, remarks = rounds.Outcome(), [], []
        rows = [{**judge(line, outcome, contenders), "why": str(error)} for line in group.lines]
    except Exception as error:  # a fault of this driver must not cost the other lines
        traceback.print_exc()
        outcome, contenders, remarks = rounds.Outcome(), [], []
        rows = [{**judge(line, outcome, contenders), "why": f"{type(error).__name__}: {error}"} for line in group.lines]
    for row in rows:
        if row["why"]:
            say(f"  {row['line']}: not measured: {row['why']}")
    return rows, {"lines": [line.name for line in group.lines], "remarks": remarks, "outcome": outcome,
                  "contenders": [{"name": c.name, "ours": c.ours, "command": c.command} for c in contenders]}


def plain(value):
    """For JSON: series as their values."""
    if isinstance(value, rounds.Series):
        return {"median": value.median, "values": value.values}
    if isinstance(value, rounds.Outcome):
        return {"series": value.series, "first_look": value.first_look, "failures": value.failures}
    raise TypeError(type(value).__name__)


def main():
    options = parse()
    groups = list(wanted(options))
    if options.list:
        for group in groups:
            for line in group.lines:
                print(f"{line.name:22} {line.what}")
        return 0
    before = machine.describe()
    scratch = options.cache / "peers" / "texts"
    scratch.mkdir(parents=True, exist_ok=True)
    context = lines.Context(
        footnote=ours.Footnote(options.footnote.resolve(), options.threads),
        llama=llama_cpp.LlamaCpp(options.cache / "peers" / f"llama.cpp-{LLAMA_VERSION}", options.threads),
        cache=options.cache, threads=options.threads, layers=options.layers, eval_folder=options.eval,
        scratch=scratch, say=lambda text: say(f"  {text}"))
    say(machine.text(before).split("\n")[0])
    if before["load"] > machine.BUSY:
        say(f"warning: the machine is busy (load {before['load']:.2f}); figures will be doubtful")
    found = versions(context)
    rows, measured = [], []
    for group in groups:
        watch = machine.Watch()
        of_group, kept = measure(group, context, options)
        kept["others"] = watch.others()
        if kept["others"] > machine.DISTURBED:
            kept["remarks"].append(f"other processes took {kept['others']:.0%} of the CPUs' time during: "
                                   + ", ".join(kept["lines"]))
        rows += of_group
        measured.append(kept)
        if options.json is not None:  # after each group, so that a broken run leaves what it had
            options.json.write_text(json.dumps(
                {"machine": before, "versions": found, "threads": options.threads, "repetitions": options.repetitions,
                 "layers": options.layers, "lines": rows, "groups": measured}, default=plain, indent=1) + "\n",
                encoding="utf-8")
    print(machine.text(before))
    print("versions: " + ", ".join(f"{name} {version}" for name, version in found.items()))
    print(f"{options.threads} threads, medians of {options.repetitions} rounds, contenders in turn\n")
    print_table(rows)
    print()
    for remark in (remark for group in measured for remark in group["remarks"]):
        print(f"- {remark}")
    for row in rows:
        if row["met"] is None:
            print(f"- not measured: {row['line']}: {row['why']}")
    print("\nEvery setting, and what was run:")
    print_runs(measured)
    if any(row["met"] is False for row in rows):
        return 1
    # A peer that failed may have been the best one.
    complete = all(row["met"] is not None for row in rows) and not any(group["outcome"].failures for group in measured)
    return 0 if complete else 2


if __name__ == "__main__":
    sys.exit(main())
