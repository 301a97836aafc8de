#!/usr/bin/env bash
# What sessions and sender keys cost, beside vodozemac's Olm and Megolm and beside bare primitives: ratios measured in one
# run (tests/bench, a workspace of its own). For figures that mean something, let the machine do nothing else.
#
#   scripts/bench.sh
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../tests/bench"
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-../../target/bench}
exec cargo run --release --quiet
