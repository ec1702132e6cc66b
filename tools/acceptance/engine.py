#!/usr/bin/env python3
"""Acceptance of the model engine: `footnote model probe` against outside libraries.

Compares, with the two default models: token ids; greedy tokens in both precisions; logits;
perplexity; chat templates; sentence vectors; and that a bad request does not end the probe. Prints a
table; exit status 1 when a line fails.

Live, the oracles are Hugging Face (tokenizers, transformers in float32 on the dequantised weights),
llama.cpp (llama-cpp-python) and sentence-transformers: run it with the Python of an environment that
has them. With --venv-free it needs the standard library only and compares with the committed goldens,
which the same libraries made.

usage: engine.py --footnote BIN --smollm2 GGUF --minilm DIR [--venv-free]
                 [--vocabularies DIR] [--only NAME,...] [--seed N] [--probe-option OPTION]...
"""

import argparse
import array
import json
import math
import pathlib
import sys
import time
import traceback

ROOT = pathlib.Path(__file__).resolve().parents[2]
GOLDENS = ROOT / "tests" / "data" / "goldens"
sys.path[:0] = [str(ROOT / "tools" / "goldens"), str(pathlib.Path(__file__).parent)]

import texts  # noqa: E402  (the golden makers' strings)
from probe_client import Probe, ProbeError, floats  # noqa: E402

GREEDY_TOKENS = 48
EXACT_MARGIN = 0.01   # below it, float32 engines may disagree about the best token
FAST_MARGIN = 0.5     # below it, quantised activations may
PERPLEXITY = 19.72
PERPLEXITY_TOLERANCE = 0.005
LOGIT_TOLERANCE = 1.5e-5   # of the largest logit; a wrong norm epsilon moves logits by 2e-5
COSINE = 0.9999
DEFAULT_GPL3 = "/usr/share/common-licenses/GPL-3"


def golden_lines(name):
    return [json.loads(line) for line in (GOLDENS / name).read_text().splitlines()]


class Report:
    def __init__(self):
        self.rows = []

    def add(self, check, compared, result, limit, passed):
        self.rows.append((check, compared, result, limit, passed))
        print(f"  {'pass' if passed else 'FAIL'}  {check}: {result} ({compared}; limit {limit})",
              file=sys.stderr, flush=True)

    def print(self):
        table = [("check", "compared", "result", "limit", "")]
        table += [(*row[:4], "pass" if row[4] else "FAIL") for row in self.rows]
        widths = [max(len(str(row[i])) for row in table) for i in range(5)]
        for number, row in enumerate(table):
            print("  ".join(str(cell).ljust(width) for cell, width in zip(row, widths)).rstrip())
            if number == 0:
                print("  ".join("-" * width for width in widths))
        failed = sum(not row[4] for row in self.rows)
        print(f"{len(self.rows) - failed} passed, {failed} failed")
        return failed == 0 and bool(self.rows)


class GoldenOracle:
    """What the committed files say."""

    def __init__(self, options):
        self.gpl3 = options.gpl3

    def smollm2_tokens(self):
        return [(r["text"], r["parse_special"], r["ids"])
                for r in golden_lines("smollm2_tokens.jsonl")]

    def minilm_tokens(self):
        return [(r["text"], r["parse_special"], r["ids"])
                for r in golden_lines("minilm_tokens.jsonl")]

    def greedy(self, engine):
        return [(r["name"], r["ids"], r[engine]["ids"], r[engine]["margins"])
                for r in golden_lines("smollm2_greedy.jsonl")]

    def logits(self):
        """[(ids, {(position, token): value}, max_abs)]"""
        rows = []
        for row in golden_lines("smollm2_logits.jsonl"):
            values = {(p["position"], token): value for p in row["positions"]
                      for token, value in zip(p["ids"], p["logits"])}
            rows.append((row["ids"], values, max(p["max_abs"] for p in row["positions"])))
        return rows

    def vectors(self):
        chosen = [row["text"] for row in golden_lines("minilm_texts.jsonl")]
        values = array.array("f", (GOLDENS / "minilm_vectors.f32").read_bytes())
        if sys.byteorder == "big":
            values.byteswap()
        width = len(values) // len(chosen)
        return chosen, [values[i * width:(i + 1) * width] for i in range(len(chosen))]


