//! Mallory writes bundles and envelopes. `pairing/SPEC.md`, section Sessions.

mod session_support;

use covey_pairing::{
    crypto::{dh::DhPublic, sign::Context},
    session::{BundleError, PrekeyBundle, SessionError},
};
use rand_core::Rng;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use session_support::{
    End, NOW, encode, friends, strangers,
    wire::{Envelope, Handshake, Header, decode},
};

#[derive(Clone, Serialize, Deserialize)]
struct Bundle {
    v: u8,
    s: (u32, u64, ByteBuf, ByteBuf),
    k: ByteBuf,
    o: Option<(u32, ByteBuf)>,
    g: ByteBuf,
}

/// The same envelope with another header.
fn with_header(envelope: &[u8], change: impl FnOnce(&mut Header)) -> Vec<u8> {
    let mut envelope: Envelope = decode(envelope);
    let mut header: Header = decode(&envelope.1);
    change(&mut header);
    envelope.1 = ByteBuf::from(encode(&header));
    encode(&envelope)
}

fn with_handshake(envelope: &[u8], change: impl FnOnce(&mut Handshake)) -> Vec<u8> {
    with_header(envelope, |h| change(h.7.as_mut().expect("a first message")))
}

/// Every encoding of a point of low order, the non-canonical ones included.
fn low_order() -> Vec<[u8; 32]> {
    let hex = |text: &str| -> [u8; 32] { hex::decode(text).expect("hex").try_into().expect("32 bytes") };
    let canonical = [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ]
    .map(hex);
    let high_bit = canonical.map(|mut bytes| {
        bytes[31] |= 0x80;
        bytes
    });
    [canonical, high_bit].concat()
}

/// A first message of Alice's and the Bob it is for.
fn first_message(seed: u64, one_time: bool) -> (Vec<u8>, End) {
    let (mut alice, mut bob) = strangers(seed);
    let bundle = if one_time { bob.one_time_bundle() } else { bob.prekeys.bundle().clone() };
    alice.initiate(&bundle);
    (alice.seal(b"hello"), bob)
}

fn refused(end: &mut End, envelope: &[u8], what: &str) -> SessionError {
    let before = end.state();
    let error = end.open(envelope).expect_err(what);
    assert_eq!(end.state(), before, "{what} changed the state");
    error
}

/// [SESS-13]: a bit in every byte of a first message.
#[test]
fn no_forged_first_message_opens_or_changes_anything() {
    let (first, mut bob) = first_message(1, true);
    for at in 0..first.len() {
        let mut envelope = first.clone();
        envelope[at] ^= 1 << (at % 8);
        refused(&mut bob, &envelope, "a flipped bit");
    }
    assert_eq!(bob.open(&first).as_deref(), Ok(&b"hello"[..]));
}

/// [SESS-13]: every bit of a message, and 10,000 random changes; 100,000 with `COVEY_LONG_TESTS`.
#[test]
fn no_forged_message_opens_or_changes_anything() {
    let (mut alice, mut bob) = friends(2);
    let envelope = alice.seal(b"text");
    for at in 0..envelope.len() {
        for bit in 0..8 {
            let mut envelope = envelope.clone();
            envelope[at] ^= 1 << bit;
            refused(&mut bob, &envelope, "a flipped bit");
        }
        refused(&mut bob, &envelope[..at], "a truncated one");
    }
    let changes = if std::env::var_os("COVEY_LONG_TESTS").is_some() { 100_000 } else { 10_000 };
    for _ in 0..changes {
        let mut forged = envelope.clone();
        for _ in 0..alice.rng.next_u32() % 3 + 1 {
            let [at, by] = [alice.rng.next_u32(), alice.rng.next_u32()].map(|n| usize::try_from(n).expect("64 bits"));
            let at = at % forged.len();
            forged[at] ^= [1, 2, 4, 8, 0x10, 0x55, 0x80, 0xff][by % 8];
        }
        if forged != envelope {
            refused(&mut bob, &forged, "random changes");
        }
    }
    let mut longer = envelope.clone();
    longer.push(0);
    refused(&mut bob, &longer, "a longer one");
    assert_eq!(bob.open(&envelope).as_deref(), Ok(&b"text"[..]));
}

