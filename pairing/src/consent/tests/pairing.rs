//! From stranger to contact: the straight way, and everything that repeats or is lost on it.

use super::harness::*;
use crate::{
    consent::{Effect, Input, PairFrame, Slot, State},
    identity::{ContactCard, TokenBook},
};

/// [PAIR-10]
#[test]
fn an_invite_an_answer_and_a_confirm_make_a_pair() {
    let mut world = World::new();
    let effects = world.invite(Alice).expect("allowed");
    assert_eq!(kinds(&effects), ["stranger -> invited", "send Invite"]);

    let effects = world.pass(Alice, Slot::Invite);
    assert_eq!(kinds(&effects), ["stranger -> pending", "reply Received"]);
    let request = world.bob.r.request().expect("pending").clone();
    assert_eq!((request.name.as_str(), request.note.as_str()), ("Alice", "Alice here"));
    assert_eq!(request.expires_at, START + 14 * DAY);

    let effects = world.run(Bob, Input::Accept);
    assert_eq!(kinds(&effects), ["card", "paired", "pending -> paired", "send Answer"]);
    assert!(!world.bob.r.confirmed());

    let effects = world.pass(Bob, Slot::Answer);
    let expected = [
        "card",
        "attachment prekeys of Bob",
        "paired",
        "confirmed",
        "invited -> paired",
        "unsend Invite",
        "send Confirm",
    ];
    assert_eq!(kinds(&effects), expected);

    let effects = world.pass(Alice, Slot::Confirm);
    assert_eq!(kinds(&effects), ["attachment prekeys of Alice", "confirmed", "unsend Answer", "reply Confirmed"]);

    let effects = world.deliver(Alice, &replies(&effects)[0]).expect("honest");
    assert_eq!(kinds(&effects), ["unsend Confirm"]);
    world.assert_paired();
}

/// [PAIR-11]
#[test]
fn the_pair_secret_gives_both_sides_the_same_independent_keys() {
    let world = World::paired();
    let (a, b) = (world.alice.r.pair_secret().expect("paired"), world.bob.r.pair_secret().expect("paired"));
    assert_eq!(a.channel_id(), b.channel_id());
    assert_eq!(a.session_psk(), b.session_psk());
    assert_eq!(a.control_key(), b.control_key());
    assert_ne!(a.session_psk(), a.control_key());
    assert_ne!(&a.channel_id(), a.session_psk().expose());
    assert_eq!(format!("{a:?}"), "PairSecret(Secret(…))");
}

#[test]
fn each_side_learns_the_card_of_the_other() {
    let mut world = World::pending();
    let effects = world.run(Bob, Input::Accept);
    let Effect::CardLearned(card) = &effects[0] else { panic!("a card first") };
    assert_eq!(ContactCard::open(card, START).map(|card| card.account()), Ok(world.alice.id()));
    let effects = world.pass(Bob, Slot::Answer);
    let Effect::CardLearned(card) = &effects[0] else { panic!("a card first") };
    assert_eq!(ContactCard::open(card, START).map(|card| card.account()), Ok(world.bob.id()));
}

/// [PAIR-12]
#[test]
fn a_repeated_invite_asks_the_operator_once() {
    let mut world = World::new();
    world.invite(Alice).expect("allowed");
    let invite = world.waiting(Alice, Slot::Invite);
    world.pass(Alice, Slot::Invite);
    let before = world.bob.r.clone();
    let effects = world.deliver(Bob, &invite).expect("honest");
    assert_eq!(kinds(&effects), ["reply Received"]);
    assert_eq!(world.bob.r, before);
}

/// [PAIR-13]
#[test]
fn a_lost_answer_is_sent_again_when_the_invite_comes_again() {
    let mut world = World::pending();
    world.run(Bob, Input::Accept);
    let answer = world.waiting(Bob, Slot::Answer);
    world.alice.r = {
        // The acknowledgement was lost as well: alice still offers her invite.
        let mut fresh = World::new();
        fresh.invite(Alice).expect("allowed");
        fresh.alice.r
    };
    let invite = world.waiting(Alice, Slot::Invite);
    let effects = world.deliver(Bob, &invite).expect("honest");
    assert_eq!(kinds(&effects), ["reply Received", "reply Answer"]);
    assert_eq!(replies(&effects)[1], answer);
    world.settle();
    world.assert_paired();
}

