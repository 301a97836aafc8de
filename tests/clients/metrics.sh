#!/usr/bin/env bash
# Has `promtool check metrics` judge what /metrics of a real daemon says, with a token that may read nothing else.
#
#   tests/clients/metrics.sh path/to/covey
set -euo pipefail

covey=$1
dir=$(mktemp -d "${TMPDIR:-/tmp}/covey-metrics.XXXXXX")
pid=
finish() {
    [ -z "$pid" ] || { kill "$pid" 2>/dev/null || true; wait "$pid" 2>/dev/null || true; }
    rm -rf "$dir"
}
trap finish EXIT

"$covey" --data-dir "$dir/data" daemon --no-mdns --no-upnp --rpc-listen 127.0.0.1:0 --listen /ip4/127.0.0.1/tcp/0 \
    >"$dir/out" 2>"$dir/log" &
pid=$!
for _ in $(seq 600); do
    grep -q '^ready ' "$dir/out" && break
    kill -0 "$pid" 2>/dev/null || { cat "$dir/log" >&2; exit 1; }
    sleep 0.1
done

# Something to count.
"$covey" --data-dir "$dir/data" account rename Alice >/dev/null
token=$("$covey" --data-dir "$dir/data" token create prometheus --scope metrics --json | sed -n 's/.*"token": *"\([^"]*\)".*/\1/p')
url=$(sed -n 's/.*"url": *"\([^"]*\)".*/\1/p' "$dir/data/rpc.json")
curl --fail --silent --show-error -H "Authorization: Bearer $token" "$url/metrics" >"$dir/metrics"
promtool check metrics <"$dir/metrics"
printf '%s families of metrics are as Prometheus wants them\n' "$(grep -c '^# TYPE' "$dir/metrics")"
