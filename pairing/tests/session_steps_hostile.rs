//! Mallory changes what headers say of post-quantum steps: on the way, or as the other end with a changed client, whose
//! envelopes authenticate. Whatever is wrong is refused, changes nothing, and the session goes on.
//! `pairing/SPEC.md`, section Sessions, *Healing*.

mod session_support;

use covey_pairing::{
    crypto::{hash::blake3, kem::KemSecret},
    session::SessionError,
};
use serde_bytes::{ByteArray, ByteBuf};
use session_support::{
    End, encode, friends,
    steps::{self, Said},
};

fn bytes(said: &Said) -> ByteBuf {
    ByteBuf::from(encode(said))
}

fn key(n: u8) -> ByteBuf {
    ByteBuf::from(KemSecret::from_seed([n; 64]).public().as_bytes())
}

fn id(key: &[u8]) -> steps::KeyId {
    ByteArray::new(blake3(key)[..8].try_into().expect("8 bytes"))
}

/// The error; nothing changed.
fn refused(end: &mut End, envelope: &[u8], what: &str) -> SessionError {
    let before = blake3(&end.state());
    let error = end.open(envelope).expect_err(what);
    assert_eq!(blake3(&end.state()), before, "{what} changed the state");
    error
}

/// They still talk, and a step is made when one is due.
fn goes_on(mut alice: End, mut bob: End) {
    let before = alice.sessions.epoch();
    alice.sessions.renew();
    for _ in 0..4 {
        let there = alice.seal(b"there");
        assert_eq!(bob.open(&there).as_deref(), Ok(&b"there"[..]));
        let back = bob.seal(b"back");
        assert_eq!(alice.open(&back).as_deref(), Ok(&b"back"[..]));
    }
    assert!(alice.sessions.epoch() > before);
    assert_eq!(alice.sessions.epoch(), bob.sessions.epoch());
}

/// Alice's first envelope of a chain, with this header of hers about steps.
fn first(alice: &End, said: &Said) -> Vec<u8> {
    steps::sealed_by_hand(alice, |field| *field = bytes(said))
}

/// The way of sealing by hand is one of the protocol: what is right opens.
#[test]
fn an_envelope_that_is_sealed_by_hand_opens_if_nothing_is_wrong_with_it() {
    let (alice, mut bob) = friends(1);
    let offered = first(&alice, &Said { k: Some(key(1)), ..Said::default() });
    assert_eq!(bob.open(&offered).as_deref(), Ok(&b"by hand"[..]));
    assert!(steps::of(&bob.seal(b"answer")).a.is_some());
}

/// [SESS-27]
#[test]
fn epochs_neither_jump_nor_go_back() {
    let (mut alice, mut bob) = friends(2);
    alice.sessions.renew();
    for _ in 0..3 {
        let there = alice.seal(b"there");
        bob.open(&there).expect("opens");
        let back = bob.seal(b"back");
        alice.open(&back).expect("opens");
    }
    assert_eq!((alice.sessions.epoch(), bob.sessions.epoch()), (1, 1));
    for e in [0, 2, 3, 10_000, u64::from(u32::MAX), u64::MAX - 1, u64::MAX] {
        let jumped = first(&alice, &Said { e, ..Said::default() });
        assert_eq!(refused(&mut bob, &jumped, "another epoch"), SessionError::WrongEpoch, "{e}");
        for s in [id(&key(1)), ByteArray::new([0; 8])] {
            let stepped = first(&alice, &Said { e, s: Some(s), ..Said::default() });
            assert_eq!(refused(&mut bob, &stepped, "a step nobody answered"), SessionError::WrongEpoch, "{e}");
        }
    }
    let empty = steps::sealed_by_hand(&alice, |field| field.clear());
    assert_eq!(refused(&mut bob, &empty, "no epoch at all"), SessionError::WrongEpoch);
    goes_on(alice, bob);
}

/// [SESS-27]: all envelopes of a chain are of one epoch and one step.
#[test]
fn an_epoch_does_not_change_within_a_chain() {
    let (mut alice, mut bob) = friends(3);
    let begun = alice.seal(b"begun");
    bob.open(&begun).expect("opens");
    for said in [Said { e: 1, ..Said::default() }, Said { s: Some(id(&key(1))), ..Said::default() }] {
        let later = first(&alice, &said);
        assert_eq!(refused(&mut bob, &later, "later in the chain"), SessionError::WrongEpoch);
    }
    goes_on(alice, bob);
}

