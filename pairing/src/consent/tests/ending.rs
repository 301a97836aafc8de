//! Withdrawals and removals, and what crosses them.

use super::harness::*;
use crate::consent::{Input, Slot, State};

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
            // It cannot be opened yet, and is not acknowledged, so it comes again.
            assert_eq!(kinds(&world.pass(Bob, Slot::Removed)), [""; 0]);
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
