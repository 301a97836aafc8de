//! Mallory: forged, tampered, replayed and misdirected frames. Each is refused with nothing changed.

use noise_protocol::{DH, HandshakeState, U8Array, patterns::noise_ik};
use serde_bytes::{ByteArray, ByteBuf};

use super::harness::*;
use crate::{
    consent::{
        ConsentError, Input, InviteError, InviteFrame, PairFrame, Pass, Relationship, Slot, State,
        answer::{self, Acceptance, Answer},
        handshake,
        offer::Offer,
        open_invite, work,
    },
    crypto::{
        dh::{DhPublic, DhSecret},
        kem::KemSecret,
        noise::{Blake2s, ChaChaPoly, NoiseSecret, X25519},
    },
    identity::{AccountSecret, CardError, DeviceSecret, KeyLog},
};

/// Points of low order and encodings that are not canonical (RFC 7748 section 7).
fn bad_points() -> Vec<[u8; 32]> {
    let hex32 = |text: &str| <[u8; 32]>::try_from(hex::decode(text).expect("hex")).expect("32 bytes");
    [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0900000000000000000000000000000000000000000000000000000000000080",
    ]
    .map(hex32)
    .to_vec()
}

fn invite_frame(bytes: &[u8]) -> InviteFrame {
    let PairFrame::Invite(frame) = PairFrame::decode(bytes).expect("a frame") else { panic!("not an invite") };
    frame
}

fn open_for_bob(world: &World, frame: &InviteFrame) -> Result<(), InviteError> {
    open_invite(&world.bob.account, frame, world.now).map(drop)
}

/// Alice's invite as it waits in her outbox.
fn invited() -> (World, InviteFrame) {
    let mut world = World::new();
    world.invite(Alice).expect("allowed");
    let frame = invite_frame(&world.waiting(Alice, Slot::Invite));
    (world, frame)
}

/// [PAIR-70]
#[test]
fn a_flipped_bit_anywhere_in_the_handshake_message_is_noticed() {
    let (world, frame) = invited();
    assert_eq!(open_for_bob(&world, &frame), Ok(()));
    for at in (0..frame.message.len()).step_by(37).chain([31, 32, 79, 80, frame.message.len() - 1]) {
        let mut tampered = frame.clone();
        tampered.message[at] ^= 1;
        assert_eq!(open_for_bob(&world, &tampered), Err(InviteError::Handshake), "byte {at}");
    }
    for len in [0, 1, 31, 32, 95, 96] {
        let cut = InviteFrame { message: ByteBuf::from(frame.message[..len].to_vec()), ..frame.clone() };
        assert_eq!(open_for_bob(&world, &cut), Err(InviteError::Handshake), "{len} bytes");
    }
}

/// [PAIR-70]
#[test]
fn an_invite_opens_only_for_the_two_accounts_it_names() {
    let (world, frame) = invited();
    let carol = AccountSecret::from_seed([33; 32]);
    let claimed = InviteFrame { from: carol.id(), ..frame.clone() };
    assert_eq!(open_for_bob(&world, &claimed), Err(InviteError::Handshake));
    assert_eq!(open_invite(&carol, &frame, world.now).map(drop), Err(InviteError::Handshake));
    let own = InviteFrame { from: world.bob.id(), ..frame };
    assert_eq!(open_for_bob(&world, &own), Err(InviteError::OwnAccount));
}

/// [PAIR-71]
#[test]
fn bad_points_are_refused_in_every_slot() {
    let (mut world, frame) = invited();
    let answer = {
        let mut accepted = world.clone();
        accepted.settle();
        accepted.run(Bob, Input::Accept);
        accepted.waiting(Bob, Slot::Answer)
    };
    let PairFrame::Answer { id, message } = PairFrame::decode(&answer).expect("a frame") else { panic!("answer") };
    for point in bad_points() {
        assert!(DhPublic::from_bytes(point).is_err());
        assert!(
            covey_codec::decode::<DhPublic>(&covey_codec::encode(&ByteBuf::from(point)).expect("encodes"), 64).is_err()
        );
        assert!(X25519::dh(&NoiseSecret::from_slice(&[5; 32]), &point).is_err());
        let mut invite = frame.clone();
        invite.message[..32].copy_from_slice(&point);
        assert_eq!(open_for_bob(&world, &invite), Err(InviteError::Handshake));
        let mut message = message.clone();
        message[..32].copy_from_slice(&point);
        let before = world.alice.r.clone();
        let error = world.step(Alice, Input::Received(PairFrame::Answer { id, message }));
        assert_eq!(error, Err(ConsentError::Handshake));
        assert_eq!(world.alice.r, before);
    }
}