/// [SESS-25]
#[test]
fn offers_and_answers_at_every_message_are_refused() {
    let (mut alice, mut bob) = friends(4);
    let begun = alice.seal(b"begun");
    bob.open(&begun).expect("opens");
    let answer = Some((id(&key(1)), ByteBuf::from(vec![0; 1_088])));
    for said in [Said { k: Some(key(1)), ..Said::default() }, Said { a: answer, ..Said::default() }] {
        let later = first(&alice, &said);
        let error = refused(&mut bob, &later, "not in the first envelope");
        assert!(matches!(&error, SessionError::Malformed(why) if why.contains("first envelope")), "{error}");
    }
    goes_on(alice, bob);
}

/// [SESS-27]: too short, too long, empty, and of coefficients beyond the modulus.
#[test]
fn an_offered_key_that_is_none_is_refused() {
    let (alice, mut bob) = friends(5);
    let mut beyond = key(1);
    beyond[..3].copy_from_slice(&[0xff; 3]);
    for bad in [vec![], vec![1; 1_183], vec![1; 1_185], vec![0xff; 1_184], beyond.to_vec()] {
        let offered = first(&alice, &Said { k: Some(ByteBuf::from(bad)), ..Said::default() });
        assert!(matches!(refused(&mut bob, &offered, "no key"), SessionError::Malformed(_)));
    }
    for bad in [vec![], vec![1; 1_087], vec![1; 1_089]] {
        let answer = first(&alice, &Said { a: Some((id(&key(1)), ByteBuf::from(bad))), ..Said::default() });
        assert!(matches!(refused(&mut bob, &answer, "no ciphertext"), SessionError::Malformed(_)));
    }
    let mut unknown = encode(&Said::default());
    unknown[0] += 1;
    unknown.extend([0x61, b'z', 0]);
    let unknown = steps::sealed_by_hand(&alice, |field| *field = ByteBuf::from(unknown));
    assert!(matches!(refused(&mut bob, &unknown, "an unknown field"), SessionError::Malformed(_)));
    goes_on(alice, bob);
}

/// [SESS-27]: never offered, offered by the answerer itself, and answered before.
#[test]
fn an_answer_to_an_unknown_offer_is_refused() {
    let (mut alice, mut bob) = friends(6);
    let ciphertext = ByteBuf::from(vec![7; 1_088]);
    let answer = |id: steps::KeyId| Said { a: Some((id, ciphertext.clone())), ..Said::default() };
    let unknown = first(&alice, &answer(id(&key(1))));
    assert_eq!(refused(&mut bob, &unknown, "never offered"), SessionError::UnknownOffer);

    // Alice offers, and answers her own offer.
    alice.sessions.renew();
    let offer = alice.seal(b"offer");
    bob.open(&offer).expect("opens");
    let own = id(&steps::of(&offer).k.expect("an offer"));
    let back = bob.seal(b"back");
    alice.open(&back).expect("opens");
    let stepped = alice.seal(b"step");
    bob.open(&stepped).expect("opens");
    // Bob answers once more what he has answered before.
    let again = steps::sealed_by_hand(&bob, |field| *field = bytes(&Said { e: 1, ..answer(own) }));
    assert_eq!(refused(&mut alice, &again, "answered before"), SessionError::UnknownOffer);
    let next = bob.seal(b"next");
    alice.open(&next).expect("opens");
    let to_herself = steps::sealed_by_hand(&alice, |field| *field = bytes(&Said { e: 1, ..answer(own) }));
    assert_eq!(refused(&mut bob, &to_herself, "to her own offer"), SessionError::UnknownOffer);
    goes_on(alice, bob);
}

