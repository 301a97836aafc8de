//! Two devices of bob's account: each takes a step of its own from one value, then they hear of each other.

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use super::harness::{Alice, Bob, DAY, World, kinds};
use crate::consent::{Effect, Input, PairSecret, Relationship, Slot, State};

/// What comes of two values on bob's devices, whichever counts. It is not changed by hearing of either again.
fn joined(world: &World, counts: &Relationship, other: &Relationship) -> Relationship {
    let me = world.bob.me(&[]);
    let mut rng = ChaCha20Rng::seed_from_u64(9);
    let joined = counts.reconcile(other, &me, world.now, &mut rng).relationship;
    for known in [counts, other] {
        for (first, second) in [(&joined, known), (known, &joined)] {
            let again = first.reconcile(second, &me, world.now, &mut rng);
            assert_eq!(stands(&again.relationship), stands(&joined));
        }
        assert_eq!(joined.reconcile(known, &me, world.now, &mut rng).relationship, joined, "heard of again");
    }
    joined
}

fn stands(r: &Relationship) -> (State, bool, Option<[u8; 32]>) {
    (r.state(), r.confirmed(), r.pair_secret().map(PairSecret::channel_id))
}

/// Both ways round: which of them counts by its place decides nothing here.
fn both_ways(world: &World, a: &Relationship, b: &Relationship) -> Relationship {
    let (one, other) = (joined(world, a, b), joined(world, b, a));
    assert_eq!(stands(&one), stands(&other));
    one
}

/// One of bob's devices takes a step; the other one stays where it was.
fn apart(world: &mut World, inputs: Vec<Input>) -> Relationship {
    let before = world.bob.r.clone();
    for input in inputs {
        world.run(Bob, input);
    }
    std::mem::replace(&mut world.bob.r, before)
}

/// Alice has an invite of bob's; one of his devices has withdrawn it, and nobody has heard of that.
fn withdrawn_apart() -> (World, Relationship) {
    let mut world = World::new();
    world.invite(Bob).expect("allowed");
    world.pass(Bob, Slot::Invite);
    let withdrawn = apart(&mut world, vec![Input::Cancel]);
    (world, withdrawn)
}

/// [OWN-10]
#[test]
fn a_block_on_one_device_and_an_end_on_another_are_both_kept() {
    for by_us in [true, false] {
        let mut world = World::paired();
        let blocked = apart(&mut world, vec![Input::Block]);
        if by_us {
            world.run(Bob, Input::Remove);
        } else {
            world.run(Alice, Input::Remove);
            world.pass(Alice, Slot::Removed);
        }
        let ended = world.bob.r.clone();
        world.bob.r = both_ways(&world, &blocked, &ended);
        assert_eq!((world.state(Bob), world.bob.r.pair_secret()), (State::Blocked, None));
        world.settle();
        assert_eq!(world.state(Alice), State::Removed, "they hear of it");
        world.run(Bob, Input::Unblock);
        assert_eq!(world.state(Bob), State::Stranger);
    }
}

/// [OWN-10]
#[test]
fn a_block_that_was_lifted_on_the_device_that_set_it_is_lifted_on_all() {
    let mut world = World::paired();
    let before = world.bob.r.clone();
    let blocked = apart(&mut world, vec![Input::Block]);
    let lifted = apart(&mut world, vec![Input::Block, Input::Unblock]);
    assert_eq!(both_ways(&world, &before, &blocked).state(), State::Blocked);
    assert_eq!(both_ways(&world, &blocked, &lifted).state(), State::Paired);
    assert_eq!(both_ways(&world, &before, &lifted).state(), State::Paired);
}

/// [OWN-10]
#[test]
fn of_two_answers_to_one_invite_the_one_that_they_confirmed_is_the_answer_whatever_was_decided_on_the_other_device() {
    let mut world = World::pending();
    let other = apart(&mut world, vec![Input::Accept]);
    let and_back = apart(&mut world, vec![Input::Accept, Input::Block, Input::Unblock]);
    let blocked = apart(&mut world, vec![Input::Accept, Input::Block]);
    let declined = apart(&mut world, vec![Input::Decline]);
    let waiting = world.bob.r.clone();
    world.run(Bob, Input::Accept);
    world.settle();
    world.assert_paired();
    let secret = world.bob.r.pair_secret().cloned();
    for (other, state) in [
        (other, State::Paired),
        (and_back, State::Paired),
        (waiting, State::Paired),
        (declined, State::Paired),
        (blocked, State::Blocked),
    ] {
        let joined = both_ways(&world, &other, &world.bob.r);
        assert_eq!((joined.state(), joined.pair_secret()), (state, secret.as_ref()));
    }
}