class LiveOracle(GoldenOracle):
    """The libraries themselves, on the golden strings and on fresh random ones."""

    def __init__(self, options):
        super().__init__(options)
        import gguf_model
        import tokenizers
        self._options = options
        self._smollm2 = {flag: gguf_model.bpe_tokenizer(options.smollm2, flag)
                         for flag in (True, False)}
        self._minilm = tokenizers.Tokenizer.from_file(
            str(pathlib.Path(options.minilm) / "tokenizer.json"))
        self._minilm.no_truncation()
        self._minilm.no_padding()
        self._model = None
        self._strings = (texts.token_strings() + texts.embedding_texts()
                         + texts.fuzz_strings(1000, options.seed))

    def _both_ways(self, encode):
        return [(text, special, encode(text, special))
                for text in self._strings for special in (True, False)]

    def smollm2_tokens(self):
        return self._both_ways(lambda text, special: self._smollm2[special].encode(text).ids)

    def minilm_tokens(self):
        def encode(text, special):
            self._minilm.encode_special_tokens = not special
            return self._minilm.encode(text).ids
        return self._both_ways(encode)

    def model(self):
        if self._model is None:
            import gguf_model
            self._model = gguf_model.load_float32(self._options.smollm2)
        return self._model

    def greedy(self, engine):
        import oracle_runs
        import prompts
        chosen = prompts.smollm2_prompts(self._smollm2[True])
        if engine == "llama_cpp":
            llama = oracle_runs.open_llama_cpp(self._options.smollm2)
            return [(name, ids, *oracle_runs.llama_cpp_greedy(llama, ids, GREEDY_TOKENS))
                    for name, ids, _ in chosen]
        return [(name, ids, *oracle_runs.hf_greedy(self.model(), ids, GREEDY_TOKENS))
                for name, ids, _ in chosen]

    def logits(self):
        import torch
        rows = []
        for golden in golden_lines("smollm2_logits.jsonl"):
            with torch.no_grad():
                logits = self.model()(torch.tensor([golden["ids"]])).logits[0]
            values = {(p, t): v for p, row in enumerate(logits.tolist())
                      for t, v in enumerate(row)}
            rows.append((golden["ids"], values, float(logits.abs().max())))
        return rows

    def vectors(self):
        import sentence_transformers
        import torch
        model = sentence_transformers.SentenceTransformer(
            str(self._options.minilm), device="cpu", model_kwargs={"dtype": torch.float32})
        chosen = texts.embedding_texts()
        return chosen, [model.encode([text], batch_size=1)[0].tolist() for text in chosen]


def check_tokens(report, options, oracle):
    for name, path, rows in (("SmolLM2", options.smollm2, oracle.smollm2_tokens()),
                             ("MiniLM", options.minilm, oracle.minilm_tokens())):
        wrong, lossy = [], []
        with open_probe(options, path) as probe:
            for text, special, ids in rows:
                ours = probe.tokenize(text, add_special=True, parse_special=special)
                if ours != ids:
                    wrong.append((text, special, ids, ours))
                if name == "SmolLM2" and not special:
                    back = probe.ask("detokenize", ids=ids)["text"]
                    if back != text:
                        lossy.append((text, back))
        for text, special, ids, ours in wrong[:5]:
            print(f"    {text!r} parse_special={special}\n      want {ids}\n      have {ours}",
                  file=sys.stderr)
        for text, back in lossy[:5]:
            print(f"    detokenize: want {text!r}, have {back!r}", file=sys.stderr)
        strings = len({text for text, _, _ in rows})
        report.add(f"{name} token ids", f"{strings} strings, {len(rows)} requests",
                   f"{len(wrong)} differ", "0 of >= 200", not wrong and strings >= 200)
        if name == "SmolLM2":
            report.add("SmolLM2 detokenize", "strings without control tokens",
                       f"{len(lossy)} differ", "0", not lossy)


