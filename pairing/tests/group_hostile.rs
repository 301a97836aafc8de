//! Mallory sends distributions and payloads. `pairing/SPEC.md`, section Groups.

mod group_support;

use covey_pairing::{
    group::cipher::{
        Change, Distribution, GroupCipher, LearnError, Learned, OpenError, ReceiverChains, SenderChain, SenderKeys,
        Speaker,
        limits::{MAX_CHAIN, MAX_GENERATION, MAX_PAYLOAD, MAX_RECEIVER_BYTES},
    },
    ids::GroupId,
};
use group_support::{
    Ada, Entry, GROUP, NOW, device, encode, introduced, open, place, reads, rounds, speaker, stranger, through_bytes,
};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_bytes::ByteBuf;

/// The wire forms once more, with nothing checked.
#[derive(Clone, Serialize, Deserialize)]
struct Payload(u8, ByteBuf, u64, ByteBuf, ByteBuf);
#[derive(Clone, Serialize, Deserialize)]
struct Wire {
    v: u8,
    s: WireSpeaker,
    c: WireName,
    i: u64,
    q: ByteBuf,
}
#[derive(Clone, Serialize, Deserialize)]
struct WireSpeaker {
    g: ByteBuf,
    d: ByteBuf,
}
#[derive(Clone, Serialize, Deserialize)]
struct WireName {
    k: ByteBuf,
    n: u64,
    e: u64,
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> T {
    covey_codec::decode(bytes, 1 << 16).expect("our own bytes decode")
}

fn with_payload(payload: &[u8], change: impl FnOnce(&mut Payload)) -> Vec<u8> {
    let mut payload: Payload = decode(payload);
    change(&mut payload);
    encode(&payload)
}

fn with_distribution(distribution: &Distribution, change: impl FnOnce(&mut Wire)) -> Distribution {
    let mut wire: Wire = decode(&distribution.to_bytes());
    change(&mut wire);
    Distribution::from_bytes(&encode(&wire)).expect("of the right shape")
}

/// Is refused, and leaves no trace.
fn refused(reader: &mut ReceiverChains, payload: &[u8], place: &[u8]) -> OpenError {
    let before = encode(reader);
    let error = reader.open(payload, place).expect_err("is refused");
    assert_eq!(encode(reader), before, "{error}");
    error
}

fn not_learned(reader: &mut ReceiverChains, distribution: &Distribution) -> LearnError {
    let before = encode(reader);
    let error = reader.learn(distribution).expect_err("is refused");
    assert_eq!(encode(reader), before, "{error}");
    error
}

/// [SENDER-12] With everything she ever had, and all that is sent.
#[test]
fn a_removed_member_opens_nothing_that_is_sealed_after_her_removal() {
    for change in [Change::Removed(device(3)), Change::Left(device(3)), Change::Revoked(device(3))] {
        let mut ada = Ada::new(5, 1);
        ada.say("hello");
        let (mut mallory, mut bob) = (stranger(), stranger());
        for handout in ada.serve(100) {
            let distribution = ada.distribution(handout.from);
            mallory.learn(&distribution).expect("a member");
            bob.learn(&distribution).expect("a member");
        }
        let before = ada.say("she reads this");
        reads(&mut mallory, &before);
        reads(&mut bob, &before);
        let unread = ada.say("and could read this");

        ada.change(change);
        if !matches!(change, Change::Removed(_)) {
            assert!(!ada.is_due(), "leaves wait for each other");
            ada.now += ada.policy.delay_ms;
        }
        assert!(ada.is_due());
        let after: Vec<Entry> = (0..20).map(|n| ada.say(&format!("not for her {n}"))).collect();
        let served = ada.serve(100);
        assert!(served.iter().all(|handout| handout.device != device(3)) && served.len() == 4);
        for (n, entry) in after.iter().enumerate() {
            assert!(matches!(refused(&mut mallory, &entry.sealed.payload, &entry.place), OpenError::NoKey { .. }));
            // Under every name she knows, at every index.
            let known: Payload = decode(&unread.sealed.payload);
            for index in 0..40 {
                let renamed = with_payload(&entry.sealed.payload, |p| (p.1, p.2) = (known.1.clone(), index));
                let error = refused(&mut mallory, &renamed, &entry.place);
                assert!(matches!(error, OpenError::Forged | OpenError::Used), "{error}");
            }
            assert_eq!(ada.answer(3, entry), None, "she asks for entry {n}");
        }
        assert_eq!(ada.answer(3, &unread), None);
        reads(&mut mallory, &unread);
        bob.learn(&ada.distribution(0)).expect("a member");
        after.iter().for_each(|entry| reads(&mut bob, entry));
    }
}

/// [SENDER-13]
#[test]
fn a_known_name_never_gets_another_chain() {
    let (mut ada, mut bob) = introduced(2);
    for _ in 0..3 {
        reads(&mut bob, &ada.say("something"));
    }
    let (start, now) = (ada.distribution(0), ada.distribution(u64::MAX));
    for honest in [&start, &now] {
        let other_key = with_distribution(honest, |wire| wire.q[0] ^= 1);
        assert_eq!(not_learned(&mut bob, &other_key), LearnError::Changed);
        let lowered = with_distribution(honest, |wire| wire.c.n -= 1);
        assert_eq!(not_learned(&mut bob, &lowered), LearnError::Changed);
        let raised = with_distribution(honest, |wire| wire.c.n += 1);
        assert_eq!(not_learned(&mut bob, &raised), LearnError::Changed);
        let other_epoch = with_distribution(honest, |wire| wire.c.e += 1);
        assert_eq!(not_learned(&mut bob, &other_epoch), LearnError::Changed);
        for index in [1, 2, 3, 5, MAX_CHAIN] {
            let shifted = with_distribution(honest, |wire| wire.i = wire.i.abs_diff(index));
            if shifted != *honest {
                assert_eq!(not_learned(&mut bob, &shifted), LearnError::Changed, "{index}");
            }
        }
    }
    assert_eq!(bob.learn(&start), Ok(Learned::Known));
    assert_eq!(bob.learn(&now), Ok(Learned::Known));
    reads(&mut bob, &ada.say("as before"));
}

/// [SENDER-13] Nor does an index from which the two cannot be compared.
#[test]
fn a_distribution_beyond_the_limits_is_refused() {
    let (ada, mut bob) = introduced(3);
    let honest = ada.distribution(0);
    for index in [MAX_CHAIN + 1, u64::MAX] {
        let far = with_distribution(&honest, |wire| wire.i = index);
        assert_eq!(not_learned(&mut bob, &far), LearnError::TooFar);
        assert_eq!(not_learned(&mut stranger(), &far), LearnError::TooFar);
    }
    for generation in [0, MAX_GENERATION + 1, u64::MAX] {
        let far = with_distribution(&honest, |wire| (wire.c.n, wire.c.k[0]) = (generation, !wire.c.k[0]));
        assert_eq!(not_learned(&mut bob, &far), LearnError::TooFar);
    }
}

/// [SENDER-7] The jump costs only who makes it, and not even them.
#[test]
fn a_device_that_jumps_to_the_last_generation_is_still_read() {
    let (mut ada, mut bob) = introduced(4);
    let jump = with_distribution(&ada.distribution(0), |wire| (wire.c.n, wire.c.k[0]) = (MAX_GENERATION, !wire.c.k[0]));
    assert_eq!(bob.learn(&jump), Ok(Learned::New));
    assert_eq!(bob.newest(), MAX_GENERATION);
    for _ in 0..8 {
        ada.rotate();
        assert_eq!(bob.learn(&ada.distribution(0)), Ok(Learned::Older));
        reads(&mut bob, &ada.say("still here"));
    }
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let last = SenderChain::new(speaker(0), u64::MAX, 0, NOW, &mut rng);
    assert_eq!(last.generation(), MAX_GENERATION);
}

/// [SENDER-14]
#[test]
fn a_distribution_of_another_group_or_device_is_refused() {
    let (ada, mut bob) = introduced(5);
    let other_group = Speaker { group: GroupId::from_bytes([9; 32]), device: device(0) };
    let chain = SenderChain::new(other_group, 0, 0, NOW, &mut ada.rng.clone());
    assert_eq!(not_learned(&mut bob, &chain.distribution()), LearnError::Group);
    assert_eq!(not_learned(&mut ReceiverChains::new(speaker(1)), &ada.distribution(0)), LearnError::Device);
    // Mallory passes Ada's chain off as her own: what Ada says still opens as nobody's but Ada's.
    let mut ada = ada;
    let entry = ada.say("by Ada");
    let stolen = with_distribution(&ada.distribution(0), |wire| wire.s.d = ByteBuf::from(vec![1; 32]));
    let mut of_mallory = ReceiverChains::new(speaker(1));
    assert_eq!(of_mallory.learn(&stolen), Ok(Learned::New));
    assert_eq!(refused(&mut of_mallory, &entry.sealed.payload, &entry.place), OpenError::Forged);
    let mut elsewhere = ReceiverChains::new(other_group);
    let replayed = with_distribution(&ada.distribution(0), |wire| wire.s.g = ByteBuf::from(vec![9; 32]));
    assert_eq!(elsewhere.learn(&replayed), Ok(Learned::New));
    assert_eq!(refused(&mut elsewhere, &entry.sealed.payload, &entry.place), OpenError::Forged);
    assert_eq!(entry.place, place(2));
    assert_eq!(stolen.speaker().group, GROUP);
}

/// [SENDER-15]
#[test]
fn a_payload_at_another_place_or_opened_before_is_refused() {
    let (mut ada, mut bob) = introduced(6);
    let (one, other) = (ada.say("one"), ada.say("other"));
    assert_eq!(refused(&mut bob, &one.sealed.payload, &other.place), OpenError::Forged);
    reads(&mut bob, &other);
    reads(&mut bob, &one);
    for entry in [&one, &other] {
        assert_eq!(refused(&mut bob, &entry.sealed.payload, &entry.place), OpenError::Used);
        assert_eq!(refused(&mut bob, &entry.sealed.payload, &place(99)), OpenError::Used);
    }
}

/// [SENDER-16]
#[test]
fn an_index_beyond_the_end_of_a_chain_is_refused_before_any_work() {
    let (mut ada, mut bob) = introduced(7);
    let entry = ada.say("honest");
    for index in [MAX_CHAIN, MAX_CHAIN + 1, u64::MAX] {
        let far = with_payload(&entry.sealed.payload, |p| p.2 = index);
        assert_eq!(refused(&mut bob, &far, &entry.place), OpenError::TooFar);
    }
    let last = with_payload(&entry.sealed.payload, |p| p.2 = MAX_CHAIN - 1);
    assert_eq!(refused(&mut bob, &last, &entry.place), OpenError::Forged);
    reads(&mut bob, &entry);
}

/// [SENDER-17]
#[test]
fn another_version_is_not_a_forgery() {
    let (mut ada, mut bob) = introduced(8);
    let entry = ada.say("honest");
    let later = with_payload(&entry.sealed.payload, |p| p.0 = 2);
    assert_eq!(refused(&mut bob, &later, &entry.place), OpenError::Version);
    let of_another_shape = encode(&(3u8, "anything"));
    assert_eq!(refused(&mut bob, &of_another_shape, &entry.place), OpenError::Version);
    for bad in [vec![], vec![0x85], encode(&(1u8, "anything")), vec![0; 100], vec![0xff; MAX_PAYLOAD + 1]] {
        assert_eq!(refused(&mut bob, &bad, &entry.place), OpenError::Malformed);
    }
}

/// [SENDER-18]
#[test]
fn a_forged_payload_changes_nothing() {
    let (mut ada, mut bob) = introduced(9);
    let entries: Vec<Entry> = (0..30).map(|n| ada.say(&format!("message {n}"))).collect();
    // In the middle of things: some opened, some skipped.
    for n in [3, 7, 12] {
        reads(&mut bob, &entries[n]);
    }
    let before = encode(&bob);
    let seed = 77;
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let mut below = |n: usize| usize::try_from(rng.next_u64() % n as u64).expect("small");
    for round in 0..rounds(2_000) {
        let entry = &entries[below(entries.len())];
        let mut payload = entry.sealed.payload.clone();
        match below(6) {
            0 => {
                let at = below(payload.len());
                payload[at] ^= 1 << below(8);
            }
            1 => payload.truncate(below(payload.len())),
            2 => payload = with_payload(&payload, |p| p.2 = p.2.wrapping_add(1 + below(40) as u64)),
            3 => payload = with_payload(&payload, |p| p.3 = ByteBuf::from(vec![7; 32])),
            4 => payload = with_payload(&payload, |p| p.4.push(0)),
            _ => {
                let at = below(payload.len());
                payload.insert(at, 0);
            }
        }
        let place = if below(2) == 0 { entry.place.clone() } else { place(1_000) };
        bob.open(&payload, &place).expect_err("a forgery");
        if round % 100 == 0 {
            assert_eq!(encode(&bob), before, "seed {seed}, round {round}");
        }
    }
    assert_eq!(encode(&bob), before, "seed {seed}");
    for n in (0..30).filter(|n| ![3, 7, 12].contains(n)) {
        reads(&mut bob, &entries[n]);
    }
}

/// [SENDER-9]
#[test]
fn no_state_grows_beyond_its_limit() {
    let mut bob = stranger();
    let mut rng = ChaCha20Rng::seed_from_u64(3);
    for n in 0..10 {
        let mut chain = SenderChain::new(speaker(0), n, u64::MAX, MAX_GENERATION - 20, &mut rng);
        bob.learn(&chain.distribution()).expect("her own chain");
        let last = (0..MAX_CHAIN).map(|n| chain.seal(b"", &place(n)).expect("room")).last().expect("some");
        bob.open(&last.payload, &place(MAX_CHAIN - 1)).expect("opens");
    }
    assert!(encode(&bob).len() <= MAX_RECEIVER_BYTES, "{}", encode(&bob).len());
    let again: ReceiverChains = through_bytes(&bob, MAX_RECEIVER_BYTES);
    assert_eq!(again, bob);
}

/// [SENDER-19] The seam says the same as what is behind it.
#[test]
fn through_the_seam_only_a_distribution_is_learned() {
    let (mut ada, mut bob) = introduced(10);
    ada.rotate();
    let handout = SenderKeys::handout(&ada.own, 0).expect("a chain");
    assert_eq!(SenderKeys::learn(&mut bob, b"nonsense"), Err(LearnError::Malformed));
    assert_eq!(SenderKeys::learn(&mut bob, &handout), Ok(Learned::New));
    let entry = ada.say("through the seam");
    assert_eq!(SenderKeys::open(&mut bob, &entry.sealed.payload, &entry.place).expect("opens").body, entry.body);
    assert_eq!(open(&mut bob, &entry), Err(OpenError::Used));
    assert_eq!(SenderKeys::handout(&SenderKeys::own(speaker(4)), 0), None);
}
