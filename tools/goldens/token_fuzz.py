#!/usr/bin/env python3
"""Compares Footnote's tokens with those of Hugging Face `tokenizers`, on many lines of many kinds of text.

usage: token_fuzz.py FOOTNOTE OUT_FOLDER [--gguf NAME=FILE.gguf ...] [--json NAME=tokenizer.json ...]
                     [--model NAME=tokenizer.model ...] [--lines 20000] [--seed 1] [--only NAME ...]

Without --gguf and --json, small vocabularies are trained in OUT_FOLDER, one for each published pre-tokenizer and each
kind of model (token_kinds.py). With --gguf, a byte-level vocabulary of that file goes through the published pre-tokenizer
of its name. With --model, the oracle is the sentencepiece library. Of each, every line's ids are compared, with and without control tokens read, and what the ids decode to.
Prints one line each: name, lines, differences; the first difference of each in full. Exit status 1 if there is any.

FOOTNOTE is the program: it answers `model probe FILE` on standard input.
"""

import argparse
import glob
import gzip
import json
import pathlib
import random
import subprocess
import sys
import tempfile

import sentencepiece
import texts
import token_kinds

SCRIPTS = [
    (0x20, 0x7E), (0xA0, 0x17F), (0x250, 0x2AF), (0x370, 0x3FF), (0x400, 0x4FF), (0x530, 0x58F), (0x5D0, 0x5EA),
    (0x620, 0x6D3), (0x900, 0x97F), (0x980, 0x9FF), (0xB80, 0xBFF), (0xE01, 0xE4E), (0x10A0, 0x10FF), (0x1100, 0x11FF),
    (0x1200, 0x137F), (0x1E00, 0x1EFF), (0x1F00, 0x1FFF), (0x2100, 0x218B), (0x3040, 0x30FF), (0x4E00, 0x9FFF),
    (0xAC00, 0xD7A3), (0xFB00, 0xFB4F), (0xFF00, 0xFFEF), (0x10400, 0x1044F), (0x1D400, 0x1D7FF), (0x20000, 0x2A6DF)]
RUNS = [" ", "\n", "\r\n", "\t", "0", "7", ".", "!", "=", "-", "\u3000", "\u00a0", "_", "#", "/", "'", "\u2581", "\u0301"]
CONTRACTIONS = ["'s", "'S", "'t", "'re", "'RE", "'ve", "'m", "'ll", "'LL", "'d", "\u2019s", "'\u017f"]


