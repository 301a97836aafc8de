//! What we link, held against known advisories and against floors of our own. Needs no network and no database: the
//! facts are in `scripts/advisories.tsv`, and whose facts were looked up is in `scripts/examined.txt`.

#![allow(clippy::panic)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use semver::{Version, VersionReq};

/// Advisories that apply and are accepted: none of them names a vulnerability.
const ACCEPTED: &[(&str, &str, &str)] = &[
    (
        "serde_cbor",
        "RUSTSEC-2021-0127",
        "unmaintained; confined to overlay/codec/src/cbor.rs, behind our own check of size, nesting and lengths",
    ),
    ("fxhash", "RUSTSEC-2025-0057", "unmaintained; linked by sled 0.34.7, never fed by peers"),
    ("instant", "RUSTSEC-2024-0384", "unmaintained; linked by sled 0.34.7 through parking_lot, std on our platforms"),
    ("paste", "RUSTSEC-2024-0436", "unmaintained; a macro that if-watch (of libp2p) uses at build time"),
];

/// Older ones are known to be bad for us, whatever any database says.
const FLOORS: &[(&str, &str, &str)] = &[
    ("libp2p", ">=0.57.1", "older ones carry a yamux that a remote peer can panic"),
    ("sled", "=0.34.7", "what is synced when, and how damage is detected, is tied to the behaviour of this version"),
];

/// Two copies of these would mean two sets of keys and rules for them.
const SINGLE: &[&str] = &["ed25519-dalek", "x25519-dalek", "ml-kem", "noise-protocol", "serde_cbor", "libp2p", "sled"];

/// Our own builds, and the fuzz targets, which are a workspace of their own.
const LOCK_FILES: &[&str] = &["Cargo.lock", "tests/fuzz/Cargo.lock"];

fn packages(lock_file: &str) -> Vec<toml::Value> {
    let lock: toml::Table = read(lock_file).parse().unwrap_or_else(|error| panic!("{lock_file}: {error}"));
    lock["package"].as_array().expect("packages").clone()
}

/// Versions of each package in Cargo.lock.
fn locked() -> BTreeMap<String, Vec<Version>> {
    let mut locked: BTreeMap<String, Vec<Version>> = BTreeMap::new();
    for package in packages("Cargo.lock") {
        let field = |name: &str| package[name].as_str().expect("a text").to_owned();
        let version = Version::parse(&field("version")).expect("a version");
        locked.entry(field("name")).or_default().push(version);
    }
    locked
}

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// One line of the table.
struct Advisory {
    package: String,
    id: String,
    kind: String,
    safe: Vec<VersionReq>,
}

impl Advisory {
    fn affects(&self, version: &Version) -> bool {
        !self.safe.iter().any(|safe| safe.matches(version))
    }
}

fn advisories() -> Vec<Advisory> {
    let table = read("scripts/advisories.tsv");
    let mut lines = table.lines().filter(|line| !line.starts_with('#'));
    assert_eq!(lines.next(), Some("package\tid\tkind\tpatched\tunaffected"));
    lines.map(advisory).collect()
}

fn advisory(line: &str) -> Advisory {
    let fields: Vec<&str> = line.split('\t').collect();
    let [package, id, kind, patched, unaffected] = fields[..] else { panic!("not five fields: {line}") };
    let requirements = [patched, unaffected].into_iter().flat_map(|text| text.split(';')).map(str::trim);
    let safe = requirements.filter(|text| !text.is_empty() && *text != "none");
    let safe = safe.map(|text| VersionReq::parse(text).unwrap_or_else(|error| panic!("{id}: {text}: {error}")));
    Advisory { package: package.to_owned(), id: id.to_owned(), kind: kind.to_owned(), safe: safe.collect() }
}

#[test]
fn no_locked_version_has_an_advisory_that_is_not_accepted() {
    let locked = locked();
    let mut affected = Vec::new();
    for advisory in advisories() {
        let accepted = ACCEPTED.iter().any(|(package, id, _)| *package == advisory.package && *id == advisory.id);
        for version in locked.get(&advisory.package).into_iter().flatten() {
            if advisory.affects(version) && !accepted {
                affected.push(format!("{} {version}: {} ({})", advisory.package, advisory.id, advisory.kind));
            }
        }
    }
    assert!(affected.is_empty(), "update these, or accept them with a reason: {affected:#?}");
}

