#!/usr/bin/env bash
# Checks of the source text: format, layers, scripts. Seconds; tests/run.sh and CI run it.
#
# usage: tools/check.sh [--fix] [--tidy [FILE…]]
#   --fix    reformat instead of complaining
#   --tidy   also clang-tidy (minutes) over a compile database: build/dev or build/release, whichever is newer
set -euo pipefail
# shellcheck source=tools/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

fix=
tidy=
tidy_files=()
while [ $# -gt 0 ]; do
  case $1 in
    --fix) fix=1 ;;
    --tidy) tidy=1 ;;
    -h | --help) sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 0 ;;
    -*) die "unknown option $1" "see tools/check.sh --help" ;;
    *) tidy_files+=("$1") ;;
  esac
  shift
done
cd "$FOOTNOTE_ROOT"

# sources PATTERN…: tracked files, or, in a tree without .git, what lies in the source folders.
sources() {
  if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
    # Tracked or about to be; a file deleted but not yet staged is no source.
    git ls-files --cached --others --exclude-standard -- "$@" | sort -u | while IFS= read -r file; do
      [ ! -f "$file" ] || printf '%s\n' "$file"
    done
  else
    local pattern names=()
    for pattern in "$@"; do names+=(-o -name "$pattern"); done
    find proto common kernels generator retriever indexer server tests deploy tools docs .ci \
      -type f \( "${names[@]:1}" \) 2>/dev/null | sort
  fi
}

failed=()
check() {
  local title=$1
  shift
  if "$@"; then say "ok: $title"; else failed+=("$title"); fi
}

format() {
  command -v clang-format-14 >/dev/null ||
    die "clang-format-14 is missing" "run ./tools/install.sh (another version formats differently)"
  local mode=(--dry-run -Werror)
  [ -z "$fix" ] || mode=(-i)
  sources '*.h' '*.cc' '*.cu' '*.cuh' | xargs -r -d '\n' -P "$(nproc)" -n 16 clang-format-14 "${mode[@]}" || {
    echo "    run tools/check.sh --fix to reformat" >&2
    return 1
  }
}

layers() { tools/check_layers.py >/dev/null; }

shell_scripts() {
  local file status=0
  while IFS= read -r file; do
    bash -n "$file" || status=1
  done < <(sources '*.sh' | cat - <([ ! -f .ci/run ] || echo .ci/run))
  if command -v shellcheck >/dev/null; then
    sources '*.sh' | xargs -r -d '\n' shellcheck -x -S warning || status=1
  fi
  return $status
}

python_scripts() {
  sources '*.py' | xargs -r -d '\n' python3 -c '
import ast, sys
for name in sys.argv[1:]:
    ast.parse(open(name, encoding="utf-8").read(), name)
'
}

# Weights, corpora and build products stay out of the tree.
no_large_files() {
  local file large
  large=$(sources '*' | while IFS= read -r file; do
    [ "$(stat -c %s "$file")" -le 2000000 ] || echo "$file"
  done)
  [ -z "$large" ] || { echo "    larger than 2 MB, which no source or fixture is: $large" >&2; return 1; }
}

run_tidy() {
  command -v clang-tidy-14 >/dev/null || die "clang-tidy-14 is missing" "run ./tools/install.sh"
  local database
  database=$(ls -t build/dev/compile_commands.json build/release/compile_commands.json 2>/dev/null | head -1)
  [ -n "$database" ] || die "there is no compile database" "run 'cmake --preset dev' first"
  if [ ${#tidy_files[@]} -gt 0 ]; then printf '%s\n' "${tidy_files[@]}"; else sources '*.cc'; fi |
    while IFS= read -r file; do
      # Only what is compiled in this configuration: a file that is not has no flags to parse it with.
      ! grep -qF "\"$FOOTNOTE_ROOT/$file\"" "$database" || printf '%s\n' "$file"
    done |
    xargs -r -d '\n' -P "$(nproc)" -n 1 nice clang-tidy-14 -p "$(dirname "$database")" --quiet \
      --extra-arg=-Wno-unknown-warning-option --extra-arg=-Wno-ignored-optimization-argument
}

check "format (clang-format 14)" format
check "the layer check finds planted violations" tools/check_layers.py --self-test
check "layers (who includes whom)" layers
check "shell scripts parse$(command -v shellcheck >/dev/null && echo ', shellcheck is content')" shell_scripts
check "python scripts parse" python_scripts
check "no large files" no_large_files
[ -z "$tidy" ] || check "clang-tidy" run_tidy

[ ${#failed[@]} -eq 0 ] || {
  # Joined by hand: die takes one sentence.
  list=$(printf '%s; ' "${failed[@]}")
  die "checks failed: ${list%; }" "the messages above name file and line"
}
