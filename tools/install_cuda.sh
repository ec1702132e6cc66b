#!/usr/bin/env bash
# Puts the CUDA compiler into $FOOTNOTE_CACHE/deps/cuda, from NVIDIA's packages on the Python package index.
#
# usage: tools/install_cuda.sh
#
# Some 700 MB: nvcc, CCCL (CUB), the runtime, cuBLAS (its header to build, its library to run). No root, no repository of NVIDIA's, nothing outside the cache. The scripts
# put it on PATH when the machine has no nvcc of its own; by hand: PATH=$FOOTNOTE_CACHE/deps/cuda/bin:$PATH.
set -euo pipefail
# shellcheck source=tools/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

version=13.0
deps=$FOOTNOTE_CACHE/deps
target=$deps/cuda-$version
if [ -x "$target/bin/nvcc" ] && [ -e "$target/include/cublasLt.h" ]; then
  ln -sfn "cuda-$version" "$deps/cuda"
  say "CUDA $version: there already ($target)"
  exit 0
fi
say "CUDA $version: fetching the compiler, the runtime and cuBLAS (some 700 MB)"
mkdir -p "$deps"
work=$(mktemp -d "$deps/.cuda.XXXXXX")
trap 'rm -rf "$work"' EXIT
PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore python3 -m pip install --quiet --no-input \
  --target "$work/site" "cuda-toolkit[nvcc,cccl,cudart,cublas]==$version.*" >"$work/log" 2>&1 || {
  tail -n 4 "$work/log" >&2
  die "the CUDA toolkit could not be fetched" \
    "check that the Python package index is reachable, or install the toolkit by other means; --no-cuda builds without it"
}
found=$(find "$work/site/nvidia" -maxdepth 3 -path '*/bin/nvcc' -print -quit)
[ -n "$found" ] || die "the package holds no nvcc" "install the CUDA toolkit by other means, or build with --no-cuda"
found=${found%/bin/nvcc}
# CMake and the linker look for the usual layout: lib64, and unversioned names.
ln -s lib "$found/lib64"
for library in "$found"/lib/*.so.*; do
  plain=${library%%.so.*}.so
  [ -e "$plain" ] || ln -s "$(basename "$library")" "$plain"
done
chmod +x "$found"/bin/* 2>/dev/null || true
rm -rf "$target"
mv "$found" "$target"
ln -sfn "cuda-$version" "$deps/cuda"
say "CUDA $version: in $target"
