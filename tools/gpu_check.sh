#!/usr/bin/env bash
# Builds, checks and times everything that runs on a GPU, on a machine that has one and little else.
#
# usage: tools/gpu_check.sh [--only STEP,…] [--build FOLDER] [--out FOLDER] [--scratch FOLDER] [--deps FOLDER]
#                           [--models FOLDER] [--arch NN] [--jobs N]
#        tools/gpu_check.sh --pack-deps FOLDER
#   --only        of build, tests, compare, bench, sanitizers (run in this order; default: all)
#   --build       where to build the engine alone (default: build/gpu-check)
#   --out         where table.md, table.json and gpu_check.log go (default: BUILD/gpu_check)
#   --scratch     where models with random weights are made: 24 GB (default: BUILD/gpu_check/models; a memory file
#                 system such as /dev/shm is fastest)
#   --deps        a prefix that holds nlohmann-json, CLI11 and GoogleTest, where they are not installed
#   --models      a folder as tools/fetch_models.sh fills it (default: $FOOTNOTE_CACHE/models), for the real models
#   --arch        compute capability without the dot (default: the first GPU's)
#   --jobs        compilers at once (default: by CPUs and memory)
#   --pack-deps   on a Debian that has the packages: copies what --deps wants into FOLDER (10 MB) and ends
#
# Each step has a time limit (below, in seconds; from the environment too). A failed step is named at the end, with
# exit status 1, after the others have run. Needs: nvcc 12.4 or newer, CMake 3.25, ninja, g++ 11 or newer, python3.
set -euo pipefail
# shellcheck source=tools/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

: "${GPU_CHECK_BUILD_S:=540}" "${GPU_CHECK_TESTS_S:=240}" "${GPU_CHECK_COMPARE_S:=120}" "${GPU_CHECK_BENCH_S:=90}"
: "${GPU_CHECK_SANITIZERS_S:=90}"                    # of each test under each tool
: "${GPU_CHECK_SANITIZERS_FILTER:=*:-Bandwidth*:*AtSize*:*AtEveryBatchSize*:*TakeShortAndLongRows*}"  # of gtest

all_steps=(build tests compare bench sanitizers)
steps=("${all_steps[@]}")
build=$FOOTNOTE_ROOT/build/gpu-check
out=
scratch=
deps=
models=$FOOTNOTE_CACHE/models
arch=
jobs=
debian_packages=(nlohmann-json3-dev libcli11-dev libgtest-dev libgmock-dev)

