#!/bin/sh
# haswell.sh DIR: the kernel tests in DIR on an emulated Haswell, so that nothing newer than AVX2 is used on the AVX2
# path. Exit status 77 (skipped) without qemu-x86_64 (Debian: qemu-user).
set -eu
command -v qemu-x86_64 >/dev/null || { echo "qemu-x86_64 is not installed (Debian: qemu-user)"; exit 77; }
for name in matmul packing attention elementwise rope; do
  echo "$name"
  qemu-x86_64 -cpu Haswell "$1/kernels_${name}_test" --gtest_brief=1 --gtest_filter='*/avx2'
done