/// [SESS-13]
#[test]
fn what_the_caller_binds_is_authenticated() {
    let (mut alice, mut bob) = friends(3);
    let envelope = alice.seal(b"text");
    let before = bob.state();
    for aad in [&b""[..], b"what the caller bind", b"what the caller binds "] {
        let opened = bob.sessions.decrypt(&bob.device, &mut bob.prekeys, &envelope, aad, NOW);
        assert_eq!(opened, Err(SessionError::Forged));
    }
    assert_eq!(bob.state(), before);
}

/// [SESS-3]: a missing KEM part is an error, never a fallback.
#[test]
fn a_handshake_without_its_kem_part_is_refused() {
    for one_time in [true, false] {
        let (first, mut bob) = first_message(4, one_time);
        let short = |h: &mut Handshake| h.c.truncate(1_087);
        for stripped in [with_handshake(&first, |h| h.c.clear()), with_handshake(&first, short)] {
            assert!(matches!(refused(&mut bob, &stripped, "no KEM part"), SessionError::Malformed(_)));
        }
        let swapped = with_handshake(&first, |h| h.c = ByteBuf::from(vec![7; 1_088]));
        assert_eq!(refused(&mut bob, &swapped, "another KEM part"), SessionError::Forged);
    }
}

/// [SESS-3]
#[test]
fn a_bundle_without_its_kem_part_is_refused_even_when_signed() {
    let (mut alice, mut bob) = strangers(5);
    let mut bundle: Bundle = decode(&bob.one_time_bundle().to_bytes());
    for kem in [vec![], vec![1; 1_183], vec![0xff; 1_184]] {
        bundle.k = ByteBuf::from(kem);
        let id = bundle.o.as_ref().expect("one-time");
        let message = [&[1], &bundle.s.0.to_be_bytes()[..], &id.0.to_be_bytes(), &id.1, &bundle.k].concat();
        bundle.g = ByteBuf::from(bob.device.signing.sign(Context::KemPrekey, &message).to_vec());
        assert!(matches!(PrekeyBundle::from_bytes(&encode(&bundle)), Err(BundleError::Malformed(_))));
        // Also when it was decoded as a part of something else.
        let nested: PrekeyBundle = decode(&encode(&bundle));
        let before = alice.state();
        assert!(alice.sessions.initiate(&alice.device, &nested, NOW, &mut alice.rng).is_err());
        assert_eq!(alice.state(), before);
    }
}

/// [SESS-6]
#[test]
fn an_unknown_version_or_suite_is_refused() {
    let (first, mut bob) = first_message(6, true);
    let (mut alice, mut friend) = friends(6);
    let later = alice.seal(b"text");
    for (envelope, end) in [(&first, &mut bob), (&later, &mut friend)] {
        let mut outer: Envelope = decode(envelope);
        for version in [0, 2, 255] {
            outer.0 = version;
            assert!(matches!(refused(end, &encode(&outer), "version"), SessionError::Malformed(_)));
            let header = with_header(envelope, |h| h.0 = version);
            assert!(matches!(refused(end, &header, "header version"), SessionError::Malformed(_)));
        }
        for unknown in [0, 3, 255] {
            let suite = with_header(envelope, |h| h.1 = unknown);
            assert!(matches!(refused(end, &suite, "suite"), SessionError::Malformed(_)));
        }
        let unknown = with_header(envelope, |h| h.6 = ByteBuf::from(vec![1]));
        assert!(matches!(refused(end, &unknown, "not what a header says of steps"), SessionError::Malformed(_)));
    }
    // There is no way back to the suite before.
    let older = |envelope: &[u8]| with_header(envelope, |h| h.1 = 1);
    assert_eq!(refused(&mut bob, &older(&first), "a first message of suite 1"), SessionError::OldSuite);
    assert_eq!(refused(&mut friend, &older(&later), "suite 1 in a session of suite 2"), SessionError::WrongSuite);
    let mut bundle: Bundle = decode(&bob.prekeys.bundle().to_bytes());
    bundle.v = 0;
    assert!(matches!(PrekeyBundle::from_bytes(&encode(&bundle)), Err(BundleError::Malformed(_))));
}

