//! Speaking and reading with sender keys. `pairing/SPEC.md`, section Groups.

mod group_support;

use covey_pairing::group::cipher::{
    Distribution, LearnError, Learned, OpenError, SealError, SenderChain,
    limits::{MAX_CHAIN, MAX_DISTRIBUTION, MAX_OLD_CHAINS, MAX_PAYLOAD, MAX_RECEIVER_BYTES, MAX_SKIPPED},
    report::{self, ReportError},
};
use covey_pairing::{crypto::hash::blake3, crypto::secret::Secret, envelope::MAX_BODY};
use group_support::{Ada, Entry, NOW, encode, introduced, open, place, reads, speaker, stranger, through_bytes};
use proptest::prelude::*;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

fn said(ada: &mut Ada, count: usize) -> Vec<Entry> {
    (0..count).map(|n| ada.say(&format!("message {n}"))).collect()
}

/// [SENDER-1]
#[test]
fn what_is_said_is_sealed_once_and_read_by_everyone_who_has_the_chain() {
    let (mut ada, bob) = introduced(1);
    let entries = said(&mut ada, 3);
    for mut reader in [bob.clone(), bob] {
        entries.iter().for_each(|entry| reads(&mut reader, entry));
    }
}

/// [SENDER-2]
#[test]
fn the_same_message_key_gives_another_content_key_at_another_place() {
    let (ada, _) = introduced(1);
    let [mut one, mut other] = [(); 2].map(|()| ada.own.chain().expect("a chain").clone());
    let one = one.seal(b"same", &place(5)).expect("room");
    let other = other.seal(b"same", &place(6)).expect("room");
    assert_ne!(one.content_key, other.content_key);
    assert_ne!(one.payload, other.payload);
}

/// [SENDER-3]
#[test]
fn a_whole_chain_is_read_newest_first() {
    let (mut ada, mut bob) = introduced(2);
    ada.policy.max_messages = MAX_CHAIN;
    let entries = said(&mut ada, MAX_SKIPPED);
    entries.iter().rev().for_each(|entry| reads(&mut bob, entry));
}

/// [SENDER-3]
#[test]
fn of_skipped_messages_the_newest_thousand_can_still_be_opened() {
    let (mut ada, mut bob) = introduced(2);
    ada.policy.max_messages = MAX_CHAIN;
    let entries = said(&mut ada, usize::try_from(MAX_CHAIN).expect("small") - 1);
    reads(&mut bob, entries.last().expect("some"));
    let kept = entries.len() - 1 - MAX_SKIPPED;
    assert_eq!(open(&mut bob, &entries[kept - 1]), Err(OpenError::Used));
    reads(&mut bob, &entries[kept]);
    assert!(encode(&bob).len() < MAX_RECEIVER_BYTES / (1 + MAX_OLD_CHAINS));
}

/// [SENDER-4]
#[test]
fn a_chain_that_has_sealed_all_it_may_seals_no_more() {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let mut chain = SenderChain::new(speaker(0), 0, 0, NOW, &mut rng);
    let first = chain.distribution();
    for n in 0..MAX_CHAIN {
        chain.seal(b"", &place(n)).expect("room");
    }
    let before = chain.clone();
    assert_eq!(chain.seal(b"", &place(MAX_CHAIN)), Err(SealError::Exhausted));
    assert_eq!(chain, before);
    // Who is given the chain at its very end knows nothing, and that it is the same chain.
    let mut bob = stranger();
    assert_eq!(bob.learn(&chain.distribution()), Ok(Learned::New));
    assert_eq!(bob.learn(&first), Ok(Learned::Extended));
}

/// [SENDER-5]
#[test]
fn who_is_given_the_chain_later_reads_nothing_from_before() {
    let (mut ada, _) = introduced(3);
    let before = said(&mut ada, 3);
    let mut carol = stranger();
    carol.learn(&ada.distribution(u64::MAX)).expect("the current one");
    let after = said(&mut ada, 3);
    after.iter().for_each(|entry| reads(&mut carol, entry));
    before.iter().for_each(|entry| assert_eq!(open(&mut carol, entry), Err(OpenError::Earlier)));
}

/// [SENDER-5]
#[test]
fn who_may_read_from_the_beginning_and_gets_that_late_reads_it() {
    let (mut ada, _) = introduced(4);
    let entries = said(&mut ada, 6);
    let mut bob = stranger();
    assert_eq!(bob.learn(&ada.distribution(4)), Ok(Learned::New));
    reads(&mut bob, &entries[5]);
    assert_eq!(open(&mut bob, &entries[1]), Err(OpenError::Earlier));
    assert_eq!(bob.learn(&ada.distribution(2)), Ok(Learned::Extended));
    assert_eq!(bob.learn(&ada.distribution(2)), Ok(Learned::Known));
    assert_eq!(bob.learn(&ada.distribution(0)), Ok(Learned::Extended));
    assert_eq!(open(&mut bob, &entries[5]), Err(OpenError::Used), "not a second time");
    entries[..5].iter().for_each(|entry| reads(&mut bob, entry));
}

