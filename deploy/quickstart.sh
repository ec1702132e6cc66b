#!/usr/bin/env bash
# From a bare Debian 12 machine to cited answers: installs, builds, fetches models and sample corpora, indexes, asks.
#
# usage: deploy/quickstart.sh [--full] [--serve]
#   --full    index the sample corpora whole (about 7 million tokens) instead of the documented part (under 2)
#   --serve   leave the service and its web page up, on this machine only
#
# Run it again at any time: what is done is not done again. FOOTNOTE_CACHE (default ~/.cache/footnote) holds models, corpora
# and built dependencies, FOOTNOTE_HOME (default ~/.local/share/footnote) the indexes. Nothing else is touched, except by
# apt-get, which needs root or sudo.
set -euo pipefail
# shellcheck source=tools/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../tools/lib.sh"

part=part
serve=
for argument in "$@"; do
  case $argument in
    --full) part=full ;;
    --serve) serve=1 ;;
    -h | --help) sed -n '2,10s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) die "unknown option $argument" "see deploy/quickstart.sh --help" ;;
  esac
done

cd "$FOOTNOTE_ROOT"
footnote=$FOOTNOTE_ROOT/build/release/footnote

step "Installing what building needs"
tools/install.sh
step_done

step "Building FAISS for this machine's CPU"
tools/build_faiss.sh
step_done

step "Building Footnote (build/release)"
configure release
build release footnote
step_done "$footnote"

step "Fetching the models"
tools/fetch_models.sh smollm2 minilm
step_done

step "Fetching the sample corpora"
if [ "$part" = full ]; then tools/fetch_corpora.sh --full; else tools/fetch_corpora.sh; fi
step_done

for corpus in legal medical technical; do
  step "Indexing the $corpus corpus"
  "$footnote" index "$corpus" "$FOOTNOTE_CACHE/corpora/$corpus/$part" --public ||
    die "the $corpus corpus could not be indexed" "the message above names the file; running this again resumes where it stopped"
  step_done
done

ask() {
  local corpus=$1 question=$2
  printf '\n  %s> %s\n\n' "$corpus" "$question"
  "$footnote" ask "$corpus" "$question" | sed 's/^/    /' ||
    die "the question could not be answered" "run '$footnote ask $corpus \"$question\"' to see why"
}

step "Asking"
ask legal "What must I do when I distribute modified files under the Apache License 2.0?"
ask legal "Does the GNU General Public License version 3 come with a warranty?"
ask legal "What must be included in all copies of software under the MIT License?"
ask medical "What is arachnodactyly?"
ask medical "What is bradycardia?"
ask medical "What is syncope?"
ask technical "What does open() return on error?"
ask technical "Which signals cannot be caught, blocked, or ignored?"
ask technical "What does fork() return in the child process?"
# No document answers this one: it says so instead of inventing something.
ask technical "What is the capital of France?"
step_done

# The service is a process of its own that outlives this script; its pid and its log are in FOOTNOTE_HOME.
start_service() {
  local pid_file=$FOOTNOTE_HOME/serve.pid log=$FOOTNOTE_HOME/serve.log pid
  if pid=$(cat "$pid_file" 2>/dev/null) && kill -0 "$pid" 2>/dev/null && grep -q '^ready ' "$log" 2>/dev/null; then
    say "it is up already (pid $pid)"
  else
    setsid nohup "$footnote" serve >/dev/null 2>"$log" </dev/null &
    pid=$!
    echo "$pid" >"$pid_file"
    while ! grep -q '^ready ' "$log"; do
      kill -0 "$pid" 2>/dev/null ||
        die "the service did not start: $(tail -n 1 "$log")" "run '$footnote serve --listen ADDR --http ADDR' with other addresses"
      sleep 0.2
    done
  fi
  http=$(sed -n 's/^ready .* http=//p' "$log")
  grpc=$(sed -n 's/^ready grpc=\([^ ]*\) .*/\1/p' "$log")
}
if [ -n "$serve" ]; then
  step "Starting the service"
  start_service
  step_done "http://$http"
fi

step_table
if [ -n "$serve" ]; then
  cat <<END

Page:     http://$http       (from another machine: ssh -L ${http##*:}:$http THIS-MACHINE)
HTTP:     curl -s http://$http/api/v1/corpora/legal/ask -H 'Content-Type: application/json' -d '{"question":"…"}'
gRPC:     $grpc, with reflection; examples are in docs/examples
Stop it:  kill $(cat "$FOOTNOTE_HOME/serve.pid")        Log: $FOOTNOTE_HOME/serve.log
END
fi
cat <<END

Ask on:   $footnote ask legal "…"        ($footnote serve brings up the web page, gRPC and HTTP)
Search:   $footnote search technical "…"
Your own: $footnote index mine /path/to/documents --public && $footnote ask mine "…"
END