/// [PAIR-72] The X25519 of somebody who holds bob's account key and wants to be alice.
enum Thief {}

const MASK: [u8; 32] = [0xaa; 32];

fn names() -> (AccountSecret, AccountSecret) {
    let world = World::new();
    (world.alice.account, world.bob.account)
}

impl DH for Thief {
    type Key = NoiseSecret;
    type Pubkey = [u8; 32];
    type Output = NoiseSecret;

    fn name() -> &'static str {
        "25519"
    }

    fn genkey() -> Self::Key {
        unreachable!("the ephemeral key is given")
    }

    /// Claims alice's public key for the mask.
    fn pubkey(key: &Self::Key) -> Self::Pubkey {
        if key.as_slice() == MASK { *names().0.dh().public().as_bytes() } else { X25519::pubkey(key) }
    }

    /// DH(alice, bob) is DH(bob, alice), and bob's key is stolen.
    fn dh(key: &Self::Key, theirs: &Self::Pubkey) -> Result<Self::Output, ()> {
        let (alice, bob) = names();
        if key.as_slice() == MASK {
            return X25519::dh(&NoiseSecret::from(bob.dh()), alice.dh().public().as_bytes());
        }
        X25519::dh(key, theirs)
    }
}

/// Message 1 that Noise takes for alice's, written with bob's key.
fn forged_message(ephemeral: &DhSecret, payload: &[u8]) -> Vec<u8> {
    let (alice, bob) = names();
    let mut noise: HandshakeState<Thief, ChaChaPoly, Blake2s> = HandshakeState::new(
        noise_ik(),
        true,
        handshake::prologue(&alice.id(), &bob.id()),
        Some(NoiseSecret::from_slice(&MASK)),
        Some(NoiseSecret::from(ephemeral)),
        Some(*bob.dh().public().as_bytes()),
        None,
    );
    noise.write_message_vec(payload).expect("every key is there")
}

fn frame_of(world: &World, message: Vec<u8>) -> InviteFrame {
    let pass = work::mine(&world.bob.id(), work::day_of(world.now), &message, 0);
    InviteFrame { from: world.alice.id(), pass, message: ByteBuf::from(message) }
}

fn offer(world: &World, e: &DhSecret, name: &str, note: &str) -> Offer {
    let kem = KemSecret::from_seed([9; 64]).public();
    Offer::new(world.bob.id(), e.public(), world.now, 0, name, note.to_owned(), kem, &world.alice.card)
}

/// [PAIR-72]
#[test]
fn a_stolen_invitee_key_cannot_forge_an_inviter() {
    let (world, genuine) = invited();
    let e = DhSecret::from_bytes([77; 32]);
    let prologue = handshake::prologue(&world.alice.id(), &world.bob.id());

    // Signed by mallory's device, with alice's public card.
    let mallory = DeviceSecret::from_seed([66; 32]);
    let message = forged_message(&e, &offer(&world, &e, "Alice", "").sign(&mallory));
    let opened = handshake::open(&prologue, world.bob.account.dh(), &message).expect("Noise alone is fooled");
    assert_eq!(opened.theirs, world.alice.account.dh().public());
    assert_eq!(open_for_bob(&world, &frame_of(&world, message)), Err(InviteError::Signature));

    // Alice's own signed offer, read out of a genuine invite with the stolen key.
    let stolen = handshake::open(&prologue, world.bob.account.dh(), &genuine.message).expect("bob's key opens it");
    let message = forged_message(&e, &stolen.payload);
    let refused = Err(InviteError::Offer("made for another handshake"));
    assert_eq!(open_for_bob(&world, &frame_of(&world, message)), refused);

    // The control: with alice's device the same forgery opens, so it is the signature that stands in the way.
    let message = forged_message(&e, &offer(&world, &e, "Alice", "").sign(&world.alice.device));
    assert_eq!(open_for_bob(&world, &frame_of(&world, message)), Ok(()));
}

