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
  local directory=$1 kind=--only-binary which=:all:
  shift
  if [ -n "${PIP_SDIST:-}" ]; then
    # Of these alone: pip asks a source package for its name and version by building its metadata, and what builds
    # it would be compiled too.
    kind=--no-binary
    which=$(printf '%s,' "${@%%==*}")
  fi
  python3 -m pip --version >/dev/null 2>&1 ||
    die "python3 has no pip" "run ./tools/install.sh, which installs python3-pip"
  local attempt
  for attempt in 1 2 3; do
    if PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore \
      python3 -m pip download --quiet --no-deps "$kind" "${which%,}" --dest "$directory" "$@" \
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

# How many compilers at once: a translation unit with gRPC or RocksDB in it takes up to 1.5 GB.
build_jobs() {
  local cpus memory_jobs
  cpus=$(nproc)
  memory_jobs=$(awk '/^MemAvailable/ {print int($2 / 1572864)}' /proc/meminfo)
  [ "${memory_jobs:-0}" -ge 1 ] || memory_jobs=1
  [ "$memory_jobs" -lt "$cpus" ] && echo "$memory_jobs" || echo "$cpus"
}

# configure PRESET [CMAKE ARGUMENT…]: only when there is no build yet, or what it was configured with (arguments,
# FAISS, CUDA compiler) has changed; ninja itself notices changed CMake files.
configure() {
  local preset=$1 build=$FOOTNOTE_ROOT/build/$1 key
  shift
  cuda_on_path
  key="$* faiss=$(readlink "$FOOTNOTE_CACHE/deps/faiss" 2>/dev/null || echo stock) nvcc=$(command -v nvcc || echo none)"
  if [ -e "$build/build.ninja" ] && [ "$(cat "$build/.configured" 2>/dev/null)" = "$key" ]; then
    return 0
  fi
  mkdir -p "$build"
  say "configuring build/$preset"
  (cd "$FOOTNOTE_ROOT" && cmake --preset "$preset" --fresh "$@") >"$build/configure.log" 2>&1 || {
    grep -A6 -m2 'CMake Error' "$build/configure.log" >&2 || tail -n 5 "$build/configure.log" >&2
    die "CMake could not configure build/$preset" "read $build/configure.log; run ./tools/install.sh if a package is missing"
  }
  echo "$key" >"$build/.configured"
}

# build PRESET [TARGET…]: progress every tenth of the way; the whole output is in build/PRESET/build.log.
build() {
  local preset=$1 build=$FOOTNOTE_ROOT/build/$1
  shift
  (cd "$FOOTNOTE_ROOT" && cmake --build --preset "$preset" -j "$(build_jobs)" ${1:+--target "$@"}) 2>&1 |
    tee "$build/build.log" |
    awk -F'[][/]' '/^\[[0-9]+\/[0-9]+\]/ {
        now = int(10 * $2 / $3)
        if ($3 >= 20 && now > last) { last = now; printf "    %3d%%  (%d of %d)\n", 10 * now, $2, $3; fflush() }
      }' || {
    grep -m12 -E '(error|FAILED|undefined)' "$build/build.log" >&2 || tail -n 12 "$build/build.log" >&2
    die "build/$preset did not compile" "read $build/build.log"
  }
}
