//! What passes by itself.

use super::harness::*;
use crate::consent::{Input, Slot, State};

/// [PAIR-60]
#[test]
fn an_unanswered_invite_expires_on_both_sides() {
    let mut world = World::pending();
    assert_eq!(world.bob.r.next_deadline(), Some(START + 14 * DAY));
    world.advance(14 * DAY - 1);
    assert_eq!(world.states(), (State::Invited, State::Pending));
    world.advance(1);
    assert_eq!(world.states(), (State::Expired, State::Expired));
}

/// [PAIR-60]
#[test]
fn nobody_accepts_an_expired_invite_even_before_a_tick() {
    let mut world = World::pending();
    world.now += 14 * DAY;
    assert!(world.step(Bob, Input::Accept).is_err());
    world.tick();
    assert_eq!(world.states(), (State::Expired, State::Expired));
}

/// [PAIR-61]
#[test]
fn an_answer_to_an_expired_invite_is_told_so() {
    let mut world = World::pending();
    world.run(Bob, Input::Accept);
    world.now += 14 * DAY;
    let effects = world.pass(Bob, Slot::Answer);
    assert_eq!(kinds(&effects), ["invited -> expired", "reply Cancel"]);
    world.settle();
    assert_eq!(world.states(), (State::Expired, State::Cancelled));
    assert_eq!(world.bob.r.pair_secret(), None);
}

/// [PAIR-62]
#[test]
fn an_acknowledged_invite_is_quiet_for_a_day_and_then_comes_again() {
    let mut world = World::pending();
    assert!(world.slots(Alice).is_empty());
    assert_eq!(world.alice.r.next_deadline(), Some(START + DAY));
    world.advance(DAY - 1);
    assert!(world.slots(Alice).is_empty());
    world.now += 1;
    assert_eq!(kinds(&world.run(Alice, Input::Tick)), ["send Invite"]);
    world.settle();
    assert!(world.slots(Alice).is_empty());
}

/// [PAIR-63]
#[test]
fn an_acceptance_nobody_confirms_lapses() {
    let mut world = World::pending();
    world.run(Bob, Input::Accept);
    world.advance(60 * DAY - 1);
    assert_eq!(world.state(Bob), State::Paired);
    world.now += 1;
    assert_eq!(kinds(&world.run(Bob, Input::Tick)), ["unpaired", "paired -> expired", "unsend Answer"]);
}

/// [PAIR-63]
#[test]
fn notices_that_nobody_takes_are_given_up() {
    let mut world = World::paired();
    world.run(Alice, Input::Remove);
    world.advance(60 * DAY - 1);
    assert_eq!(world.slots(Alice), [Slot::Removed]);
    world.advance(1);
    assert!(world.slots(Alice).is_empty());
    assert_eq!(world.alice.r.next_deadline(), None);
}

/// [PAIR-64]
#[test]
fn each_offer_is_later_than_the_one_before_even_if_the_clock_went_back() {
    let mut world = World::new();
    world.invite(Alice).expect("allowed");
    world.settle();
    world.run(Alice, Input::Cancel);
    world.settle();
    world.now -= 1000;
    world.invite(Alice).expect("allowed");
    world.settle();
    assert_eq!(world.states(), (State::Invited, State::Pending));
    assert_eq!(world.bob.r.request().map(|r| r.made_at), Some(START + 1));
}

/// [PAIR-65]
#[test]
fn an_invite_from_the_future_or_the_past_is_not_opened() {
    for (offset, opens) in [(DAY, true), (DAY + 1, false)] {
        let mut world = World::new();
        world.now = START + offset;
        world.invite(Alice).expect("allowed");
        world.now = START;
        world.pass(Alice, Slot::Invite);
        assert_eq!(world.state(Bob) == State::Pending, opens);
    }
    let mut world = World::new();
    world.invite(Alice).expect("allowed");
    world.now += 14 * DAY;
    assert_eq!(kinds(&world.pass(Alice, Slot::Invite)), ["reply Received"]);
    assert_eq!(world.state(Bob), State::Stranger);
}

#[test]
fn a_crossing_invite_takes_over_when_the_winner_runs_out() {
    let mut world = World::new();
    world.invite(Alice).expect("allowed");
    world.now += DAY;
    world.invite(Bob).expect("allowed");
    world.pass(Bob, Slot::Invite);
    world.now = START + 14 * DAY;
    assert_eq!(kinds(&world.run(Alice, Input::Tick)), ["invited -> pending", "unsend Invite"]);
    world.run(Alice, Input::Accept);
    world.settle();
    world.assert_paired();
}

/// Forgetting something old used to leave a deadline in the past, for a tick that had nothing else to do.
#[test]
fn forgetting_what_is_too_old_to_be_replayed_leaves_nothing_at_once() {
    let mut world = World::new();
    world.invite(Alice).expect("allowed");
    world.advance(80 * DAY);
    world.advance(80 * DAY);
    assert_eq!(world.state(Alice), State::Expired);
    world.run(Alice, Input::Forget);
    assert!(world.alice.r.is_blank());
    assert_eq!(world.alice.r.next_deadline(), None);
}
