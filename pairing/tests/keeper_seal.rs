//! The seal to an inbox key, deposits and receipts. `pairing/SPEC.md`, section Keepers.

mod session_support;

use covey_pairing::{
    consent::PairSecret,
    crypto::{hash::blake3, secret::Secret},
    identity::{AccountSecret, DeviceSecret},
    ids::InviteId,
    keeper::{
        ContactList, Deposit, DepositError, InboxError, InboxSecret, MAX_CONTENT, MAX_PAYLOAD, MailboxLetter, OVERHEAD,
        PARCEL_MAX, Receipt, Remembered, SlotId, SlotToken, open_left, seal_left,
    },
};
use proptest::prelude::*;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use serde_json::Value;
use session_support::ScriptRng;

const SLOT: SlotId = SlotId::from_bytes([7; 16]);
const OTHER: SlotId = SlotId::from_bytes([8; 16]);

fn rng() -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(1)
}

fn owner() -> InboxSecret {
    InboxSecret::from_seed([1; 32])
}

fn sender() -> DeviceSecret {
    DeviceSecret::from_seed([2; 32])
}

fn deposit(content: &[u8]) -> Vec<u8> {
    Deposit::seal(&sender(), &owner().public(), &SLOT, content, &mut rng()).expect("short enough")
}

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().expect("a string")).expect("hex")
}

/// [KEEP-6] [KEEP-8] [KEEP-9] [KEEP-10]
#[test]
fn parcels_and_receipts_are_byte_for_byte_those_of_the_independent_computation() {
    let golden: Value = serde_json::from_str(include_str!("vectors/keeper.json")).expect("JSON");
    let seed = |name: &str| -> [u8; 32] { bytes(&golden[name]).try_into().expect("32 bytes") };
    let (inbox, device) = (InboxSecret::from_seed(seed("inbox_seed")), DeviceSecret::from_seed(seed("device_seed")));
    let slot = SlotId::from_bytes(bytes(&golden["slot"]).try_into().expect("16 bytes"));
    let content = bytes(&golden["content"]);
    assert_eq!(hex::encode(inbox.public().hash()), golden["inbox_hash"]);
    let mut random = ScriptRng::new(&[bytes(&golden["kem_random"]), bytes(&golden["ephemeral"])].concat());
    let parcel = Deposit::seal(&device, &inbox.public(), &slot, &content, &mut random).expect("short enough");
    assert_eq!(hex::encode(&parcel), golden["parcel"]);
    assert_eq!(Deposit::open(&inbox, &slot, &parcel), Ok(Deposit { device: device.id(), content }));

    let until = golden["until"].as_u64().expect("a number");
    let receipt = Receipt::sign(device.signing(), slot, &parcel, until);
    let encoded = covey_codec::encode(&receipt).expect("plain data");
    assert_eq!(hex::encode(encoded), golden["receipt"]);

    let (root, number) = (Secret::new(seed("root")), golden["number"].as_u64().expect("a number"));
    let slot = SlotId::derive(&root, &device.id(), number, &seed("pact"));
    assert_eq!(hex::encode(slot.as_bytes()), golden["own_slot"]);
    let losses = u32::try_from(golden["losses"].as_u64().expect("a number")).expect("small");
    let hash = covey_codec::encode(&SlotToken::derive(&root, &slot, losses).hash()).expect("plain data");
    assert_eq!(hex::encode(&hash[2..]), golden["own_token_hash"]);
}

/// [KEEP-30] [KEEP-32]
#[test]
fn what_strangers_leave_is_byte_for_byte_that_of_the_independent_computation() {
    let golden: Value = serde_json::from_str(include_str!("vectors/keeper.json")).expect("JSON");
    let golden = &golden["invites"];
    let account = AccountSecret::from_seed(bytes(&golden["account_seed"]).try_into().expect("32 bytes"));
    let (kem, frame) = (account.kem_key(), bytes(&golden["frame"]));
    let slot = SlotId::of_invites(&account.id(), &kem.hash());
    assert_eq!(hex::encode(slot.as_bytes()), golden["slot"]);
    let token = SlotToken::of_invites(&account.id(), &kem.hash());
    let hash = covey_codec::encode(&token.hash()).expect("plain data");
    assert_eq!(hex::encode(&hash[2..]), golden["token_hash"]);
    let mut random = ScriptRng::new(&[bytes(&golden["kem_random"]), bytes(&golden["ephemeral"])].concat());
    let keys = (&account.dh().public(), kem);
    let parcel = seal_left(&account.id(), keys, &frame, &mut random).expect("short enough");
    assert_eq!(hex::encode(&parcel), golden["parcel"]);
    assert_eq!(open_left(&account, &parcel), Ok(frame));
}

