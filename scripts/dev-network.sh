#!/usr/bin/env bash
# Some nodes that know each other, on this machine and in this terminal, until Ctrl-C.
#
#   scripts/dev-network.sh       three nodes
#   scripts/dev-network.sh N     so many; the first one is where the others join
#
# Each has a directory of its own below a temporary one, which is removed at the end. The nodes listen on loopback
# only and announce themselves to nobody. COVEY=path/to/covey runs that one instead of building this tree.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
covey=${COVEY:-}
count=${1:-3}
most=50
patience=60 # seconds for a node to start, on a busy machine

case $count in
    -h | --help) sed -n '2,/^set /{s/^# \{0,1\}//p}' "$0"; exit 0 ;;
    '' | *[!0-9]*) printf 'usage: scripts/dev-network.sh [NUMBER OF NODES]\n' >&2; exit 2 ;;
esac
if [ "$count" -lt 1 ] || [ "$count" -gt "$most" ]; then
    printf 'scripts/dev-network.sh: 1 to %s nodes\n' "$most" >&2
    exit 2
fi

# The settings of your own node are not for these.
for name in $(compgen -e | grep '^COVEY_' || true); do unset "$name"; done

if [ -z "$covey" ]; then
    (cd "$root" && cargo build --locked --quiet)
    covey=${CARGO_TARGET_DIR:-$root/target}/debug/covey
fi
covey=$(cd "$(dirname "$covey")" && pwd)/$(basename "$covey")

dir=$(mktemp -d "${TMPDIR:-/tmp}/covey-network.XXXXXX")
pids=()

finish() {
    trap - EXIT
    trap '' INT TERM
    printf 'stopping…\n'
    if [ "${#pids[@]}" -gt 0 ]; then
        kill "${pids[@]}" 2>/dev/null || true
        # Whoever has not ended by then never will.
        (sleep 15; kill -KILL "${pids[@]}" 2>/dev/null || true) &
        local watchdog=$!
        wait "${pids[@]}" 2>/dev/null || true
        kill -- "-$watchdog" 2>/dev/null || true
    fi
    rm -rf "$dir"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# A process group for each node: Ctrl-C is for this script, which then asks the nodes to end.
set -m

# start NAME [FLAG...]: runs a node and waits until it can be used.
start() {
    local name=$1 began=$SECONDS pid
    shift
    "$covey" daemon --data-dir "$dir/$name" --rpc-listen 127.0.0.1:0 --no-mdns --no-upnp \
        --listen /ip4/127.0.0.1/tcp/0 --listen /ip4/127.0.0.1/udp/0/quic-v1 "$@" \
        </dev/null > >(trap '' INT TERM; exec sed -u "s/^/[$name] /") 2>&1 &
    pid=$!
    pids+=("$pid")
    until "$covey" --data-dir "$dir/$name" status >/dev/null 2>&1; do
        if ! kill -0 "$pid" 2>/dev/null || [ $((SECONDS - began)) -ge "$patience" ]; then
            printf 'scripts/dev-network.sh: %s does not start\n' "$name" >&2
            exit 1
        fi
        sleep 0.1
    done
}

start node1
bootstrap=$("$covey" --data-dir "$dir/node1" --quiet account show | awk '$1 == "address" { print $2; exit }')
for number in $(seq 2 "$count"); do start "node$number" --bootstrap "$bootstrap"; done

printf '\n%s nodes are up. Talk to them with:\n' "$count"
for number in $(seq 1 "$count"); do
    account=$("$covey" --data-dir "$dir/node$number" --quiet account show | awk '$1 == "account" { print $2 }')
    printf '  %s --data-dir %s   # %s\n' "$covey" "$dir/node$number" "$account"
done
printf 'For example: … pair invite %s\nCtrl-C stops them and removes %s.\n\n' "$account" "$dir"

# Until Ctrl-C, or until somebody stopped them all.
wait
