//! Mallory: forged, tampered and misdirected invites. Each is refused with nothing changed.

use noise_protocol::{DH, HandshakeState, U8Array, patterns::noise_ik};
use serde_bytes::ByteBuf;

use super::harness::*;
use crate::{
    consent::{
        ConsentError, Input, InviteError, InviteFrame, PairFrame, Pass, Slot,
        handshake::{self, Responder},
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

pub(super) fn invite_frame(bytes: &[u8]) -> InviteFrame {
    let PairFrame::Invite(frame) = PairFrame::decode(bytes).expect("a frame") else { panic!("not an invite") };
    frame
}

fn open_for_bob(world: &World, frame: &InviteFrame) -> Result<(), InviteError> {
    open_invite(&world.bob.account, frame, world.now).map(drop)
}

/// Alice's invite as it waits in her outbox.
pub(super) fn invited() -> (World, InviteFrame) {
    let mut world = World::unsealed();
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
    let claimed = InviteFrame { from: Some(carol.id()), ..frame.clone() };
    assert_eq!(open_for_bob(&world, &claimed), Err(InviteError::Handshake));
    assert_eq!(open_invite(&carol, &frame, world.now).map(drop), Err(InviteError::Handshake));
    let own = InviteFrame { from: Some(world.bob.id()), ..frame };
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
        handshake::prologue(&alice.id(), &bob.id(), false),
        Some(NoiseSecret::from_slice(&MASK)),
        Some(NoiseSecret::from(ephemeral)),
        Some(*bob.dh().public().as_bytes()),
        None,
    );
    noise.write_message_vec(payload).expect("every key is there")
}

fn frame_of(world: &World, message: Vec<u8>) -> InviteFrame {
    let pass = work::mine(&world.bob.id(), work::day_of(world.now), &message, 0);
    InviteFrame { from: Some(world.alice.id()), pass, message: ByteBuf::from(message) }
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
    let open = |message: &[u8]| {
        let responder = Responder::new(&world.bob.account, &world.alice.id(), message, false).expect("is not sealed");
        responder.open()
    };

    // Signed by mallory's device, with alice's public card.
    let mallory = DeviceSecret::from_seed([66; 32]);
    let message = forged_message(&e, &offer(&world, &e, "Alice", "").sign(&mallory));
    let opened = open(&message).expect("Noise alone is fooled");
    assert_eq!(opened.theirs, world.alice.account.dh().public());
    assert_eq!(open_for_bob(&world, &frame_of(&world, message)), Err(InviteError::Signature));

    // Alice's own signed offer, read out of a genuine invite with the stolen key.
    let stolen = open(&genuine.message).expect("bob's key opens it");
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
        prologue: handshake::prologue(&world.alice.id(), &world.bob.id(), false),
        own: world.alice.account.dh(),
        ephemeral: &e,
        theirs: &world.bob.account.dh().public(),
        seal: None,
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

/// [PAIR-73] A thief of the device key alone: the handshake shows another key than the account's log.
#[test]
fn an_offer_over_another_static_key_than_the_accounts_is_refused() {
    let world = World::new();
    let (e, thief) = (DhSecret::from_bytes([78; 32]), DhSecret::from_bytes([80; 32]));
    let initiator = handshake::Initiator {
        prologue: handshake::prologue(&world.alice.id(), &world.bob.id(), false),
        own: &thief,
        ephemeral: &e,
        theirs: &world.bob.account.dh().public(),
        seal: None,
    };
    let message = initiator.start(&offer(&world, &e, "Alice", "").sign(&world.alice.device)).expect("within limits");
    assert_eq!(open_for_bob(&world, &frame_of(&world, message)), Err(InviteError::Signature));
}

/// [PAIR-73]
#[test]
fn work_of_another_day_than_the_offer_is_refused() {
    let (world, mut frame) = invited();
    frame.pass = Pass { day: work::day_of(START) - 1, nonce: 0, token: None };
    assert_eq!(open_for_bob(&world, &frame), Err(InviteError::Offer("work of another day")));
}

/// [PAIR-74] [PAIR-54]
#[test]
fn an_offer_of_a_revoked_device_is_refused_by_who_knows_the_revocation() {
    let mut parted = World::paired();
    parted.run(Bob, Input::Remove);
    parted.settle();
    refuses_a_revoked_device(parted, &ConsentError::Card(CardError::Signer));
    refuses_a_revoked_device(World::paired(), &ConsentError::OlderLog);
}

fn refuses_a_revoked_device(mut world: World, error: &ConsentError) {
    let phone = DeviceSecret::from_seed([150; 32]);
    let longer = world.alice.log.add_device(&world.alice.account, &phone, START).expect("room");
    let longer = longer.revoke_device(&world.alice.account, world.alice.device.id(), Vec::new(), START);
    assert_eq!(world.bob.r.learn_log(&longer.expect("active")), Ok(true));
    world.now += 1;
    let mut thief = World::new();
    thief.now = world.now;
    thief.invite(Alice).expect("with the stolen laptop");
    let invite = Input::Invited(Box::new(world.open(Bob, &thief.waiting(Alice, Slot::Invite))));
    let before = world.bob.r.clone();
    assert_eq!(world.step(Bob, invite).as_ref(), Err(error));
    assert_eq!(world.bob.r, before);
}

/// [PAIR-75]
#[test]
fn two_histories_of_one_account_are_kept_as_proof() {
    let mut world = World::paired();
    let other = DeviceSecret::from_seed([151; 32]);
    let mut twin = World::new();
    twin.now = world.now + 1;
    twin.alice.log =
        KeyLog::create(&twin.alice.account, START + 5).add_device(&twin.alice.account, &other, START).expect("room");
    twin.alice.device = other;
    twin.alice.card = card(&twin.alice.log, &twin.alice.device, "Alice", None);
    twin.invite(Alice).expect("allowed");
    world.now += 1;
    let invite = Input::Invited(Box::new(world.open(Bob, &twin.waiting(Alice, Slot::Invite))));
    let before = world.bob.r.clone();
    let Err(ConsentError::Forked(fork)) = world.step(Bob, invite) else { panic!("a fork") };
    assert!(fork.is_proof_against(&world.alice.log));
    assert_eq!(world.bob.r, before);
}
