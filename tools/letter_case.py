#!/usr/bin/env python3
"""Writes generator/templates/jinja/letter_case_tables.cc: capital letters as Python has them, where they are not
what a lower-case letter's table read backwards gives. No argument; needs Python only."""

import pathlib
import unicodedata

OUT = pathlib.Path(__file__).resolve().parents[1] / "generator/templates/jinja/letter_case_tables.cc"


def characters():
    return (chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000)


def main():
    backwards = {}
    for c in characters():
        lower = c.lower()
        if lower != c and len(lower) == 1:
            backwards.setdefault(lower, c)
    upper = [(c, c.upper()) for c in characters() if c.upper() != backwards.get(c, c)]
    title = [(c, c.title()) for c in characters() if c.title() != c.upper()]
    lines = [f"// Made by tools/letter_case.py from Unicode {unicodedata.unidata_version}.",
             '#include "generator/templates/jinja/letter_case.h"', "",
             "namespace footnote::generator::jinja {", "namespace {", "", "// clang-format off"]
    for name, rows in (("kUpperRows", upper), ("kTitleRows", title)):
        lines.append(f"constexpr CaseRow {name}[] = {{")
        cells = ['{0x%X, U"%s"},' % (ord(c), "".join(
            x if x.isascii() else f"\\U{ord(x):08X}" for x in mapped)) for c, mapped in rows]
        lines += ["    " + " ".join(cells[i:i + 4]) for i in range(0, len(cells), 4)]
        lines.append("};")
    lines += ["// clang-format on", "", "}  // namespace", "",
              "const std::span<const CaseRow> kUpperTable(kUpperRows);",
              "const std::span<const CaseRow> kTitleTable(kTitleRows);", "",
              "}  // namespace footnote::generator::jinja", ""]
    OUT.write_text("\n".join(lines), encoding="ascii")
    print(f"{OUT.name}: {len(upper)} capitals, {len(title)} title letters")


if __name__ == "__main__":
    main()
