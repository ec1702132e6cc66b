#!/usr/bin/env bash
# Installs, builds, and runs every test that this machine can run; prints what was skipped and why.
#
# usage: tests/run.sh [--sanitizers] [--long] [--cuda] [--no-sanitizers]
#   (none)           what CI runs: release build, all tests but the slow ones, checks of the source text, and the
#                    rooms that read foreign bytes under the address and undefined-behaviour sanitizers
#   --sanitizers     every test under address+undefined, then under the thread sanitizer (an hour on two cores)
#   --long           also tests labelled slow
#   --cuda           with the CUDA toolkit (fetched if there is no nvcc); without a GPU its kernels are compiled and emulated
#   --no-sanitizers  leave the quick sanitizer part out
#
# Ends with one line: N passed, N failed, N skipped.
set -euo pipefail
# shellcheck source=tools/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../tools/lib.sh"

sanitizers=quick
long=
cuda=
for argument in "$@"; do
  case $argument in
    --sanitizers) sanitizers=all ;;
    --no-sanitizers) sanitizers=none ;;
    --long) long=1 ;;
    --cuda) cuda=1 ;;
    -h | --help) sed -n '2,12s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) die "unknown option $argument" "see tests/run.sh --help" ;;
  esac
done

cd "$FOOTNOTE_ROOT"
reports=$FOOTNOTE_ROOT/build/test-reports
rm -rf "$reports"
mkdir -p "$reports"
left_out=()

# run_tests PRESET [CTEST ARGUMENT…]: failures are counted and told at the end, so that one run shows them all.
run_tests() {
  local preset=$1 log=$reports/$1.log
  shift
  ctest --preset "$preset" -j "$(nproc)" --output-junit "$reports/$preset.xml" "$@" >"$log" 2>&1 || true
  [ -s "$reports/$preset.xml" ] || {
    tail -n 20 "$log" >&2
    die "ctest did not run in build/$preset" "read $log"
  }
  # Each failing test with its output, then ctest's own summary.
  python3 tests/report.py --failures "$reports/$preset.xml" || true
  sed -n -E '/tests passed|^Total Test time/s/^ */    /p' "$log"
}

has_gpu() { command -v nvidia-smi >/dev/null && nvidia-smi -L >/dev/null 2>&1; }

step "Installing what building needs"
tools/install.sh --tests ${cuda:+--cuda}
step_done

step "Building FAISS for this machine's CPU"
tools/build_faiss.sh
step_done

step "Fetching the models and vocabularies that tests read"
mapfile -t model_names < <(tools/fetch_models.sh --list)
tools/fetch_models.sh "${model_names[@]}"
step_done

step "Checking the source text"
tools/check.sh
step_done

step "Building (build/release)"
if [ -n "$cuda" ]; then
  configure release -DFOOTNOTE_CUDA=ON
else
  configure release
fi
build release
step_done

step "Testing (build/release)"
exclude=()
if [ -z "$long" ]; then
  exclude+=(slow)
  left_out+=("tests labelled slow: they run with --long")
fi
# They say themselves why they skip, so that they are listed.
has_gpu || left_out+=("tests labelled gpu, skipped: this machine has no NVIDIA GPU; on one, tools/gpu_check.sh runs them and more")
run_tests release ${exclude[0]:+-LE "^($(IFS='|'; echo "${exclude[*]}"))\$"}
step_done

# Test programs of these rooms (targets are named ROOM_FILE_test).
test_targets() {
  # Sources are globbed: take up files that came since the last configuration.
  ninja -C "build/$1" build.ninja >/dev/null 2>&1
  ninja -C "build/$1" -t targets all | sed -n -E "s/^(($2)_[a-z0-9_]+_test): phony$/\1/p" | sort -u
}

case $sanitizers in
  quick)
    # The rooms that parse what others wrote: weights, tokenizers, documents, stored indexes.
    rooms='common|generator|retriever|indexer'
    step "Building for the address and undefined-behaviour sanitizers (build/asan: $rooms)"
    configure asan
    mapfile -t targets < <(test_targets asan "$rooms" | grep -v -E '_(model|slow|gpu)_test$')
    [ ${#targets[@]} -gt 0 ] || die "no test program was found for $rooms" "read build/asan/configure.log"
    build asan "${targets[@]}"
    step_done
    step "Testing with the address and undefined-behaviour sanitizers"
    run_tests asan -L "^($rooms)\$" -LE '^(model|slow|gpu|grpc)$'
    step_done
    left_out+=("other rooms and the thread sanitizer: they run with --sanitizers")
    ;;
  all)
    for preset in asan tsan; do
      step "Building every test with sanitizers (build/$preset)"
      configure "$preset"
      build "$preset"
      step_done
      step "Testing with sanitizers (build/$preset)"
      if [ "$preset" = tsan ]; then
        # gRPC's own threads give hundreds of reports on correct programs: the answering service is tested without it.
        run_tests tsan -LE '^(grpc|slow|gpu)$'
      else
        run_tests asan -LE '^(slow|gpu)$'
      fi
      step_done
    done
    ;;
  none) left_out+=("the sanitizer part: --no-sanitizers was given") ;;
esac

step_table
if [ ${#left_out[@]} -gt 0 ]; then
  printf '\nLeft out:\n'
  printf '  %s\n' "${left_out[@]}"
fi
python3 tests/report.py "$reports"/*.xml
