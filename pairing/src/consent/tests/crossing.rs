//! Both invited each other: one pair, one secret, whatever arrives when.

use super::harness::*;
use crate::consent::{Input, Slot, State};

fn both_invited() -> World {
    let mut world = World::new();
    world.invite(Alice).expect("allowed");
    world.invite(Bob).expect("allowed");
    world
}

/// [PAIR-20]
#[test]
fn crossing_invites_pair_without_asking_anybody() {
    let mut world = both_invited();
    world.settle();
    world.assert_paired();
}

/// [PAIR-20]
#[test]
fn the_invite_of_the_smaller_account_wins_in_either_order_of_arrival() {
    for first in [Alice, Bob] {
        let mut world = both_invited();
        let winner = id_of(&world.waiting(Alice, Slot::Invite));
        let invites = [Alice, Bob].map(|who| (who.other(), world.waiting(who, Slot::Invite)));
        let order = if first == Alice { [0, 1] } else { [1, 0] };
        for at in order {
            let (to, frame) = &invites[at];
            world.deliver(*to, frame).expect("honest");
        }
        assert_eq!(world.states(), (State::Invited, State::Paired));
        assert_eq!(id_of(&world.waiting(Bob, Slot::Answer)), winner);
        world.settle();
        world.assert_paired();
    }
}

/// [PAIR-20]
#[test]
fn the_winner_sends_its_invite_again_when_the_other_one_crosses() {
    let mut world = both_invited();
    // The winner's invite was acknowledged but never kept (a limit), so it is quiet for a day.
    let invite = world.waiting(Alice, Slot::Invite);
    let received = crate::consent::PairFrame::decode(&invite).ok().as_ref().and_then(crate::consent::acknowledge);
    world.deliver(Alice, &received.expect("invites are acknowledged")).expect("honest");
    assert!(world.slots(Alice).is_empty());
    let effects = world.pass(Bob, Slot::Invite);
    assert_eq!(kinds(&effects), ["send Invite", "reply Received"]);
    world.settle();
    world.assert_paired();
}

/// [PAIR-21]
#[test]
fn inviting_somebody_whose_invite_is_pending_accepts_it() {
    let mut world = World::pending();
    let effects = world.invite(Bob).expect("allowed");
    assert_eq!(kinds(&effects), ["card", "paired", "pending -> paired", "send Answer"]);
    world.settle();
    world.assert_paired();
}

/// [PAIR-22]
#[test]
fn a_superseded_invite_can_still_be_answered_until_the_other_one_is_confirmed() {
    let mut world = both_invited();
    let bobs = world.waiting(Bob, Slot::Invite);
    world.pass(Alice, Slot::Invite);
    assert_eq!(world.state(Bob), State::Paired);
    // Alice's invite ran out on her side before bob's answer reached her. Then bob's own invite arrives.
    world.now += 14 * DAY - 1;
    world.step(Alice, Input::Tick).expect("time passes");
    world.now += 1;
    let skewed = world.now;
    world.step(Alice, Input::Tick).expect("time passes");
    assert_eq!(world.state(Alice), State::Expired);
    world.now = skewed - 2;
    world.deliver(Alice, &bobs).expect("honest");
    assert_eq!(world.states(), (State::Pending, State::Paired));
    world.run(Alice, Input::Accept);
    let effects = world.pass(Alice, Slot::Answer);
    assert!(kinds(&effects).starts_with(&["unpaired".to_owned()]));
    world.settle();
    world.assert_paired();
}

/// [PAIR-22]
#[test]
fn withdrawing_the_winner_leaves_the_other_invite_open_on_both_sides() {
    let mut world = both_invited();
    world.pass(Bob, Slot::Invite);
    world.pass(Alice, Slot::Invite);
    assert_eq!(world.states(), (State::Invited, State::Paired));
    let effects = world.run(Alice, Input::Cancel);
    assert_eq!(kinds(&effects), ["invited -> pending", "unsend Invite", "send Cancel"]);
    let effects = world.pass(Alice, Slot::Cancel);
    assert_eq!(kinds(&effects)[..2], ["unpaired", "paired -> invited"]);
    world.settle();
    assert_eq!(world.states(), (State::Pending, State::Invited));
    world.run(Alice, Input::Accept);
    world.settle();
    world.assert_paired();
}

/// [PAIR-23] The invite of the loser, made before they were paired, arrives long after.
#[test]
fn a_crossing_invite_that_comes_late_does_not_undo_the_pair() {
    let mut world = both_invited();
    let late = world.waiting(Bob, Slot::Invite);
    world.pass(Alice, Slot::Invite);
    world.settle();
    world.assert_paired();
    let before = world.alice.r.clone();
    assert_eq!(kinds(&world.deliver(Alice, &late).expect("honest")), ["reply Received"]);
    assert_eq!(world.alice.r, before);
}

/// [PAIR-24] Bob accepted, removed and invites anew before alice heard of any of it.
#[test]
fn an_invite_that_knows_ours_to_be_dead_is_not_waited_out() {
    let mut world = World::pending();
    let dead = id_of(&{
        let mut fresh = World::new();
        fresh.invite(Alice).expect("allowed");
        fresh.waiting(Alice, Slot::Invite)
    });
    world.run(Bob, Input::Accept);
    world.run(Bob, Input::Remove);
    world.now += 1;
    world.invite(Bob).expect("allowed");
    assert_eq!(world.slots(Bob), [Slot::Invite, Slot::Answer, Slot::Removed]);
    let effects = world.pass(Bob, Slot::Invite);
    assert_eq!(kinds(&effects)[..3], ["card", "paired", "invited -> paired"]);
    // The old answer is told that its invite is gone, which also takes back the removal.
    let effects = world.pass(Bob, Slot::Answer);
    assert_eq!(kinds(&effects), ["reply Cancel"]);
    assert_eq!(id_of(&replies(&effects)[0]), dead);
    let effects = world.deliver(Bob, &replies(&effects)[0]).expect("honest");
    assert_eq!(kinds(&effects), ["unsend Answer", "unsend Removed", "reply Received"]);
    world.settle();
    world.assert_paired();
}

#[test]
fn the_loser_declining_is_not_possible_because_it_consented() {
    let mut world = both_invited();
    world.pass(Alice, Slot::Invite);
    assert!(world.step(Bob, Input::Decline).is_err());
    assert!(world.step(Bob, Input::Cancel).is_err());
    world.settle();
    world.assert_paired();
}