# pack_deps FOLDER: the files of those packages, as a prefix.
pack_deps() {
  local folder=$1 file
  mkdir -p "$folder"
  dpkg -L "${debian_packages[@]}" 2>/dev/null | while IFS= read -r file; do
    case $file in
      /usr/include/* | /usr/lib/* | /usr/share/cmake/*)
        [ ! -f "$file" ] || { mkdir -p "$folder/$(dirname "${file#/usr/}")" && cp -L "$file" "$folder/${file#/usr/}"; } ;;
    esac
  done
  [ -e "$folder/include/CLI/CLI.hpp" ] && [ -e "$folder/include/gmock/gmock.h" ] &&
    [ -e "$folder/include/nlohmann/json.hpp" ] ||
    die "the packages are not all installed here" "apt-get install ${debian_packages[*]}"
  say "$folder holds $(du -sh "$folder" | cut -f1): give it as --deps"
}

value() { [ $# -ge 2 ] || die "$1 wants a value" "see tools/gpu_check.sh --help"; printf '%s\n' "$2"; }
absolute() { mkdir -p "$1" && (cd "$1" && pwd); }
while [ $# -gt 0 ]; do
  case $1 in
    --only) IFS=, read -r -a steps <<<"$(value "$@")" ;;
    --build) build=$(value "$@") ;;
    --out) out=$(value "$@") ;;
    --scratch) scratch=$(value "$@") ;;
    --deps) deps=$(value "$@") ;;
    --models) models=$(value "$@") ;;
    --arch) arch=$(value "$@") ;;
    --jobs) jobs=$(value "$@") ;;
    --pack-deps) pack_deps "$(value "$@")"; exit 0 ;;
    -h | --help) sed -n '2,20s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) die "unknown option $1" "see tools/gpu_check.sh --help" ;;
  esac
  shift 2
done
wanted() { [[ " ${steps[*]} " == *" $1 "* ]]; }
for step in "${steps[@]}"; do
  [[ " ${all_steps[*]} " == *" $step "* ]] || die "there is no step '$step'" "choose among: ${all_steps[*]}"
done
build=$(absolute "$build")
work=$(absolute "$build/gpu_check")
out=$(absolute "${out:-$work}")
scratch=$(absolute "${scratch:-$work/models}")
[ -z "$deps" ] || { [ -d "$deps" ] || die "$deps is no folder" "give one that --pack-deps made"; deps=$(absolute "$deps"); }
log=$out/gpu_check.log
footnote=$build/footnote
: >"$log"
# FOOTNOTE_CACHE/models is where tests look.
[ "$models" = "$FOOTNOTE_CACHE/models" ] || FOOTNOTE_CACHE=$(cd "$models/.." && pwd)

# run SECONDS COMMAND…: into the log, with what it was.
run() {
  local seconds=$1 status=0
  shift
  printf '\n$ %s\n' "$*" >>"$log"
  timeout --kill-after=10 "$seconds" "$@" >>"$log" 2>&1 || status=$?
  [ "$status" = 0 ] || printf '(exit status %s%s)\n' "$status" \
    "$([ "$status" != 124 ] || echo ", stopped after $seconds s")" >>"$log"
  return "$status"
}

# --- what the machine has ---
gpu_name=
find_gpu() {
  command -v nvidia-smi >/dev/null || { echo "nvidia-smi is missing: no NVIDIA driver"; return 1; }
  local line
  line=$(timeout 60 nvidia-smi --query-gpu=name,compute_cap,driver_version,memory.total --format=csv,noheader 2>&1 |
    head -1) || { echo "nvidia-smi sees no GPU: $line"; return 1; }
  [[ $line == *,*,*,* ]] || { echo "nvidia-smi sees no GPU: $line"; return 1; }
  gpu_name=$line
  [ -n "$arch" ] || arch=$(cut -d, -f2 <<<"$line" | tr -d ' .')
}

check_machine() {
  local missing=() needs=() header package
  command -v cmake >/dev/null || missing+=("cmake (3.25 or newer)")
  command -v ninja >/dev/null || missing+=("ninja")
  command -v g++ >/dev/null || missing+=("g++")
  command -v python3 >/dev/null || missing+=("python3")
  cuda_on_path
  command -v nvcc >/dev/null || missing+=("nvcc (put the CUDA toolkit's bin folder on PATH)")
  if command -v g++ >/dev/null; then
    while read -r header package; do
      echo "#include <$header>" | g++ -x c++ -std=c++20 -fsyntax-only ${deps:+-I "$deps/include"} - 2>/dev/null ||
        needs+=("$package")
    done <<'HEADERS'
nlohmann/json.hpp nlohmann-json3-dev
CLI/CLI.hpp libcli11-dev
gtest/gtest.h libgtest-dev
gmock/gmock.h libgmock-dev
HEADERS
  fi
  [ ${#missing[@]} -eq 0 ] || die "missing: $(printf '%s; ' "${missing[@]}")" "install them and run this again"
  [ ${#needs[@]} -eq 0 ] || die "missing packages: ${needs[*]}" \
    "apt-get install ${needs[*]}, or give a folder that 'tools/gpu_check.sh --pack-deps' made elsewhere as --deps"
  say "$(cmake --version | head -1); g++ $(g++ -dumpfullversion); nvcc $(nvcc --version | sed -n 's/.*release \([0-9.]*\).*/\1/p')"
}

# --- the steps; each prints what it found and returns non-zero when it failed ---
targets() { ninja -C "$build" -t targets all | sed -n -E "s/^($1): phony$/\1/p" | sort -u; }

step_build() {
  local programs
  run 120 cmake -S "$FOOTNOTE_ROOT" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DFOOTNOTE_ENGINE_ONLY=ON \
    -DFOOTNOTE_CUDA=ON -DCMAKE_CUDA_ARCHITECTURES="$arch" ${deps:+-DCMAKE_PREFIX_PATH="$deps"} ||
    { grep -A6 -m1 'CMake Error' "$log"; return 1; }
  mapfile -t programs < <(targets '(kernels|generator)_[a-z0-9_]*(gpu|cuda|model)[a-z0-9_]*_test')
  run "$GPU_CHECK_BUILD_S" ninja -C "$build" -j "${jobs:-$(build_jobs)}" footnote "${programs[@]}" ||
    { grep -m8 -E '(error|FAILED|undefined)' "$log"; return 1; }
  echo "compute capability $arch, ${#programs[@]} test programs"
}

