#!/usr/bin/env bash
# Daemons in network namespaces write in a group while they are killed, paused and cut off; then all must know the same.
#
#   scripts/lab.sh [--minutes 10] [--seed S] [--nodes 5] [--rate 2] [--log FILTER] [--keep] [--hostile [reader] | --devices [3]
#                  | --keepers [--hostile keeper|depositor]]
#
# Each daemon has a namespace with an address of its own on a bridge. All are members of one group; the founder is a
# contact of all, the others of some. For so many minutes each writes about so many messages per second (and at times
# renames the group), while at random daemons are killed with SIGKILL and started again, stopped and continued, the
# network is split by nftables, in one or both directions, and a fifth of the packets that reach some or all of them is
# dropped. Then all is healed, and within two minutes every acknowledged message must be on every member exactly once,
# all in the same order and each author's in the order of writing; rosters and heads are equal; `covey group doctor`
# finds that all members converged. After the end `covey db verify` finds every database whole. Ends with 0 if all of
# this holds, else with 1.
#
# With --hostile one more member joins, whose daemon is built to break every rule of groups at random
# (node/src/engine/mischief.rs): it writes without the right to, dates back, forks its feeds, spoils frames. The others
# must agree as ever, also on who is a member and in which order they show what it wrote; but it can give the key of what
# it writes to some of them only, so some may show more of it. With --hostile reader it may not write at all, and nobody
# shows a word of it.
#
# With --devices [3] there are three accounts with so many devices each, linked to each other, in one group and paired in twos. All devices
# write to the group and to both other accounts, and change what the devices of an account share: names, blocks, what is muted, archived
# or read; on each account some device declines a stranger. The same harm is done, with --rate 0.5. After the healing all devices of an account hold the same
# contacts, consent, names, read marks and groups, and every acknowledged message is on every device of its channel once, in one order.
#
# With --keepers three people are paired in twos, and their mail is kept by two nodes. They write to each other with --rate 0.5; they are also
# away for up to a minute, so that mail is left, and the keepers are killed like everybody. After the healing every acknowledged message is on
# both sides once, in one order; and what one then writes to another who is away is read by that one after its author has gone. With --hostile
# keeper everybody also has a keeper that loses, repeats, reorders and mixes what it keeps, forges receipts and reports wrong totals; with
# --hostile depositor everybody has a contact that floods their keepers with garbage, wrong tokens, frames that are too long and frames that are
# none (node/src/engine/mischief/).
#
# Takes root, iproute2 and nftables (installed with apt if missing); the host's own network stays as it is. The seed is
# printed; the same seed makes the same choices (not the same timing). Logs and data are kept if it fails, or with
# --keep. With --log debug,libp2p=info the daemons say more.
# COVEY=path/to/covey runs that one instead of building this tree, COVEY_HOSTILE=path/to/covey as the hostile one.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
covey=${COVEY:-}
lab=covey-lab-$$ # begins the name of every namespace

hostile=${COVEY_HOSTILE:-}
wanted=
kind=lab
for argument in "$@"; do
    [ "$argument" != --hostile ] || wanted=yes
    [ "$argument" != --devices ] || kind=lab_devices
    [ "$argument" != --keepers ] || kind=lab_keepers
    case $argument in -h | --help) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//p}' "$0"; exit 0 ;; esac
done
[ "$(id -u)" -eq 0 ] || { echo "scripts/lab.sh: takes root, for network namespaces" >&2; exit 1; }
missing=()
command -v ip >/dev/null || missing+=(iproute2)
command -v nft >/dev/null || missing+=(nftables)
[ "${#missing[@]}" -eq 0 ] || apt-get install --yes --quiet "${missing[@]}" >/dev/null

# An operator's own node must not leak into the test.
for name in $(compgen -e | grep '^COVEY_' || true); do unset "$name"; done
built=${CARGO_TARGET_DIR:-$root/target}/debug
if [ -n "$wanted" ] && [ -z "$hostile" ]; then
    (cd "$root" && cargo build --locked --quiet --features covey-node/hostile)
    hostile=$built/covey-hostile
    cp "$built/covey" "$hostile"
fi
if [ -z "$covey" ]; then
    (cd "$root" && cargo build --locked --quiet)
    covey=$built/covey
fi
covey=$(realpath -e "$covey")
if [ -n "$wanted" ]; then
    LAB_HOSTILE=$(realpath -e "$hostile")
    export LAB_HOSTILE
fi

driver=
finish() {
    trap - EXIT
    trap '' INT TERM
    if [ -n "$driver" ] && kill -TERM "$driver" 2>/dev/null; then wait "$driver" || true; fi
    # What the driver did not end itself, if somebody killed it.
    local namespace pids
    for namespace in $(ip netns list | awk -v lab="$lab-" 'index($1, lab) == 1 { print $1 }'); do
        pids=$(ip netns pids "$namespace")
        # shellcheck disable=SC2086 # several numbers
        [ -z "$pids" ] || kill -KILL $pids 2>/dev/null || true
        ip netns delete "$namespace" || true
    done
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

python3 "$root/scripts/$kind.py" "$covey" "$lab" "$@" &
driver=$!
result=0
wait "$driver" || result=$?
driver=
exit "$result"
