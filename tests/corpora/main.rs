//! What the fuzz targets do, done in every ordinary test run with the committed corpora: objects of every kind, and the
//! inputs of bugs found so far.

#![allow(clippy::panic, clippy::unwrap_used)]

mod seeds;
#[path = "../fuzz/src/lib.rs"]
#[allow(missing_docs, unreachable_pub, reason = "a crate of its own elsewhere")]
mod targets;

use std::{
    collections::BTreeSet,
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
};

use targets::TARGETS;

/// Set it to write the objects of [`seeds`] into the corpora, after a format has changed.
const WRITE: &str = "COVEY_WRITE_CORPORA";

fn directory(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(target)
}

fn corpus(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let files = fs::read_dir(directory(target)).unwrap_or_else(|error| panic!("{target} has no corpus: {error}"));
    let mut files: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    files.sort();
    files.into_iter().map(|path| (path.clone(), fs::read(&path).unwrap())).collect()
}

#[test]
fn no_input_of_any_corpus_makes_its_target_fail() {
    let mut failed = Vec::new();
    for (target, run) in TARGETS {
        for (path, bytes) in corpus(target) {
            if catch_unwind(AssertUnwindSafe(|| run(&bytes))).is_err() {
                failed.push(path);
            }
        }
    }
    assert!(failed.is_empty(), "failed on {failed:#?}");
}

#[test]
fn every_target_takes_what_is_made_for_it() {
    for (target, run) in TARGETS {
        let made = seeds::of(target);
        assert!(!made.is_empty(), "nothing is made for {target}");
        for (name, bytes) in &made {
            let taken = run(bytes);
            let meant = !name.starts_with("bad-");
            assert_eq!(taken, meant, "{target}: {name}");
            if std::env::var_os(WRITE).is_some() {
                fs::create_dir_all(directory(target)).unwrap();
                fs::write(directory(target).join(name), bytes).unwrap();
            }
        }
    }
}

/// Fuzzing begins with these: without valid objects it would stay at the door.
#[test]
fn every_corpus_holds_an_object_that_its_target_takes() {
    if std::env::var_os(WRITE).is_some() {
        return; // They are being written.
    }
    for (target, run) in TARGETS {
        let taken = corpus(target).iter().any(|(_, bytes)| run(bytes));
        assert!(taken, "the corpus of {target} is out of date; run `{WRITE}=1 cargo test --test corpora`");
    }
}

#[test]
fn every_target_is_built_by_the_fuzz_crate() {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/Cargo.toml");
    let manifest: toml::Table = fs::read_to_string(manifest).unwrap().parse().unwrap();
    let built = manifest["bin"].as_array().unwrap().iter().map(|bin| bin["name"].as_str().unwrap());
    let known = TARGETS.iter().map(|(name, _)| *name);
    assert_eq!(built.collect::<BTreeSet<_>>(), known.collect::<BTreeSet<_>>());
}
