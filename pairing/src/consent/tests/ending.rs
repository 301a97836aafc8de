//! Withdrawals and removals, and what crosses them.

use super::harness::*;
use crate::{
    consent::{ConsentError, Input, Slot, State},
    identity::{DeviceSecret, KeyLog},
};

/// [PAIR-40]
#[test]
fn a_withdrawn_invite_disappears_on_the_other_side() {
    let mut world = World::pending();
    assert_eq!(kinds(&world.run(Alice, Input::Cancel)), ["invited -> cancelled", "send Cancel"]);
    let effects = world.pass(Alice, Slot::Cancel);
    assert_eq!(kinds(&effects), ["pending -> cancelled", "reply Received"]);
    world.settle();
    assert_eq!(world.states(), (State::Cancelled, State::Cancelled));
    assert!(world.slots(Alice).is_empty());
}

/// [PAIR-41]
#[test]
fn a_withdrawal_that_crosses_an_acceptance_wins() {
    let mut world = World::pending();
    world.run(Bob, Input::Accept);
    world.run(Alice, Input::Cancel);
    let effects = world.pass(Bob, Slot::Answer);
    assert_eq!(kinds(&effects), ["reply Cancel"]);
    let effects = world.pass(Alice, Slot::Cancel);
    assert_eq!(kinds(&effects), ["unpaired", "paired -> cancelled", "unsend Answer", "reply Received"]);
    world.settle();
    assert_eq!(world.states(), (State::Cancelled, State::Cancelled));
    assert_eq!(world.bob.r.pair_secret(), None);
}

/// [PAIR-41] The withdrawal overtook the invite, so it found nothing to withdraw.
#[test]
fn an_invite_that_comes_after_its_withdrawal_cannot_be_accepted_for_good() {
    let mut world = World::new();
    world.invite(Alice).expect("allowed");
    let invite = world.waiting(Alice, Slot::Invite);
    world.run(Alice, Input::Cancel);
    world.settle();
    assert_eq!(world.states(), (State::Cancelled, State::Stranger));
    world.deliver(Bob, &invite).expect("honest");
    assert_eq!(world.state(Bob), State::Pending);
    world.run(Bob, Input::Accept);
    world.settle();
    assert_eq!(world.states(), (State::Cancelled, State::Cancelled));
}

/// [PAIR-42]
#[test]
fn a_withdrawn_invite_replayed_does_not_come_back() {
    let mut world = World::new();
    world.invite(Alice).expect("allowed");
    let invite = world.waiting(Alice, Slot::Invite);
    world.settle();
    world.run(Alice, Input::Cancel);
    world.settle();
    assert_eq!(kinds(&world.deliver(Bob, &invite).expect("honest")), ["reply Received"]);
    assert_eq!(world.state(Bob), State::Cancelled);
}

/// [PAIR-42]
#[test]
fn a_newer_invite_replaces_the_pending_one_and_never_the_reverse() {
    let mut world = World::new();
    world.invite(Alice).expect("allowed");
    let old = world.waiting(Alice, Slot::Invite);
    world.settle();
    world.run(Alice, Input::Cancel);
    world.now += 1000;
    world.invite(Alice).expect("allowed");
    let new = world.waiting(Alice, Slot::Invite);
    assert_eq!(kinds(&world.pass(Alice, Slot::Invite)), ["reply Received"]);
    assert_eq!(world.bob.r.request().map(|r| r.id), Some(id_of(&new)));
    world.deliver(Bob, &old).expect("honest");
    assert_eq!(world.bob.r.request().map(|r| r.id), Some(id_of(&new)));
    // The withdrawal of the old one does not touch the new one.
    world.pass(Alice, Slot::Cancel);
    assert_eq!(world.state(Bob), State::Pending);
    world.run(Bob, Input::Accept);
    world.settle();
    world.assert_paired();
}

/// [PAIR-50]
#[test]
fn removing_a_contact_erases_the_secret_on_both_sides() {
    for who in [Alice, Bob] {
        let mut world = World::paired();
        assert_eq!(kinds(&world.run(who, Input::Remove)), ["unpaired", "paired -> removed", "send Removed"]);
        assert_eq!(world.side(who).r.pair_secret(), None);
        let notice = world.waiting(who, Slot::Removed);
        let effects = world.pass(who, Slot::Removed);
        assert_eq!(kinds(&effects), ["unpaired", "paired -> removed", "reply Received"]);
        // Its acknowledgement is lost: repeated, it is acknowledged again and changes nothing.
        let before = world.side(who.other()).r.clone();
        let effects = world.deliver(who.other(), &notice).expect("honest");
        assert_eq!(kinds(&effects), ["reply Received"]);
        assert_eq!(world.side(who.other()).r, before);
        world.deliver(who, &replies(&effects)[0]).expect("honest");
        assert!(world.slots(who).is_empty());
    }
}

