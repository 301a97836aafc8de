#!/usr/bin/env bash
# What sessions, sender keys and large groups cost, as ratios measured in one run: beside vodozemac's Olm and Megolm,
# beside bare primitives, a group of 10,000 beside one of 10, and the same group beside itself while a reader floods it. In
# tests/bench, a workspace of its own that other builds do not compile; the first build takes as long as that of the node.
#
#   scripts/bench.sh               everything: some minutes
#   scripts/bench.sh --quick       fewer rounds, and 1,000 members
#   scripts/bench.sh 'one send'    only rows with this in their names
#   scripts/bench.sh node [--quick]    what a message costs between two real daemons, beside disk, store and connection
#
# COVEY=path/to/covey measures that daemon instead of building this tree.
# Processor time is counted, so a busy machine does little harm; for figures to keep, let it do nothing else.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if [ "${1:-}" = node ] && [ -z "${COVEY:-}" ]; then
    cargo build --locked --release --quiet
    export COVEY=${CARGO_TARGET_DIR:-$PWD/target}/release/covey
fi

# The very versions that are shipped; what only the benchmarks need comes on top.
cp Cargo.lock tests/bench/Cargo.lock
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target/bench}
exec cargo run --manifest-path tests/bench/Cargo.toml --release --quiet -- "$@"
