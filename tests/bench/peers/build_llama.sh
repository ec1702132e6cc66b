#!/usr/bin/env bash
# Builds llama.cpp's own measuring programs from the source package of llama-cpp-python, once.
#
# usage: tests/bench/peers/build_llama.sh [--jobs N]      N: compilers at once (default: what memory allows)
#
# $FOOTNOTE_CACHE/peers/llama.cpp-VERSION/bin/{llama-bench,llama-batched-bench,llama-server}: built for this machine's CPU,
# with llama.cpp's defaults (OpenMP, repacking, its llamafile kernels); only what would need the network or TLS is off.
set -euo pipefail
# shellcheck source=tools/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../../../tools/lib.sh"

version=0.3.36
sha256=832db0699007f1be95a7e41ef12e88926b02ba836461e36a36372db2760c1a2e
jobs=$(build_jobs)
while [ $# -gt 0 ]; do
  case $1 in
    --jobs) jobs=${2:?--jobs needs a number}; shift 2 ;;
    -h | --help) sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) die "unknown option $1" "see tests/bench/peers/build_llama.sh --help" ;;
  esac
done

peers=$FOOTNOTE_CACHE/peers
build=$peers/llama.cpp-$version
source_folder=$peers/llama.cpp-$version-source
targets=(llama-bench llama-batched-bench llama-server)
stamp="$version $(sha256_of "${BASH_SOURCE[0]}")"
if [ "$(cat "$build/.built" 2>/dev/null)" = "$stamp" ]; then
  say "llama.cpp of llama-cpp-python $version is built in $build"
  exit 0
fi
command -v cmake >/dev/null && command -v ninja >/dev/null && command -v g++ >/dev/null ||
  die "cmake, ninja or g++ is missing" "run ./tools/install.sh"

if [ ! -e "$source_folder/CMakeLists.txt" ]; then
  download=$peers/download
  mkdir -p "$download"
  archive=$download/llama_cpp_python-$version.tar.gz
  [ -e "$archive" ] || {
    say "downloading the source package of llama-cpp-python $version (77 MB)"
    PIP_SDIST=1 pip_download "$download" "llama-cpp-python==$version"
  }
  [ "$(sha256_of "$archive")" = "$sha256" ] || {
    rm -f "$archive"
    die "llama-cpp-python $version has another SHA-256 than $(basename "$0") says" "run this again; if it stays so, do not use the package"
  }
  rm -rf "$download/unpacked"
  mkdir "$download/unpacked"
  tar -xzf "$archive" -C "$download/unpacked" --strip-components=3 "llama_cpp_python-$version/vendor/llama.cpp"
  mv "$download/unpacked" "$source_folder"
  rm -rf "$download"
fi

say "building ${targets[*]} with $jobs compiler(s); this takes a while (log: $build/build.log)"
mkdir -p "$build"
cmake -S "$source_folder" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DGGML_NATIVE=ON -DBUILD_SHARED_LIBS=OFF \
  -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_APP=OFF \
  -DLLAMA_OPENSSL=OFF -DLLAMA_BUILD_UI=OFF -DLLAMA_USE_PREBUILT_UI=OFF >"$build/configure.log" 2>&1 || {
  tail -n 5 "$build/configure.log" >&2
  die "CMake could not configure llama.cpp" "read $build/configure.log"
}
# The benchmarks first: should the server not compile, most lines can still be measured.
for target in "${targets[@]}"; do
  cmake --build "$build" --target "$target" -j "$jobs" >>"$build/build.log" 2>&1 || {
    grep -m6 -E '(error|FAILED)' "$build/build.log" >&2 || tail -n 6 "$build/build.log" >&2
    die "llama.cpp's $target did not compile" "read $build/build.log"
  }
  say "built $target"
done
echo "$stamp" >"$build/.built"
