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

venv=$FOOTNOTE_CACHE/venvs/rag
pins=$(sha256_of "$here/requirements-indexes.txt")
if [ "$(cat "$venv/.pins" 2>/dev/null)" != "$pins" ]; then
  say "installing the Python packages of tests/bench/peers/requirements-indexes.txt (6 GB, once)"
  [ -x "$venv/bin/python" ] || python3 -m venv "$venv" || die "python3 cannot make a virtual environment" "run ./tools/install.sh"
  "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements-indexes.txt" ||
    die "pip could not install tests/bench/peers/requirements-indexes.txt" "check that the Python package index is reachable, then run this again"
  echo "$pins" >"$venv/.pins"
fi
"$FOOTNOTE_ROOT/tools/fetch_models.sh" minilm
exec "$venv/bin/python" "$here/search.py" --cache "$FOOTNOTE_CACHE" "${arguments[@]}"
