//! Mallory: forged, tampered, replayed and misdirected frames after the invite. Each is refused with nothing changed.

use serde_bytes::{ByteArray, ByteBuf};

use super::{harness::*, hostile::invited};
use crate::{
    consent::{
        ConsentError, Input, PairFrame, Relationship, Slot, State,
        answer::{self, Acceptance, Answer, Confirmation},
        handshake::{self, Responder},
        material::{Pact, Role},
        open_invite,
        seal::unseal,
    },
    crypto::{dh::DhSecret, kem::KemSecret},
    identity::{AccountSecret, CardError, DeviceSecret},
};

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

/// An answer to alice's invite that whoever holds the invited key made up.
fn forged_answer(world: &World, invited: &DhSecret, change: impl FnOnce(&World, &mut Acceptance)) -> PairFrame {
    let PairFrame::Invite(frame) = PairFrame::decode(&world.waiting(Alice, Slot::Invite)).expect("a frame") else {
        panic!("an invite")
    };
    let mut acceptance = Acceptance {
        at: world.now,
        newest: 0,
        name: "Bob".into(),
        card: ByteBuf::from(world.bob.card.clone()),
        kem: ByteBuf::from([3; 1088]),
        attachment: ByteBuf::new(),
        confirm: answer::RANDOM_NONCE,
    };
    change(world, &mut acceptance);
    let prologue = handshake::prologue(&world.alice.id(), &world.bob.id(), frame.from.is_none());
    let payload = Answer::Accepted(Box::new(acceptance)).encode();
    let e = DhSecret::from_bytes([79; 32]);
    let unsealed = frame.from.is_none().then(|| unseal(&world.bob.account, &frame.message).expect("for bob"));
    let (psk, message1) = unsealed.map_or((None, frame.message.as_slice()), |it| (Some(it.psk), it.message));
    let responder = Responder { prologue, own: invited, psk, message1 };
    let (message, _) = responder.respond(&e, &payload).expect("the key opens it");
    PairFrame::Answer { id: frame.id(), message: ByteBuf::from(message) }
}

/// What alice makes of an answer that bob himself made up.
fn answered_by_hostile_bob(change: impl FnOnce(&World, &mut Acceptance)) -> (World, Result<(), ConsentError>) {
    let (mut world, _) = invited();
    let answer = forged_answer(&world, world.bob.account.dh(), change);
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

/// [PAIR-77] A ticket with bob's account and mallory's key: she can open the invite, and not pass for bob.
#[test]
fn a_ticket_with_a_wrong_key_leads_to_nobody() {
    let mut world = World::new();
    let mallory = DhSecret::from_bytes([81; 32]);
    world.run(Alice, Input::Invite { their_dh: mallory.public(), their_kem: None, note: String::new(), token: None });
    let answer = forged_answer(&world, &mallory, |_, _| {});
    let refused = Err(ConsentError::Card(CardError::Account));
    assert_eq!(world.step(Alice, Input::Received(answer)), refused);
    assert_eq!(world.state(Alice), State::Invited);
}

/// [PAIR-23] The invitee's answer denies the invite that it sent before.
#[test]
fn a_held_invite_is_void_once_ours_is_answered_whatever_the_answer_claims() {
    let mut world = World::new();
    world.invite(Bob).expect("allowed");
    let denied = world.waiting(Bob, Slot::Invite);
    world.invite(Alice).expect("allowed");
    world.pass(Bob, Slot::Invite);
    let answer = forged_answer(&world, world.bob.account.dh(), |_, a| a.newest = 0);
    world.run(Alice, Input::Received(answer));
    let before = world.alice.r.clone();
    assert_eq!(before.state(), State::Paired);
    assert_eq!(kinds(&world.deliver(Alice, &denied).expect("honest")), ["reply Received"]);
    assert_eq!(world.alice.r, before);
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

fn confirm_of(r: &Relationship) -> ByteBuf {
    let confirm = r.outstanding().into_iter().find(|(slot, _)| *slot == Slot::Confirm).expect("a confirm waits").1;
    let PairFrame::Confirm { message, .. } = PairFrame::decode(&confirm).expect("a frame") else { panic!("a confirm") };
    message
}

/// What two devices of alice's account say to one answer, or one device and an old copy of it.
fn confirmed_twice(world: &mut World, answer: &PairFrame) -> [ByteBuf; 2] {
    let before = world.alice.r.clone();
    [0, 1_000].map(|later| {
        world.alice.r = before.clone();
        world.advance(later);
        world.step(Alice, Input::Received(answer.clone())).expect("an honest answer");
        confirm_of(&world.alice.r)
    })
}

/// [PAIR-86] One key and one nonce for two texts would give away both, and the key that authenticates them.
#[test]
fn two_devices_that_confirm_one_answer_use_no_nonce_twice() {
    let mut world = World::pending();
    world.run(Bob, Input::Accept);
    let answer = PairFrame::decode(&world.waiting(Bob, Slot::Answer)).expect("a frame");
    let [one, other] = confirmed_twice(&mut world, &answer);
    assert_ne!(one[..24], other[..24], "the nonce");
    let id = answer.invite_id();
    for message in [one, other] {
        let mut world = world.clone();
        world.step(Bob, Input::Received(PairFrame::Confirm { id, message })).expect("either counts");
        assert!(world.bob.r.confirmed());
    }
}

/// [PAIR-86] Who reads confirms under nonce 0 alone is told the same by all devices.
#[test]
fn two_devices_say_the_same_to_an_invitee_of_an_older_version() {
    let (mut world, _) = invited();
    let answer = forged_answer(&world, world.bob.account.dh(), |_, a| a.confirm = 0);
    let [one, other] = confirmed_twice(&mut world, &answer);
    assert_eq!(one, other);
}

/// [PAIR-86]
#[test]
fn a_confirm_of_an_inviter_of_an_older_version_is_read() {
    let mut world = accepted();
    let (secret, id) = (world.alice.r.pair_secret().cloned().expect("paired"), world.alice.r.invite_ids()[0]);
    let Some(Pact { role: Role::Unconfirmed { key, .. }, .. }) = world.bob.r.pact() else { panic!("it waits") };
    let confirm = Confirmation::new(&secret, &id, b"prekeys", world.now);
    let message = handshake::seal_transport(key, &covey_codec::encode(&confirm).expect("encodes"));
    world.step(Bob, Input::Received(PairFrame::Confirm { id, message: message.into() })).expect("read");
    assert!(world.bob.r.confirmed());
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
