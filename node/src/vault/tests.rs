//! Sealing, and every way a vault may refuse to open.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use covey_pairing::crypto::secret::Secret;
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

use super::header::{Header, Slot, Work};
use super::{BadRecord, CREDENTIAL, Passphrase, Protection, Vault, VaultError, VaultFiles};

fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

fn passphrase(text: &str) -> Passphrase {
    Passphrase::new(text).expect("of good length")
}

/// A directory with a vault, and a record sealed by it.
struct Sealed {
    dir: tempfile::TempDir,
    record: Vec<u8>,
}

impl Sealed {
    fn new(passphrase: Option<&Passphrase>) -> Self {
        let dir = tempfile::tempdir().expect("temp dir");
        let vault = VaultFiles::new(dir.path()).create(passphrase, &mut rng(1)).expect("creates");
        Self { record: vault.seal(b"key", b"record", &mut rng(2)), dir }
    }

    fn files(&self) -> VaultFiles {
        VaultFiles::new(self.dir.path())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn assert_opens(&self, passphrase: Option<&Passphrase>) {
        let vault = self.files().open(passphrase).expect("opens");
        assert_eq!(vault.open(b"key", &self.record), Ok(b"record".to_vec()));
    }

    fn error(&self, passphrase: Option<&Passphrase>) -> VaultError {
        self.files().open(passphrase).expect_err("refused")
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("exists").permissions().mode() & 0o777
}

#[test]
fn a_record_opens_under_its_own_key_only() {
    let vault = Vault::new(&Secret::new([1; 32]));
    let sealed = vault.seal(b"key a", b"record", &mut rng(1));
    assert_eq!(vault.open(b"key a", &sealed), Ok(b"record".to_vec()));
    assert_eq!(vault.open(b"key b", &sealed), Err(BadRecord));
    assert_eq!(Vault::new(&Secret::new([2; 32])).open(b"key a", &sealed), Err(BadRecord));
}

#[test]
fn a_record_with_any_bit_changed_or_cut_off_does_not_open() {
    let vault = Vault::new(&Secret::new([1; 32]));
    let sealed = vault.seal(b"key", b"rec", &mut rng(1));
    for at in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[at] ^= 1;
        assert_eq!(vault.open(b"key", &changed), Err(BadRecord), "byte {at}");
        assert_eq!(vault.open(b"key", &sealed[..at]), Err(BadRecord), "cut at {at}");
    }
}

#[test]
fn two_seals_of_one_record_differ() {
    let (vault, mut rng) = (Vault::new(&Secret::new([1; 32])), rng(1));
    assert_ne!(vault.seal(b"key", b"record", &mut rng), vault.seal(b"key", b"record", &mut rng));
}

#[test]
fn an_id_is_recognised_in_its_table_and_vault_only() {
    let (one, other) = (Vault::new(&Secret::new([1; 32])), Vault::new(&Secret::new([2; 32])));
    assert_eq!(one.id_hash(1, b"alice"), one.id_hash(1, b"alice"));
    assert_ne!(one.id_hash(1, b"alice"), one.id_hash(2, b"alice"));
    assert_ne!(one.id_hash(1, b"alice"), one.id_hash(1, b"bob"));
    assert_ne!(one.id_hash(1, b"alice"), other.id_hash(1, b"alice"));
}

#[test]
fn the_first_start_makes_a_vault_that_opens_unattended() {
    let dir = tempfile::tempdir().expect("temp dir");
    let files = VaultFiles::new(dir.path());
    let vault = files.open_or_create(None, false, &mut rng(1)).expect("creates");
    let again = files.open_or_create(None, true, &mut rng(2)).expect("opens");
    assert_eq!(vault.id_hash(1, b"id"), again.id_hash(1, b"id"));
    assert_eq!(files.protection().expect("readable"), Protection::KeyFile);
    assert_eq!((mode(&dir.path().join("vault.json")), mode(&dir.path().join("vault.key"))), (0o600, 0o600));
}

#[test]
fn a_database_without_its_vault_is_not_given_a_new_one() {
    let dir = tempfile::tempdir().expect("temp dir");
    let error = VaultFiles::new(dir.path()).open_or_create(None, true, &mut rng(1)).expect_err("refused");
    assert!(matches!(error, VaultError::HeaderMissing { .. }), "{error}");
    assert!(fs::read_dir(dir.path()).expect("lists").next().is_none());
}

#[test]
fn a_passphrase_opens_what_it_locked_and_no_other_does() {
    let right = passphrase("correct horse");
    let sealed = Sealed::new(Some(&right));
    assert!(!sealed.path("vault.key").exists());
    assert_eq!(sealed.files().protection().expect("readable"), Protection::Passphrase);
    sealed.assert_opens(Some(&right));
    assert!(matches!(sealed.error(Some(&passphrase("wrong horse"))), VaultError::WrongPassphrase { .. }));
    let needed = sealed.error(None);
    assert!(matches!(needed, VaultError::PassphraseNeeded { .. }));
    assert!(needed.to_string().contains("--passphrase-file"), "{needed}");
}

#[test]
fn the_lock_can_be_changed_and_the_records_stay() {
    let (first, second) = (passphrase("first"), passphrase("second"));
    let sealed = Sealed::new(None);
    sealed.files().rewrap(None, Some(&first), &mut rng(3)).expect("sets");
    assert!(!sealed.path("vault.key").exists(), "the key file would still open it");
    sealed.assert_opens(Some(&first));
    let refused = sealed.files().rewrap(Some(&second), Some(&second), &mut rng(4));
    assert!(matches!(refused, Err(VaultError::WrongPassphrase { .. })));
    sealed.files().rewrap(Some(&first), Some(&second), &mut rng(4)).expect("changes");
    assert!(matches!(sealed.error(Some(&first)), VaultError::WrongPassphrase { .. }));
    sealed.assert_opens(Some(&second));
    sealed.files().rewrap(Some(&second), None, &mut rng(5)).expect("takes away");
    sealed.assert_opens(None);
}

#[test]
fn a_key_file_that_others_can_read_is_refused() {
    let sealed = Sealed::new(None);
    fs::set_permissions(sealed.path("vault.key"), fs::Permissions::from_mode(0o644)).expect("chmod");
    let error = sealed.error(None);
    assert!(matches!(error, VaultError::KeyFileExposed { mode: 0o644, .. }));
    assert!(error.to_string().contains("chmod 600"), "{error}");
}

#[test]
fn a_missing_foreign_or_malformed_key_file_is_named() {
    let (sealed, other) = (Sealed::new(None), tempfile::tempdir().expect("temp dir"));
    let key = sealed.path("vault.key");
    VaultFiles::new(other.path()).create(None, &mut rng(9)).expect("creates");
    fs::copy(other.path().join("vault.key"), &key).expect("copies");
    assert!(matches!(sealed.error(None), VaultError::WrongKeyFile { .. }));
    fs::write(&key, "no key").expect("writes");
    assert!(matches!(sealed.error(None), VaultError::KeyFileMalformed { .. }));
    fs::remove_file(&key).expect("removes");
    assert!(matches!(sealed.error(None), VaultError::KeyFileMissing { .. }));
}

#[test]
fn a_header_that_is_damaged_newer_or_greedy_is_refused() {
    let sealed = Sealed::new(Some(&passphrase("p")));
    let header = sealed.path("vault.json");
    let good = fs::read_to_string(&header).expect("reads");
    let greedy = good.replace("\"memory_kib\": 65536", "\"memory_kib\": 4000000000");
    assert_ne!(greedy, good);
    for bad in
        ["", "{", "{}", "{\"version\":2,\"slots\":[]}", "{\"version\":1,\"slots\":[]}", &greedy, &" ".repeat(70_000)]
    {
        fs::write(&header, bad).expect("writes");
        assert!(matches!(sealed.error(Some(&passphrase("p"))), VaultError::Header { .. }), "{bad:.60}");
    }
}

#[test]
fn weaker_parameters_written_into_the_header_do_not_open_it() {
    let sealed = Sealed::new(Some(&passphrase("p")));
    let header = sealed.path("vault.json");
    let weak = fs::read_to_string(&header).expect("reads").replace("\"passes\": 3", "\"passes\": 1");
    fs::write(&header, weak).expect("writes");
    assert!(matches!(sealed.error(Some(&passphrase("p"))), VaultError::WrongPassphrase { .. }));
}

#[test]
fn a_header_with_less_work_than_todays_is_written_anew_when_it_opens() {
    let right = passphrase("p");
    let sealed = Sealed::new(Some(&right));
    let header = sealed.path("vault.json");
    // As a version of before may have written it, which thought less work enough.
    let data_key = sealed.files().data_key(Some(&right)).expect("opens");
    let before = Work { memory_kib: 8 << 10, passes: 1, lanes: 1 };
    let slot = Slot::passphrase(&data_key, &right, before, &mut rng(5)).expect("stretches");
    let old = Header::new(slot).to_bytes();
    fs::write(&header, &old).expect("writes");

    let refused = sealed.files().open_and_renew(Some(&passphrase("wrong")), &mut rng(6));
    assert!(matches!(refused, Err(VaultError::WrongPassphrase { .. })));
    sealed.assert_opens(Some(&right));
    assert_eq!(fs::read(&header).expect("reads"), old, "only whoever opens it for good writes");
    sealed.files().open_and_renew(Some(&right), &mut rng(6)).expect("opens");
    let new = fs::read(&header).expect("reads");
    assert!(Header::parse(&new).expect("ours").slots().iter().all(|slot| !slot.is_outdated()));
    assert_eq!(mode(&header), 0o600);
    sealed.assert_opens(Some(&right));
    sealed.files().open_and_renew(Some(&right), &mut rng(7)).expect("opens");
    assert_eq!(fs::read(&header).expect("reads"), new, "once is enough");
}

#[test]
fn a_passphrase_comes_from_a_file_or_credential_without_its_line_end() {
    let dir = tempfile::tempdir().expect("temp dir");
    assert!(Passphrase::from_credentials(dir.path()).expect("none").is_none());
    for text in ["secret", "secret\n", "secret\r\n"] {
        fs::write(dir.path().join(CREDENTIAL), text).expect("writes");
        let found = Passphrase::from_credentials(dir.path()).expect("reads").expect("is there");
        assert_eq!(found.expose(), b"secret");
        assert_eq!(format!("{found:?}"), "Passphrase(…)");
    }
    for bad in [String::new(), "\n".to_owned(), "x".repeat(2_000)] {
        fs::write(dir.path().join(CREDENTIAL), bad).expect("writes");
        assert!(matches!(Passphrase::from_credentials(dir.path()), Err(VaultError::PassphraseLength)));
    }
}
