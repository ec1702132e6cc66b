#!/usr/bin/env bash
# Clients in other languages against a running server: the test of every method, and the examples of docs/examples.
#
# usage: tests/clients/check.sh GRPC_ADDRESS HTTP_URL      e.g. tests/clients/check.sh 127.0.0.1:50051 http://127.0.0.1:8080
#
# What it needs of Python packages goes into a virtual environment in the cache, made again when the pins change.
set -euo pipefail
# shellcheck source=tools/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../../tools/lib.sh"
[ $# = 2 ] || { sed -n '2,4s/^# \{0,1\}//p' "$0" >&2; exit 2; }
grpc_address=$1
http_url=${2%/}
examples=$FOOTNOTE_ROOT/docs/examples

command -v curl >/dev/null || die "curl is not installed" "run ./tools/install.sh"
venv=$FOOTNOTE_CACHE/venvs/clients
pins=$(sha256_of "$examples/requirements.txt")
if [ "$(cat "$venv/.pins" 2>/dev/null)" != "$pins" ]; then
  say "installing the Python packages of docs/examples/requirements.txt"
  rm -rf "$venv"
  mkdir -p "$(dirname "$venv")"
  python3 -m venv "$venv" || die "python3 cannot make a virtual environment" "run ./tools/install.sh"
  "$venv/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: -r "$examples/requirements.txt" ||
    die "pip could not install docs/examples/requirements.txt" "check that the Python package index is reachable, then run this again"
  echo "$pins" >"$venv/.pins"
fi
python=$venv/bin/python

say "every method, by reflection alone"
"$python" "$FOOTNOTE_ROOT/tests/clients/grpc_client_test.py" --grpc "$grpc_address" --http "$http_url"

# The examples run as their README says, and say something of the lease that the first of them imports.
expect() {
  local title=$1 wanted=$2 output
  shift 2
  say "$title"
  output=$("$@") || die "$title failed" "run it by hand: $*"
  grep -qF -- "$wanted" <<<"$output" || {
    printf '%s\n' "$output" >&2
    die "$title did not print \"$wanted\"" "read its output above"
  }
}
expect "docs/examples/ask_reflection.py" "three months" "$python" "$examples/ask_reflection.py" "$grpc_address"
corpus=example
question="What is the capital of France?"  # the corpus is empty again: it abstains
expect "docs/examples/ask_generated.py" "NO_RELEVANT_CONTENT" "$python" "$examples/ask_generated.py" "$grpc_address" "$corpus" "$question"
expect "docs/examples/ask_sse.sh" "NO_RELEVANT_CONTENT" "$examples/ask_sse.sh" "$http_url" "$corpus" "$question"
