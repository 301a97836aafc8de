#!/usr/bin/env bash
# Fuzzes everything in covey that reads bytes of others, one target after the other.
#
#   scripts/fuzz.sh [SECONDS] [TARGET...]   each for so long (60), all of them unless some are named
#   scripts/fuzz.sh --list                  what there is
#
# Needs rustup; what else is missing it installs: the nightly toolchain, and cargo-fuzz below target/. Begins with the
# corpora in tests/fuzz/corpus, which tests replay; what it adds to them stays below target/, so that the next run goes on
# from there. Ends with status 1 if there was a finding: its input is kept and named.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

cargo_fuzz_version=0.13.2
fuzz=tests/fuzz
target=${CARGO_TARGET_DIR:-$root/target}
tools=$target/tools
grown=$target/fuzz-corpus
found=$target/fuzz-findings
export PATH=$tools/bin:$PATH:${CARGO_HOME:-${HOME:-/root}/.cargo}/bin
exec </dev/null

say() { printf '%s\n' "$*" >&2; }
die() { say "scripts/fuzz.sh: $*"; exit 2; }
targets() { sed -n '/^\[\[bin\]\]/,/^$/s/^name = "\(.*\)"/\1/p' "$fuzz/Cargo.toml"; }

seconds=60
case "${1:-}" in
    --list) targets; exit 0 ;;
    -h | --help) sed -n '2,/^set /{s/^# \{0,1\}//p}' "$0"; exit 0 ;;
    [0-9]*) seconds=$1; shift ;;
esac
case $seconds in *[!0-9]* | 0) die "\"$seconds\" is not a number of seconds" ;; esac
mapfile -t all < <(targets)
chosen=("${@:-${all[@]}}")
for name in "${chosen[@]}"; do
    case " ${all[*]} " in *" $name "*) ;; *) die "there is no target \"$name\"; there are: ${all[*]}" ;; esac
done

command -v rustup >/dev/null || die "needs rustup (https://rustup.rs) for the nightly toolchain"
rustup toolchain list | grep -q '^nightly' || rustup toolchain install nightly --profile minimal
if ! cargo fuzz --version >/dev/null 2>&1; then
    say "    cargo-fuzz is missing; building it below $tools, once"
    CARGO_TARGET_DIR=$tools/build cargo install --quiet --locked --root "$tools" --version "$cargo_fuzz_version" cargo-fuzz
    rm -rf "$tools/build"
fi

# The very versions that are shipped; what only fuzzing needs comes on top.
cp Cargo.lock "$fuzz/Cargo.lock"

# No sanitizer of memory: our code has no unsafe block. Overflows and assertions of the debug build are checked.
# Without cfg(fuzzing), which makes some crates forgo their own checks: what runs here is what is shipped.
common=(--fuzz-dir "$fuzz" --target-dir "$target/fuzz" --sanitizer none --no-cfg-fuzzing)
say "==> building ${#chosen[@]} targets"
for name in "${chosen[@]}"; do
    cargo +nightly fuzz build "${common[@]}" "$name"
done

built=$target/fuzz/$(rustc -vV | sed -n 's/^host: //p')/release
findings=0
for name in "${chosen[@]}"; do
    mkdir -p "$grown/$name" "$found/$name"
    log=$found/$name/log
    status=0
    # The outer limit is for a target that hangs; the others are what one input may cost.
    timeout -k 10 $((seconds + 90)) "$built/$name" "$grown/$name" "$fuzz/corpus/$name" \
        -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 -max_len=65536 -print_final_stats=1 \
        -artifact_prefix="$found/$name/" >"$log" 2>&1 || status=$?
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log" | tail -n 1)
    if [ "$status" -eq 0 ]; then
        say "    $name: ${runs:-0} executions, nothing found"
    else
        findings=$((findings + 1))
        say "    $name: FINDING after ${runs:-?} executions; the end of $log:"
        grep -E "panicked|ERROR|SUMMARY|Test unit written|artifact" -A2 "$log" | head -n 20 >&2 || tail -n 20 "$log" >&2
    fi
done
if [ "$findings" -gt 0 ]; then
    say "==> $findings of ${#chosen[@]} targets found something. Put the input into $fuzz/corpus/TARGET/ once it is fixed."
    exit 1
fi
say "==> ${#chosen[@]} targets, $seconds s each, nothing found"
