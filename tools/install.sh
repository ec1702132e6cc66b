#!/usr/bin/env bash
# Installs what building and running needs, from Debian's packages. Used by deploy/quickstart.sh and tests/run.sh.
#
# usage: tools/install.sh [--tests] [--cuda|--no-cuda]
#   --tests     also what only tests need: a browser
#   --cuda      also the CUDA toolkit (without options: when a GPU's driver is there and nvcc is not)
#
# Needs root or sudo, once. A second run only asks dpkg whether everything is there.
set -euo pipefail
# shellcheck source=tools/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

cuda=auto
tests=
for argument in "$@"; do
  case $argument in
    --tests) tests=1 ;;
    --cuda) cuda=yes ;;
    --no-cuda) cuda=no ;;
    -h | --help) sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) die "unknown option $argument" "see tools/install.sh --help" ;;
  esac
done

packages=(
  # toolchain
  build-essential cmake ninja-build ccache mold pkg-config clang-format-14 clang-tidy-14
  # tests
  libgtest-dev libgmock-dev libbenchmark-dev
  # retrieval; OpenBLAS before FAISS, whose first alternative is the slow reference BLAS
  libopenblas-dev libfaiss-dev librocksdb-dev
  # the service
  libgrpc++-dev protobuf-compiler protobuf-compiler-grpc libprotobuf-dev libboost1.81-dev libssl-dev
  # text and documents; pdftotext runs as a process of its own
  libicu-dev libstemmer-dev libcld2-dev libmd4c-dev libgumbo-dev libpugixml-dev libarchive-dev libmagic-dev poppler-utils
  # the command line, configuration, JSON, logs
  libcli11-dev libtomlplusplus-dev nlohmann-json3-dev libspdlog-dev prometheus-cpp-dev
  # fetching models and corpora
  ca-certificates curl python3 python3-pip python3-venv unzip xz-utils
)
[ -z "$tests" ] || packages+=(chromium chromium-driver)

# Prints those of "$@" that are not installed.
missing_of() {
  comm -23 <(printf '%s\n' "$@" | sort) \
    <(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "$@" 2>/dev/null | awk '$2 == "installed" {print $1}' | sort)
}

command -v apt-get >/dev/null ||
  die "this is not a Debian system: apt-get is missing" \
    "use Debian 12 (a container will do), or install the packages named in tools/install.sh by your own means and build with CMake"
if ! grep -qs '^VERSION_ID="12"' /etc/os-release || ! grep -qs '^ID=debian' /etc/os-release; then
  warn "this is not Debian 12; package names and versions may differ"
fi

mapfile -t missing < <(missing_of "${packages[@]}")
if [ ${#missing[@]} -eq 0 ]; then
  say "all ${#packages[@]} Debian packages are there"
else
  say "installing ${#missing[@]} Debian packages (a few minutes on a bare machine)"
  apt_update_once
  mkdir -p "$FOOTNOTE_CACHE"
  log=$FOOTNOTE_CACHE/install.log
  install() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
      -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 "${missing[@]}" >"$log" 2>&1
  }
  # Lists that are a few hours old can name packages that have been replaced since.
  install || { as_root apt-get update -qq && install; } || {
    tail -n 8 "$log" >&2
    die "apt-get could not install the packages" "read $log, put right what it names, and run this again"
  }
  mapfile -t missing < <(missing_of "${packages[@]}")
  [ ${#missing[@]} -eq 0 ] || die "still not installed: ${missing[*]}" "read $log"
fi

# A driver without a compiler: the CUDA kernels would be left out of the build. NVIDIA publishes the toolkit
# on the Python package index too, which is reachable where its own repositories are not.
has_gpu() { [ -e /dev/nvidiactl ] || [ -e /proc/driver/nvidia/version ]; }
has_nvcc() { command -v nvcc >/dev/null || [ -x /usr/local/cuda/bin/nvcc ]; }
if [ "$cuda" = yes ] && ! has_nvcc; then
  "$FOOTNOTE_ROOT/tools/install_cuda.sh"
elif [ "$cuda" = auto ] && has_gpu && ! has_nvcc; then
  "$FOOTNOTE_ROOT/tools/install_cuda.sh" || warn "building without CUDA: the GPU will not be used"
fi