/// [OWN-10] The contact could not read the notice about the answer that it did not take.
#[test]
fn a_contact_that_was_removed_on_the_device_whose_answer_it_did_not_take_hears_of_the_removal() {
    let mut world = World::pending();
    let removed = apart(&mut world, vec![Input::Accept, Input::Remove]);
    world.run(Bob, Input::Accept);
    world.settle();
    world.assert_paired();
    world.bob.r = joined(&world, &removed, &world.bob.r);
    assert_eq!(world.state(Bob), State::Removed);
    world.settle();
    assert_eq!(world.states(), (State::Removed, State::Removed));
    assert!(world.slots(Alice).is_empty() && world.slots(Bob).is_empty());
}

/// [OWN-10]
#[test]
fn what_followed_the_end_of_a_pact_counts_before_the_pact() {
    let mut world = World::paired();
    let old = world.bob.r.clone();
    world.run(Alice, Input::Remove);
    world.settle();
    world.advance(1_000);
    world.invite(Alice).expect("after an end");
    world.settle();
    let asked = world.bob.r.clone();
    assert_eq!(stands(&both_ways(&world, &old, &asked)), stands(&asked));
    world.run(Bob, Input::Accept);
    world.settle();
    world.assert_paired();
    assert_eq!(stands(&both_ways(&world, &old, &world.bob.r)), stands(&world.bob.r));
    // Heard of it late: the pact of before does not come back for an invite that is open now.
    world.run(Alice, Input::Remove);
    world.settle();
    assert_eq!(both_ways(&world, &old, &world.bob.r).state(), State::Removed);
}

/// [OWN-10] Regression: household, seed 14. A device that knew of no pact answered their next invite, and nobody told the others that the pact
/// before was over.
#[test]
fn of_two_pacts_to_which_they_agreed_the_later_one_counts() {
    let mut world = World::paired();
    let held = std::mem::replace(&mut world.bob.r, Relationship::new(world.alice.id()));
    world.run(Alice, Input::Remove);
    world.advance(1_000);
    world.invite(Alice).expect("after an end");
    world.settle();
    world.run(Bob, Input::Accept);
    world.settle();
    world.assert_paired();
    assert_eq!(stands(&both_ways(&world, &held, &world.bob.r)), stands(&world.bob.r));
}

/// One device of bob's knows of alice's invite, another one does not and invites her: what each has then.
fn both_ask() -> (World, Relationship) {
    let mut world = World::pending();
    let pending = std::mem::replace(&mut world.bob.r, Relationship::new(world.alice.id()));
    world.invite(Bob).expect("a stranger can be invited");
    let invited = std::mem::replace(&mut world.bob.r, pending);
    world.run(Bob, Input::Accept);
    (world, invited)
}

/// [OWN-10]
#[test]
fn an_open_invite_of_ours_does_not_take_the_place_of_an_answer_that_they_confirmed() {
    let (mut world, invited) = both_ask();
    world.settle();
    world.assert_paired();
    world.bob.r = both_ways(&world, &invited, &world.bob.r);
    world.assert_paired();
}

/// [OWN-10] Regression: the confirm of the first one comes late, and was believed to be the later consent.
#[test]
fn of_their_answer_and_one_of_ours_the_one_counts_to_which_they_agreed_last_whichever_we_hear_of_first() {
    let (mut world, invited) = both_ask();
    world.pass(Bob, Slot::Answer);
    let late = world.waiting(Alice, Slot::Confirm);
    world.advance(1_000);
    let answered = std::mem::replace(&mut world.bob.r, invited);
    world.pass(Bob, Slot::Invite);
    assert!(!world.alice.r.confirmed(), "she takes the invite for a wish to pair anew");
    world.advance(1_000);
    let invited = std::mem::replace(&mut world.bob.r, answered);
    world.deliver(Bob, &late).expect("an honest frame is taken");
    assert!(world.bob.r.confirmed());
    let answered = std::mem::replace(&mut world.bob.r, invited);
    world.pass(Alice, Slot::Answer);
    world.bob.r = both_ways(&world, &answered, &world.bob.r);
    world.settle();
    world.assert_paired();
}

