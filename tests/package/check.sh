#!/usr/bin/env bash
# Installs a build tree into a folder of its own, then configures, builds and runs a program that uses it by find_package.
# usage: check.sh BUILD_DIR SOURCE_DIR_OF_CONSUMER
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cmake --install "$1" --prefix "$scratch/prefix" >"$scratch/log"
cmake -S "$2" -B "$scratch/build" -G Ninja -DCMAKE_PREFIX_PATH="$scratch/prefix" -DCMAKE_BUILD_TYPE=Release >>"$scratch/log" 2>&1 ||
  { tail -n 30 "$scratch/log"; exit 1; }
cmake --build "$scratch/build" >>"$scratch/log" 2>&1 || { tail -n 30 "$scratch/log"; exit 1; }
"$scratch/build/consumer"