# ctest SUITE ARGUMENT…: leaves SUITE.xml.
ctest_of() {
  local suite=$1
  shift
  rm -f "$work/$suite.xml"
  FOOTNOTE_CACHE=$FOOTNOTE_CACHE run "$GPU_CHECK_TESTS_S" ctest --test-dir "$build" --output-on-failure --timeout 120 \
    --no-tests=ignore -j 4 --output-junit "$work/$suite.xml" "$@"
}

step_tests() {
  local status=0
  ctest_of gpu_tests -L '^gpu$' || status=1
  ctest_of cuda_tests -R '^kernels\.Cuda' || status=1
  ctest_of model_tests -L '^model$' || status=1
  python3 "$FOOTNOTE_ROOT/tools/gpu_report.py" --tests "$work" || status=1
  return $status
}

# What is compared with the CPU: the tiny models that lie in the repository, and the real ones if they are there.
step_compare() {
  local model name status=0 data=$FOOTNOTE_ROOT/tests/data/models
  rm -f "$work"/compare-*.json
  for model in "$data"/tiny-llama "$data"/tiny-llama-gguf/tiny-llama-q8_0.gguf "$data"/tiny-mistral-swa "$data"/tiny-bert \
    "$models"/smollm2-135m-instruct/*.gguf "$models"/all-minilm-l6-v2; do
    [ -e "$model" ] || { echo "not there: $model"; continue; }
    name=$(basename "$model" .gguf)
    run "$GPU_CHECK_COMPARE_S" python3 "$FOOTNOTE_ROOT/tools/gpu_compare.py" "$footnote" "$model" \
      --out "$work/compare-$name.json" && continue
    status=1
    echo "$name: $(tail -n 3 "$log" | grep -v '^(exit' | tr '\n' ' ')"
    [ -e "$work/compare-$name.json" ] ||
      printf '{"model": "%s", "ok": false, "error": "could not be compared"}\n' "$name" >"$work/compare-$name.json"
  done
  return $status
}

# make_models: those that `bench` reads and that are not there yet. Each appears whole.
make_models() {
  local shape format file
  while read -r shape format; do
    file=$scratch/$shape-$format.gguf
    [ -e "$file" ] || python3 "$FOOTNOTE_ROOT/tools/random_gguf.py" --shape "$shape" --format "$format" --out "$file"
  done <<'MODELS'
minilm F16
1b BF16
8b Q4_K_M
8b BF16
MODELS
}

# bench_line NAME COMMAND…: `footnote bench COMMAND…`, whose JSON goes to bench-NAME.json.
bench_line() {
  local name=$1 file=$work/bench-$1.json
  shift
  rm -f "$file"
  local status=0
  printf '\n$ footnote bench %s\n' "$*" >>"$log"
  timeout --kill-after=10 "$GPU_CHECK_BENCH_S" "$footnote" bench "$@" --device cuda --json >"$file.part" 2>"$work/errors.txt" ||
    status=$?
  cat "$file.part" "$work/errors.txt" >>"$log"
  case $status in
    0) mv "$file.part" "$file" ;;
    124) echo "$name: not finished after $GPU_CHECK_BENCH_S s" ;;
    *) echo "$name: exit status $status: $(head -n 1 "$work/errors.txt")" ;;
  esac
  rm -f "$file.part"
  return "$((status != 0))"
}

step_bench() {
  local status=0 generator=(--repetitions 3 --threads 4)
  local big=$scratch/8b-BF16.gguf quantised=$scratch/8b-Q4_K_M.gguf small=$scratch/1b-BF16.gguf
  if [ -n "$models_pid" ]; then
    wait "$models_pid" || { echo "making models with random weights failed: $(tail -n 1 "$work/models.log")"; status=1; }
    cat "$work/models.log" >>"$log"
  fi
  bench_line minilm embedder "$scratch/minilm-F16.gguf" --repetitions 5 --chunks 16384 --chunk-tokens 128 || status=1
  bench_line decode-1b-bf16 generator "$small" "${generator[@]}" --measure decode --depth 512 --new-tokens 256 || status=1
  bench_line decode-8b-q4 generator "$quantised" "${generator[@]}" --measure decode --depth 512 --new-tokens 128 || status=1
  bench_line decode-8b-bf16 generator "$big" "${generator[@]}" --measure decode --depth 512 --new-tokens 128 || status=1
  bench_line prefill-8b-bf16 generator "$big" "${generator[@]}" --measure prefill --prompt-tokens 4096 || status=1
  bench_line batch64-8b-bf16 generator "$big" "${generator[@]}" --measure decode --sequences 64 --depth 512 --new-tokens 64 ||
    status=1
  # Not in the acceptance list, but the next thing one asks.
  bench_line prefill-8b-q4 generator "$quantised" "${generator[@]}" --measure prefill --prompt-tokens 4096 || status=1
  return $status
}

# sanitize TOOL PROGRAM TEST: one line to stdout when it found something or did not finish.
sanitize() {
  local tool=$1 program=$2 test=$3 name status=0 file
  name=$(basename "$program")
  file=$work/$tool-$(tr -c 'A-Za-z0-9\n' _ <<<"$name-$test").log
  timeout --kill-after=10 "$GPU_CHECK_SANITIZERS_S" compute-sanitizer --tool "$tool" --error-exitcode 86 \
    --print-limit 20 "$program" "--gtest_filter=$test" >"$file" 2>&1 || status=$?
  case $status in
    0) rm -f "$file" ;;
    86) echo "$tool: $test: $(grep -m1 -E 'Invalid|hazard|Error|ERROR SUMMARY' "$file")" ;;
    124) echo "$tool: $test: not finished after $GPU_CHECK_SANITIZERS_S s" ;;
    *) echo "$tool: $test: exit status $status: $(tail -n 1 "$file")" ;;
  esac
  echo "$tool $name:$test $status" >>"$work/sanitizer_results.txt"
  return "$((status != 0 && status != 124))"
}

# A test at a time, many at once: a sanitizer makes them up to a hundred times as slow.
step_sanitizers() {
  local program tool test file status=0
  command -v compute-sanitizer >/dev/null || PATH=$PATH:$(dirname "$(dirname "$(command -v nvcc)")")/compute-sanitizer
  command -v compute-sanitizer >/dev/null || { echo "compute-sanitizer is missing: it comes with a full CUDA toolkit"; return 1; }
  : >"$work/sanitizer_results.txt"
  rm -f "$work"/{memcheck,racecheck}-*.log
  export -f sanitize
  export work GPU_CHECK_SANITIZERS_S
  for program in "$build"/tests/kernels_*_gpu_test; do
    "$program" --gtest_list_tests "--gtest_filter=$GPU_CHECK_SANITIZERS_FILTER" |
      awk '/^[^ ]/ {suite = $1} /^  / {print suite $1}' | while IFS= read -r test; do
        for tool in memcheck racecheck; do echo "$tool $program $test"; done
      done
  done | xargs -P 16 -n 3 bash -c 'sanitize "$0" "$1" "$2"' || status=1
  for file in "$work"/{memcheck,racecheck}-*.log; do
    [ ! -e "$file" ] || { printf '\n%s\n' "$file" && tail -n 40 "$file"; } >>"$log" 2>&1
  done
  return $status
}

# --- the run ---
step "Looking at the machine"
check_machine
if ! find_gpu; then
  [ "${steps[*]}" = build ] || die "there is no GPU to check" "run this on a machine with one; '--only build' builds without"
  : "${arch:=90}"
else
  say "$gpu_name"
fi
step_done

models_pid=
if wanted bench; then
  make_models >"$work/models.log" 2>&1 &
  models_pid=$!
  trap '[ -z "$models_pid" ] || kill "$models_pid" 2>/dev/null || true' EXIT
fi

failed=()
declare -A titles=([build]="Building the engine alone" [tests]="Testing kernels and models"
  [compare]="Comparing models with the CPU" [bench]="Timing" [sanitizers]="memcheck and racecheck")
: >"$work/steps.txt"
for name in "${all_steps[@]}"; do
  wanted "$name" || continue
  step "${titles[$name]}"
  printf '\n== %s\n' "${titles[$name]}" >>"$log"
  # A subshell would lose the models' process, so messages go through a file.
  if "step_$name" >"$work/$name.txt" 2>&1; then result=ok; else result=failed; failed+=("$name"); fi
  sed 's/^/    /' "$work/$name.txt" | tee -a "$log"
  echo "$name $result" >>"$work/steps.txt"
  step_done "$result"
  [ "$name $result" != "build failed" ] || break  # nothing else can run
done

python3 "$FOOTNOTE_ROOT/tools/gpu_report.py" "$work" --gpu "${gpu_name:-none}" --out "$out" || failed+=(report)
step_table
printf '\n%s, table.json and gpu_check.log: %s\n' table.md "$out"
[ ${#failed[@]} -eq 0 ] || die "these steps failed: ${failed[*]}" "read $log"