#[test]
fn pacts_that_ended_are_not_remembered_without_end() {
    let mut world = World::paired();
    let old = world.bob.r.clone();
    for _ in 0..40 {
        world.run(Bob, Input::Remove);
        world.settle();
        world.advance(1_000);
        world.invite(Alice).expect("after an end");
        world.settle();
        world.run(Bob, Input::Accept);
        world.settle();
    }
    world.assert_paired();
    assert_eq!(world.bob.r.ended.len(), 32);
    let mut rng = ChaCha20Rng::seed_from_u64(9);
    let joined = world.bob.r.reconcile(&old, &world.bob.me(&[]), world.now, &mut rng);
    assert_eq!((stands(&joined.relationship), joined.is_of_other), (stands(&world.bob.r), false));
}

/// [OWN-10] [PAIR-41] The contact was confirmed on one device before it heard of the withdrawal on the other.
#[test]
fn an_acceptance_that_another_device_took_holds_although_the_invite_was_withdrawn_on_this_one() {
    let (mut world, withdrawn) = withdrawn_apart();
    world.run(Alice, Input::Accept);
    world.settle();
    world.assert_paired();
    assert_eq!(withdrawn.state(), State::Cancelled);
    let joined = both_ways(&world, &withdrawn, &world.bob.r);
    assert_eq!(stands(&joined), stands(&world.bob.r));
}

/// [PAIR-87] The other way round: the contact heard of the withdrawal first.
#[test]
fn a_withdrawal_on_one_device_does_not_undo_what_the_contact_agreed_to_and_another_device_took() {
    for changed in [false, true] {
        let (mut world, mut withdrawn) = withdrawn_apart();
        world.run(Alice, Input::Accept);
        world.pass(Alice, Slot::Answer);
        let confirm = world.waiting(Bob, Slot::Confirm);
        std::mem::swap(&mut world.bob.r, &mut withdrawn);
        world.pass(Bob, Slot::Cancel);
        assert_eq!((world.state(Alice), world.alice.r.pair_secret()), (State::Cancelled, None));
        if changed {
            world.run(Alice, Input::Forget);
        }
        world.bob.r = both_ways(&world, &withdrawn, &world.bob.r);
        world.deliver(Alice, &confirm).expect("honest");
        if changed {
            assert_eq!(world.state(Alice), State::Stranger, "she has had second thoughts");
        } else {
            world.settle();
            world.assert_paired();
        }
    }
}

/// [PAIR-87]
#[test]
fn what_was_withdrawn_is_kept_no_longer_than_an_acceptance_waits() {
    let (mut world, withdrawn) = withdrawn_apart();
    world.run(Alice, Input::Accept);
    world.pass(Alice, Slot::Answer);
    let confirm = world.waiting(Bob, Slot::Confirm);
    world.bob.r = withdrawn;
    world.pass(Bob, Slot::Cancel);
    world.now += 60 * DAY;
    world.run(Alice, Input::Tick);
    assert!(world.alice.r.withdrawn.is_none() && world.alice.r.invite_ids().is_empty());
    world.deliver(Alice, &confirm).expect("honest");
    assert_eq!(world.state(Alice), State::Cancelled);
}

/// [PAIR-89] The device of bob's that took the confirm is lost before the other one heard of it.
#[test]
fn a_confirm_that_one_device_acknowledged_is_repeated_to_another_that_still_asks() {
    let mut world = World::pending();
    world.run(Bob, Input::Accept);
    let answer = world.waiting(Bob, Slot::Answer);
    let other = world.bob.r.clone();
    world.settle();
    world.assert_paired();
    assert!(world.slots(Alice).is_empty(), "it was acknowledged");
    world.bob.r = other;
    assert!(!world.bob.r.confirmed());
    let effects = world.deliver(Alice, &answer).expect("honest");
    assert_eq!(kinds(&effects), ["reply Confirm"]);
    let confirm =
        effects.into_iter().find_map(|effect| if let Effect::Reply(frame) = effect { Some(frame) } else { None });
    world.deliver(Bob, &confirm.expect("a reply")).expect("honest");
    world.assert_paired();
    assert!(world.bob.r.confirmed());
    world.run(Bob, Input::Remove);
    world.settle();
    assert!(world.alice.r.said.is_none(), "nothing is left of it when the pact ends");
}