/// [KEEP-32]
#[test]
fn what_strangers_leave_opens_for_its_account_only_and_shows_nothing_of_who_wrote_it() {
    let (account, other) = (AccountSecret::from_seed([1; 32]), AccountSecret::from_seed([2; 32]));
    let keys = |of: &AccountSecret| (of.dh().public(), of.kem_key().clone());
    let seal = |to: &AccountSecret, (dh, kem)| seal_left(&to.id(), (&dh, &kem), b"a frame", &mut rng()).expect("short");
    let parcel = seal(&account, keys(&account));
    assert_eq!(open_left(&account, &parcel), Ok(b"a frame".to_vec()));
    assert_eq!(open_left(&other, &parcel), Err(InboxError::OtherKey));
    // For another account, to the keys of this one.
    assert_eq!(open_left(&account, &seal(&other, keys(&account))), Err(InboxError::Forged));
    let (dh, _) = keys(&account);
    let mixed = seal(&account, (dh, keys(&other).1));
    assert_eq!(open_left(&account, &mixed), Err(InboxError::OtherKey));
    for secret in [account.id().as_bytes().as_slice(), dh.as_bytes(), b"a frame"] {
        assert!(!parcel.windows(secret.len()).any(|window| window == secret));
    }
}

/// [KEEP-6]
#[test]
fn a_parcel_of_any_length_opens_and_shows_its_length_in_steps_only() {
    for length in [0, 1, 1023, 1024, MAX_PAYLOAD] {
        let payload = vec![0x80; length];
        let parcel = owner().public().seal(b"here", &payload, &mut rng()).expect("short enough");
        assert_eq!((parcel.len() - OVERHEAD) % 1024, 0);
        assert!(parcel.len() <= PARCEL_MAX);
        assert_eq!(owner().open(b"here", &parcel), Ok(payload));
    }
    let long = owner().public().seal(b"here", &[0; MAX_PAYLOAD + 1], &mut rng());
    assert_eq!(long, Err(InboxError::TooLong));
    assert_eq!(owner().open(b"here", &[1; PARCEL_MAX + 1]), Err(InboxError::TooLong));
}

/// [KEEP-8]
#[test]
fn a_parcel_shows_neither_sender_nor_content_nor_slot() {
    let parcel = deposit(b"a content long enough to be found");
    let keys = sender().keys();
    for secret in [&keys.id.as_bytes()[..], keys.dh.as_bytes(), &keys.network, SLOT.as_bytes(), b"a content long"] {
        assert!(!parcel.windows(secret.len()).any(|window| window == secret));
    }
}

/// [KEEP-6] [KEEP-8]
#[test]
fn a_parcel_opens_for_no_other_inbox_and_in_no_other_slot() {
    let parcel = deposit(b"content");
    let other = InboxSecret::from_seed([3; 32]);
    assert_eq!(Deposit::open(&other, &SLOT, &parcel), Err(DepositError::Inbox(InboxError::OtherKey)));
    assert_eq!(Deposit::open(&owner(), &OTHER, &parcel), Err(DepositError::Inbox(InboxError::Forged)));
    let mut renamed = parcel;
    renamed[1..9].copy_from_slice(&other.public().hash()[..8]);
    assert_eq!(Deposit::open(&other, &SLOT, &renamed), Err(DepositError::Inbox(InboxError::Forged)));
}

/// [KEEP-8] Who can read an inbox cannot pass on what is in it as if it had been left there.
#[test]
fn a_deposit_cannot_be_passed_on_to_another_slot_or_inbox() {
    let payload = owner().open(SLOT.as_bytes(), &deposit(b"content")).expect("it opens");
    let moved = owner().public().seal(OTHER.as_bytes(), &payload, &mut rng()).expect("short enough");
    assert_eq!(Deposit::open(&owner(), &OTHER, &moved), Err(DepositError::Unsigned));
    let other = InboxSecret::from_seed([3; 32]);
    let moved = other.public().seal(SLOT.as_bytes(), &payload, &mut rng()).expect("short enough");
    assert_eq!(Deposit::open(&other, &SLOT, &moved), Err(DepositError::Unsigned));
}

/// [KEEP-8]
#[test]
fn what_is_sealed_but_no_deposit_is_told_apart() {
    let sealed = owner().public().seal(SLOT.as_bytes(), b"no deposit", &mut rng()).expect("short enough");
    assert_eq!(Deposit::open(&owner(), &SLOT, &sealed), Err(DepositError::Malformed));
    let long = Deposit::seal(&sender(), &owner().public(), &SLOT, &[0; MAX_CONTENT + 1], &mut rng());
    assert_eq!(long, Err(InboxError::TooLong));
    let full = deposit(&[5; MAX_CONTENT]);
    assert_eq!(Deposit::open(&owner(), &SLOT, &full).map(|d| d.content.len()), Ok(MAX_CONTENT));
}

