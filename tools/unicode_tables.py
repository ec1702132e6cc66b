#!/usr/bin/env python3
"""Writes generator/tokenizers/unicode_tables.cc: what Hugging Face `tokenizers` holds for a letter,
a number, a mark, …

The reference for our tokenizers is that library, id for id, and its parts follow different versions of
Unicode (its regex engine a recent one, its BERT normaliser an old one). So classes are asked from the library,
character by character; how characters decompose and the classes of marks are unicodedata's, for those that the
library decomposes and reorders.

usage: unicode_tables.py    (in an environment with `tokenizers` and `regex`; versions used are written into the file)
"""

import pathlib
import struct
import unicodedata

import regex
import tokenizers
from tokenizers import Regex, normalizers, pre_tokenizers

CHARACTERS = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]
OUT = pathlib.Path(__file__).parent.parent / "generator/tokenizers/unicode_tables.cc"


def removed_by(normalizer):
    return {c for c in CHARACTERS if normalizer.normalize_str(chr(c)) == ""}


def matching(pattern):
    return removed_by(normalizers.Replace(Regex(pattern), ""))


def pieces_of_three(pre_tokenizer, count):
    return {c for c in CHARACTERS if len(pre_tokenizer.pre_tokenize_str("a" + chr(c) + "a")) == count}


def bert(**steps):
    off = dict(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=False)
    return normalizers.BertNormalizer(**(off | steps))


def ranges(members):
    rows = []
    for c in sorted(members):
        if rows and rows[-1][1] == c - 1:
            rows[-1][1] = c
        else:
            rows.append([c, c])
    return rows


def lower_rows():
    """{first, last, step, difference}: every step-th character of first…last maps to itself plus the difference."""
    lowercase = normalizers.Lowercase()
    rows, longer = [], []
    for c in CHARACTERS:
        lower = lowercase.normalize_str(chr(c))
        if lower == chr(c):
            continue
        if len(lower) != 1:
            longer.append((c, [ord(x) for x in lower]))
            continue
        difference = ord(lower) - c
        if rows and rows[-1][3] == difference:
            first, last, step, _ = rows[-1]
            if (step == 0 and c - last in (1, 2)) or (step != 0 and c - last == step):
                rows[-1] = [first, c, c - last, difference]
                continue
        rows.append([c, c, 0, difference])
    assert longer == [(0x130, [0x69, 0x307])], longer  # written out in unicode.cc
    return [[a, b, step or 1, d] for a, b, step, d in rows]


def decomposition_rows():
    """{character, first, second}: canonical, one level; second is 0 for a singleton."""
    nfd = normalizers.NFD()
    rows = []
    for c in CHARACTERS:
        decomposition = unicodedata.decomposition(chr(c))
        if not decomposition or decomposition.startswith("<") or nfd.normalize_str(chr(c)) == chr(c):
            continue
        parts = [int(x, 16) for x in decomposition.split()]
        rows.append([c] + parts + [0] * (2 - len(parts)))
    return rows


def excluded_from_composition(rows):
    """Pairs that decompose but are never put together again."""
    return [[c] for c, first, second in rows
            if second and unicodedata.normalize("NFC", chr(first) + chr(second)) != chr(c)]


def combining_rows():
    """{first, last, class} of the marks that the library reorders; it does not know the newest."""
    nfd = normalizers.NFD()
    lowest, higher = "\u0334", "\u0301"  # of classes 1 and 230
    rows = []
    for c in CHARACTERS:
        value = unicodedata.combining(chr(c))
        if value == 0:
            continue
        unsorted = higher + chr(c) if value == 1 else chr(c) + lowest
        if nfd.normalize_str(unsorted) == unsorted:
            continue
        if rows and rows[-1][1] == c - 1 and rows[-1][2] == value:
            rows[-1][1] = c
        else:
            rows.append([c, c, value])
    return rows


def compatibility_rows():
    """Characters that NFKD takes apart further than NFD does, and what into: {character, characters}."""
    nfd, nfkd = normalizers.NFD(), normalizers.NFKD()
    rows = []
    for c in CHARACTERS:
        parts = nfkd.normalize_str(chr(c))
        if parts != nfd.normalize_str(chr(c)):
            rows.append((c, [ord(x) for x in parts]))
    return rows


def probing_charsmap():
    """A SentencePiece character map that turns "a" into "x": what a `Precompiled` normaliser does with it tells where
    graphemes end. A double array: the root leads to "a" (unit 0x60), whose value stands in unit 2."""
    units = [0] * 256
    units[0] = 1 << 10
    units[0x60] = 0x62 << 10 | 1 << 8 | 0x61
    units[2] = 1 << 31
    return struct.pack("<I256I", 1024, *units) + b"x\0"


