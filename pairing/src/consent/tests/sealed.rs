//! Sealed invites: first contact that rests on ML-KEM as well as on X25519.

use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use serde_bytes::ByteBuf;

use super::{harness::*, hostile::invite_frame};
use crate::{
    consent::{
        ConsentError, Input, InviteError, InviteFrame, PairFrame, PairSecret, Slot, State,
        answer::Answer,
        handshake::{Initiator, Responder, prologue},
        machine::Phase,
        open_invite,
        seal::{Seal, unseal},
    },
    crypto::{dh::DhSecret, kem::KemPublic, secret::Secret},
    identity::{AccountSecret, CardError},
};

/// Alice's sealed invite as it waits in her outbox.
fn invited() -> (World, InviteFrame) {
    let mut world = World::new();
    world.invite(Alice).expect("allowed");
    let frame = invite_frame(&world.waiting(Alice, Slot::Invite));
    (world, frame)
}

fn open_for_bob(world: &World, frame: &InviteFrame) -> Result<(), InviteError> {
    open_invite(&world.bob.account, frame, world.now).map(drop)
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// [PAIR-82]
#[test]
fn a_sealed_invite_pairs_two_and_does_not_name_its_inviter() {
    let (mut world, frame) = invited();
    assert_eq!(frame.from, None);
    assert!(!contains(&world.waiting(Alice, Slot::Invite), world.alice.id().as_bytes()));
    assert_eq!(frame.claimed_by(&world.bob.account), Ok(world.alice.id()));
    assert!(world.open(Bob, &world.waiting(Alice, Slot::Invite)).is_sealed());
    assert_eq!(world.alice.r.invited_kem(), Some(world.bob.account.kem_key()));
    world.settle();
    world.run(Bob, Input::Accept);
    world.settle();
    world.assert_paired();
}

/// [PAIR-82] Every byte: ciphertext, sealed inviter, ephemeral key, static key, offer.
#[test]
fn a_flipped_bit_anywhere_in_a_sealed_message_is_noticed() {
    let (world, frame) = invited();
    for at in 0..frame.message.len() {
        let mut tampered = frame.clone();
        tampered.message[at] ^= 1 << (at % 8);
        assert_eq!(open_for_bob(&world, &tampered), Err(InviteError::Handshake), "byte {at}");
    }
    for len in [0, 1, 1_087, 1_088, 1_135, 1_136, 1_137, 1_231, 1_232, frame.message.len() - 1] {
        let cut = InviteFrame { message: ByteBuf::from(frame.message[..len].to_vec()), ..frame.clone() };
        assert_eq!(open_for_bob(&world, &cut), Err(InviteError::Handshake), "{len} bytes");
    }
}

/// [PAIR-82] The inviter cannot be exchanged, nor the seal of one invite put before the message of another.
#[test]
fn a_sealed_invite_opens_for_its_two_accounts_and_under_its_own_seal_only() {
    let (mut world, frame) = invited();
    let carol = AccountSecret::from_seed([33; 32]);
    assert_eq!(open_invite(&carol, &frame, world.now).map(drop), Err(InviteError::Handshake));
    for from in [world.alice.id(), carol.id()] {
        let claimed = InviteFrame { from: Some(from), ..frame.clone() };
        assert_eq!(open_for_bob(&world, &claimed), Err(InviteError::Handshake));
    }
    let (alice, bob) = (world.alice.id(), world.bob.id());
    for from in [alice, carol.id(), bob] {
        let seal = Seal::new(&from, &bob, world.bob.account.kem_key(), &mut world.rng).expect("a good key");
        let message = ByteBuf::from([&seal.head, &frame.message[seal.head.len()..]].concat());
        let mixed = InviteFrame { message, ..frame.clone() };
        let error = if from == bob { InviteError::OwnAccount } else { InviteError::Handshake };
        assert_eq!(open_for_bob(&world, &mixed), Err(error));
    }
    // The Noise message alone, without its seal.
    let bare = InviteFrame { from: Some(alice), message: ByteBuf::from(frame.message[1_136..].to_vec()), ..frame };
    assert_eq!(open_for_bob(&world, &bare), Err(InviteError::Handshake));
}

/// [PAIR-14] [PAIR-82]
#[test]
fn a_sealed_invite_that_is_replayed_changes_nothing() {
    let (mut world, _) = invited();
    let invite = world.waiting(Alice, Slot::Invite);
    world.settle();
    for _ in 0..2 {
        let before = world.bob.r.clone();
        world.deliver(Bob, &invite).expect("is acknowledged");
        assert_eq!(world.bob.r, before);
        if world.state(Bob) == State::Pending {
            world.run(Bob, Input::Accept);
            world.settle();
        }
    }
    world.assert_paired();
}

/// [PAIR-83] A ticket that was tampered with names the KEM key of somebody else: the true account cannot open the invite,
/// and that somebody cannot answer it in its name.
#[test]
fn who_holds_the_kem_key_but_not_the_account_can_neither_open_nor_answer() {
    let mut world = World::new();
    let mallory = AccountSecret::from_seed([44; 32]);
    let bob = world.bob.account.clone();
    let note = "hello".to_owned();
    let their_kem = Some(mallory.kem_key().clone());
    world.run(Alice, Input::Invite { their_dh: bob.dh().public(), their_kem, note, token: None });
    let frame = invite_frame(&world.waiting(Alice, Slot::Invite));
    assert_eq!(open_for_bob(&world, &frame), Err(InviteError::Handshake));
    let unsealed = mallory.kem().decapsulate(&frame.message[..1_088]).expect("the length is right");
    assert_ne!(unsealed, Secret::new([0; 32]));
    assert_eq!(open_invite(&mallory, &frame, world.now).map(drop), Err(InviteError::Handshake));
}

/// [PAIR-83] The answer must come with a card that names the KEM key that was sealed to.
#[test]
fn an_answer_with_a_card_of_another_kem_key_is_refused() {
    for kem in [None, Some(AccountSecret::from_seed([44; 32]).kem_key().hash())] {
        let (mut world, _) = invited();
        world.settle();
        world.bob.card = card(&world.bob.log, &world.bob.device, "Bob", kem);
        world.run(Bob, Input::Accept);
        let answer = world.waiting(Bob, Slot::Answer);
        let before = world.alice.r.clone();
        assert_eq!(world.deliver(Alice, &answer), Err(ConsentError::Card(CardError::Account)));
        assert_eq!(world.alice.r, before);
    }
    // An invite that is not sealed takes what card there is: who has an older version has none with a KEM key.
    let mut world = World::unsealed();
    world.invite(Alice).expect("allowed");
    world.settle();
    world.bob.card = card(&world.bob.log, &world.bob.device, "Bob", None);
    world.run(Bob, Input::Accept);
    world.settle();
    world.assert_paired();
}

/// [PAIR-83]
#[test]
fn an_unusable_kem_key_makes_no_invite_instead_of_one_without_a_seal() {
    let mut world = World::new();
    let before = world.alice.r.clone();
    for bytes in [vec![0xff; 1_184], vec![0; 10]] {
        let bytes = covey_codec::encode(&ByteBuf::from(bytes)).expect("encodes");
        let key: KemPublic = covey_codec::decode(&bytes, 2_000).expect("is not looked at");
        let their_dh = world.bob.account.dh().public();
        let input = Input::Invite { their_dh, their_kem: Some(key), note: String::new(), token: None };
        assert_eq!(world.step(Alice, input), Err(ConsentError::BadKey));
        assert_eq!(world.alice.r, before);
    }
}

/// [PAIR-83] Asked once more without the key, with something new to say: the next invite is sealed as well.
#[test]
fn a_sealed_invite_is_never_replaced_by_one_that_is_not() {
    let (mut world, first) = invited();
    world.sealed = false;
    world.invite(Alice).expect("allowed");
    assert_eq!(invite_frame(&world.waiting(Alice, Slot::Invite)), first, "the same once more");
    let their_dh = world.bob.account.dh().public();
    world.run(Alice, Input::Invite { their_dh, their_kem: None, note: "It is me, really".into(), token: None });
    let second = invite_frame(&world.waiting(Alice, Slot::Invite));
    assert_eq!((second.from, second.id() == first.id()), (None, false));
    assert_eq!(open_for_bob(&world, &second), Ok(()));
    // The other way round: what was not sealed is replaced once the key is known.
    let mut world = World::unsealed();
    world.invite(Alice).expect("allowed");
    world.sealed = true;
    world.invite(Alice).expect("allowed");
    assert_eq!(invite_frame(&world.waiting(Alice, Slot::Invite)).from, None);
}

/// [PAIR-82] Who recorded both messages of the handshake and breaks every X25519 key in it has no more than random bytes of the
/// KEM secret: neither the offer nor the answer opens, and the pair secret does not follow. With the KEM secret as well
/// everything follows, so it is what stands in the way. The same of who breaks ML-KEM alone.
#[test]
fn who_recorded_first_contact_and_breaks_x25519_reads_neither_offer_nor_answer_and_has_no_pair_secret() {
    let (mut world, frame) = invited();
    let Phase::Invited { own: inviter, .. } = world.alice.r.phase.clone() else { panic!("alice has invited") };
    world.settle();
    world.run(Bob, Input::Accept);
    let recorded = world.waiting(Bob, Slot::Answer);
    let PairFrame::Answer { message: answer, .. } = PairFrame::decode(&recorded).expect("a frame") else {
        panic!("an answer")
    };
    world.settle();
    let psk = unseal(&world.bob.account, &frame.message).expect("for bob").psk;
    let (alice, bob) = (world.alice.account.clone(), world.bob.account.clone());

    // All X25519 secrets of both accounts, and whatever might have been encapsulated.
    let mut rng = ChaCha20Rng::seed_from_u64(13);
    let open = |own: &DhSecret, psk: Option<Secret<32>>| {
        let prologue = prologue(&alice.id(), &bob.id(), true);
        let responder = Responder { prologue, own, psk, message1: &frame.message[1_136..] };
        responder.open().map(|opened| opened.payload)
    };
    for guess in [Secret::new([0; 32]), Secret::random(&mut rng)] {
        assert!(open(bob.dh(), Some(guess)).is_err(), "the offer opens without the KEM secret");
    }
    assert!(open(bob.dh(), None).is_err(), "the offer opens as if it were not sealed");
    let offer = open(bob.dh(), Some(psk.clone())).expect("with both secrets it opens");
    assert!(contains(&offer, b"Alice here"));
    // ML-KEM alone is broken.
    assert!(open(&DhSecret::random(&mut rng), Some(psk)).is_err(), "the offer opens without the X25519 secret");

    // The answer, and the keys that the pair secret comes from: whoever has the inviter's keys of both kinds and the very
    // offer, but not the secret of the seal.
    let (own, id) = (inviter.as_ref(), frame.id());
    let pair_secret = |seal: &Seal| {
        let initiator = Initiator {
            prologue: prologue(&alice.id(), &bob.id(), true),
            own: alice.dh(),
            ephemeral: &own.ephemeral,
            theirs: &own.their_dh,
            seal: Some(seal),
        };
        let (payload, keys) = initiator.finish(&own.payload, &id, &answer).ok()?;
        let Answer::Accepted(accepted) = Answer::decode(&payload).ok()? else { return None };
        let kem = own.kem.decapsulate(&accepted.kem).ok()?;
        Some(PairSecret::derive(&keys, &kem, &alice.id(), &bob.id()))
    };
    let seal = own.seal.clone().expect("is sealed");
    assert_eq!(pair_secret(&seal).as_ref(), world.alice.r.pair_secret());
    for psk in [Secret::new([0; 32]), Secret::random(&mut rng)] {
        assert_eq!(pair_secret(&Seal { psk, ..seal.clone() }), None, "the answer opens without the KEM secret");
    }
}

/// What older versions stored of an invite, ours and theirs, has no seal: it is read, and goes on as it was.
#[test]
fn relationships_stored_before_there_were_seals_are_read() {
    let fixture = include_str!("../../../tests/vectors/relationships_v1.json");
    let fixture: serde_json::Value = serde_json::from_str(fixture).expect("JSON");
    let mut world = World::unsealed();
    for (who, name) in [(Alice, "alice_invited"), (Bob, "bob_pending")] {
        let stored = hex::decode(fixture[name].as_str().expect("a string")).expect("hex");
        world.side_mut(who).r = covey_codec::decode(&stored, 256 * 1024).expect("is read");
        let again = covey_codec::encode(&world.side(who).r).expect("encodes");
        assert_eq!(again, stored, "what is not sealed is written as before");
    }
    assert_eq!(world.states(), (State::Invited, State::Pending));
    assert_eq!(world.alice.r.invited_kem(), None);
    world.run(Bob, Input::Accept);
    world.settle();
    world.assert_paired();
}