def random_line(rng):
    kind = rng.randrange(8)
    if kind == 0:  # words of a script
        first, last = rng.choice(SCRIPTS)
        return " ".join("".join(chr(rng.randint(first, last)) for _ in range(rng.randint(1, 9)))
                        for _ in range(rng.randint(1, 10)))
    if kind == 1:  # anything at all
        return "".join(chr(c) for c in (rng.randrange(0x110000) for _ in range(rng.randint(1, 40)))
                       if not 0xD800 <= c <= 0xDFFF)
    if kind == 2:  # anything of the first plane
        return "".join(chr(c) for c in (rng.randrange(0x3000) for _ in range(rng.randint(1, 40))))
    if kind == 3:  # marks on letters, jamo, joined emoji
        parts = []
        for _ in range(rng.randint(1, 12)):
            parts.append(rng.choice([
                chr(rng.randint(0x61, 0x7A)) + "".join(chr(rng.randint(0x300, 0x36F)) for _ in range(rng.randint(1, 3))),
                chr(rng.randint(0x1100, 0x1112)) + chr(rng.randint(0x1161, 0x1175)) + rng.choice(["", "\u11a8", "\u11ab"]),
                chr(rng.randint(0x915, 0x939)) + rng.choice(["\u094d", "\u093e", "\u093c"]) + chr(rng.randint(0x915, 0x939)),
                "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f1e9\U0001f1ea", "\u2764\ufe0f", "1\ufe0f\u20e3",
                chr(rng.randint(0xFF01, 0xFF5E)) + "\u0301", " ", chr(rng.randint(0x2460, 0x24FF)), "\u0600a\u0301"]))
        return "".join(parts)
    if kind == 4:  # runs
        return "".join(rng.choice(RUNS) * rng.choice([1, 2, 3, 4, 7, 8, 15, 33])
                       + rng.choice(["", "a", "Word", "12", "\u00e9"]) for _ in range(rng.randint(1, 6)))
    if kind == 5:  # case, numbers, contractions
        return "".join(rng.choice([rng.choice(["camelCase", "HTTPServer", "XMLÉcole", "word", "WORD", "\u01c5ok", "aʰB", "日本Go"]),
                                   str(rng.randrange(10 ** rng.randint(1, 12))), rng.choice(CONTRACTIONS), " ", " ", "-", "/"])
                       for _ in range(rng.randint(1, 12)))
    if kind == 6:  # controls and the like
        return "".join(rng.choice(["\x00", "\x01", "\x1b", "\x7f", "\x85", "\u200b", "\u200d", "\ufeff", "\u2028", "\u00ad",
                                   "\ue000", "\ufffd", "a", " ", "\n", "<s>", "</s>", "<|end|>", "[CLS]", "##a", "<0x0A>"])
                       for _ in range(rng.randint(1, 20)))
    pool = [chr(rng.randint(*rng.choice(SCRIPTS))) for _ in range(6)] + list(" \n'.,1")
    return "".join(rng.choice(pool) for _ in range(rng.randint(1, 60)))


def real_lines(rng, count):
    """Lines of files that lie about on a Debian machine: licences, manual pages, programs."""
    paths = sorted(glob.glob("/usr/share/common-licenses/*") + glob.glob("/usr/share/man/*/man[1-8]/*.gz")
                   + glob.glob("/usr/share/man/man[1-8]/*.gz") + glob.glob("/usr/lib/python3*/*.py")
                   + glob.glob("/usr/share/perl/*/unicore/*.pl") + glob.glob("/usr/share/i18n/locales/*")
                   + glob.glob("/usr/share/zoneinfo/*.tab") + glob.glob(sys.prefix + "/lib/python3*/site-packages/*/*.py"))
    lines = []
    rng.shuffle(paths)
    for path in paths:
        opened = gzip.open if path.endswith(".gz") else open
        try:
            with opened(path, "rb") as file:
                text = file.read(200_000).decode()
        except (OSError, UnicodeDecodeError):
            continue
        found = text.split("\n")
        lines += rng.sample(found, min(len(found), 60))
        if len(lines) >= count:
            break
    return lines[:count]


