//! A node that is locked has no keys in memory and no network, and says what to do; its passphrase opens it again. A sealed node has
//! neither the seed nor the recovery keys, locked or not.

use std::{fs, path::Path};

use covey_node::{
    config::Config,
    db,
    engine::Me,
    paths::Paths,
    store::{DiskOptions, DurableStore, Reader},
    vault::{Vault, VaultFiles},
};
use covey_pairing::{
    crypto::{aead, hash::derive_bytes, secret::Secret},
    identity::AccountSecret,
};
use data_encoding::HEXLOWER;
use serde_json::{Value, json};

use crate::harness::{
    Launch, Node, Ran, Refused, befriend, contains, covey, eventually, files_below, found_in, may_look, run,
};

const PASSPHRASE: &str = "correct horse battery staple";

type Secrets = Vec<(&'static str, Vec<u8>)>;

/// What a key file opens: the data key.
fn data_key(data: &Path) -> Secret<32> {
    let text = fs::read_to_string(data.join("vault.key")).expect("a key file");
    let key = HEXLOWER.decode(text.trim().as_bytes()).expect("hexadecimal");
    let header: Value = serde_json::from_slice(&fs::read(data.join("vault.json")).expect("a header")).expect("JSON");
    let wrapped = header["slots"][0]["wrapped"].as_str().expect("wrapped");
    let wrapped = HEXLOWER.decode(wrapped.as_bytes()).expect("hexadecimal");
    let key = Secret::new(key.try_into().expect("32 bytes"));
    let opened = aead::open_random(&key, b"covey vault v1 key file", &wrapped).expect("opens");
    Secret::new(opened.try_into().expect("32 bytes"))
}

/// Who the stopped node is.
fn identity(data: &Path, vault: &Vault) -> Me {
    let paths = Paths::resolve(Some(data), None, |_| None).expect("paths");
    let disk = DiskOptions { cache_bytes: Config::default().storage.cache_bytes() };
    let (store, _) = DurableStore::open(&db::places(&paths), disk).expect("opens");
    Me::load(&Reader::new(&store, vault)).expect("reads").expect("an account")
}

/// Everything by which a locked node could be opened or its owner be played.
fn keys_of(node: &Node) -> Secrets {
    let data = node.data();
    let key = data_key(&data);
    let vault = VaultFiles::new(&data).open(None).expect("opens");
    let Me { account, device, .. } = identity(&data, &vault);
    let derived = |context, from: &[u8]| derive_bytes::<32>(context, from).expose().to_vec();
    let words = node.json(&["account", "phrase"])["phrase"].as_str().expect("words").to_owned();
    let seed = seed_of(&words);
    let network = device.network_seed().to_vec();
    let device_signing = device.signing().expose_seed().to_vec();
    let device = Secret::<32>::from(device);
    vec![
        ("the data key", key.expose().to_vec()),
        ("the key of values", derived("covey vault v1 values", key.expose())),
        ("the seed", seed.clone()),
        ("the operational key", account.signing().expect("a holder").expose_seed().to_vec()),
        ("the account's DH key", derived("covey 2026 account dh key v1", &seed)),
        ("the device's seed", device.expose().to_vec()),
        ("the device's key", device_signing),
        ("the device's DH key", derived("covey 2026 device dh key v1", device.expose())),
        ("the network key", network),
    ]
}

/// The seed behind 24 words: their numbers of 11 bits, without the checksum at the end.
fn seed_of(words: &str) -> Vec<u8> {
    let account = AccountSecret::from_phrase(words).expect("24 words");
    let stored = covey_codec::encode(&account).expect("encodes");
    let signing = account.signing().expect("a holder").expose_seed();
    // It is the part of what is stored from which the operational key comes.
    let is_seed = |part: &&[u8]| derive_bytes::<32>("covey 2026 account signing key v1", part).expose() == signing;
    stored.windows(32).find(is_seed).expect("it is stored").to_vec()
}

fn recovery(seed: &[u8], index: u32) -> Vec<u8> {
    let material = [seed, &index.to_le_bytes()].concat();
    derive_bytes::<32>("covey 2026 account recovery key v1", &material).expose().to_vec()
}

fn pid(node: &Node) -> u64 {
    node.client().endpoint().expect("runs")["pid"].as_u64().expect("a number")
}

/// A node with a passphrase, and the secrets it has while it is not locked.
fn protected(name: &'static str) -> (Node, Secrets) {
    let mut node = Node::start(name);
    node.stop();
    let secrets = keys_of(&node);
    let file = node.base().join("passphrase");
    fs::write(&file, format!("{PASSPHRASE}\n")).expect("writes");
    let file = file.to_str().expect("text");
    let set = node.json(&["passphrase", "set", "--new-passphrase-file", file]);
    assert_eq!(set["protection"], "passphrase");
    assert!(!node.data().join("vault.key").exists());
    node.resume_as(Launch::default().arg("--passphrase-file").arg(file));
    (node, secrets)
}

fn unlock(node: &Node, passphrase: &str) -> Ran {
    node.run_with(&["--json", "unlock", "--passphrase-file", "-"], passphrase)
}

/// The reason of a refusal with `--json`.
fn reason(ran: &Ran) -> String {
    let told: Value = serde_json::from_str(&ran.stderr).unwrap_or_else(|error| panic!("{error}: {ran:?}"));
    told["error"]["reason"].as_str().expect("a reason").to_owned()
}

#[test]
fn the_memory_of_a_locked_node_holds_no_key_and_its_passphrase_opens_it_again() {
    let (alice, mut secrets) = protected("alice");
    let bob = Node::start("bob");
    befriend(&alice, &bob);
    alice.json(&["send", "bob", "before the lock"]);
    bob.until_received("before the lock");
    let (endpoint, address) = (alice.client().endpoint().expect("runs"), alice.address());
    secrets.push(("the passphrase", PASSPHRASE.into()));
    if may_look() {
        let found = found_in(pid(&alice), &secrets);
        for needed in ["the operational key", "the device's seed", "the network key", "the key of values"] {
            assert!(found.contains(&needed), "a node that works has its keys, so this can fail: {found:?}");
        }
    }
    alice.json(&["lock"]);
    alice.json(&["lock"]);
    if may_look() {
        assert_eq!(found_in(pid(&alice), &secrets), Vec::<&str>::new());
    }

    // It says what it is, and what to do.
    let status = alice.json(&["status"]);
    assert_eq!(
        (&status["locked"], &status["ready"], &status["account"]),
        (&json!(true), &json!(false), &json!(alice.id))
    );
    assert!(status["trouble"].as_str().expect("why").contains("covey unlock"), "{status}");
    let doctor = alice.run(&["doctor"]);
    assert!(doctor.code == 1 && doctor.stdout.contains("covey unlock"), "{doctor:?}");
    for args in [&["send", "bob", "x"][..], &["pair", "list"], &["account", "show"], &["peers"], &["token", "list"]] {
        assert_eq!(alice.reason(args), "locked", "{args:?}");
        assert!(alice.refused(args, 1).contains("covey unlock"), "{args:?}");
    }

    // The network is quiet, and who writes waits.
    eventually("bob to see that alice is away", || (contact_online(&bob, &alice.id) == json!(false)).then_some(()));
    bob.json(&["send", "alice", "while you were locked"]);

    // A wrong passphrase is told and makes the next try wait, a right one opens.
    let wrong = unlock(&alice, "correct horse battery stable");
    assert_eq!((wrong.code, reason(&wrong).as_str()), (1, "wrong_passphrase"), "{wrong:?}");
    let soon = unlock(&alice, PASSPHRASE);
    assert_eq!(reason(&soon), "limit_reached", "{soon:?}");
    eventually("the pause to be over", || (unlock(&alice, PASSPHRASE).code == 0).then_some(()));
    alice.until_received("while you were locked");
    assert_eq!(alice.json(&["status"])["locked"], false);
    assert_eq!(alice.client().endpoint().expect("runs"), endpoint, "the same server");
    assert_eq!(alice.address(), address, "and the same ports");
    alice.json(&["send", "bob", "after the lock"]);
    bob.until_received("after the lock");

    // What was done is written down, the passphrases nowhere.
    let audit = alice.json(&["audit"]);
    let done = |method: &str, reason: &Value| {
        audit.as_array().expect("a list").iter().any(|entry| entry["method"] == method && entry["reason"] == *reason)
    };
    assert!(done("node.lock", &Value::Null) && done("node.unlock", &Value::Null), "{audit}");
    assert!(done("node.unlock", &json!("wrong_passphrase")), "{audit}");
    for passphrase in [PASSPHRASE, "battery stable"] {
        assert!(!audit.to_string().contains(passphrase) && !alice.log().contains(passphrase));
        let files = files_below(&alice.data());
        assert!(files.iter().all(|(_, bytes)| !contains(bytes, passphrase.as_bytes())));
    }

    // Again: the second time leaves no more behind than the first.
    alice.json(&["lock"]);
    if may_look() {
        assert_eq!(found_in(pid(&alice), &secrets), Vec::<&str>::new());
    }
}

fn contact_online(node: &Node, id: &str) -> Value {
    let shown = node.json(&["pair", "show", id]);
    shown["online"].clone()
}

#[test]
fn a_node_that_a_key_file_opens_is_not_locked_and_says_how_to_set_a_passphrase() {
    let alice = Node::start("alice");
    let sentence = alice.refused(&["lock"], 1);
    assert!(sentence.contains("covey passphrase set"), "{sentence}");
    assert_eq!(alice.reason(&["lock"]), "wrong_state");
    assert_eq!(alice.json(&["status"])["locked"], false);
    assert_eq!(unlock(&alice, "whatever").code, 0, "there is nothing to unlock");
    let held = alice.refused(&["passphrase", "remove"], 5);
    assert!(held.contains("covey"), "{held}");
}

#[test]
fn only_the_owner_unlocks_and_whoever_follows_is_told() {
    let (alice, _) = protected("alice");
    let token = alice.json(&["token", "create", "bot", "--scope", "admin", "--scope", "read", "--scope", "metrics"]);
    let token = token["token"].as_str().expect("a token").to_owned();
    let client = alice.client();
    client.call_as(&token, "node.lock", &json!({})).expect("an admin may lock");
    let refused = |method: &str, params: Value| match client.call_as(&token, method, &params) {
        Err(Refused::Error(error)) => error["data"]["reason"].as_str().expect("a reason").to_owned(),
        other => panic!("{method}: {other:?}"),
    };
    assert_eq!(refused("node.unlock", json!({"passphrase": PASSPHRASE})), "not_allowed");
    assert_eq!(refused("account.show", json!({})), "locked");
    assert_eq!(refused("config.show", json!({})), "locked");
    let status = client.call_as(&token, "node.status", &json!({})).expect("is answered");
    assert_eq!(status["locked"], true);
    // What is not a passphrase at all is refused without a try, and not repeated.
    let Err(Refused::Error(error)) = client.call("node.unlock", &json!({"passphrase": 47_114_711})) else {
        panic!("accepted a number")
    };
    assert!(!error.to_string().contains("4711"), "{error}");
    client.call("node.unlock", &json!({"passphrase": PASSPHRASE})).expect("the owner may");
    assert_eq!(client.call_as(&token, "account.show", &json!({})).expect("as before")["account"], alice.id);
}

#[test]
fn a_passphrase_is_changed_and_removed_and_scripts_are_not_asked_for_one() {
    let (mut alice, _) = protected("alice");
    alice.stop();
    let file = |name: &str, text: &str| {
        let path = alice.base().join(name);
        fs::write(&path, text).expect("writes");
        path.to_str().expect("text").to_owned()
    };
    let (old, new, wrong) = (file("passphrase", PASSPHRASE), file("new", "another one"), file("wrong", "no"));
    let sentence = alice.refused(&["passphrase", "set", "--passphrase-file", &wrong, "--new-passphrase-file", &new], 1);
    assert!(sentence.contains("does not open"), "{sentence}");
    let sentence = alice.refused(&["passphrase", "set", "--passphrase-file", &old], 2);
    assert!(sentence.contains("--new-passphrase-file"), "{sentence}");
    alice.json(&["passphrase", "set", "--passphrase-file", &old, "--new-passphrase-file", &new]);
    let sentence = alice.refused(&["account", "phrase", "--passphrase-file", &old], 1);
    assert!(sentence.contains("does not open"), "{sentence}");
    alice.json(&["passphrase", "remove", "--passphrase-file", &new]);
    alice.resume_as(Launch::default());
    alice.stop();
    // Nobody types here, so nobody is asked.
    let home = alice.base().join("home");
    let other = || {
        let mut command = covey(&home);
        command.arg("--data-dir").arg(alice.base().join("other"));
        command
    };
    let made = run(other(), ["--json", "init"], "").json();
    assert!(made["account"].is_string() && alice.base().join("other/vault.key").exists());
    let sentence = run(other(), ["passphrase", "set"], "").sentence(2);
    assert!(sentence.contains("terminal"), "{sentence}");
}

#[test]
fn the_memory_and_the_files_of_a_sealed_node_hold_neither_the_seed_nor_a_recovery_key() {
    let mut alice = Node::start("alice");
    alice.stop();
    let words = alice.json(&["account", "phrase", "--yes"])["phrase"].as_str().expect("words").to_owned();
    let seed = seed_of(&words);
    let secrets: Secrets = vec![
        ("the first recovery key", recovery(&seed, 0)),
        ("the second recovery key", recovery(&seed, 1)),
        ("the words", words.into_bytes()),
        ("the seed", seed),
    ];
    alice.resume();
    let bob = Node::start("bob");
    befriend(&alice, &bob);
    alice.json(&["send", "bob", "sealed"]);
    bob.until_received("sealed");
    for (name, secret) in &secrets {
        for (file, bytes) in files_below(&alice.data()) {
            assert!(!contains(&bytes, secret), "{name} stands in {file:?}");
        }
    }
    if may_look() {
        assert_eq!(found_in(pid(&alice), &secrets), Vec::<&str>::new());
    }
}