def check_vocabularies(report, options, _):
    """Vocabulary-only GGUFs of other pre-tokenizers, against the same vocabulary in `tokenizers`."""
    if not options.vocabularies:
        return
    if options.venv_free:
        print("  skipped: vocabularies (--venv-free has no oracle for them)", file=sys.stderr)
        return
    import unicodedata

    import gguf_model
    import token_goldens
    strings = texts.token_strings() + texts.fuzz_strings(1000, options.seed)
    for pre in ("gpt-2", "llama-bpe", "qwen2"):
        path = pathlib.Path(options.vocabularies) / f"ggml-vocab-{pre}.gguf"
        tokenizer = gguf_model.vocabulary_tokenizer(path, token_goldens.splitters()[pre])
        # Qwen2's own tokenizer.json normalises to NFC, which its GGUF does not say.
        chosen = [s for s in strings if unicodedata.normalize("NFC", s) == s or pre != "qwen2"]
        wrong = []
        with open_probe(options, path) as probe:
            for text in chosen:
                want = tokenizer.encode(text, add_special_tokens=False).ids
                have = probe.tokenize(text, add_special=False, parse_special=False)
                if want != have:
                    wrong.append((text, want, have))
        for text, want, have in wrong[:5]:
            print(f"    {text!r}\n      want {want}\n      have {have}", file=sys.stderr)
        report.add(f"{pre} token ids", f"{len(chosen)} strings", f"{len(wrong)} differ", "0",
                   not wrong)


def argmax_after(probe, prompt, continuation):
    """The best token at each step of `continuation`, given what stands before it there."""
    shape, values = floats(probe.ask("logits", ids=prompt + continuation[:-1]))
    width = shape[1]
    best = []
    for position in range(len(prompt) - 1, shape[0]):
        row = values[position * width:(position + 1) * width]
        best.append(row.index(max(row)))
    return best


def check_greedy(report, options, oracle):
    for precision, engine, title, limit in (
            ("exact", "exact", "Hugging Face", EXACT_MARGIN),
            ("fast", "llama_cpp", "llama.cpp", FAST_MARGIN)):
        rows = oracle.greedy(engine)
        bad, forced_bad, steps, forced_steps, whole = [], [], 0, 0, 0
        with open_probe(options, options.smollm2, precision) as probe:
            for name, ids, want, margins in rows:
                length = next((i for i, m in enumerate(margins) if m <= limit), len(margins))
                have = probe.generate(ids, GREEDY_TOKENS)
                steps += length
                whole += have == want
                if have[:length] != want[:length] or len(have) != GREEDY_TOKENS:
                    bad.append(name)
                    print(f"    {precision} {name}: {length} comparable steps\n"
                          f"      want {want}\n      have {have}", file=sys.stderr)
                best = argmax_after(probe, ids, want)
                for step, (ours, theirs, margin) in enumerate(zip(best, want, margins)):
                    forced_steps += margin > limit
                    if margin > limit and ours != theirs:
                        forced_bad.append((name, step, margin))
        report.add(f"{precision} greedy vs {title}", f"{len(rows)} prompts, {steps} steps",
                   f"{len(bad)} prompts differ ({whole} equal over all {GREEDY_TOKENS})",
                   f"0 before margin <= {limit}", not bad and len(rows) >= 6)
        report.add(f"{precision} best token vs {title}", f"{forced_steps} steps on its own text",
                   f"{len(forced_bad)} differ {forced_bad[:3] if forced_bad else ''}".strip(),
                   f"0 where margin > {limit}", not forced_bad)


def check_logits(report, options, oracle):
    with open_probe(options, options.smollm2, "exact") as probe:
        worst, count = 0.0, 0
        for ids, values, max_abs in oracle.logits():
            shape, have = floats(probe.ask("logits", ids=ids))
            if shape[0] != len(ids):
                raise ProbeError(f"logits: shape {shape} for {len(ids)} tokens")
            for (position, token), want in values.items():
                worst = max(worst, abs(have[position * shape[1] + token] - want) / max_abs)
            count += len(values)
    report.add("exact logits vs Hugging Face", f"{count} logits", f"{worst:.2e} of the largest",
               f"{LOGIT_TOLERANCE:g}", worst <= LOGIT_TOLERANCE)