def make_lines(count, seed):
    rng = random.Random(seed)
    lines = texts.token_strings() + texts.embedding_texts() + texts.fuzz_strings(min(2000, count // 10), seed)
    lines += real_lines(rng, count // 3)
    while len(lines) < count:
        lines.append(random_line(rng))
    return lines[:count]


def ours(footnote, path, requests):
    with tempfile.TemporaryFile("w+", encoding="utf-8") as stdin:
        for request in requests:
            stdin.write(json.dumps(request) + "\n")
        stdin.seek(0)
        run = subprocess.run([footnote, "model", "probe", str(path)], stdin=stdin, stdout=subprocess.PIPE, check=True)
    answers = [json.loads(line) for line in run.stdout.decode().split("\n")[:-1]]
    assert len(answers) == len(requests), (path, len(answers), len(requests))
    return answers


def compare(footnote, name, path, tokenizer, lines, control_ids):
    skipped, different = 0, []
    tokenizer.no_truncation()
    tokenizer.no_padding()
    expected = {}
    for parse in (True, False):
        tokenizer.encode_special_tokens = not parse
        # without BOS and the like: they are the same for all lines, and the first line has them
        expected[parse] = [e.ids for e in tokenizer.encode_batch(lines, add_special_tokens=False)]
        expected[parse][0] = tokenizer.encode(lines[0], add_special_tokens=True).ids
    requests = [{"op": "tokenize", "text": line, "add_special": i == 0, "parse_special": parse}
                for parse in (True, False) for i, line in enumerate(lines)]
    decodable = [ids for ids in expected[True]]
    requests += [{"op": "detokenize", "ids": ids, "skip_special": True} for ids in decodable]
    answers = ours(footnote, path, requests)
    wanted = [{"ids": ids} for parse in (True, False) for ids in expected[parse]]
    wanted += [{"text": text} for text in tokenizer.decode_batch(decodable, skip_special_tokens=True)]
    for request, got, want in zip(requests, answers, wanted):
        if got == want:
            continue
        if request.get("parse_special") is False and (set(want["ids"]) & control_ids
                                                      or any(unk in request["text"] for unk in ("<unk>", "[UNK]"))):
            skipped += 1  # the library lets a model make control tokens of text; we never do
            continue
        different.append((request, got, want))
    return report(name, lines, skipped, different)


def report(name, lines, skipped, different):
    print(f"{name:24} {len(lines)} lines, {len(different)} differences"
          + (f" ({skipped} lines of which the library makes control tokens left out)" if skipped else ""), flush=True)
    if different:
        request, got, want = different[0]
        print(f"  {json.dumps(request)}\n  ours   {json.dumps(got)}\n  theirs {json.dumps(want)}", flush=True)
    return len(different)


def compare_model(footnote, name, path, lines):
    """A SentencePiece model against its own library; text is text to both."""
    library = sentencepiece.SentencePieceProcessor(model_file=path)
    lines = [line for line in lines if "\0" not in line]  # which ends a text in that library
    expected = [library.encode(line) for line in lines]
    requests = [{"op": "tokenize", "text": line, "add_special": False} for line in lines]
    requests += [{"op": "detokenize", "ids": ids, "skip_special": True} for ids in expected]
    wanted = [{"ids": ids} for ids in expected] + [{"text": library.decode(ids)} for ids in expected]
    return report(name, lines, 0, [row for row in zip(requests, ours(footnote, path, requests), wanted) if row[1] != row[2]])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("footnote")
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--gguf", action="append", default=[])
    parser.add_argument("--json", action="append", default=[])
    parser.add_argument("--model", action="append", default=[])
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--lines", type=int, default=20000)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    lines = make_lines(args.lines, args.seed)
    subjects = []
    for pair in args.gguf:
        name, path = pair.split("=", 1)
        subjects.append((name, path, lambda name=name, path=path: token_kinds.gguf_tokenizer(path)))
    for pair in args.json:
        name, path = pair.split("=", 1)
        subjects.append((name, path, lambda path=path: token_kinds.Tokenizer.from_file(path)))
    if not subjects and not args.model:
        # without random characters, which would be most of a small vocabulary
        corpus = texts.token_strings() + texts.embedding_texts() + real_lines(random.Random(args.seed), 4000)
        for name, make in token_kinds.KINDS.items():
            if args.only and name not in args.only:
                continue
            folder = args.out / name
            folder.mkdir(exist_ok=True)
            make(corpus).save(str(folder / "tokenizer.json"))
            path = folder / "tokenizer.json"
            subjects.append((name, path, lambda path=path: token_kinds.Tokenizer.from_file(str(path))))
    total = 0
    for name, path, load in subjects:
        tokenizer = load()
        control = {i for i, token in tokenizer.get_added_tokens_decoder().items()
                   if token.special and token.content.strip("[]<>").lower() != "unk"}
        total += compare(args.footnote, name, path, tokenizer, lines, control)
    for pair in args.model:
        name, path = pair.split("=", 1)
        total += compare_model(args.footnote, name, path, lines)
    sys.exit(1 if total else 0)


if __name__ == "__main__":
    main()
