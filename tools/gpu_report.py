#!/usr/bin/env python3
"""Turns what tools/gpu_check.sh left in its work folder into one table, as Markdown and JSON.

usage: gpu_report.py WORK --out FOLDER [--gpu TEXT]     writes FOLDER/table.md and FOLDER/table.json
       gpu_report.py --tests WORK                       one line on the test results; status 1 when some failed

A line without a figure says "not measured". "must" is what is asked for, "aim" what is hoped for.
"""

import argparse
import json
import pathlib
import sys
import xml.etree.ElementTree as xml

# Key of the line, what it is, file, figure, unit, must, aim.
SPEED_LINES = [
    ("decode_8b_bf16", "decode, batch 1, 8B shape, BF16: share of the measured read bandwidth", "decode-8b-bf16",
     ("decode_bandwidth_share",), "%", 0.70, 0.82),
    ("decode_8b_q4_k_m", "decode, batch 1, 8B shape, Q4_K_M: share of the measured read bandwidth", "decode-8b-q4",
     ("decode_bandwidth_share",), "%", 0.50, 0.65),
    ("decode_1b_bf16", "decode, batch 1, 1B shape, BF16: share of the measured read bandwidth", "decode-1b-bf16",
     ("decode_bandwidth_share",), "%", 0.50, 0.70),
    ("prefill_8b_bf16", "prefill of 4,096 tokens, 8B shape, BF16: share of the measured matrix rate", "prefill-8b-bf16",
     ("prefill_rate_share",), "%", 0.45, 0.60),
    ("batch64_8b_bf16", "decode, batch 64, 8B shape, BF16: share of max(bytes / bandwidth, FLOP / rate) a step",
     "batch64-8b-bf16", ("decode_floor_share",), "%", 0.50, 0.70),
    ("minilm", "MiniLM shape, F16: chunks of 128 tokens a second", "minilm", ("chunks_per_second",), "1/s", 20000, None),
]
SUITES = {"gpu_tests": "kernels on the GPU", "cuda_tests": "emulation on the host", "model_tests": "models"}


def read_json(path):
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def read_suite(path):
    """{"tests", "failed", "skipped": names} of a JUnit file, or None."""
    try:
        root = xml.parse(path).getroot()
    except (OSError, xml.ParseError):
        return None
    cases = list(root.iter("testcase"))

    def names(tag):
        return [case.get("name") for case in cases if case.find(tag) is not None]
    return {"tests": len(cases), "failed": names("failure") + names("error"), "skipped": names("skipped")}


def read_suites(work):
    suites = {name: read_suite(work / f"{name}.xml") for name in SUITES}
    return {name: suite for name, suite in suites.items() if suite is not None}


def suite_failed(name, suite):
    # On a machine with a GPU, a GPU test that was skipped did not do its work.
    return bool(suite["failed"]) or (name == "gpu_tests" and (bool(suite["skipped"]) or suite["tests"] == 0))


def line(key, what, value, shown, unit="", must=None, aim=None, verdict=None):
    if verdict is None:
        if value is None:
            verdict = "not measured"
        elif must is not None and value < must:
            verdict = "below must"
        elif aim is not None and value < aim:
            verdict = "ok"
        else:
            verdict = "ok" if aim is None else "aim reached"
    return {"line": key, "what": what, "value": value, "shown": shown, "unit": unit, "must": must, "aim": aim,
            "verdict": verdict}


def test_lines(work):
    suites = read_suites(work)
    for name, what in SUITES.items():
        suite = suites.get(name)
        if suite is None:
            yield line(name, f"tests: {what}", None, "")
            continue
        failed = suite_failed(name, suite)
        shown = f"{suite['tests'] - len(suite['failed']) - len(suite['skipped'])} of {suite['tests']} passed"
        if suite["skipped"]:
            shown += f", {len(suite['skipped'])} skipped"
        yield line(name, f"tests: {what}", suite["tests"] - len(suite["failed"]), shown,
                   verdict="failed" if failed else "ok")


def end_to_end_line(work):
    """What tests/generator/gpu_answers_model_test.cc printed."""
    what = "generation and support scoring of a fixed set of prompts, end to end, against the CPU"
    try:
        cases = [case for case in xml.parse(work / "model_tests.xml").getroot().iter("testcase")
                 if "GpuAnswers" in (case.get("name") or "")]
    except (OSError, xml.ParseError):
        cases = []
    if not cases or any(case.find("skipped") is not None for case in cases):
        return line("end_to_end", what, None, "")
    failed = any(case.find(tag) is not None for case in cases for tag in ("failure", "error"))
    output = "".join(case.findtext("system-out") or "" for case in cases)
    said = [row for row in output.splitlines() if "tokens in common" in row]
    return line("end_to_end", what, 1, said[0] if said else "", verdict="failed" if failed else "ok")


