#!/usr/bin/env bash
# Measures Footnote against llama.cpp, ONNX Runtime and sentence-transformers on this machine; prints one table of ratios.
#
# usage: tests/bench/peers/run.sh [--footnote BIN] [--only LINE,…] [--repetitions 5] [--threads 2] [--json FILE]
#                                 [--layers 32] [--eval DIR] [--jobs N] [--list]
#   --footnote BIN     default: build/release/footnote
#   --only LINE,…      lines by name or pattern (see --list), e.g. --only '*smollm2*,cosine'
#   --layers N         of the 7B-shaped files; fewer is quicker and is said in the table
#   --eval DIR         a folder with corpus.jsonl, queries.jsonl and qrels.tsv: passages for prompt lookup
#   --jobs N           compilers at once, for llama.cpp
#
# The first run installs the peers into $FOOTNOTE_CACHE (5 GB of packages, 15 GB of model files; README.md beside this file
# says more). Exit status: 0 every required ratio is met; 1 one is missed; 2 none is missed, but something was not measured; 3 wrong usage.
set -euo pipefail
# shellcheck source=tools/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../../../tools/lib.sh"
here=$FOOTNOTE_ROOT/tests/bench/peers

jobs=()
arguments=()
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) sed -n '2,14s/^# \{0,1\}//p' "$0"; exit 0 ;;
    --list) exec python3 "$here/run.py" --list ;;
    --jobs) jobs=(--jobs "${2:?--jobs needs a number}"); shift 2 ;;
    *) arguments+=("$1"); shift ;;
  esac
done

venv=$FOOTNOTE_CACHE/venvs/peers
pins=$(sha256_of "$here/requirements.txt")
if [ "$(cat "$venv/.pins" 2>/dev/null)" != "$pins" ]; then
  say "installing the Python packages of tests/bench/peers/requirements.txt (5 GB, once)"
  rm -rf "$venv"
  mkdir -p "$(dirname "$venv")"
  python3 -m venv "$venv" || die "python3 cannot make a virtual environment" "run ./tools/install.sh"
  "$venv/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: -r "$here/requirements.txt" ||
    die "pip could not install tests/bench/peers/requirements.txt" "check that the Python package index is reachable, then run this again"
  echo "$pins" >"$venv/.pins"
fi

"$here/build_llama.sh" ${jobs[@]+"${jobs[@]}"} || warn "llama.cpp is not there: its lines will not be measured"
"$FOOTNOTE_ROOT/tools/fetch_models.sh" smollm2 minilm
exec "$venv/bin/python" "$here/run.py" --cache "$FOOTNOTE_CACHE" ${arguments[@]+"${arguments[@]}"}
