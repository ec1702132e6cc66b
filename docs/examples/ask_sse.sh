#!/usr/bin/env bash
# Asks over HTTP and prints the server-sent events as they arrive: passages, verified sentences, the whole answer.
#
# usage: ask_sse.sh URL CORPUS QUESTION      e.g. ask_sse.sh http://127.0.0.1:8080 legal "What must be included in all copies?"
set -euo pipefail
[ $# = 3 ] || { sed -n '2,4s/^# \{0,1\}//p' "$0" >&2; exit 2; }

# JSON by a program that knows how to quote; any other will do.
body=$(python3 -c 'import json, sys; print(json.dumps({"question": sys.argv[1]}))' "$3")
curl --no-buffer --silent --show-error --fail-with-body --max-time 120 \
  -H 'Content-Type: application/json' -H 'Accept: text/event-stream' \
  --data-binary "$body" "$1/api/v1/corpora/$2/ask"
