#!/usr/bin/env bash
# Builds Debian's FAISS source package for this machine's CPU into $FOOTNOTE_CACHE/deps/faiss-<version>-<cpu level>.
#
# usage: tools/build_faiss.sh [--level x86-64-v3|x86-64-v4] [--force]
#
# Debian compiles libfaiss for plain SSE2. The same sources with AVX2 or AVX-512 search several times
# faster. The result (static library, headers, CMake package) is what CMakeLists.txt prefers:
# $FOOTNOTE_CACHE/deps/faiss points to it. If anything here fails, the stock package is used and a
# warning says so; the exit status is 0 then, because the build works all the same.
#
# A build machine's packages for *other* machines must link the stock library: -DFOOTNOTE_FAISS_ROOT=/usr.
set -euo pipefail
# shellcheck source=tools/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

level=
force=
while [ $# -gt 0 ]; do
  case $1 in
    --level) level=${2:?--level needs a value}; shift ;;
    --force) force=1 ;;
    -h | --help) sed -n '2,12s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) die "unknown option $1" "see tools/build_faiss.sh --help" ;;
  esac
  shift
done

deps=$FOOTNOTE_CACHE/deps

# The highest x86-64 level whose every feature this CPU reports. Levels rather than -march=native: they
# name the result, so that a cache shared by several machines holds one build per level.
cpu_level() {
  [ "$(uname -m)" = x86_64 ] || return 0
  local flags
  flags=" $(grep -m1 '^flags' /proc/cpuinfo | cut -d: -f2) "
  has() { local f; for f in "$@"; do [[ $flags == *" $f "* ]] || return 1; done; }
  has avx2 bmi1 bmi2 f16c fma movbe abm || return 0
  if has avx512f avx512bw avx512cd avx512dq avx512vl; then echo x86-64-v4; else echo x86-64-v3; fi
}

stock() {
  warn "$1; the stock libfaiss (plain SSE2, several times slower to search) is used"
  rm -f "$deps/faiss"
  exit 0
}

[ -n "$level" ] || level=$(cpu_level)
if [ -z "$level" ]; then
  say "FAISS: this CPU has no AVX2 (or is not x86-64); Debian's own build fits it"
  rm -f "$deps/faiss"
  exit 0
fi

version=$(dpkg-query -W -f '${source:Version}' libfaiss-dev 2>/dev/null) ||
  die "libfaiss-dev is not installed" "run ./tools/install.sh"
# Raise when the flags below change: it makes older builds in caches unused.
recipe=1
name=faiss-$version-$level-r$recipe
target=$deps/$name
mkdir -p "$deps"

point_to_target() {
  ln -sfn "$name" "$deps/.faiss.new" && mv -T "$deps/.faiss.new" "$deps/faiss"
}

if [ -z "$force" ] && [ -e "$target/lib/libfaiss.a" ]; then
  point_to_target
  say "FAISS $version for $level: built already ($target)"
  exit 0
fi

work=$(mktemp -d "$deps/.faiss-build.XXXXXX")
trap 'rm -rf "$work"' EXIT
log=$work/log

# A private apt root: the machine's own `deb` entries with `deb-src` in their place, so that no host
# name is written down here and the machine's configuration is left alone. Signatures are checked as usual.
mkdir -p "$work"/apt/{parts,lists/partial,cache/archives/partial}
for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
  [ ! -s "$file" ] || sed -n 's/^[[:space:]]*deb[[:space:]]/deb-src /p' "$file" >"$work/apt/parts/$(basename "$file" .list).list"
done
for file in /etc/apt/sources.list.d/*.sources; do
  [ ! -s "$file" ] || sed -E 's/^Types:.*/Types: deb-src/I; s/^Enabled:.*//I' "$file" >"$work/apt/parts/$(basename "$file")"
done
find "$work/apt/parts" -empty -type f -delete
private=(-o "Dir::Etc::SourceList=/dev/null" -o "Dir::Etc::SourceParts=$work/apt/parts"
  -o "Dir::State::Lists=$work/apt/lists" -o "Dir::Cache=$work/apt/cache" -o "APT::Sandbox::User="
  -o "Acquire::Languages=none" -o "Acquire::Retries=3")

say "FAISS $version for $level: fetching the source package"
# Third-party repositories without sources make `update` complain: what counts is whether `source` works.
apt-get "${private[@]}" -qq update >"$log" 2>&1 || true
(cd "$work" && apt-get "${private[@]}" -qq source --download-only "faiss=$version" >>"$log" 2>&1) || {
  tail -n 3 "$log" >&2
  stock "FAISS's source package could not be fetched"
}
(cd "$work" && dpkg-source --no-check -x faiss_*.dsc source >>"$log" 2>&1) || {
  tail -n 3 "$log" >&2
  stock "FAISS's source package could not be unpacked"
}

say "FAISS $version for $level: compiling (about a minute on two cores)"
launcher=()
! command -v ccache >/dev/null || launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
# FAISS itself chooses code paths by __AVX2__ and lets the compiler vectorise the rest, so the plain
# target with -march= is what counts. OpenBLAS, not the reference BLAS: training and batch search live on it.
{
  cmake -S "$work/source" -B "$work/build" -G Ninja \
    -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX="$target" -DCMAKE_INSTALL_LIBDIR=lib \
    -DCMAKE_CXX_FLAGS="-march=$level -mtune=native" -DCMAKE_CXX_FLAGS_RELEASE="-O3 -DNDEBUG" \
    -DCMAKE_POSITION_INDEPENDENT_CODE=ON \
    -DFAISS_ENABLE_GPU=OFF -DFAISS_ENABLE_PYTHON=OFF -DFAISS_ENABLE_C_API=OFF \
    -DBUILD_TESTING=OFF -DBUILD_SHARED_LIBS=OFF -DFAISS_OPT_LEVEL=generic \
    -DBLA_VENDOR=OpenBLAS "${launcher[@]}" &&
    cmake --build "$work/build" --target faiss -j"$(nproc)" &&
    DESTDIR="$work/stage" cmake --install "$work/build"
} >>"$log" 2>&1 || {
  grep -m3 -iE 'error' "$log" >&2 || tail -n 3 "$log" >&2
  cp "$log" "$deps/faiss-build.log"
  stock "FAISS did not compile (log: $deps/faiss-build.log)"
}
rm -rf "$target"
mv "$work/stage$target" "$target"
point_to_target
say "FAISS $version for $level: built ($target)"