/// [PAIR-51]
#[test]
fn removing_before_the_answer_arrived_ends_removed_on_both_sides() {
    for notice_first in [false, true] {
        let mut world = World::pending();
        world.run(Bob, Input::Accept);
        assert_eq!(kinds(&world.run(Bob, Input::Remove)), ["unpaired", "paired -> removed", "send Removed"]);
        assert_eq!(world.slots(Bob), [Slot::Answer, Slot::Removed]);
        if notice_first {
            // It cannot be opened yet. Acknowledged like every notice, it comes again until the answer has arrived.
            let effects = world.pass(Bob, Slot::Removed);
            assert_eq!(kinds(&effects), ["reply Received"]);
            world.deliver(Bob, &replies(&effects)[0]).expect("honest");
            assert_eq!(world.slots(Bob), [Slot::Answer, Slot::Removed]);
        }
        world.pass(Bob, Slot::Answer);
        assert_eq!(world.state(Alice), State::Paired);
        world.settle();
        assert_eq!(world.states(), (State::Removed, State::Removed));
        assert!(world.slots(Alice).is_empty() && world.slots(Bob).is_empty());
    }
}

/// [PAIR-51]
#[test]
fn the_inviter_may_remove_before_its_confirm_arrived() {
    let mut world = World::pending();
    world.run(Bob, Input::Accept);
    world.pass(Bob, Slot::Answer);
    let confirm = world.waiting(Alice, Slot::Confirm);
    world.run(Alice, Input::Remove);
    assert_eq!(world.slots(Alice), [Slot::Removed]);
    world.settle();
    assert_eq!(world.states(), (State::Removed, State::Removed));
    assert_eq!(kinds(&world.deliver(Bob, &confirm).expect("late")), [""; 0]);
}

/// [PAIR-51] [PAIR-54] Regression: another pact had taken the place of the one that the answer was for.
#[test]
fn an_answer_to_a_pact_that_was_replaced_is_acknowledged_too() {
    let mut world = World::pending();
    world.run(Bob, Input::Accept);
    world.pass(Bob, Slot::Answer);
    world.run(Bob, Input::Remove);
    world.advance(1_000);
    world.invite(Bob).expect("after an end");
    world.pass(Bob, Slot::Invite);
    assert_eq!(world.state(Alice), State::Paired, "she takes the invite for a wish to pair anew");
    world.run(Bob, Input::Cancel);
    world.settle();
    assert_eq!(world.states(), (State::Cancelled, State::Cancelled));
    assert!(world.slots(Alice).is_empty() && world.slots(Bob).is_empty());
}

/// [PAIR-52]
#[test]
fn both_may_remove_at_once() {
    let mut world = World::paired();
    world.run(Alice, Input::Remove);
    world.run(Bob, Input::Remove);
    world.settle();
    assert_eq!(world.states(), (State::Removed, State::Removed));
    assert!(world.slots(Alice).is_empty() && world.slots(Bob).is_empty());
}

/// [PAIR-53]
#[test]
fn a_removed_contact_is_paired_again_by_a_fresh_invite() {
    for (remover, inviter) in [(Alice, Alice), (Alice, Bob), (Bob, Alice), (Bob, Bob)] {
        let mut world = World::paired();
        let old = world.alice.r.pair_secret().cloned();
        world.run(remover, Input::Remove);
        world.settle();
        world.now += 1;
        world.invite(inviter).expect("allowed");
        world.settle();
        assert_eq!(world.state(inviter.other()), State::Pending);
        world.run(inviter.other(), Input::Accept);
        world.settle();
        world.assert_paired();
        assert_ne!(world.alice.r.pair_secret().cloned(), old);
    }
}

/// [PAIR-53]
#[test]
fn the_invite_of_a_former_pairing_does_not_open_a_request_again() {
    let mut world = World::new();
    world.invite(Alice).expect("allowed");
    let invite = world.waiting(Alice, Slot::Invite);
    world.settle();
    world.run(Bob, Input::Accept);
    world.settle();
    world.run(Bob, Input::Remove);
    world.settle();
    assert_eq!(kinds(&world.deliver(Bob, &invite).expect("honest")), ["reply Received"]);
    assert_eq!(world.state(Bob), State::Removed);
}

/// [PAIR-54] One side lost or gave up the pact and invites; on the other the consent still stands.
#[test]
fn a_contact_who_invites_again_gets_a_new_pact_at_once() {
    let mut world = World::paired();
    let old = world.bob.r.pair_secret().cloned();
    world.run(Alice, Input::Remove);
    world.now += 1;
    world.invite(Alice).expect("allowed");
    let effects = world.pass(Alice, Slot::Invite);
    assert_eq!(kinds(&effects), ["unpaired", "card", "paired", "send Answer", "reply Received"]);
    // The notice about the pact before is late; it is acknowledged and ends nothing.
    let effects = world.pass(Alice, Slot::Removed);
    assert_eq!(kinds(&effects), ["reply Received"]);
    world.settle();
    world.assert_paired();
    assert_ne!(world.bob.r.pair_secret().cloned(), old);
}