/// [KEEP-7] With a zero secret the seal would rest on ML-KEM alone.
#[test]
fn an_ephemeral_key_of_low_order_is_refused() {
    for low in [[0; 32], std::array::from_fn(|at| u8::from(at == 0))] {
        let mut parcel = deposit(b"content");
        parcel[9..41].copy_from_slice(&low);
        assert_eq!(Deposit::open(&owner(), &SLOT, &parcel), Err(DepositError::Inbox(InboxError::Forged)));
    }
}

/// [KEEP-20]
#[test]
fn a_list_of_contacts_opens_with_the_words_only_and_has_one_length() {
    let (words, other) = (AccountSecret::from_seed([1; 32]), AccountSecret::from_seed([2; 32]));
    let secret = InboxSecret::of_list(&words).expect("the seed is here");
    assert!(InboxSecret::of_list(&words.sealed()).is_none());
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let contact = |n: u16| Remembered(other.id(), Some(format!("contact {n}")));
    let list = |count| ContactList { at: 7, contacts: (0..count).map(contact).collect() };
    let short = list(1).seal(&secret.public(), &words.id(), &mut rng).expect("seals");
    assert_eq!(ContactList::open(&secret, &words.id(), &short), Ok(list(1)));
    let long = list(5_000).seal(&secret.public(), &words.id(), &mut rng).expect("seals");
    assert_eq!((short.len(), long.len()), (PARCEL_MAX, PARCEL_MAX));
    let opened = ContactList::open(&secret, &words.id(), &long).expect("opens");
    assert!(opened.contacts.len() > 1_000 && list(5_000).contacts.starts_with(&opened.contacts));
    let foreign = InboxSecret::of_list(&other).expect("the seed is here");
    assert_eq!(ContactList::open(&foreign, &words.id(), &short), Err(InboxError::OtherKey));
    assert_eq!(ContactList::open(&secret, &other.id(), &short), Err(InboxError::Forged));
}

/// [KEEP-33]
#[test]
fn a_letter_opens_as_a_word_of_the_other_one_of_its_pact_only() {
    let secret = |byte: u8| -> PairSecret {
        let stored = covey_codec::encode(&Secret::<32>::new([byte; 32])).expect("plain data");
        covey_codec::decode(&stored, 64).expect("a secret")
    };
    let (alice, bob) = (AccountSecret::from_seed([1; 32]).id(), AccountSecret::from_seed([2; 32]).id());
    let (id, device) = (InviteId::of(b"invite"), sender().id());
    let letter = MailboxLetter::seal(&secret(1), id, (&alice, &device), b"mailbox", &mut rng());
    let read = MailboxLetter::decode(&letter.encode()).expect("a letter");
    assert_eq!(read.open(&secret(1), &alice), Some((device, b"mailbox".to_vec())));
    assert_eq!(read.open(&secret(1), &bob), None);
    assert_eq!(read.open(&secret(2), &alice), None);
    let mut moved = read;
    moved.id = InviteId::of(b"another");
    assert_eq!(moved.open(&secret(1), &alice), None);
    assert_eq!(MailboxLetter::decode(b"something else"), None);
}

/// [KEEP-9]
#[test]
fn a_receipt_is_of_one_keeper_parcel_slot_and_time() {
    let keeper = DeviceSecret::from_seed([4; 32]);
    let receipt = Receipt::sign(keeper.signing(), SLOT, b"parcel", 1_000);
    assert_eq!(*receipt.parcel, blake3(b"parcel"));
    assert!(receipt.verify(&keeper.id()).is_ok());
    assert!(receipt.verify(&sender().id()).is_err());
    let mut later = receipt.clone();
    later.until = 2_000;
    let mut elsewhere = receipt.clone();
    elsewhere.slot = OTHER;
    let mut another = receipt;
    another.parcel = Receipt::sign(keeper.signing(), SLOT, b"another", 1_000).parcel;
    for changed in [later, elsewhere, another] {
        assert!(changed.verify(&keeper.id()).is_err());
    }
}

proptest! {
    /// [KEEP-6] [KEEP-8]
    #[test]
    fn a_changed_or_cut_parcel_does_not_open(at: prop::sample::Index, flip in 1u8.., cut: prop::sample::Index) {
        let mut parcel = deposit(b"content");
        let cut = cut.index(parcel.len());
        prop_assert!(Deposit::open(&owner(), &SLOT, &parcel[..cut]).is_err());
        let at = at.index(parcel.len());
        parcel[at] ^= flip;
        prop_assert!(Deposit::open(&owner(), &SLOT, &parcel).is_err());
    }

    #[test]
    fn bytes_of_anybody_are_refused_and_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..3_000)) {
        let sealed = [&[1], &owner().public().hash()[..8], &bytes].concat();
        prop_assert!(Deposit::open(&owner(), &SLOT, &sealed).is_err());
        prop_assert!(Deposit::open(&owner(), &SLOT, &bytes).is_err());
    }
}