/// A key of ours that comes back as theirs is a key like others: they cannot step with it, as they lack its secret.
#[test]
fn an_offer_that_is_reflected_leads_to_no_step() {
    let (mut alice, mut bob) = friends(7);
    alice.sessions.renew();
    let offer = alice.seal(b"offer");
    bob.open(&offer).expect("opens");
    let reflected = steps::sealed_by_hand(&bob, |field| *field = bytes(&steps::of(&offer)));
    assert_eq!(alice.open(&reflected).as_deref(), Ok(&b"by hand"[..]));
    let answer = steps::of(&alice.seal(b"answer"));
    assert!(answer.a.is_some() && answer.s.is_none() && alice.sessions.epoch() == 0);
}

/// [SESS-27]: a step to the next epoch with a secret that is not the one: it does not authenticate.
#[test]
fn a_step_without_the_secret_is_refused() {
    let (alice, mut bob) = friends(8);
    let mut mallory = alice.clone();
    let offered = first(&mallory, &Said { k: Some(key(1)), ..Said::default() });
    bob.open(&offered).expect("opens");
    // She made the same chain; now hers is one message along.
    mallory.seal(b"by hand");
    let answered = bob.seal(b"answer");
    let said = steps::of(&answered);
    let without = steps::sealed_by_hand(&alice, |field| *field = bytes(&said));
    assert!(refused(&mut bob, &without, "reflected").heals_by_initiating());
    let (id, _) = said.a.expect("an answer");
    // Mallory does not know the answer: to her it answers an unknown offer, so she reads nothing of the chain but goes on.
    assert_eq!(mallory.open(&answered), Err(SessionError::UnknownOffer));
    let plain = bob.seal(b"more");
    assert_eq!(mallory.open(&plain).as_deref(), Ok(&b"more"[..]));
    let step = steps::sealed_by_hand(&mallory, |field| *field = bytes(&Said { e: 1, s: Some(id), ..Said::default() }));
    assert_eq!(refused(&mut bob, &step, "a step with DH alone"), SessionError::Forged);
    let honest = mallory.seal(b"without a step");
    assert_eq!(bob.open(&honest).as_deref(), Ok(&b"without a step"[..]));
}

/// [SESS-6] [SESS-13]: on the way nothing of it can be changed, left out or exchanged; a bit in each byte of it.
#[test]
fn no_step_is_changed_on_the_way() {
    let (mut alice, mut bob) = friends(9);
    alice.sessions.renew();
    bob.sessions.renew();
    for turn in 0..4 {
        let (from, to) = if turn % 2 == 0 { (&mut alice, &mut bob) } else { (&mut bob, &mut alice) };
        let envelope = from.seal(b"text");
        for at in 0..envelope.len() {
            let mut changed = envelope.clone();
            changed[at] ^= 1 << (at % 8);
            refused(to, &changed, "a flipped bit");
        }
        let said = steps::of(&envelope);
        let plain = Said { e: said.e, ..Said::default() };
        for (what, other) in [
            ("everything left out", Said::default()),
            ("offer and answer left out", Said { s: said.s, ..plain.clone() }),
            ("the step left out", Said { s: None, ..said.clone() }),
            ("the step left out, and its epoch", Said { e: 0, s: None, ..said.clone() }),
            ("another offer", Said { k: Some(key(9)), ..said.clone() }),
        ] {
            let changed = steps::with(&envelope, &other);
            if changed != envelope {
                refused(to, &changed, what);
            }
        }
        assert_eq!(to.open(&envelope).as_deref(), Ok(&b"text"[..]));
    }
    assert!(alice.sessions.epoch() > 0);
}

/// [SESS-26]: a client that offers another key in every chain gets an answer each time and costs nothing that stays.
#[test]
fn a_client_that_offers_in_every_chain_fills_nothing() {
    let (mut alice, mut bob) = friends(10);
    let mut largest = 0;
    for n in 0..=255u8 {
        let offered = first(&alice, &Said { k: Some(key(n)), ..Said::default() });
        alice.seal(b"by hand");
        assert!(bob.open(&offered).is_ok());
        let answered = bob.seal(b"answer");
        assert_eq!(steps::of(&answered).a.map(|answer| answer.0), Some(id(&key(n))));
        assert_eq!(refused(&mut alice, &answered, "not her own offer"), SessionError::UnknownOffer);
        let plain = bob.seal(b"more");
        assert!(alice.open(&plain).is_ok());
        largest = largest.max(encode(&bob.sessions).len());
    }
    assert!(largest < 6_000, "{largest} bytes");
}
