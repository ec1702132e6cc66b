#!/usr/bin/env bash
# Fuzzes each parser on its own, so that each has its time; prints a table. Stops at the first finding.
#
# usage: tests/indexer/fuzz/each_parser.sh [SECONDS=300] [SEED=1]
#
# SECONDS are of processor time, those of child processes included. BUILD (build/asan) is the build to use, JOBS (2) how many run at a
# time. What a finding was is in WORK (a temporary folder, kept then).
set -euo pipefail
# shellcheck source=tools/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../../../tools/lib.sh"
case ${1:-} in -h | --help) sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 0 ;; esac
seconds=${1:-300}
seed=${2:-1}
: "${BUILD:=$FOOTNOTE_ROOT/build/asan}" "${JOBS:=2}"
program=$(find "$BUILD" -name parser_fuzz -type f -perm -u+x | head -1)
[ -n "$program" ] || die "there is no parser_fuzz in $BUILD" "cmake --preset asan && ninja -C build/asan parser_fuzz"

WORK=$(mktemp -d)
seeds=$FOOTNOTE_ROOT/tests/indexer/fuzz/seeds
documents=$FOOTNOTE_ROOT/tests/data/documents
mkdir "$WORK/archives"
(cd "$seeds" && tar -cf "$WORK/archives/some.tar" guide.md act.xml box.mbox && tar -czf "$WORK/archives/some.tar.gz" page.html lines.jsonl)
gzip -nc "$seeds/sample.1" >"$WORK/archives/sample.1.gz"
xz -c "$seeds/notes.txt" >"$WORK/archives/notes.txt.xz"
bzip2 -c "$seeds/guide.md" >"$WORK/archives/guide.md.bz2"
python3 - "$WORK/archives/some.zip" "$seeds/guide.md" "$seeds/letter.rtf" "$documents/manual.odt" <<'PYTHON'
import pathlib, sys, zipfile
with zipfile.ZipFile(sys.argv[1], "w", zipfile.ZIP_DEFLATED) as archive:
    for path in map(pathlib.Path, sys.argv[2:]):
        archive.write(path, "folder/" + path.name)
PYTHON

# The parser of parsers.def, and its seeds.
formats="Docx $documents/*.docx
Pptx $documents/*.pptx
Xlsx $documents/*.xlsx
OpenDocument $documents/*.od?
Epub $documents/*.epub
Pdf $documents/*.pdf
Rtf $seeds/*.rtf
Container $WORK/archives/*
JsonLines $seeds/*.jsonl
Json $documents/*.json
Email $documents/*.eml $seeds/*.mbox
License $seeds/*.license
Obo $seeds/*.obo
Icd10Cm $seeds/icd.xml
Html $seeds/*.html
Xml $seeds/act.xml $seeds/code.xml $seeds/catalog.xml
ManPage $seeds/*.1 $seeds/*.3
Markdown $seeds/*.md
RestructuredText $documents/*.rst
Delimited $documents/*.csv
PlainText $seeds/*.txt"
while read -r parser; do
  grep -q "^$parser " <<<"$formats" || die "the parser $parser has no seeds here" "add some to ${BASH_SOURCE[0]}"
done < <(sed -n 's/^FOOTNOTE_\(BINARY_\)\?PARSER(\([A-Za-z0-9]*\)).*/\2/p' "$FOOTNOTE_ROOT/indexer/parsers/parsers.def")

export WORK program seconds seed
# shellcheck disable=SC2016  # the variables are those of the shells that xargs starts
one='parser=$1; shift; mkdir "$WORK/$parser"; cd "$WORK/$parser"
  if "$program" "$seconds" "$seed" "$@" >out 2>err; then sed "s/^/$parser /" out; else echo "$parser FAILED: see $WORK/$parser"; exit 255; fi'
# shellcheck disable=SC2086  # the seeds are patterns
while read -r parser patterns; do
  printf '%s\n' "$parser" $patterns | tr '\n' '\0' | xargs -0 printf '%q '
  echo
done <<<"$formats" | xargs -P "$JOBS" -I{} bash -c "set -- {}; $one"
rm -rf "$WORK"
