#!/usr/bin/env bash
# Kills daemons again and again while messages flow, and checks that nothing acknowledged is lost, doubled or reordered.
#
#   scripts/kill-loop.sh [CYCLES=200] [MESSAGES=2000] [SEED]
#
# Two daemons write MESSAGES each to the other; either is killed with SIGKILL at CYCLES random moments, also while it
# starts. In the end each shows every message once and in order, and `covey db verify` finds both databases whole.
# Ends after an hour at the latest. The seed is printed; the same seed makes the same choices (not the same timing).
# COVEY=path/to/covey kills that one instead of the one of this tree.
set -euo pipefail

case "${1:-}" in -h | --help) sed -n '2,/^set /{s/^# \{0,1\}//p}' "$0"; exit 0 ;; esac
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# An operator's own node must not leak into the test.
for name in $(compgen -e | grep '^COVEY_' || true); do unset "$name"; done
if [ -n "${COVEY:-}" ]; then
    COVEY_TEST_BINARY=$(realpath -e "$COVEY")
    export COVEY_TEST_BINARY
fi
export COVEY_TEST_CYCLES=${1:-200} COVEY_TEST_MESSAGES=${2:-2000}
[ -z "${3:-}" ] || export COVEY_TEST_SEED=$3

exec timeout --signal=INT 3600 cargo test --locked --test durability -- --nocapture \
    killed_again_and_again::every_acknowledged_message_arrives_once_in_order_and_the_databases_are_whole
