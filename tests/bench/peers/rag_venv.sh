# Sourced, after tools/lib.sh and with $here set to this folder: installs the packages of the peers that retrieve, once, and the embedding
# model; sets $venv.
# shellcheck shell=bash disable=SC2154
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
