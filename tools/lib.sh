# shellcheck shell=bash
# What every script here shares: where things are, how progress is printed, how a failure is told.
# Sourced, never run. The caller has `set -euo pipefail`.

FOOTNOTE_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
: "${FOOTNOTE_CACHE:=$HOME/.cache/footnote}"
: "${FOOTNOTE_HOME:=$HOME/.local/share/footnote}"
export FOOTNOTE_ROOT FOOTNOTE_CACHE FOOTNOTE_HOME

say() { printf '    %s\n' "$*"; }
warn() { printf '    warning: %s\n' "$*" >&2; }

# die WHAT REMEDY: the last thing a failing script prints is what to do about it.
die() {
  printf '\nfailed: %s\n' "$1" >&2
  [ $# -lt 2 ] || printf 'what to do: %s\n' "$2" >&2
  exit 1
}

# as_root COMMAND…: with sudo only when we are not root, so that containers need no sudo.
as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    die "'$1' needs root, and sudo is not installed" "run this script as root, or install sudo"
  fi
}

sha256_of() { sha256sum "$1" | cut -d' ' -f1; }

# Steps: `step TITLE` prints a numbered line, `step_done` its seconds; `step_table` prints them all.
step_number=0
step_title=
step_start=0
step_table_rows=()
step() {
  step_number=$((step_number + 1))
  step_title=$1
  step_start=$(date +%s%N)
  printf '\n[%d] %s\n' "$step_number" "$1"
}
step_done() {
  local ms=$((($(date +%s%N) - step_start) / 1000000))
  local seconds
  seconds=$(printf '%d.%01d' $((ms / 1000)) $((ms % 1000 / 100)))
  step_table_rows+=("$(printf '%8s s  %s' "$seconds" "$step_title")")
  say "done in $seconds s${1:+: $1}"
}
step_table() {
  printf '\nTime by step:\n'
  printf '%s\n' "${step_table_rows[@]}"
}

# pip_download DIRECTORY REQUIREMENT…: wheels (or sdists, with PIP_SDIST=1) as they are on the
# registry, never installed, never imported.
pip_download() {
  local directory=$1 kind=--only-binary
  shift
  [ -z "${PIP_SDIST:-}" ] || kind=--no-binary
  python3 -m pip --version >/dev/null 2>&1 ||
    die "python3 has no pip" "run ./tools/install.sh, which installs python3-pip"
  local attempt
  for attempt in 1 2 3; do
    if PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore \
      python3 -m pip download --quiet --no-deps "$kind" :all: --dest "$directory" "$@" \
      2>"$directory/.pip.log"; then
      rm -f "$directory/.pip.log"
      return 0
    fi
    [ "$attempt" = 3 ] || sleep "$((attempt * 2))"
  done
  tail -n 5 "$directory/.pip.log" >&2
  die "pip could not download: $*" \
    "check that the Python package index is reachable (pip's own settings apply), then run this again; what was fetched is kept"
}

# apt_update_once: package lists, refreshed when there are none or they are older than a day.
apt_update_once() {
  if [ -z "$(find /var/lib/apt/lists -maxdepth 1 -name '*_Packages*' -mtime -1 -print -quit 2>/dev/null)" ]; then
    as_root apt-get update -qq ||
      die "apt-get update failed" "check /etc/apt/sources.list* and the network, then run this again"
  fi
}

# cuda_on_path: an nvcc that is installed but not on PATH, or the one that tools/install_cuda.sh fetched.
cuda_on_path() {
  local folder
  command -v nvcc >/dev/null && return 0
  for folder in /usr/local/cuda/bin "$FOOTNOTE_CACHE/deps/cuda/bin"; do
    if [ -x "$folder/nvcc" ]; then
      PATH=$folder:$PATH
      return 0
    fi
  done
}
