//! Old accounts commit, and sealed nodes hold nothing of the seed: no file of the data directory, byte by byte.

use std::{fs, os::unix::fs::DirBuilderExt as _, path::Path};

use covey_pairing::identity::{AccountSecret, KeyLog};

use super::*;
use crate::config::{Config, Overrides};
use crate::db::places;
use crate::engine::{Me, seed_may_be_left};
use crate::files;
use crate::paths::Paths;
use crate::store::{DiskOptions, DurableStore, Span, Table};
use crate::vault::VaultFiles;

fn options(dir: &Path) -> Options {
    let paths = Paths::resolve(Some(dir), None, |_| None).expect("paths");
    Options { paths, config: Config::default(), passphrase: None, flags: Overrides::new(), log: None }
}

fn opened(options: &Options) -> Opened {
    open(options, false, &mut make_rng::<StdRng>()).map_err(|error| error.to_string()).expect("opens")
}

fn sealed(options: &Options) {
    seal(options, &mut |_, _, _| {}).map_err(|error| error.to_string()).expect("seals");
}

/// The record of the account as it stands in the files: encrypted, under a key that lies beside it.
fn record(options: &Options) -> Vec<u8> {
    let (store, _) = DurableStore::open(&places(&options.paths), DiskOptions::default()).expect("opens");
    let key = [&[Table::Meta.byte()], b"identity".as_slice()].concat();
    let rows = store.scan(&Span::prefix(&key), 1, false).expect("scans");
    rows.into_iter().next().expect("there is an account").1
}

/// Names of the files below `dir` in which `bytes` stand.
fn files_with(dir: &Path, bytes: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).expect("a directory").flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files_with(&path, bytes));
        } else if fs::read(&path).expect("readable").windows(bytes.len()).any(|window| window == bytes) {
            found.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    found
}

fn initialised(dir: &Path) -> Options {
    let options = options(dir);
    init(&options).map_err(|error| error.to_string()).expect("initialises");
    options
}

fn log(options: &Options) -> KeyLog {
    opened(options).me.key_log
}

#[test]
fn no_file_of_a_sealed_node_holds_the_record_with_the_seed_any_more() {
    let dir = tempfile::tempdir().expect("a directory");
    let options = initialised(dir.path());
    let (phrase, before) = (phrase(&options).map_err(|e| e.to_string()).expect("is there").phrase, record(&options));
    assert!(files_with(dir.path(), &before).len() >= 2, "the database and its second copies have it");
    let log = log(&options);
    sealed(&options);
    assert_eq!(files_with(dir.path(), &before), Vec::<String>::new());
    assert_eq!(files_with(dir.path(), phrase.as_bytes()), Vec::<String>::new());

    let Opened { me, store, vault, .. } = opened(&options);
    assert!(me.account.is_sealed() && me.backed_up);
    assert_eq!(me.key_log, log, "nobody else notices");
    assert!(!seed_may_be_left(&Reader::new(&store, &vault)).expect("readable"));
    let account = AccountSecret::from_phrase(&phrase).expect("its own words");
    assert_eq!((me.account.id(), me.account.signing()), (account.id(), account.signing()));
    let seed = covey_codec::encode(&account).expect("encodes").split_off(2);
    let kept = covey_codec::encode(&me.account).expect("encodes");
    assert!(!kept.windows(seed.len()).any(|window| window == seed));
    drop((store, vault));
    let error = self::phrase(&options).map(|_| ()).expect_err("sealed");
    assert!(matches!(error, StartError::Sealed { .. }), "{error}");
    sealed(&options);
}

#[test]
fn a_seal_that_was_interrupted_is_completed_by_the_next_start() {
    let dir = tempfile::tempdir().expect("a directory");
    let options = initialised(dir.path());
    let before = record(&options);
    let mut rng: StdRng = make_rng();
    let mut opened = opened(&options);
    let mut tx = Tx::new(&opened.store, &opened.vault);
    opened.me.seal(&mut tx).expect("seals");
    let batch = tx.into_batch(&mut rng).expect("a batch");
    opened.store.apply(batch).expect("applies");
    opened.store.flush().expect("flushes");
    drop(opened);
    assert!(!files_with(dir.path(), &before).is_empty(), "it is still to be erased");
    let started = open_to_start(&options, &mut rng).map_err(|error| error.to_string()).expect("starts");
    assert!(started.me.account.is_sealed() && !started.new_account);
    assert_eq!(files_with(dir.path(), &before), Vec::<String>::new());
    assert!(!seed_may_be_left(&Reader::new(&started.store, &started.vault)).expect("readable"));
}

#[test]
fn words_that_were_written_down_may_stay() {
    let dir = tempfile::tempdir().expect("a directory");
    let options = initialised(dir.path());
    assert!(!opened(&options).me.backed_up);
    written_down(&options).map_err(|error| error.to_string()).expect("notes it");
    let me = opened(&options).me;
    assert!(me.backed_up && !me.account.is_sealed());
}

#[test]
fn three_different_words_are_asked_back() {
    let dir = tempfile::tempdir().expect("a directory");
    let made = init(&options(dir.path())).map_err(|error| error.to_string()).expect("initialises");
    let words: Vec<&str> = made.phrase.split(' ').collect();
    for _ in 0..50 {
        let asked = made.to_ask_back();
        assert_eq!(asked.len(), 3);
        assert!(asked.windows(2).all(|two| two[0].0 < two[1].0));
        assert!(asked.iter().all(|(number, word)| words[number - 1] == *word));
    }
}

/// The data of commit 5b097df, whose account has a genesis without a commitment.
#[test]
fn an_account_of_before_commits_to_its_recovery_key_when_it_is_opened() {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/node-5b097df");
    let dir = tempfile::tempdir().expect("a directory");
    let data = dir.path().join("data");
    copy(&fixture, &data);
    let options = options(&data);
    let before = as_it_is(&options);
    assert_eq!((before.key_log.commitment(), before.key_log.ops().len()), (None, 2));
    let now = log(&options);
    let recovery = before.account.recovery(0).expect("the seed is there").commitment();
    assert_eq!(now.commitment(), Some(recovery));
    assert_eq!(now.ops()[..2], *before.key_log.ops());
    assert!(now.extends(&before.key_log) && now.ops().len() == 3);
    assert_eq!(as_it_is(&options).key_log, now, "it is written down");
    // Once, and the same in every copy of the data.
    assert_eq!(log(&options), now);
    assert_eq!(before.key_log.commit_recovery(&before.account), Ok(now));
    sealed(&options);
    assert!(as_it_is(&options).account.is_sealed());
}

/// The identity in the database, read without doing what a start does.
fn as_it_is(options: &Options) -> Me {
    let vault = VaultFiles::new(options.paths.data_dir()).open(None).expect("opens");
    let (store, _) = DurableStore::open(&places(&options.paths), DiskOptions::default()).expect("opens");
    Me::load(&Reader::new(&store, &vault)).expect("readable").expect("there is an account")
}

/// A clone of the repository does not keep that nobody else reads the files.
fn copy(from: &Path, to: &Path) {
    fs::DirBuilder::new().mode(0o700).create(to).expect("creatable");
    for entry in fs::read_dir(from).expect("a directory").flatten() {
        let (path, to) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy(&path, &to);
        } else {
            files::write_private(&to, &fs::read(&path).expect("readable")).expect("writable");
        }
    }
}
