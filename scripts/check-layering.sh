#!/usr/bin/env bash
# Holds the crates to the directions in which they may depend on each other, and the pure ones to their purity.
# node/ARCHITECTURE.md says why. Ends with status 1 and every violated arrow.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Who may use whom directly, of our own crates. A new crate needs a line here.
arrows='
covey:         covey-api covey-cli covey-node covey-pairing
covey-cli:     covey-api
covey-api:
covey-node:    covey-api covey-codec covey-feed covey-overlay covey-pairing
covey-overlay: covey-codec
covey-feed:    covey-codec
covey-pairing: covey-codec
covey-codec:
'

# Crates of others that have one home, so that replacing them costs one crate.
homes='
libp2p:         covey-overlay
sled:           covey-node
axum:           covey-node
serde_cbor:     covey-codec
noise-protocol: covey-pairing
ml-kem:         covey-pairing
x25519-dalek:   covey-pairing
'

# Crates that must run without a runtime, network, files, clock or randomness of their own, and what would give them
# one: as a dependency of a dependency too.
pure='covey-pairing covey-feed covey-codec'
impure='async-.* axum chrono coarsetime crossbeam-.* dirs.* fastrand fs-.* fs2 futures.* getrandom h2 hyper.* instant
    jiff.* jsonrpsee.* libp2p.* memmap.* mio native-tls nix notify openssl.* parking_lot polling quinn.* rand rayon
    redb reqwest rusqlite rustix rustls.* sled smol socket2 tempfile time tokio.* tracing-subscriber walkdir
    web-time windows.*'
# Violations that are known, "crate: dependency": chacha20poly1305 turns on a feature of crypto-common that can ask
# the system for keys. Nothing of ours calls it (the source check below would see it).
known='covey-pairing: getrandom'

# Sources that must be pure, and what they must not name, outside of tests. The engine is not a crate of its own, so
# its modules are held to the same rule here.
pure_sources='pairing/src overlay/feed/src overlay/codec/src node/src/engine'
impure_words='std::(fs|env|process|thread|os)\>|std::net::(Tcp|Udp|ToSocketAddrs)|SystemTime|Instant::now|tokio'
impure_words+='|thread_rng|make_rng|rand::(rng|random)\>|(Os|Sys)Rng|getrandom|std::io::std|\<e?println!|static mut'

violations=0
violated() { printf 'violated: %s\n' "$*" >&2; violations=$((violations + 1)); }

# Value of a "key: values" table.
row() { sed -n "s/^$2: *//p" <<<"$1"; }
rows() { sed -n 's/^\([^:]*\):.*/\1/p' <<<"$1"; }

# Names of the normal dependencies of a crate, for this platform.
tree() { cargo tree --locked --quiet -p "$1" -e "${3:-normal}" --prefix none --format '{p}' --depth "$2" | awk 'NR > 1 { print $1 }' | sort -u; }

members=$(cargo tree --locked --quiet --workspace --depth 0 --prefix none --format '{p}' | awk 'NF { print $1 }' | sort -u)
for crate in $members; do
    if ! rows "$arrows" | grep -qx "$crate"; then
        violated "$crate has no line in scripts/check-layering.sh that says whom it may use"
        continue
    fi
    # Into a variable first: a failing cargo must end the script, not look like an empty list.
    direct=$(tree "$crate" 1)
    for used in $direct; do
        if grep -qx "$used" <<<"$members" && ! grep -qw -- "$used" <<<"$(row "$arrows" "$crate")"; then
            violated "$crate -> $used"
        fi
        home=$(row "$homes" "$used")
        if [ -n "$home" ] && [ "$home" != "$crate" ]; then
            violated "$crate -> $used, which only $home may use"
        fi
    done
done

# An arrow can also be taken in two steps; these two never.
for pair in covey-overlay:covey-pairing covey-pairing:covey-overlay covey-cli:covey-node; do
    from=${pair%:*} to=${pair#*:}
    all=$(tree "$from" 1000)
    if grep -qx "$to" <<<"$all"; then violated "$from -> … -> $to"; fi
done

pattern=$(printf '%s' "$impure" | tr -s ' \n' '|')
for crate in $pure; do
    all=$(tree "$crate" 1000 normal,no-proc-macro)
    for used in $(grep -Ex "$pattern" <<<"$all" || true); do
        grep -qx "$crate: $used" <<<"$known" && continue
        violated "$crate is pure -> … -> $used"
        cargo tree --locked --quiet -p "$crate" -e normal,no-proc-macro --invert "$used" --prefix depth | sed 's/^/          /' | head -n 12 >&2
    done
done

# Sources without comments, `mod tests { … }` and the files of tests.
code() {
    find "$1" -name '*.rs' -not -path '*/tests/*' -not -name tests.rs -print | sort | while read -r file; do
        awk -v file="$file" '
            /^#\[cfg\(test\)\]/ { test = 1; next }
            test && /^#/ { next }
            test && /mod [a-z_]+ \{/ { inside = 1 }
            { test = 0 }
            inside { if (/^}/) inside = 0; next }
            { line = $0; sub(/(^|[^:])\/\/.*/, "", line); if (line != "") printf "%s:%d: %s\n", file, NR, line }
        ' "$file"
    done
}

for sources in $pure_sources; do
    found=$(code "$sources" | grep -E "^[^ ]+ .*($impure_words)" || true)
    if [ -n "$found" ]; then
        violated "$sources is pure, but:"
        printf '%s\n' "$found" | sed 's/^/          /' >&2
    fi
done

# The engine is driven by the rest of the node and must not reach for it, and it knows of the overlay only the names
# of its protocols.
found=$(code node/src/engine | grep -E 'crate::(addressing|config|daemon|db|files|lock|paths|rpc|runtime|service)\>|covey_overlay::[^P]' || true)
if [ -n "$found" ]; then
    violated 'node/src/engine -> the rest of the node:'
    printf '%s\n' "$found" | sed 's/^/          /' >&2
fi

# The floors of the engine, the lowest first: a module imports what stands on its own floor or below, and no modules import
# each other in a circle. What each is for is told in node/ARCHITECTURE.md. A new module needs a place here.
floors='
error selection effect asker policy counters tables me
wire
records
live appended notices
cx
journal audit tokens idempotency
members charge sharing
shown
sealing
card
gate
outbound
contacts
said
group
consent
own
devices
replication
keepers
transfer
inbound
clock
mischief
input
names
rpc check
crowd fuzzing
'
# A program of one file: to read paths of Rust is more than a line of shell does well.
reader=${CARGO_TARGET_DIR:-target}/tools/floors
if [ ! -x "$reader" ] || [ scripts/floors.rs -nt "$reader" ]; then
    mkdir -p "$(dirname "$reader")"
    rustc --edition 2024 -o "$reader" scripts/floors.rs
fi
"$reader" node/src/engine <<<"$(sed '/^$/d' <<<"$floors")" || violated 'the floors of node/src/engine'

# One Diffie-Hellman, the checked one.
found=$(code pairing/src | grep -F '.diffie_hellman(' | grep -v '^pairing/src/crypto/dh.rs:' || true)
if [ -n "$found" ]; then
    violated 'a Diffie-Hellman outside of pairing/src/crypto/dh.rs:'
    printf '%s\n' "$found" | sed 's/^/          /' >&2
fi

if [ "$violations" -gt 0 ]; then
    printf '%s violations\n' "$violations" >&2
    exit 1
fi
printf 'all arrows hold: %s crates\n' "$(wc -w <<<"$members")"
