#!/usr/bin/env bash
# Writes tests/data/indexes/VERSION: a small index as this version of the code writes it, for tests/retriever/format_test.cc.
#
# usage: tools/make_index_fixture.sh VERSION      e.g. 1
#
# Only for a new version of the format: indexes of earlier ones stay as they were written.
set -euo pipefail
# shellcheck source=tools/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

version=${1:?usage: tools/make_index_fixture.sh VERSION}
folder=$FOOTNOTE_ROOT/tests/data/indexes/$version
[ ! -e "$folder" ] || die "$folder is there already" "indexes of earlier versions are never written anew; choose the next number"
mkdir -p "$folder"
FOOTNOTE_WRITE_INDEX_FIXTURE=$folder "$FOOTNOTE_ROOT/build/release/tests/retriever_format_test" --gtest_brief=1
du -sh "$folder"