def losses_of(shape, values, ids):
    """Negative log-likelihood of ids[1:] under logits of ids[:-1]."""
    width = shape[1]
    try:
        import numpy as np
    except ImportError:
        np = None
    losses = []
    for position in range(len(ids) - 1):
        row = values[position * width:(position + 1) * width]
        if np is None:
            top = max(row)
            total = top + math.log(math.fsum(math.exp(v - top) for v in row))
        else:
            wide = np.frombuffer(row, dtype=np.float32).astype(np.float64)
            total = wide.max() + math.log(np.exp(wide - wide.max()).sum())
        losses.append(float(total) - row[ids[position + 1]])
    return losses


def check_perplexity(report, options, oracle):
    golden = golden_lines("smollm2_perplexity.jsonl")[0]
    text = pathlib.Path(oracle.gpl3).read_text(encoding="utf-8")
    tolerance = PERPLEXITY_TOLERANCE
    for precision in ("exact", "fast"):
        with open_probe(options, options.smollm2, precision) as probe:
            ids = probe.tokenize(text, add_special=False, parse_special=False)[:golden["tokens"]]
            start = time.monotonic()
            shape, values = floats(probe.ask("logits", ids=ids))
            seconds = time.monotonic() - start
        if shape[0] != len(ids):
            raise ProbeError(f"logits: shape {shape} for {len(ids)} tokens")
        losses = losses_of(shape, values, ids)
        perplexity = math.exp(math.fsum(losses) / len(losses))
        report.add(f"{precision} perplexity", f"{len(ids)} tokens in one request, {seconds:.0f} s",
                   f"{perplexity:.4f}", f"{PERPLEXITY} +- {tolerance:.1%}",
                   len(ids) == golden["tokens"]
                   and abs(perplexity / PERPLEXITY - 1) <= tolerance)


def cosine(a, b):
    dot = math.fsum(x * y for x, y in zip(a, b))
    return dot / math.sqrt(math.fsum(x * x for x in a) * math.fsum(y * y for y in b))


def check_vectors(report, options, oracle):
    chosen, want = oracle.vectors()
    with open_probe(options, options.minilm) as probe:
        shape, values = floats(probe.ask("embed_text", texts=chosen))
        if shape != [len(chosen), len(want[0])]:
            raise ProbeError(f"embed_text: shape {shape} for {len(chosen)} texts")
        have = [values[i * shape[1]:(i + 1) * shape[1]] for i in range(shape[0])]
        cosines = [cosine(a, b) for a, b in zip(have, want)]
        for text, value in zip(chosen, cosines):
            if value < COSINE:
                print(f"    cosine {value:.6f}: {text[:80]!r}", file=sys.stderr)
        report.add("MiniLM vectors vs sentence-transformers", f"{len(chosen)} texts",
                   f"smallest cosine {min(cosines):.7f}", f">= {COSINE}",
                   min(cosines) >= COSINE and len(chosen) >= 40)

        rows = [probe.tokenize(text) for text in chosen[:6]]
        width = max(len(row) for row in rows)
        shape, values = floats(probe.ask(
            "embed", ids=[row + [0] * (width - len(row)) for row in rows],
            mask=[[1] * len(row) + [0] * (width - len(row)) for row in rows],
            types=[[0] * width for _ in rows]))
        padded = [values[i * shape[1]:(i + 1) * shape[1]] for i in range(shape[0])]
        smallest = min(cosine(a, b) for a, b in zip(padded, want))
        report.add("MiniLM vectors of a padded batch", f"{len(rows)} rows",
                   f"smallest cosine {smallest:.7f}", f">= {COSINE}", smallest >= COSINE)