/// [PAIR-54]
#[test]
fn an_inviter_who_withdrew_and_invites_again_needs_no_second_yes() {
    let mut world = World::pending();
    world.run(Bob, Input::Accept);
    world.run(Alice, Input::Cancel);
    world.now += 1;
    world.invite(Alice).expect("allowed");
    let effects = world.pass(Alice, Slot::Invite);
    assert_eq!(kinds(&effects)[..3], ["unpaired", "card", "paired"]);
    world.settle();
    world.assert_paired();
}

/// [PAIR-54] A contact who asks again and again costs us one pact an hour; the rest is acknowledged and dropped.
#[test]
fn a_contact_makes_one_new_pact_an_hour_without_the_operator() {
    let mut world = World::paired();
    let mut pacts = 0;
    for minute in 0..120 {
        let before = world.bob.r.pair_secret().cloned();
        let mut anew = World::new();
        anew.now = world.now + 60_000 * (minute + 1);
        anew.invite(Alice).expect("allowed");
        let invite = anew.waiting(Alice, Slot::Invite);
        world.now = anew.now;
        let effects = world.deliver(Bob, &invite).expect("honest");
        assert_eq!(kinds(&effects).last().map(String::as_str), Some("reply Received"));
        pacts += usize::from(world.bob.r.pair_secret().cloned() != before);
        world.now = START;
    }
    assert_eq!(pacts, 2);
}

/// [PAIR-54] An invite that came too soon comes again with the reminder, a day later.
#[test]
fn a_pact_that_had_to_wait_is_made_later() {
    let mut world = World::paired();
    for _ in 0..2 {
        world.alice.r = crate::consent::Relationship::new(world.bob.id());
        world.now += 1000;
        world.invite(Alice).expect("allowed");
        world.settle();
    }
    assert_eq!(world.states(), (State::Invited, State::Paired));
    world.advance(DAY);
    world.settle();
    world.assert_paired();
}

/// [PAIR-75] Made with the account's seed, but not by who has its devices: the pact that stands is not given up for it.
#[test]
fn a_new_pact_needs_the_list_of_devices_that_is_known_or_a_longer_one() {
    let thief = DeviceSecret::from_seed([66; 32]);
    let mut world = World::paired();
    let alice = world.alice.account.clone();
    let known = world.alice.log.clone();
    let second = DeviceSecret::from_seed([67; 32]);
    let longer = known.add_device(&alice, &second, START).expect("room");
    world.bob.r.learn_log(&longer).expect("no fork");
    let forged = KeyLog::create(&alice, START + 5).add_device(&alice, &thief, START + 5).expect("room");
    let extended = longer.add_device(&alice, &thief, START + 9).expect("room");
    let ask = |world: &mut World, log: &KeyLog, device: &DeviceSecret| {
        let mut anew = World::new();
        anew.now = world.now + 1000;
        (anew.alice.card, anew.alice.device) = (card(log, device, "Alice", None), device.clone());
        anew.invite(Alice).expect("allowed");
        world.now = anew.now;
        let before = world.bob.r.clone();
        let result = world.deliver(Bob, &anew.waiting(Alice, Slot::Invite)).map(drop);
        (result, world.bob.r == before)
    };
    let device = world.alice.device.clone();
    let (result, unchanged) = ask(&mut world, &forged, &thief);
    assert!(matches!(result, Err(ConsentError::Forked(_))) && unchanged);
    assert_eq!(ask(&mut world, &known, &device), (Err(ConsentError::OlderLog), true));
    assert_eq!(ask(&mut world, &extended, &thief), (Ok(()), false), "told to the operator by the node");
}

/// [PAIR-43] Asking again leaves the same invite once more; with something new to say another one takes its place.
#[test]
fn an_invite_that_is_out_can_be_sent_again_or_replaced() {
    let mut world = World::pending();
    assert_eq!(world.slots(Alice), [] as [Slot; 0]);
    let held = world.bob.r.request().map(|request| request.id);
    assert_eq!(kinds(&world.invite(Alice).expect("allowed")), ["send Invite"]);
    world.settle();
    assert_eq!(world.bob.r.request().map(|request| request.id), held);
    let their_dh = world.bob.account.dh().public();
    world.run(Alice, Input::Invite { their_dh, their_kem: None, note: "It is me, really".into(), token: None });
    world.settle();
    let request = world.bob.r.request().expect("pending").clone();
    assert_eq!((Some(request.id) == held, request.note.as_str()), (false, "It is me, really"));
    world.run(Bob, Input::Accept);
    world.settle();
    world.assert_paired();
}

/// [PAIR-33] [PAIR-43]
#[test]
fn who_was_refused_reaches_them_at_once_after_they_forgot_it() {
    let mut world = World::pending();
    world.run(Bob, Input::Decline);
    world.settle();
    world.now += 1000;
    world.invite(Alice).expect("allowed");
    world.settle();
    assert_eq!(world.states(), (State::Invited, State::Declined));
    world.run(Bob, Input::Forget);
    world.invite(Alice).expect("no need to cancel first");
    world.settle();
    assert_eq!(world.states(), (State::Invited, State::Pending));
}
