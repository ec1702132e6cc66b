#!/usr/bin/env python3
"""Sums up ctest's JUnit files.

usage: report.py FILE…             what was skipped and why, then the line "N passed, N failed, N skipped"
       report.py --failures FILE   each failing test with its output

Exit status 1 when a test failed or none ran.
"""

import collections
import pathlib
import re
import sys
import xml.etree.ElementTree

OUTPUT_LINES = 40
# What GoogleTest prints around a single test.
FRAME = re.compile(r"\[(-+|=+|  PASSED  )\]|\[  FAILED  \] [^(]*$|Running main|Note: Google Test|\s*\d+ FAILED TEST")


def cases_of(path):
    for case in xml.etree.ElementTree.parse(path).iter("testcase"):
        output = case.findtext("system-out") or ""
        if case.find("failure") is not None or case.get("status") == "fail":
            yield "failed", case.get("name"), output
        elif case.find("skipped") is not None or case.get("status") in ("notrun", "disabled"):
            yield "skipped", case.get("name"), output
        else:
            yield "passed", case.get("name"), output


def skip_reason(output):
    """GTEST_SKIP prints "file:line: Skipped", then the message."""
    found = re.search(r": Skipped\n(.*)", output)
    return found.group(1).strip() if found and found.group(1).strip() else "no reason was given"


def print_failures(path):
    for state, name, output in cases_of(path):
        if state == "failed":
            lines = [line for line in output.splitlines() if line.strip() and not FRAME.match(line)]
            if len(lines) > OUTPUT_LINES:
                lines = [f"… {len(lines) - OUTPUT_LINES} lines above", *lines[-OUTPUT_LINES:]]
            print(f"\n    FAILED {name} ({pathlib.Path(path).stem})", *lines, sep="\n      | ")


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    if sys.argv[1] == "--failures":
        return print_failures(sys.argv[2])
    counts = collections.Counter()
    reasons = collections.defaultdict(list)
    failures = []
    for path in sys.argv[1:]:
        for state, name, output in cases_of(path):
            counts[state] += 1
            if state == "skipped":
                reasons[skip_reason(output)].append(name)
            elif state == "failed":
                failures.append(f"{name} ({pathlib.Path(path).stem})")
    if reasons:
        print("\nSkipped:")
        for reason, names in sorted(reasons.items()):
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            print(f"  {reason}: {', '.join(names[:3])}{more}")
    if failures:
        print("\nFailed:", *failures, sep="\n  ")
    print(f"\n{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    if failures or not counts["passed"]:
        sys.exit(1)


if __name__ == "__main__":
    main()
