#!/usr/bin/env python3
"""Runs one model on the CPU and on the GPU through `footnote model probe` and compares.

usage: gpu_compare.py FOOTNOTE MODEL [--out FILE] [--bound 5e-3] [--margin 0.1] [--devices cpu,cuda]

Decoders: the logits of a few prompts (relative L2 distance of all rows) and 48 tokens of each by greedy choice, which must
be the CPU's up to the first whose two best logits lie nearer than the margin. Encoders: vectors of a few texts. The CPU
computes exactly, the GPU as it does by itself ("fast"); but where weights are quantised its tokens are chosen in exact
precision, since one row of activations is rounded to 8 bits otherwise, on the CPU too, which moves logits by more than the
margin. Exit status 1 when they differ by more. Needs Python alone.
"""

import argparse
import array
import base64
import json
import math
import pathlib
import subprocess
import sys

TEXTS = [
    "The capital of France is",
    "Modified files must carry prominent notices stating that you changed the files.",
    "1, 2, 3, 4, 5,",
    "A cat sat on the mat. " * 12,
    "Überraschend: naïve café, 東京, and a tab\there.",
]
NEW_TOKENS = 48


class Probe:
    def __init__(self, footnote, model, device, precision):
        command = [footnote, "model", "probe", model, "--device", device, "--precision", precision]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, **request):
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"the probe ended with status {self._process.wait()}")
        answer = json.loads(line)
        if "error" in answer:
            raise SystemExit(f"{request['op']}: {answer['error']['message']}")
        return answer

    def close(self):
        self._process.stdin.close()
        self._process.wait()


def rows_of(answer):
    rows, columns = answer["shape"]
    values = array.array("f", base64.b64decode(answer["f32"]))
    return [values[r * columns:(r + 1) * columns] for r in range(rows)]


def relative_l2(got, wanted):
    """Of all rows together; infinite where a value is no number."""
    apart = sum(math.dist(g, w) ** 2 for g, w in zip(got, wanted))
    whole = sum(math.hypot(*w) ** 2 for w in wanted)
    value = math.sqrt(apart / whole) if whole > 0 else math.inf
    return value if math.isfinite(value) and len(got) == len(wanted) else math.inf


def margin(row):
    """How far the best logit lies above the second."""
    first = max(row)
    at = row.index(first)
    return first - max(max(row[:at], default=-math.inf), max(row[at + 1:], default=-math.inf))


def compare_decoder(cpu, gpu, choosing, least_margin):
    worst, compared, different = 0.0, 0, []
    for number, text in enumerate(TEXTS):
        ids = cpu.ask(op="tokenize", text=text)["ids"]
        worst = max(worst, relative_l2(rows_of(gpu.ask(op="logits", ids=ids)), rows_of(cpu.ask(op="logits", ids=ids))))
        wanted = cpu.ask(op="generate", ids=ids, max_tokens=NEW_TOKENS, ignore_eos=True)["ids"]
        got = choosing.ask(op="generate", ids=ids, max_tokens=NEW_TOKENS, ignore_eos=True)["ids"]
        rows = rows_of(cpu.ask(op="logits", ids=ids + wanted))[len(ids) - 1:]
        for step, (ours, theirs) in enumerate(zip(got, wanted)):
            if margin(rows[step]) < least_margin:
                break
            compared += 1
            if ours != theirs:
                different.append([number, step])
                break
    return {"relative_l2": worst, "greedy_tokens_compared": compared, "greedy_different": different}


def compare_encoder(cpu, gpu):
    vectors = [rows_of(probe.ask(op="embed_text", texts=TEXTS)) for probe in (gpu, cpu)]
    return {"relative_l2": max(relative_l2([g], [w]) for g, w in zip(*vectors))}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("footnote")
    parser.add_argument("model")
    parser.add_argument("--out", type=pathlib.Path)
    parser.add_argument("--bound", type=float, default=5e-3)
    parser.add_argument("--margin", type=float, default=0.1)
    parser.add_argument("--devices", default="cpu,cuda", help="the reference, and what is compared with it")
    options = parser.parse_args()
    shown = json.loads(subprocess.run([options.footnote, "model", "show", options.model, "--json"], check=True,
                                      capture_output=True, text=True).stdout)
    reference, compared = options.devices.split(",")
    cpu = Probe(options.footnote, options.model, reference, "exact")
    gpu = Probe(options.footnote, options.model, compared, "fast")
    probes = [cpu, gpu]
    if shown["kind"] == "encoder":
        result = compare_encoder(cpu, gpu)
    else:
        choosing = gpu
        if any("Q" in name for name in shown["tensors_by_format"]):
            choosing = Probe(options.footnote, options.model, compared, "exact")
            probes.append(choosing)
        result = compare_decoder(cpu, gpu, choosing, options.margin)
    for probe in probes:
        probe.close()
    result = {"model": shown["name"], "kind": shown["kind"], **result}
    result["ok"] = result["relative_l2"] <= options.bound and not result.get("greedy_different")
    print(json.dumps(result))
    if options.out:
        options.out.write_text(json.dumps(result) + "\n", encoding="utf-8")
    sys.exit(0 if result["ok"] else 1)


if __name__ == "__main__":
    main()
