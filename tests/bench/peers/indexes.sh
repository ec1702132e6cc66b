#!/usr/bin/env bash
# Measures indexing against txtai, LlamaIndex with Chroma, and Haystack on this machine; prints one table.
#
# usage: tests/bench/peers/indexes.sh [--footnote BIN] [--sources DIR] [--every 6] [--rounds 3] [--threads N] [--json FILE]
#
# The first run installs the peers into $FOOTNOTE_CACHE (6 GB of packages). Exit status: 0 the required ratios are met, 1 one is not.
set -euo pipefail
# shellcheck source=tools/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../../../tools/lib.sh"
here=$FOOTNOTE_ROOT/tests/bench/peers

arguments=(--footnote "$FOOTNOTE_ROOT/build/release/footnote")
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) arguments+=("$1"); shift ;;
  esac
done

# shellcheck source=tests/bench/peers/rag_venv.sh
source "$here/rag_venv.sh"
exec "$venv/bin/python" "$here/indexes.py" --cache "$FOOTNOTE_CACHE" "${arguments[@]}"