/// An invite of alice with any offer she likes to sign.
fn crafted(world: &World, change: impl FnOnce(&mut Offer)) -> InviteFrame {
    let e = DhSecret::from_bytes([78; 32]);
    let mut offer = offer(world, &e, "Alice", "hello");
    change(&mut offer);
    let initiator = handshake::Initiator {
        prologue: handshake::prologue(&world.alice.id(), &world.bob.id()),
        own: world.alice.account.dh(),
        ephemeral: &e,
        theirs: &world.bob.account.dh().public(),
    };
    let message = initiator.start(&offer.sign(&world.alice.device)).expect("within limits");
    frame_of(world, message)
}

/// [PAIR-73]
#[test]
fn offers_over_the_limits_or_of_other_accounts_are_refused() {
    let world = World::new();
    let open = |change: fn(&mut Offer)| open_for_bob(&world, &crafted(&world, change));
    assert_eq!(open(|_| {}), Ok(()));
    assert_eq!(open(|o| o.name = "\u{1b}]0;x".into()), Err(InviteError::Offer("name")));
    assert_eq!(open(|o| o.note = "n".repeat(281)), Err(InviteError::Offer("note")));
    assert_eq!(open(|o| o.at = START - 14 * DAY), Err(InviteError::Expired));
    assert_eq!(open(|o| o.at = u64::MAX), Err(InviteError::FromTheFuture));
    assert_eq!(open(|o| o.card = ByteBuf::new()), Err(InviteError::Card(CardError::Malformed)));
    let short_key = covey_codec::encode(&ByteBuf::from([1; 10])).expect("encodes");
    let short_key: crate::crypto::kem::KemPublic = covey_codec::decode(&short_key, 64).expect("bytes");
    let frame = crafted(&world, |o| o.kem = short_key);
    assert_eq!(open_for_bob(&world, &frame), Err(InviteError::Offer("KEM key")));
    let bobs_card = world.bob.card.clone();
    let frame = crafted(&world, |o| o.card = ByteBuf::from(bobs_card));
    assert_eq!(open_for_bob(&world, &frame), Err(InviteError::Card(CardError::Account)));
}

/// [PAIR-73]
#[test]
fn work_of_another_day_than_the_offer_is_refused() {
    let (world, mut frame) = invited();
    frame.pass = Pass::Work { day: work::day_of(START) - 1, nonce: 0 };
    assert_eq!(open_for_bob(&world, &frame), Err(InviteError::Offer("work of another day")));
}

/// [PAIR-74]
#[test]
fn an_offer_of_a_revoked_device_is_refused_by_who_knows_the_revocation() {
    let mut world = World::paired();
    let phone = DeviceSecret::from_seed([150; 32]);
    let longer = world.alice.log.add_device(&world.alice.account, &phone, "phone", START).expect("room");
    let longer = longer.revoke_device(&world.alice.account, world.alice.device.id(), Vec::new(), START);
    assert_eq!(world.bob.r.learn_log(&longer.expect("active")), Ok(true));
    world.now += 1;
    let mut thief = World::new();
    thief.now = world.now;
    thief.invite(Alice).expect("with the stolen laptop");
    let invite = Input::Invited(Box::new(world.open(Bob, &thief.waiting(Alice, Slot::Invite))));
    let before = world.bob.r.clone();
    assert_eq!(world.step(Bob, invite), Err(ConsentError::Card(CardError::Signer)));
    assert_eq!(world.bob.r, before);
}

