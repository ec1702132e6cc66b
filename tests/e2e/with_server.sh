#!/usr/bin/env bash
# Runs a command beside a `footnote serve` of its own: empty home, ports that it picks, taken down at the end.
#
# usage: tests/e2e/with_server.sh FOOTNOTE COMMAND [ARGUMENT…]
#   {grpc} and {http} in an argument become the server's addresses: 127.0.0.1:PORT
#
# Ends with the command's status; 1 when the server did not start, or did not end well on SIGTERM.
set -euo pipefail
[ $# -ge 2 ] || { sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2; }
footnote=$1
shift
home=$(mktemp -d)
log=$home/serve.log
server=
finish() {
  [ -z "$server" ] || kill -KILL "$server" 2>/dev/null || true
  rm -rf "$home"
}
trap finish EXIT

FOOTNOTE_HOME=$home "$footnote" serve --listen 127.0.0.1:0 --http 127.0.0.1:0 >/dev/null 2>"$log" &
server=$!
for _ in $(seq 600); do
  grep -q '^ready ' "$log" && break
  kill -0 "$server" 2>/dev/null || break
  sleep 0.1
done
grep -q '^ready ' "$log" || { echo "the server did not start:" >&2; cat "$log" >&2; exit 1; }
grpc=$(sed -n 's/^ready grpc=\([^ ]*\) .*/\1/p' "$log")
http=$(sed -n 's/^ready .* http=\([^ ]*\)$/\1/p' "$log")

arguments=()
for argument in "$@"; do
  argument=${argument//'{grpc}'/$grpc}
  arguments+=("${argument//'{http}'/$http}")
done
status=0
"${arguments[@]}" || status=$?

kill -TERM "$server" 2>/dev/null || { echo "the server ended during the test:" >&2; cat "$log" >&2; exit 1; }
ended=0
wait "$server" || ended=$?
server=
[ "$ended" = 0 ] || { echo "the server ended with status $ended after SIGTERM:" >&2; cat "$log" >&2; exit 1; }
exit "$status"