/// [SENDER-6]
#[test]
fn messages_without_their_key_name_it_and_open_once_it_is_there() {
    let (mut ada, mut bob) = introduced(5);
    ada.rotate();
    let entry = ada.say("under the new one");
    let key_id = ada.own.chain().expect("a chain").key_id();
    assert_eq!(open(&mut bob, &entry), Err(OpenError::NoKey { key_id }));
    assert!(!bob.knows(&key_id));
    assert_eq!(bob.learn(&ada.distribution(0)), Ok(Learned::New));
    assert!(bob.knows(&key_id));
    reads(&mut bob, &entry);
}

/// [SENDER-7]
#[test]
fn a_late_distribution_of_an_older_chain_does_not_become_the_newest() {
    let (mut ada, mut bob) = introduced(6);
    let old = ada.say("old");
    let old_chain = ada.distribution(0);
    ada.rotate();
    let new = ada.say("new");
    let mut carol = stranger();
    for reader in [&mut bob, &mut carol] {
        reader.learn(&ada.distribution(0)).expect("her own chain");
        let newest = reader.newest();
        let learned = reader.learn(&old_chain).expect("her own chain");
        assert!(matches!(learned, Learned::Older | Learned::Known));
        assert_eq!(reader.newest(), newest);
        reads(reader, &old);
        reads(reader, &new);
    }
}

/// [SENDER-7]
#[test]
fn the_newest_and_the_five_last_used_chains_are_kept() {
    let mut ada = Ada::new(3, 7);
    let mut bob = stranger();
    let mut chains: Vec<(Distribution, Entry)> = Vec::new();
    for n in 0..12 {
        ada.rotate();
        let entry = ada.say(&format!("generation {n}"));
        chains.push((ada.distribution(0), entry));
    }
    // From the newest back, as somebody does who was away for long: everything can be read, whatever is forgotten.
    for (chain, entry) in chains.iter().rev() {
        bob.learn(chain).expect("her own chain");
        reads(&mut bob, entry);
    }
    let known: Vec<usize> = (0..12).filter(|n| bob.knows(&chains[*n].0.key_id())).collect();
    assert_eq!(known, [0, 1, 2, 3, 4, 11]);
    assert_eq!(bob.newest(), chains[11].0.generation());
}

/// [SENDER-8]
#[test]
fn generations_grow_even_from_an_old_copy_or_with_a_clock_that_went_back() {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let first = SenderChain::new(speaker(0), 0, 0, NOW, &mut rng);
    assert_eq!(first.generation(), NOW);
    let clock_went_back = SenderChain::new(speaker(0), first.generation(), 0, 5, &mut rng);
    assert_eq!(clock_went_back.generation(), NOW + 1);
    let old_copy = SenderChain::new(speaker(0), 3, 0, NOW + 50, &mut rng);
    assert!(old_copy.generation() > clock_went_back.generation());
}

/// [SENDER-9]
#[test]
fn everything_is_kept_through_storage_and_shows_no_secret() {
    let (mut ada, mut bob) = introduced(8);
    let early = ada.say("early");
    let late = ada.say("late");
    reads(&mut bob, &late);
    ada.restart();
    bob = through_bytes(&bob, MAX_RECEIVER_BYTES);
    reads(&mut bob, &early);
    reads(&mut bob, &ada.say("after the restart"));
    for debug in [format!("{:?}", ada.own), format!("{bob:?}"), format!("{:?}", ada.distribution(0))] {
        assert!(debug.contains("Secret(…)"), "{debug}");
        assert!(!debug.contains("[1") && debug.len() < 2_000, "{debug}");
    }
    let state = encode(&bob);
    assert!(state.len() < 400, "{}", state.len());
    assert!(ada.distribution(0).to_bytes().len() < MAX_DISTRIBUTION);
    let mut other_version = state;
    let at = other_version.windows(3).position(|w| w == [0x61, b'v', 1]).expect("begins with the version");
    other_version[at + 2] = 2;
    let decoded =
        covey_codec::decode::<covey_pairing::group::cipher::ReceiverChains>(&other_version, MAX_RECEIVER_BYTES);
    assert!(decoded.is_err());
}