/// [PAIR-75]
#[test]
fn two_histories_of_one_account_are_kept_as_proof() {
    let mut world = World::paired();
    let other = DeviceSecret::from_seed([151; 32]);
    let mut twin = World::new();
    twin.now = world.now + 1;
    twin.alice.log = KeyLog::create(&twin.alice.account, START + 5)
        .add_device(&twin.alice.account, &other, "x", START)
        .expect("room");
    twin.alice.device = other;
    twin.alice.card = card(&twin.alice.log, &twin.alice.device, "Alice");
    twin.invite(Alice).expect("allowed");
    world.now += 1;
    let invite = Input::Invited(Box::new(world.open(Bob, &twin.waiting(Alice, Slot::Invite))));
    let before = world.bob.r.clone();
    let Err(ConsentError::Forked(fork)) = world.step(Bob, invite) else { panic!("a fork") };
    assert!(fork.is_proof_against(&world.alice.id()));
    assert_eq!(world.bob.r, before);
}

/// [PAIR-76]
#[test]
fn nobody_but_the_invitee_can_answer() {
    let (mut world, frame) = invited();
    let before = world.alice.r.clone();
    let mut answered = world.clone();
    answered.settle();
    answered.run(Bob, Input::Accept);
    let PairFrame::Answer { id, message } = PairFrame::decode(&answered.waiting(Bob, Slot::Answer)).expect("a frame")
    else {
        panic!("an answer")
    };
    for at in (0..message.len()).step_by(41).chain([31, 32, message.len() - 1]) {
        let mut tampered = message.clone();
        tampered[at] ^= 1;
        let frame = PairFrame::Answer { id, message: tampered };
        assert_eq!(world.step(Alice, Input::Received(frame)), Err(ConsentError::Handshake), "byte {at}");
    }
    for message in [ByteBuf::new(), ByteBuf::from(vec![0; 47]), ByteBuf::from(vec![7; 65_536])] {
        let frame = PairFrame::Answer { id, message };
        assert_eq!(world.step(Alice, Input::Received(frame)), Err(ConsentError::Handshake));
    }
    // The invite itself sent back.
    let reflected = PairFrame::Answer { id, message: frame.message };
    assert_eq!(world.step(Alice, Input::Received(reflected)), Err(ConsentError::Handshake));
    assert_eq!(world.alice.r, before);
    world.deliver(Alice, &PairFrame::Answer { id, message }.encode()).expect("the genuine one still works");
    assert_eq!(world.state(Alice), State::Paired);
}

/// What alice makes of an answer that bob himself made up.
fn answered_by_hostile_bob(change: impl FnOnce(&World, &mut Acceptance)) -> (World, Result<(), ConsentError>) {
    let (mut world, frame) = invited();
    let prologue = handshake::prologue(&world.alice.id(), &world.bob.id());
    let mut acceptance = Acceptance {
        at: world.now,
        newest: 0,
        name: "Bob".into(),
        card: ByteBuf::from(world.bob.card.clone()),
        kem: ByteBuf::from([3; 1088]),
        attachment: ByteBuf::new(),
    };
    change(&world, &mut acceptance);
    let payload = Answer::Accepted(Box::new(acceptance)).encode();
    let e = DhSecret::from_bytes([79; 32]);
    let (message, _) =
        handshake::respond(&prologue, world.bob.account.dh(), &e, &frame.message, &payload).expect("opens");
    let answer = PairFrame::Answer { id: frame.id(), message: ByteBuf::from(message) };
    let before = world.alice.r.clone();
    let result = world.step(Alice, Input::Received(answer)).map(drop);
    if result.is_err() {
        assert_eq!(world.alice.r, before);
    }
    (world, result)
}

/// [PAIR-77]
#[test]
fn a_hostile_invitee_gets_typed_errors() {
    let refused = |change: fn(&World, &mut Acceptance)| answered_by_hostile_bob(change).1;
    assert_eq!(refused(|_, _| {}), Ok(()));
    assert_eq!(
        refused(|world, a| a.card = ByteBuf::from(world.alice.card.clone())),
        Err(ConsentError::Card(CardError::Account))
    );
    assert_eq!(refused(|_, a| a.card = ByteBuf::from([0; 10])), Err(ConsentError::Card(CardError::Malformed)));
    assert_eq!(refused(|_, a| a.kem = ByteBuf::from([3; 1087])), Err(ConsentError::Payload("KEM ciphertext")));
    assert_eq!(refused(|_, a| a.name = "a\nb".into()), Err(ConsentError::Payload("answer")));
    assert_eq!(
        refused(|_, a| a.attachment = ByteBuf::from(vec![0; 24 * 1024 + 1])),
        Err(ConsentError::Payload("answer"))
    );
}