/// [PAIR-14]
#[test]
fn repeated_answers_and_confirms_change_nothing() {
    let mut world = World::pending();
    world.run(Bob, Input::Accept);
    let answer = world.waiting(Bob, Slot::Answer);
    world.pass(Bob, Slot::Answer);
    let confirm = world.waiting(Alice, Slot::Confirm);

    let alice = world.alice.r.clone();
    let effects = world.deliver(Alice, &answer).expect("honest");
    assert_eq!(replies(&effects), vec![confirm.clone()]);
    assert_eq!((kinds(&effects), &world.alice.r), (vec!["reply Confirm".to_owned()], &alice));

    world.pass(Alice, Slot::Confirm);
    let bob = world.bob.r.clone();
    let effects = world.deliver(Bob, &confirm).expect("honest");
    assert_eq!((kinds(&effects), &world.bob.r), (vec!["reply Confirmed".to_owned()], &bob));

    world.settle();
    let alice = world.alice.r.clone();
    // [PAIR-89] Another device of bob's may ask.
    let effects = world.deliver(Alice, &answer).expect("late");
    assert_eq!(replies(&effects), vec![confirm]);
    assert_eq!((kinds(&effects), &world.alice.r), (vec!["reply Confirm".to_owned()], &alice));
}

/// [PAIR-13] Whichever single frame is lost, the next reconnect repairs it.
#[test]
fn any_one_lost_frame_is_made_good() {
    for lost in 0..6 {
        let mut world = World::new();
        world.invite(Alice).expect("allowed");
        let mut sent = 0;
        let mut flying = vec![(Bob, world.waiting(Alice, Slot::Invite))];
        while let Some((to, frame)) = flying.pop() {
            sent += 1;
            if sent - 1 == lost {
                continue;
            }
            let mut effects = world.deliver(to, &frame).expect("honest");
            if world.state(Bob) == State::Pending {
                effects.extend(world.run(Bob, Input::Accept));
                flying.push((Alice, world.waiting(Bob, Slot::Answer)));
            }
            flying.extend(replies(&effects).into_iter().map(|frame| (to.other(), frame)));
            if to == Alice && world.slots(Alice) == [Slot::Confirm] {
                flying.push((Bob, world.waiting(Alice, Slot::Confirm)));
            }
        }
        world.settle();
        if world.state(Bob) == State::Pending {
            world.run(Bob, Input::Accept);
            world.settle();
        }
        world.assert_paired();
    }
}

/// [PAIR-15]
#[test]
fn an_invite_with_a_token_carries_its_tag_beside_the_work() {
    let mut world = World::new();
    let mut book = TokenBook::default();
    let token = book.issue(1, START + DAY, START, &mut world.rng).expect("room");
    let input = world.invite_input(Alice, Some(token.clone()));
    world.run(Alice, input);
    let PairFrame::Invite(frame) = PairFrame::decode(&world.waiting(Alice, Slot::Invite)).expect("a frame") else {
        panic!("an invite")
    };
    let tag = frame.pass.token.expect("a token tag");
    assert_eq!(book.recognise(&tag, &world.bob.id(), &frame.message, START), Some(token.id()));
    world.settle();
    world.run(Bob, Input::Accept);
    world.settle();
    world.assert_paired();
}

/// [PAIR-16]
#[test]
fn the_confirm_may_overtake_the_reply_and_messages_may_wait() {
    let mut world = World::pending();
    world.run(Bob, Input::Accept);
    world.pass(Bob, Slot::Answer);
    // Alice's acknowledgement of nothing yet known to bob: a confirm of another invite.
    let before = world.bob.r.clone();
    let mut other = World::new();
    other.now += 1;
    other.invite(Alice).expect("allowed");
    other.settle();
    other.run(Bob, Input::Accept);
    other.pass(Bob, Slot::Answer);
    let foreign = other.waiting(Alice, Slot::Confirm);
    assert_ne!(id_of(&foreign), id_of(&world.waiting(Alice, Slot::Confirm)));
    let frame = PairFrame::decode(&foreign).expect("a frame");
    assert_eq!(kinds(&world.run(Bob, Input::Received(frame))), [""; 0]);
    assert_eq!(world.bob.r, before);
    world.settle();
    world.assert_paired();
}

#[test]
fn the_outbox_can_be_rebuilt_from_the_stored_value_at_every_point() {
    let mut world = World::new();
    world.invite(Alice).expect("allowed");
    assert_eq!(world.slots(Alice), [Slot::Invite]);
    world.settle();
    assert!(world.slots(Alice).is_empty() && world.slots(Bob).is_empty());
    world.run(Bob, Input::Accept);
    assert_eq!(world.slots(Bob), [Slot::Answer]);
    world.pass(Bob, Slot::Answer);
    assert_eq!((world.slots(Alice), world.slots(Bob)), (vec![Slot::Confirm], vec![Slot::Answer]));
    let id = id_of(&world.waiting(Alice, Slot::Confirm));
    assert_eq!((world.alice.r.invite_ids(), world.bob.r.invite_ids()), (vec![id], vec![id]));
}
