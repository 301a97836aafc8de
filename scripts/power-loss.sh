#!/usr/bin/env bash
# Cuts the power of a simulated disk under a daemon, and checks that every acknowledged message is there afterwards.
#
#   scripts/power-loss.sh [CYCLES=30] [SEED]
#
# The data directory is on an ext4 file system in a file. In the middle of a stream of messages the daemon is stopped
# and the file copied: it holds what a disk would have held. The copy is mounted, `covey db verify` must find the
# database whole, and the daemon must show every message that was acknowledged before the cut. Takes root (for mount).
# Ends after an hour at the latest. The seed is printed.
# COVEY=path/to/covey stops that one instead of the one of this tree.
set -euo pipefail

case "${1:-}" in -h | --help) sed -n '2,/^set /{s/^# \{0,1\}//p}' "$0"; exit 0 ;; esac
cd "$(dirname "${BASH_SOURCE[0]}")/.."

[ "$(id -u)" -eq 0 ] || { echo "scripts/power-loss.sh: takes root, for mount" >&2; exit 1; }
command -v mkfs.ext4 >/dev/null || { echo "scripts/power-loss.sh: needs mkfs.ext4 (package e2fsprogs)" >&2; exit 1; }

# An operator's own node must not leak into the test.
for name in $(compgen -e | grep '^COVEY_' || true); do unset "$name"; done
if [ -n "${COVEY:-}" ]; then
    COVEY_TEST_BINARY=$(realpath -e "$COVEY")
    export COVEY_TEST_BINARY
fi
export COVEY_TEST_CYCLES=${1:-30}
[ -z "${2:-}" ] || export COVEY_TEST_SEED=$2

exec timeout --signal=INT 3600 cargo test --locked --test durability -- --nocapture \
    power_cuts::what_was_acknowledged_survives_power_cuts