/// [PAIR-77] A claim to have made offers up to the end of time shuts out nobody but its author, and not for good.
#[test]
fn a_claimed_offer_time_is_bounded() {
    let (world, result) = answered_by_hostile_bob(|_, a| a.newest = u64::MAX);
    assert_eq!(result, Ok(()));
    assert_eq!(world.alice.r.spent, START + 14 * DAY);
}

fn accepted() -> World {
    let mut world = World::pending();
    world.run(Bob, Input::Accept);
    world.pass(Bob, Slot::Answer);
    world
}

/// [PAIR-78]
#[test]
fn a_forged_confirm_confirms_nothing() {
    let mut world = accepted();
    let PairFrame::Confirm { id, message } = PairFrame::decode(&world.waiting(Alice, Slot::Confirm)).expect("a frame")
    else {
        panic!("a confirm")
    };
    let before = world.bob.r.clone();
    for at in [0, 20, message.len() - 1] {
        let mut tampered = message.clone();
        tampered[at] ^= 1;
        let frame = PairFrame::Confirm { id, message: tampered };
        assert_eq!(world.step(Bob, Input::Received(frame)), Err(ConsentError::Handshake));
    }
    let empty = PairFrame::Confirm { id, message: ByteBuf::new() };
    assert_eq!(world.step(Bob, Input::Received(empty)), Err(ConsentError::Handshake));
    assert_eq!(world.bob.r, before);
    assert!(!world.bob.r.confirmed());
}

/// [PAIR-78] The confirm shows the post-quantum part too: an inviter with another KEM secret cannot make it.
#[test]
fn a_confirm_without_the_post_quantum_secret_confirms_nothing() {
    let (mut world, frame) = invited();
    world.settle();
    world.run(Bob, Input::Accept);
    let PairFrame::Answer { id, message } = PairFrame::decode(&world.waiting(Bob, Slot::Answer)).expect("a frame")
    else {
        panic!("an answer")
    };
    // Alice's side with a KEM key that is not the one she offered.
    let crate::consent::machine::Phase::Invited { own, .. } = &mut world.alice.r.phase else { panic!("invited") };
    own.kem = KemSecret::from_seed([1; 64]);
    assert_eq!(id, frame.id());
    world.run(Alice, Input::Received(PairFrame::Answer { id, message }));
    assert_ne!(world.alice.r.pair_secret(), world.bob.r.pair_secret());
    let confirm = PairFrame::decode(&world.waiting(Alice, Slot::Confirm)).expect("a frame");
    assert_eq!(world.step(Bob, Input::Received(confirm)), Err(ConsentError::Handshake));
    assert!(!world.bob.r.confirmed());
}

/// [PAIR-78]
#[test]
fn a_forged_acknowledgement_does_not_stop_the_confirm() {
    let mut world = accepted();
    let id = id_of(&world.waiting(Alice, Slot::Confirm));
    let forged = PairFrame::Confirmed { id, tag: ByteArray::new([0; 32]) };
    assert_eq!(world.step(Alice, Input::Received(forged)), Err(ConsentError::Notice));
    for of in [Slot::Answer, Slot::Confirm] {
        for who in [Alice, Bob] {
            assert_eq!(kinds(&world.run(who, Input::Received(PairFrame::Received { id, of }))), [""; 0]);
        }
    }
    world.settle();
    world.assert_paired();
}

/// [PAIR-79]
#[test]
fn a_withdrawal_needs_a_device_of_the_inviter_and_names_one_invite() {
    let mut world = World::pending();
    let id = world.bob.r.request().expect("pending").id;
    let before = world.bob.r.clone();
    let mallory = DeviceSecret::from_seed([66; 32]);
    let other_id = crate::ids::InviteId::from_bytes([1; 16]);
    let PairFrame::Cancel { device, signature, .. } = answer::cancel(other_id, &world.bob.id(), &world.alice.device)
    else {
        panic!("a withdrawal")
    };
    let forged = [
        answer::cancel(id, &world.bob.id(), &mallory),
        answer::cancel(id, &world.bob.id(), &world.bob.device),
        answer::cancel(id, &world.alice.id(), &world.alice.device),
        PairFrame::Cancel { id, device, signature },
    ];
    for frame in forged {
        assert_eq!(world.step(Bob, Input::Received(frame)), Err(ConsentError::Notice));
    }
    assert_eq!(world.bob.r, before);
}