/// [SESS-11]
#[test]
fn a_key_of_low_order_is_refused_in_every_slot() {
    let (first, mut bob) = first_message(7, true);
    let (mut alice, mut friend) = friends(7);
    let later = alice.seal(b"text");
    let bundle: Bundle = decode(&bob.one_time_bundle().to_bytes());
    for key in low_order() {
        assert!(DhPublic::from_bytes(key).is_err(), "identity key");
        let key = ByteBuf::from(key.to_vec());
        let ephemeral = with_handshake(&first, |h| h.e.clone_from(&key));
        assert!(matches!(refused(&mut bob, &ephemeral, "ephemeral key"), SessionError::Malformed(_)));
        let ratchet = with_header(&first, |h| h.3.clone_from(&key));
        assert!(matches!(refused(&mut bob, &ratchet, "first ratchet key"), SessionError::Malformed(_)));
        let ratchet = with_header(&later, |h| h.3.clone_from(&key));
        assert!(matches!(refused(&mut friend, &ratchet, "ratchet key"), SessionError::Malformed(_)));

        let mut signed = bundle.clone();
        signed.s.2.clone_from(&key);
        let message = [&signed.s.0.to_be_bytes()[..], &signed.s.1.to_be_bytes(), &key].concat();
        signed.s.3 = ByteBuf::from(bob.device.signing.sign(Context::SignedPrekey, &message).to_vec());
        assert!(matches!(PrekeyBundle::from_bytes(&encode(&signed)), Err(BundleError::Malformed(_))));
        let mut one_time = bundle.clone();
        one_time.o.as_mut().expect("one-time").1.clone_from(&key);
        assert!(matches!(PrekeyBundle::from_bytes(&encode(&one_time)), Err(BundleError::Malformed(_))));
    }
}

/// [SESS-4]
#[test]
fn a_bundle_is_used_only_as_its_device_signed_it() {
    let (mut alice, mut bob) = strangers(8);
    let mut mallory = End::new(9, 1, 8);
    let one_time: Bundle = decode(&bob.one_time_bundle().to_bytes());
    let published: Bundle = decode(&bob.prekeys.bundle().to_bytes());
    let theirs: Bundle = decode(&mallory.one_time_bundle().to_bytes());
    assert!(bob.prekeys.rotate(&bob.device, NOW + 2 * session_support::DAY, &mut bob.rng));
    let rotated: Bundle = decode(&bob.prekeys.bundle().to_bytes());

    let forged = [
        ("another device's", theirs.clone()),
        ("another device's signed prekey", Bundle { s: theirs.s.clone(), ..one_time.clone() }),
        ("another device's KEM key", Bundle { k: theirs.k.clone(), ..one_time.clone() }),
        ("the one-time pair left out", Bundle { o: None, ..one_time.clone() }),
        ("a one-time pair put in", Bundle { o: one_time.o.clone(), ..published.clone() }),
        ("parts of two rotations", Bundle { s: rotated.s.clone(), ..published.clone() }),
        (
            "made younger",
            Bundle { s: (published.s.0, NOW + 1, published.s.2.clone(), published.s.3.clone()), ..published },
        ),
    ];
    let before = alice.state();
    for (what, bundle) in forged {
        let bundle = PrekeyBundle::from_bytes(&encode(&bundle)).expect(what);
        let refused = alice.sessions.initiate(&alice.device, &bundle, NOW, &mut alice.rng);
        assert_eq!(refused, Err(SessionError::Bundle(BundleError::BadSignature)), "{what}");
    }
    assert_eq!(alice.state(), before);
}

/// [SESS-13]
#[test]
fn an_envelope_reflected_to_its_sender_is_refused() {
    let (mut alice, _) = friends(10);
    let envelope = alice.seal(b"text");
    refused(&mut alice, &envelope, "a reflection");
}

/// [SESS-21]
#[test]
fn an_oversized_envelope_is_refused_before_it_is_decoded() {
    let (_, mut bob) = friends(11);
    let error = refused(&mut bob, &vec![0x83; covey_pairing::session::limits::MAX_ENVELOPE + 1], "too long");
    assert!(matches!(error, SessionError::Malformed(text) if text.contains("over the limit")));
}

/// [SESS-21]
#[test]
fn arbitrary_bytes_never_panic() {
    use proptest::prelude::*;
    let (_, bob) = friends(12);
    let bob = std::cell::RefCell::new(bob);
    proptest!(|(bytes in proptest::collection::vec(any::<u8>(), 0..300))| {
        refused(&mut bob.borrow_mut(), &bytes, "noise");
        let framed = encode(&Envelope(1, ByteBuf::from(bytes.clone()), ByteBuf::from(bytes.clone())));
        refused(&mut bob.borrow_mut(), &framed, "framed noise");
        prop_assert!(PrekeyBundle::from_bytes(&bytes).is_err());
    });
}
