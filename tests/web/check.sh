#!/usr/bin/env bash
# Drives the page in headless Chromium: the page of a running server, or, without one, the page before a stand-in that
# fails on demand.
#
# usage: tests/web/check.sh BASE_URL [PAGE_TEST ARGUMENT…]    for example http://127.0.0.1:8080
#        tests/web/check.sh --faults [PAGE_TEST ARGUMENT…]
#
# Exit status: 0 passed, 1 failed, 77 skipped (Chromium is not installed).
set -euo pipefail
# shellcheck source=tools/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../../tools/lib.sh"

case ${1:-} in
  -h | --help) sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 0 ;;
  --faults) where=(--faults) ;;
  http://* | https://*) where=(--url "$1") ;;
  *) die "the address of a running server is missing" "give it, as in: tests/web/check.sh http://127.0.0.1:8080" ;;
esac
shift

if ! command -v chromium >/dev/null || ! command -v chromedriver >/dev/null; then
  echo "skipped: chromium and chromedriver are not installed (apt-get install chromium chromium-driver)"
  exit 77
fi

# One environment for each list of requirements: a changed list never meets old packages.
requirements=$FOOTNOTE_ROOT/tests/web/requirements.txt
venv=$FOOTNOTE_CACHE/venvs/web/$(sha256_of "$requirements" | cut -c1-16)
if [ ! -e "$venv/.ready" ]; then
  rm -rf "$venv"
  python3 -m venv "$venv" || die "python3 could not make a virtual environment" "install python3-venv (tools/install.sh does)"
  PIP_DISABLE_PIP_VERSION_CHECK=1 "$venv/bin/pip" install --quiet --requirement "$requirements" ||
    die "pip could not install $requirements" "check that the Python package index is reachable, then run this again"
  touch "$venv/.ready"
fi
exec "$venv/bin/python" "$FOOTNOTE_ROOT/tests/web/page_test.py" "${where[@]}" "$@"