/// [PAIR-79]
#[test]
fn a_withdrawal_after_the_confirm_ends_nothing() {
    let mut world = World::paired();
    let id = world.bob.r.invite_ids()[0];
    let late = answer::cancel(id, &world.bob.id(), &world.alice.device);
    let before = world.bob.r.clone();
    assert_eq!(kinds(&world.run(Bob, Input::Received(late))), ["reply Received"]);
    assert_eq!(world.bob.r, before);
}

/// [PAIR-80]
#[test]
fn a_removal_needs_the_pair_secret_and_cannot_be_reflected() {
    let mut world = World::paired();
    let id = world.bob.r.invite_ids()[0];
    let before = world.bob.r.clone();
    for notice in [ByteBuf::new(), ByteBuf::from([0; 40])] {
        let forged = PairFrame::Removed { id, notice };
        assert_eq!(world.step(Bob, Input::Received(forged)), Err(ConsentError::Notice));
    }
    let mut elsewhere = world.clone();
    elsewhere.run(Bob, Input::Remove);
    let own = PairFrame::decode(&elsewhere.waiting(Bob, Slot::Removed)).expect("a frame");
    assert_eq!(world.step(Bob, Input::Received(own)), Err(ConsentError::Notice));
    assert_eq!(world.bob.r, before);
}

/// [PAIR-81]
#[test]
fn frames_about_unknown_invites_change_nothing_in_any_state() {
    let id = crate::ids::InviteId::from_bytes([42; 16]);
    let bytes = ByteBuf::from([1; 100]);
    for mut world in [World::new(), World::pending(), accepted(), World::paired()] {
        for who in [Alice, Bob] {
            let frames = [
                PairFrame::Answer { id, message: bytes.clone() },
                PairFrame::Confirm { id, message: bytes.clone() },
                PairFrame::Confirmed { id, tag: ByteArray::new([1; 32]) },
                answer::cancel(id, &world.side(who).id(), &world.side(who.other()).device),
                PairFrame::Removed { id, notice: bytes.clone() },
                PairFrame::Received { id, of: Slot::Answer },
            ];
            for frame in frames {
                let before = world.side(who).r.clone();
                world.run(who, Input::Received(frame));
                assert_eq!(world.side(who).r, before);
            }
        }
    }
}

#[test]
fn an_invite_of_another_account_is_not_taken_for_this_one() {
    let (mut world, frame) = invited();
    let opened = open_invite(&world.bob.account, &frame, world.now).expect("opens");
    world.bob.r = Relationship::new(AccountSecret::from_seed([50; 32]).id());
    let refused = Err(ConsentError::Payload("invite of another account"));
    assert_eq!(world.step(Bob, Input::Invited(Box::new(opened))), refused);
    let unopened = Input::Received(PairFrame::Invite(frame));
    assert_eq!(world.step(Bob, unopened), Err(ConsentError::Payload("unopened invite")));
}

#[test]
fn a_stored_value_of_an_unknown_version_is_refused() {
    let world = World::pending();
    let mut bytes = covey_codec::encode(&world.bob.r).expect("encodes");
    let at = bytes.windows(3).position(|w| w == [0x61, b'v', 1]).expect("the version is the first field");
    bytes[at + 2] = 2;
    assert!(covey_codec::decode::<Relationship>(&bytes, 256 * 1024).is_err());
}

#[test]
fn debug_output_shows_no_secret() {
    let world = accepted();
    let secret = world.alice.r.pair_secret().expect("paired").control_key();
    let shown = format!("{:?}{:?}", world.alice.r, world.bob.r);
    assert!(!shown.contains(&format!("{:?}", secret.expose())));
    assert!(shown.contains("Secret(…)"));
}
