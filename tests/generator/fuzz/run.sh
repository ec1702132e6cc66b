#!/usr/bin/env bash
# Fuzzes the readers of model files (libFuzzer, AddressSanitizer, UBSan), each target on its own, and prints a line for each.
# Stops at the first finding; the input is kept in WORK/TARGET.
#
# usage: tests/generator/fuzz/run.sh [SECONDS=300] [TARGET...]
#
# A target runs on beyond SECONDS while it reaches new code (edges: libFuzzer's "cov"), until two minutes (or SECONDS, if that is
# less) brought none, or four times SECONDS are over. WORK (build/fuzz/work) keeps what was found, so that the next run goes on from there. JOBS (1) is
# how many run at a time. Needs clang with its runtime libraries.
set -euo pipefail
# shellcheck source=tools/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../../../tools/lib.sh"
case ${1:-} in -h | --help) sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 0 ;; esac
seconds=${1:-300}
shift || true
build=$FOOTNOTE_ROOT/build/fuzz
: "${WORK:=$build/work}" "${JOBS:=1}"
command -v clang++ >/dev/null || die "there is no clang++" "apt-get install clang libclang-rt-14-dev"
if [ ! -f "$build/build.ninja" ]; then
  cmake -S "$FOOTNOTE_ROOT" -B "$build" -G Ninja -DCMAKE_C_COMPILER=clang -DCMAKE_CXX_COMPILER=clang++ -DCMAKE_BUILD_TYPE=RelWithDebInfo \
    "-DCMAKE_CXX_FLAGS_RELWITHDEBINFO=-O1 -g1" -DFOOTNOTE_FUZZ=ON -DFOOTNOTE_SANITIZE=address,undefined -DFOOTNOTE_CUDA=OFF -DFOOTNOTE_ENGINE_ONLY=ON >&2
fi
targets=("$@")
if [ ${#targets[@]} -eq 0 ]; then
  for file in "$FOOTNOTE_ROOT"/tests/generator/fuzz/*_fuzz.cc; do targets+=("$(basename "$file" .cc)"); done
fi
ninja -C "$build" "${targets[@]}" >&2
python3 "$FOOTNOTE_ROOT/tests/generator/fuzz/seeds.py" "$WORK/seeds"

# Edges reached so far, as the target's log in this folder says.
covered() { { grep -o 'cov: [0-9]*' log 2>/dev/null || true; } | sed -n '$s/cov: //p'; }

one() {
  local target=$1 folder=$WORK/$1 started=$SECONDS quiet=$((seconds < 120 ? seconds : 120)) ran before after
  local words=$FOOTNOTE_ROOT/tests/generator/fuzz/${target%_fuzz}.dict options=()
  [ -f "$words" ] && options+=("-dict=$words")
  mkdir -p "$folder/found"
  cd "$folder"
  while true; do
    before=$(covered)
    ran=$((SECONDS - started))
    # The first piece takes what is asked for but the quiet time, the later ones the quiet time each.
    local piece=$((ran == 0 && seconds > quiet ? seconds - quiet : quiet))
    if ! "$build/tests/$target" -max_total_time=$piece -timeout=20 -rss_limit_mb=2048 -malloc_limit_mb=512 -max_len=120000 -reload=0 \
      -artifact_prefix="$folder/" -print_final_stats=1 "${options[@]}" found "$WORK/seeds/$target" >>log 2>&1; then
      echo "$target FAILED: see $folder"
      return 1
    fi
    after=$(covered)
    ran=$((SECONDS - started))
    if [ $ran -ge "$seconds" ] && { [ "$after" = "$before" ] || [ $ran -ge $((4 * seconds)) ]; }; then break; fi
  done
  echo "$target: ${ran} s, $(sed -n 's/^stat::number_of_executed_units: *//p' log | awk '{n += $1} END {print n}') inputs, $after edges," \
    "$([ "$after" = "$before" ] && echo "none new in the last $quiet s" || echo "$((after - ${before:-0})) new in the last $quiet s")"
}
export -f one covered
export WORK build seconds FOOTNOTE_ROOT
# shellcheck disable=SC2016  # the variable is that of the shells that xargs starts
printf '%s\n' "${targets[@]}" | xargs -P "$JOBS" -I{} bash -c 'one {} || exit 255'