def grapheme_rows():
    """Characters that stay with the one before, those that stay with the one after, and controls, which part."""
    probe = normalizers.Precompiled(probing_charsmap())
    extending = {c for c in CHARACTERS if probe.normalize_str("a" + chr(c)) == "x"}
    prepended = {c for c in CHARACTERS if c not in extending
                 and probe.normalize_str(chr(c) + "a\u0300") == chr(c) + "x\u0300"}
    controls = {c for c in CHARACTERS if c not in extending and c not in prepended
                and regex.match(r"[\p{GCB=Control}\p{GCB=CR}\p{GCB=LF}]", chr(c))}
    return ranges(extending), ranges(prepended), ranges(controls)


def array(kind, name, rows):
    cells = ["{" + ",".join(map(str, row)) + "}" if len(row) > 1 else str(row[0]) for row in rows]
    lines, line = [], "   "
    for cell in cells:
        if len(line) + len(cell) + 2 > 100:
            lines.append(line)
            line = "   "
        line += " " + cell + ","
    lines.append(line)
    body = "\n".join(lines)
    return (f"constexpr {kind} {name}Rows[] = {{\n{body}\n}};\n"
            f"const std::span<const {kind}> {name}({name}Rows);\n")


def main():
    decompositions = decomposition_rows()
    spaces = matching(r"\s")
    assert spaces == removed_by(normalizers.Strip()), "Strip knows other spaces than the regular expressions"
    assert spaces == {c for c in CHARACTERS
                      if len(pre_tokenizers.WhitespaceSplit().pre_tokenize_str("a" + chr(c) + "a")) == 2}
    extending, prepended, controls = grapheme_rows()
    compatibility = compatibility_rows()
    compatibility_starts, pool = [], []
    for c, parts in compatibility:
        compatibility_starts.append([c, len(pool), len(parts)])
        pool += [[part] for part in parts]
    tables = [
        ("CharacterRange", "kLetters", ranges(matching(r"\p{L}"))),
        ("CharacterRange", "kNumbers", ranges(matching(r"\p{N}"))),
        ("CharacterRange", "kDigits", ranges(pieces_of_three(pre_tokenizers.Digits(individual_digits=True), 3))),
        ("CharacterRange", "kSpaces", ranges(spaces)),
        ("CharacterRange", "kPunctuation", ranges(pieces_of_three(pre_tokenizers.BertPreTokenizer(), 3))),
        ("CharacterRange", "kMarks", ranges(removed_by(bert(strip_accents=True)))),
        ("CharacterRange", "kUnclean", ranges(removed_by(bert(clean_text=True)))),
        ("CharacterRange", "kUpper", ranges(matching(r"[\p{Lu}\p{Lt}]"))),
        ("CharacterRange", "kLowercase", ranges(matching(r"\p{Ll}"))),
        ("CharacterRange", "kRegexMarks", ranges(matching(r"\p{M}"))),
        ("CharacterRange", "kRegexPunctuation", ranges(matching(r"\p{P}"))),
        ("CharacterRange", "kRegexSymbols", ranges(matching(r"\p{S}"))),
        ("CharacterRange", "kWordCharacters", ranges(
            c for c in CHARACTERS if len(pre_tokenizers.Whitespace().pre_tokenize_str("a" + chr(c) + "a")) == 1)),
        ("CharacterRange", "kAccents", ranges(removed_by(normalizers.StripAccents()))),
        ("CharacterRange", "kGraphemeExtending", extending),
        ("CharacterRange", "kGraphemePrepended", prepended),
        ("CharacterRange", "kGraphemeControls", controls),
        ("LowerRange", "kLower", lower_rows()),
        ("Decomposition", "kDecompositions", decompositions),
        ("Compatibility", "kCompatibility", compatibility_starts),
        ("char32_t", "kCompatibilityPool", pool),
        ("char32_t", "kNeverComposed", excluded_from_composition(decompositions)),
        ("CombiningRange", "kCombining", combining_rows()),
    ]
    text = (
        "// Made by tools/unicode_tables.py; do not edit.\n"
        f"// tokenizers {tokenizers.__version__}, unicodedata {unicodedata.unidata_version}.\n"
        "// clang-format off\n"
        '#include "generator/tokenizers/unicode_tables.h"\n\n'
        "namespace footnote::generator::unicode {\n\n"
        + "\n".join(array(*table) for table in tables)
        + "\n}  // namespace footnote::generator::unicode\n")
    OUT.write_text(text)
    print(OUT.name, len(text), "bytes", {name: len(rows) for _, name, rows in tables})


if __name__ == "__main__":
    main()