def sanitizer_lines(work):
    try:
        rows = [row.split() for row in (work / "sanitizer_results.txt").read_text(encoding="utf-8").splitlines()]
    except OSError:
        rows = []
    for tool in ("memcheck", "racecheck"):
        statuses = [status for name, _, status in rows if name == tool]
        clean = sum(status == "0" for status in statuses)
        unfinished = sum(status == "124" for status in statuses)
        shown = f"{clean} of {len(statuses)} tests clean" + (f", {unfinished} not finished" if unfinished else "")
        found = clean + unfinished < len(statuses)
        yield line(f"{tool}", f"compute-sanitizer {tool}", clean if statuses else None, shown if statuses else "",
                   verdict=None if not statuses else "failed" if found else "partly" if unfinished else "ok")


def compare_lines(work):
    files = sorted(work.glob("compare-*.json"))
    if not files:
        yield line("compare", "models against the CPU (exact)", None, "")
    for path in files:
        result = read_json(path)
        if result is None:
            continue
        if "error" in result:
            yield line(path.stem, f"against the CPU: {result['model']}", None, result["error"], verdict="failed")
            continue
        shown = f"relative L2 {result['relative_l2']:.1e}"
        if "greedy_tokens_compared" in result:
            shown += f", {result['greedy_tokens_compared']} greedy tokens, {len(result['greedy_different'])} different"
        yield line(path.stem, f"against the CPU: {result['model']}", result["relative_l2"], shown,
                   verdict="ok" if result["ok"] else "failed")


def speed_lines(work):
    for key, what, name, figures, unit, must, aim in SPEED_LINES:
        result = read_json(work / f"bench-{name}.json")
        values = [result[figure] for figure in figures if figure in result] if result else []
        value = max(values) if values else None
        shown = ""
        if value is not None:
            shown = f"{100 * value:.1f} %" if unit == "%" else f"{value:,.0f}"
            rate = result.get("decode_tokens_per_second") or result.get("prefill_tokens_per_second")
            if unit == "%" and rate:
                shown += f" ({rate:,.0f} tokens/s)"
        yield line(key, what, value, shown, unit, must, aim)


def target(value, unit):
    if value is None:
        return ""
    return f"{100 * value:.0f} %" if unit == "%" else f"{value:,}"


def ceilings(work):
    """What the card reached in the runs: the figures that shares refer to."""
    for path in sorted(work.glob("bench-*.json")):
        result = read_json(path) or {}
        if result.get("gpu_read_bytes_per_second"):
            return {key: result[key] for key in ("device", "gpu_copy_bytes_per_second",
                                                 "gpu_read_bytes_per_second", "gpu_operations_per_second") if key in result}
    return {}


def markdown(table):
    head = [f"GPU: {table['gpu']}"]
    if table["ceilings"]:
        head.append("Measured ceilings: " + ", ".join(
            f"{key} {value:.3g}" if isinstance(value, float) else f"{key} {value}"
            for key, value in table["ceilings"].items()))
    rows = ["| what | figure | must | aim | |", "|---|---|---|---|---|"]
    for each in table["lines"]:
        rows.append("| " + " | ".join((each["what"], each["shown"], target(each["must"], each["unit"]),
                                        target(each["aim"], each["unit"]), each["verdict"])) + " |")
    return "\n\n".join(head) + "\n\n" + "\n".join(rows) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=pathlib.Path)
    parser.add_argument("--out", type=pathlib.Path)
    parser.add_argument("--gpu", default="not named")
    parser.add_argument("--tests", action="store_true")
    options = parser.parse_args()
    if options.tests:
        suites = read_suites(options.work)
        for name, suite in suites.items():
            print(f"{SUITES[name]}: {suite['tests']} tests, {len(suite['failed'])} failed, "
                  f"{len(suite['skipped'])} skipped")
            for test in suite["failed"] + (suite["skipped"] if name == "gpu_tests" else []):
                print(f"  not passed: {test}")
        sys.exit(1 if any(suite_failed(*each) for each in suites.items()) else 0)
    if options.out is None:
        parser.error("--out is missing")
    lines = [*test_lines(options.work), *sanitizer_lines(options.work), *compare_lines(options.work),
             *speed_lines(options.work),
             end_to_end_line(options.work)]
    table = {"gpu": options.gpu, "ceilings": ceilings(options.work), "lines": lines,
             "bench": {path.stem.removeprefix("bench-"): read_json(path)
                       for path in sorted(options.work.glob("bench-*.json"))}}
    (options.out / "table.json").write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
    text = markdown(table)
    (options.out / "table.md").write_text(text, encoding="utf-8")
    print("\n" + text)


if __name__ == "__main__":
    main()
