#!/usr/bin/env bash
# Damages the files of a node again and again, and follows each case to its end.
#
#   scripts/damage.sh [CASES=200] [SEED]
#
# A bit is flipped, a file is cut off, or two pages change places. Then the daemon starts, or says in one sentence which
# command repairs it. In the end the node works, both databases are whole, and it shows every message that it or its
# contact still had. Ends after an hour at the latest. The seed is printed.
# COVEY=path/to/covey damages the files of that one instead of the one of this tree.
set -euo pipefail

case "${1:-}" in -h | --help) sed -n '2,/^set /{s/^# \{0,1\}//p}' "$0"; exit 0 ;; esac
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# An operator's own node must not leak into the test.
for name in $(compgen -e | grep '^COVEY_' || true); do unset "$name"; done
if [ -n "${COVEY:-}" ]; then
    COVEY_TEST_BINARY=$(realpath -e "$COVEY")
    export COVEY_TEST_BINARY
fi
export COVEY_TEST_CASES=${1:-200} COVEY_TEST_REUNIONS=${1:-200}
[ -z "${2:-}" ] || export COVEY_TEST_SEED=$2

exec timeout --signal=INT 3600 cargo test --locked --test durability -- --nocapture \
    damaged_files_are_noticed_and_repaired::damaged_databases_end_in_a_working_node_or_a_command_that_makes_one