/// Names of the packages that both lock files take from elsewhere.
fn foreign() -> BTreeSet<String> {
    let all = LOCK_FILES.iter().flat_map(|file| packages(file));
    let foreign = all.filter(|package| package.get("source").is_some());
    foreign.map(|package| package["name"].as_str().expect("a name").to_owned()).collect()
}

fn examined() -> BTreeSet<String> {
    read("scripts/examined.txt").lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
}

#[test]
fn nothing_is_linked_that_nobody_looked_up_in_the_advisory_database() {
    let (foreign, examined) = (foreign(), examined());
    let unexamined: Vec<_> = foreign.difference(&examined).collect();
    assert!(unexamined.is_empty(), "look these up and add them to scripts/examined.txt: {unexamined:#?}");
    let gone: Vec<_> = examined.difference(&foreign).collect();
    assert!(gone.is_empty(), "these are not linked any more, take them off scripts/examined.txt: {gone:#?}");
    let known: BTreeSet<_> = advisories().into_iter().map(|advisory| advisory.package).collect();
    let unlisted: Vec<_> = known.difference(&examined).collect();
    assert!(unlisted.is_empty(), "scripts/advisories.tsv speaks of packages that are not linked: {unlisted:#?}");
}

#[test]
fn what_is_accepted_is_no_vulnerability_and_still_applies() {
    let (locked, advisories) = (locked(), advisories());
    for (package, id, reason) in ACCEPTED {
        let advisory = advisories.iter().find(|known| known.package == *package && known.id == *id);
        let advisory = advisory.unwrap_or_else(|| panic!("{id} is not in the table"));
        assert_eq!(advisory.kind, "unmaintained", "{id} is accepted because: {reason}");
        let applies = locked.get(*package).is_some_and(|versions| versions.iter().any(|v| advisory.affects(v)));
        assert!(applies, "{id} does not apply any more; take it off the list");
    }
}

#[test]
fn the_floors_hold() {
    let locked = locked();
    for (package, floor, reason) in FLOORS {
        let floor = VersionReq::parse(floor).expect("a requirement");
        for version in &locked[*package] {
            assert!(floor.matches(version), "{package} {version} is not {floor}: {reason}");
        }
    }
}

#[test]
fn one_copy_is_linked_of_what_must_agree() {
    let locked = locked();
    for package in SINGLE {
        assert_eq!(locked[*package].len(), 1, "{package}: {:?}", locked[*package]);
    }
}

/// The Noise of libp2p's TCP connections (snow) is a generation behind; nothing else may be.
#[test]
fn whatever_handles_our_keys_shares_one_curve() {
    let newest = locked()["curve25519-dalek"].iter().max().expect("it is linked").to_string();
    for package in packages("Cargo.lock") {
        let of = package.get("dependencies").and_then(|list| list.as_array()).into_iter().flatten();
        // A dependency is named with its version where there are several.
        let curve = of.filter_map(|name| name.as_str()?.strip_prefix("curve25519-dalek "));
        let old = curve.filter(|version| *version != newest).count();
        assert!(old == 0 || package["name"].as_str() == Some("snow"), "{}", package["name"]);
    }
}

#[test]
fn the_table_tells_affected_versions_from_others() {
    let line = "yamux\tRUSTSEC-0000-0000\tvulnerability\t>= 0.13.10; >= 0.12.3, < 0.13.0\t< 0.2.0";
    let advisory = advisory(line);
    let affects = |version: &str| advisory.affects(&Version::parse(version).expect("a version"));
    assert!(["0.13.9", "0.12.2", "0.2.0", "0.13.0"].into_iter().all(affects));
    assert!(!["0.13.10", "0.14.0", "0.12.3", "0.12.9", "0.1.9"].into_iter().any(affects));
}