def check_chat(report, options, _):
    rows = golden_lines("smollm2_chat.jsonl")
    wrong = []
    with open_probe(options, options.smollm2) as probe:
        for row in rows:
            answer = probe.ask("chat", messages=row["messages"],
                               add_generation_prompt=row["add_generation_prompt"])
            # A content's text is never a control token, so where the two differ on a look-alike
            # only `ids_apart` is right; at white space either way of joining is.
            allowed = [row["ids_apart"]]
            if not any("<|im_" in m["content"] for m in row["messages"]):
                allowed.append(row["ids_joined"])
            if answer["text"] != row["text"] or answer["ids"] not in allowed:
                wrong.append(row["name"])
                print(f"    chat {row['name']}: want {row['text']!r} {allowed}\n"
                      f"      have {answer}", file=sys.stderr)
    report.add("SmolLM2 chat template", f"{len(rows)} renderings", f"{len(wrong)} differ", "0",
               not wrong)


def check_errors(report, options, _):
    bad = ["not json", "[]", "{}", '{"op":"no such"}', '{"op":"tokenize"}',
           '{"op":"tokenize","text":5,"add_special":true,"parse_special":true}',
           '{"op":"logits","ids":[]}', '{"op":"logits","ids":[-1]}', '{"op":"logits","ids":[999999]}',
           '{"op":"generate","ids":[1],"max_tokens":-3,"ignore_eos":true}',
           '{"op":"detokenize","ids":[49152]}', '{"op":"embed_text","texts":["a"]}',
           json.dumps({"op": "logits", "ids": [5] * 9000})]
    wrong = []
    probe = open_probe(options, options.smollm2)
    with probe:
        for line in bad:
            answer = probe.send_line(line)
            error = answer.get("error")
            if not (isinstance(error, dict) and error.get("code") and error.get("message")):
                wrong.append((line[:60], str(answer)[:100]))
        alive = probe.tokenize("still here") != []
        status = probe.close()
    for line, answer in wrong:
        print(f"    {line!r} was answered {answer}", file=sys.stderr)
    report.add("bad requests are answered with an error", f"{len(bad)} lines",
               f"{len(wrong)} were not; alive {alive}; exit status {status}", "0; alive; 0",
               not wrong and alive and status == 0)


CHECKS = {
    "tokens": check_tokens, "vocabularies": check_vocabularies, "greedy": check_greedy,
    "logits": check_logits, "perplexity": check_perplexity, "vectors": check_vectors,
    "chat": check_chat, "errors": check_errors,
}


def open_probe(options, path, precision="fast"):
    return Probe(options.footnote, path, precision, options.probe_option)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--footnote", required=True, help="the footnote binary")
    parser.add_argument("--smollm2", required=True, help="SmolLM2-135M-Instruct Q4_1 GGUF")
    parser.add_argument("--minilm", required=True, help="folder of all-MiniLM-L6-v2")
    parser.add_argument("--venv-free", action="store_true",
                        help="compare with the committed goldens; needs no Python package")
    parser.add_argument("--vocabularies", help="folder of ggml-vocab-*.gguf, compared live")
    parser.add_argument("--only", help="comma-separated: " + ", ".join(CHECKS))
    parser.add_argument("--seed", type=int, default=11, help="of the live random strings")
    parser.add_argument("--gpl3", default=DEFAULT_GPL3, help="the GPL-3 text as Debian ships it")
    parser.add_argument("--probe-option", action="append", default=[],
                        help="passed to the probe, e.g. --probe-option=--device=cuda")
    options = parser.parse_args()
    names = options.only.split(",") if options.only else list(CHECKS)
    unknown = sorted(set(names) - set(CHECKS))
    if unknown:
        parser.error(f"unknown check {', '.join(unknown)}; there are {', '.join(CHECKS)}")

    oracle = GoldenOracle(options) if options.venv_free else LiveOracle(options)
    report = Report()
    for name in names:
        print(f"{name}:", file=sys.stderr, flush=True)
        try:
            CHECKS[name](report, options, oracle)
        except (ProbeError, OSError, KeyError, ValueError, TypeError) as error:
            traceback.print_exc()
            report.add(name, "-", f"{type(error).__name__}: {str(error)[:200]}", "an answer", False)
    return 0 if report.print() else 1


if __name__ == "__main__":
    sys.exit(main())
