#!/usr/bin/env bash
# Measures searching against txtai (hybrid) on this machine: nDCG@10 and time a query; prints one table.
#
# usage: tests/bench/peers/search.sh --set SET [--fill SET]… [--limit 300] [--rounds 3] [--threads N] [--footnote BIN] [--json FILE]
#
# The first run installs the peer into $FOOTNOTE_CACHE (6 GB of packages) and embeds the documents. Exit status: 0 measured, 1 not.
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
exec "$venv/bin/python" "$here/search.py" --cache "$FOOTNOTE_CACHE" "${arguments[@]}"
