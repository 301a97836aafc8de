#!/usr/bin/env bash
# Daemons behind routers of different kinds, in network namespaces: do they find each other, and stay in touch?
#
#   scripts/nat-lab.sh [--whole] [--only TEXT[|TEXT…]] [--seed both|tcp|quic|tcp+quic] [--jobs N] [--strangers N]
#                      [--patience S] [--log FILTER] [--keep]
#
# A router in the middle stands for the internet, 20 ms from everywhere; around it are homes with a router each, and a seed with
# a public address that is a relay. All daemons run with their defaults. --seed says how users know the seed: by TCP,
# by QUIC, by both, or one by TCP and the other by QUIC.
#
# A pair: A invites B by its account id, B accepts, A sends a message; the table shows the seconds from the invite to the
# acknowledgement, and whether messages then went direct or through the seed, as counted in the middle. It has to be
# direct wherever holes can be punched. A change: A and B talk; A is carried to another home (move), gets another address (lease), its
# router gets another public address (redial), reboots (reboot) or forgets its connections (flush), the relay in use
# vanishes (relay), A's network comes long after its start (late), A's machine stands still (sleep). The table shows the
# seconds that the next message takes when the network is whole again. All within 20 seconds.
# verdict: what `covey doctor network` and `covey status` say in each kind of home. idle: what a pair that says nothing costs. crowd: 500
# nodes behind one address join one seed, and two users meet while it is flooded.
# strangers: a contact that cannot be dialled connects anew while a hundred addresses of other networks connect
# as fast as they can, and close at once or hold what they got.
#
# Without --whole: 8 pairs, 4 changes, what a node that is offline says, in about two minutes; --only picks by name. Kinds of homes: public;
# firewall (public addresses); cone and forward (all ports, or one, are passed on); upnp; open (translates, no firewall);
# drop and reject (what they were not asked for); cgnat (drop behind the provider's own router); random and cgnat-random
# (each connection has a port of its own); no-udp; tcp-443 (lets out nothing else). Ends with 0 if all of this works, else with 1.
#
# Takes root, iproute2 and nftables (installed with apt if missing); the host's own network stays as it is. Logs and
# data are kept if it fails, or with --keep. COVEY=path/to/covey runs that one instead of building this tree.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
covey=${COVEY:-}
lab=covey-nat-$$ # begins the name of every namespace

for argument in "$@"; do
    case $argument in -h | --help) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//p}' "$0"; exit 0 ;; esac
done
[ "$(id -u)" -eq 0 ] || { echo "scripts/nat-lab.sh: takes root, for network namespaces" >&2; exit 1; }
missing=()
command -v ip >/dev/null || missing+=(iproute2)
command -v nft >/dev/null || missing+=(nftables)
[ "${#missing[@]}" -eq 0 ] || apt-get install --yes --quiet "${missing[@]}" >/dev/null

# An operator's own node must not leak into the test.
for name in $(compgen -e | grep '^COVEY_' || true); do unset "$name"; done
if [ -z "$covey" ]; then
    (cd "$root" && cargo build --locked --quiet --workspace --bins --examples)
    covey=${CARGO_TARGET_DIR:-$root/target}/debug/covey
fi
covey=$(realpath -e "$covey")

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

python3 "$root/scripts/nat_lab.py" "$covey" "$lab" "$@" &
driver=$!
result=0
wait "$driver" || result=$?
driver=
exit "$result"