/// [SENDER-10]
#[test]
fn the_longest_body_fits_an_entry_and_one_more_byte_is_refused() {
    let (ada, mut bob) = introduced(9);
    let mut chain = ada.own.chain().expect("a chain").clone();
    let before = chain.clone();
    assert_eq!(chain.seal(&vec![1; MAX_BODY + 1], &place(1)), Err(SealError::TooLong));
    assert_eq!(chain, before);
    let sealed = chain.seal(&vec![1; MAX_BODY], &place(1)).expect("as long as may be");
    assert!(sealed.payload.len() <= MAX_PAYLOAD);
    assert_eq!(bob.open(&sealed.payload, &place(1)).expect("opens").body.len(), MAX_BODY);
    let small = chain.seal(b"hi", &place(2)).expect("room");
    assert!(small.payload.len() <= 128 + 80, "{}", small.payload.len());
}

/// [REPORT-1]
#[test]
fn a_content_key_shows_what_one_payload_says_and_nothing_else() {
    let (mut ada, _) = introduced(10);
    let (said, other) = (ada.say("a threat"), ada.say("something else"));
    let (key, payload) = (&said.sealed.content_key, &said.sealed.payload);
    let hash = blake3(payload);
    assert_eq!(report::open(key, payload, &hash, &said.place).as_deref(), Ok(&b"a threat"[..]));
    // Another key, payload or place.
    let forged = Err(ReportError::Key(OpenError::Forged));
    assert_eq!(report::open(&other.sealed.content_key, payload, &hash, &said.place), forged);
    assert_eq!(report::open(key, payload, &hash, &other.place), forged);
    let substituted = report::open(&other.sealed.content_key, &other.sealed.payload, &hash, &other.place);
    assert_eq!(substituted, Err(ReportError::Payload));
}

/// [REPORT-2] A ciphertext that opens under two keys can be made; its payload names only one.
#[test]
fn a_payload_commits_to_its_key() {
    let (mut ada, mut bob) = introduced(11);
    let said = ada.say("one text");
    let other_key = Secret::new([9; 32]);
    let other_text = covey_pairing::envelope::seal_body_with(&other_key, b"another", &said.place).expect("short");
    let mut wire: (u8, serde_bytes::ByteBuf, u64, serde_bytes::ByteBuf, serde_bytes::ByteBuf) =
        covey_codec::decode(&said.sealed.payload, MAX_PAYLOAD).expect("a payload");
    wire.4 = other_text.into();
    let two_faced = encode(&wire);
    let opened = report::open(&other_key, &two_faced, &blake3(&two_faced), &said.place);
    assert_eq!(opened, Err(ReportError::Key(OpenError::Forged)));
    assert_eq!(bob.open(&two_faced, &said.place), Err(OpenError::Forged));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// [SENDER-3] Whatever the order, and however often each arrives.
    #[test]
    fn every_message_opens_exactly_once(order in prop::collection::vec(0usize..60, 1..200), rotations in prop::collection::vec(1usize..60, 0..4)) {
        let (mut ada, mut bob) = introduced(12);
        let mut entries = Vec::new();
        for n in 0..60 {
            if rotations.contains(&n) {
                ada.rotate();
                prop_assert_eq!(bob.learn(&ada.distribution(0)), Ok(Learned::New));
            }
            entries.push(ada.say(&format!("message {n}")));
        }
        let mut opened = [false; 60];
        for n in order.into_iter().chain(0..60) {
            let result = open(&mut bob, &entries[n]);
            if std::mem::replace(&mut opened[n], true) {
                prop_assert_eq!(result, Err(OpenError::Used));
            } else {
                prop_assert_eq!(result.map(|o| o.body), Ok(entries[n].body.clone()));
            }
            if n % 7 == 0 {
                bob = through_bytes(&bob, MAX_RECEIVER_BYTES);
            }
        }
    }
}

/// [SENDER-11]
#[test]
fn a_distribution_that_is_not_one_is_refused() {
    let (ada, mut bob) = introduced(13);
    let bytes = ada.distribution(0).to_bytes();
    assert_eq!(Distribution::from_bytes(&bytes), Ok(ada.distribution(0)));
    for cut in 0..bytes.len() {
        assert_eq!(Distribution::from_bytes(&bytes[..cut]), Err(LearnError::Malformed));
    }
    assert_eq!(
        Distribution::from_bytes(&[bytes.as_slice(), &[0; MAX_DISTRIBUTION]].concat()),
        Err(LearnError::Malformed)
    );
    assert_eq!(bob.learn(&ada.distribution(0)), Ok(Learned::Known));
}
