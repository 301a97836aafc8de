//! Decline, silence, block, forget: a no stays a no.

use super::harness::*;
use crate::consent::{Command, ConsentError, Input, Slot, State};

/// [PAIR-30]
#[test]
fn a_decline_is_told_once_and_acknowledged() {
    let mut world = World::pending();
    let effects = world.run(Bob, Input::Decline);
    assert_eq!(kinds(&effects), ["pending -> declined", "send Answer"]);
    let answer = world.waiting(Bob, Slot::Answer);
    let effects = world.pass(Bob, Slot::Answer);
    assert_eq!(kinds(&effects), ["invited -> refused", "reply Received"]);
    let effects = world.deliver(Bob, &replies(&effects)[0]).expect("honest");
    assert_eq!(kinds(&effects), ["unsend Answer"]);
    // The acknowledgement was lost: the repeated answer is acknowledged again and changes nothing.
    let before = world.alice.r.clone();
    assert_eq!(kinds(&world.deliver(Alice, &answer).expect("honest")), ["reply Received"]);
    assert_eq!(world.alice.r, before);
}

/// [PAIR-31]
#[test]
fn declined_inviter_is_silently_dropped() {
    let mut world = World::pending();
    world.run(Bob, Input::Decline);
    world.settle();
    assert_eq!(world.states(), (State::Refused, State::Declined));
    for _ in 0..3 {
        world.now += DAY;
        world.invite(Alice).expect("she may try");
        let before = world.bob.r.clone();
        assert_eq!(kinds(&world.pass(Alice, Slot::Invite)), ["reply Received"]);
        assert_eq!(world.bob.r, before);
        world.run(Alice, Input::Cancel);
        world.settle();
    }
    assert_eq!(world.state(Bob), State::Declined);
}

/// [PAIR-32]
#[test]
fn a_silent_decline_tells_nothing() {
    let mut world = World::pending();
    world.bob.silent = true;
    let effects = world.run(Bob, Input::Decline);
    assert_eq!(kinds(&effects), ["pending -> declined"]);
    world.settle();
    assert_eq!(world.states(), (State::Invited, State::Declined));
    // What the inviter sees is what an undecided operator looks like.
    world.advance(DAY);
    assert_eq!(kinds(&world.pass(Alice, Slot::Invite)), ["reply Received"]);
    world.advance(13 * DAY);
    assert_eq!(world.states(), (State::Expired, State::Declined));
}

/// [PAIR-33]
#[test]
fn forgetting_a_decline_lets_them_ask_again() {
    let mut world = World::pending();
    world.run(Bob, Input::Decline);
    world.settle();
    world.run(Bob, Input::Forget);
    assert_eq!(world.state(Bob), State::Stranger);
    world.now += 1;
    world.invite(Alice).expect("allowed");
    world.settle();
    assert_eq!(world.states(), (State::Invited, State::Pending));
}

/// [PAIR-33]
#[test]
fn a_declined_invite_replayed_after_forgetting_asks_nobody() {
    let mut world = World::new();
    world.invite(Alice).expect("allowed");
    let invite = world.waiting(Alice, Slot::Invite);
    world.settle();
    world.run(Bob, Input::Decline);
    world.settle();
    world.run(Bob, Input::Forget);
    assert_eq!(kinds(&world.deliver(Bob, &invite).expect("honest")), ["reply Received"]);
    assert_eq!(world.state(Bob), State::Stranger);
}

/// [PAIR-33] After a silent decline the invite still stands: forgetting lets it ask again by itself.
#[test]
fn a_silently_declined_invite_asks_again_once_forgotten() {
    let mut world = World::pending();
    world.bob.silent = true;
    world.run(Bob, Input::Decline);
    world.run(Bob, Input::Forget);
    world.advance(DAY);
    world.settle();
    assert_eq!(world.states(), (State::Invited, State::Pending));
}

/// [PAIR-34]
#[test]
fn a_blocked_inviter_gets_what_everybody_gets_and_reaches_nobody() {
    let mut world = World::new();
    world.run(Bob, Input::Block);
    world.invite(Alice).expect("allowed");
    assert_eq!(kinds(&world.pass(Alice, Slot::Invite)), ["reply Received"]);
    assert_eq!(world.states(), (State::Invited, State::Blocked));
    assert!(world.bob.r.outstanding().is_empty());
    world.run(Bob, Input::Unblock);
    world.advance(DAY);
    world.settle();
    assert_eq!(world.states(), (State::Invited, State::Pending));
}

/// [PAIR-34]
#[test]
fn blocking_a_pending_inviter_sends_nothing() {
    let mut world = World::pending();
    assert_eq!(kinds(&world.run(Bob, Input::Block)), ["pending -> blocked"]);
    world.settle();
    assert_eq!(world.states(), (State::Invited, State::Blocked));
}

/// [PAIR-35]
#[test]
fn blocking_a_contact_keeps_the_pact_and_tells_them_nothing() {
    for who in [Alice, Bob] {
        let mut world = World::paired();
        let secret = world.bob.r.pair_secret().cloned();
        assert_eq!(kinds(&world.run(who, Input::Block)), ["paired -> blocked"]);
        world.settle();
        assert_eq!((world.state(who), world.state(who.other())), (State::Blocked, State::Paired));
        assert_eq!(kinds(&world.run(who, Input::Unblock)), ["blocked -> paired"]);
        world.assert_paired();
        assert_eq!(world.bob.r.pair_secret().cloned(), secret);
    }
}

/// [PAIR-35] Blocked at any moment of the handshake, the two are paired once the block is lifted.
#[test]
fn a_block_in_the_middle_of_a_handshake_only_delays_it() {
    for (who, confirmed) in [(Alice, false), (Bob, false), (Alice, true), (Bob, true)] {
        let mut world = World::pending();
        world.run(Bob, Input::Accept);
        world.pass(Bob, Slot::Answer);
        if confirmed {
            world.pass(Alice, Slot::Confirm);
        }
        world.run(who, Input::Block);
        assert!(world.slots(who).is_empty(), "nothing is sent meanwhile");
        world.settle();
        world.advance(20 * DAY);
        world.settle();
        assert_eq!((world.state(who), world.state(who.other())), (State::Blocked, State::Paired));
        world.run(who, Input::Unblock);
        world.settle();
        world.assert_paired();
    }
}

/// [PAIR-35] Frames about the pact are answered as before, so that none of them shows the block.
#[test]
fn no_frame_about_the_pact_is_answered_differently_while_it_is_blocked() {
    let mut world = World::new();
    world.invite(Alice).expect("allowed");
    let invite = world.waiting(Alice, Slot::Invite);
    world.settle();
    world.run(Bob, Input::Accept);
    let mut blocked = world.clone();
    blocked.run(Bob, Input::Block);
    world.pass(Bob, Slot::Answer);
    let confirm = world.waiting(Alice, Slot::Confirm);
    for frame in [invite, confirm.clone(), confirm] {
        let (open, shut) = (world.deliver(Bob, &frame), blocked.deliver(Bob, &frame));
        let sent = |effects: Result<Vec<_>, _>| replies(&effects.expect("honest"));
        assert_eq!(sent(open), sent(shut));
    }
    assert_eq!(blocked.state(Bob), State::Blocked);
}

/// [PAIR-35] What ends a pact ends it while it is blocked, too, and the block stays.
#[test]
fn a_blocked_pact_ends_by_removal_of_either_side() {
    for who in [Alice, Bob] {
        let mut world = World::paired();
        world.run(Bob, Input::Block);
        world.run(who, Input::Remove);
        world.settle();
        assert_eq!(world.states(), (State::Removed, State::Blocked));
        assert_eq!(world.bob.r.pair_secret(), None);
        assert_eq!(kinds(&world.run(Bob, Input::Unblock)), ["blocked -> stranger"]);
    }
}

/// [PAIR-34] Who lost the pact and asks again while blocked is heard once unblocked: our consent stood all the time.
#[test]
fn a_fresh_invite_of_a_blocked_contact_waits_for_the_end_of_the_block() {
    let mut world = World::paired();
    world.run(Bob, Input::Block);
    world.alice.r = crate::consent::Relationship::new(world.bob.id());
    world.now += 1000;
    world.invite(Alice).expect("allowed");
    let before = world.bob.r.clone();
    assert_eq!(kinds(&world.pass(Alice, Slot::Invite)), ["reply Received"]);
    assert_eq!(world.bob.r, before);
    world.settle();
    world.run(Bob, Input::Unblock);
    world.advance(DAY);
    world.settle();
    world.assert_paired();
}

/// Until 0.1 a block ended the pact: what was stored then stays blocked, and lifting it leads to a stranger.
#[test]
fn a_block_stored_by_an_earlier_version_is_lifted_to_a_stranger() {
    let mut world = World::new();
    world.run(Bob, Input::Block);
    let stored = covey_codec::encode(&world.bob.r).expect("encodes");
    let has = |word: &[u8]| stored.windows(word.len()).any(|part| part == word);
    assert!(has(b"Blocked") && !has(b"blocked"), "as it was stored then");
    assert_eq!(kinds(&world.run(Bob, Input::Unblock)), ["blocked -> stranger"]);
}

/// The pact would end without them knowing.
#[test]
fn a_blocked_contact_is_removed_or_unblocked_but_not_forgotten() {
    let mut world = World::paired();
    world.run(Bob, Input::Block);
    let refused = world.step(Bob, Input::Forget).expect_err("the pact stands");
    assert_eq!(refused, ConsentError::NotAllowed { command: Command::Forget, state: State::Blocked });
}

/// [PAIR-35]
#[test]
fn blocking_somebody_we_invited_withdraws_the_invite() {
    let mut world = World::pending();
    assert_eq!(kinds(&world.run(Alice, Input::Block)), ["invited -> blocked", "send Cancel"]);
    world.settle();
    assert_eq!(world.states(), (State::Blocked, State::Cancelled));
}

/// [PAIR-36]
#[test]
fn an_acceptance_after_a_block_pairs_nobody() {
    let mut world = World::pending();
    world.run(Bob, Input::Accept);
    world.run(Alice, Input::Block);
    let effects = world.pass(Bob, Slot::Answer);
    assert_eq!(kinds(&effects), ["reply Cancel"]);
    world.settle();
    assert_eq!(world.states(), (State::Blocked, State::Cancelled));
    assert_eq!(world.bob.r.pair_secret(), None);
}

/// [PAIR-37]
#[test]
fn the_refused_may_be_invited_by_the_one_who_declined() {
    let mut world = World::pending();
    world.run(Bob, Input::Decline);
    world.settle();
    world.run(Bob, Input::Forget);
    world.invite(Bob).expect("allowed");
    world.settle();
    assert_eq!(world.states(), (State::Pending, State::Invited));
    world.run(Alice, Input::Accept);
    world.settle();
    world.assert_paired();
}

/// [PAIR-37] The decline was lost, the invite that followed it was not.
#[test]
fn an_invite_that_overtakes_its_own_decline_pairs_the_two() {
    let mut world = World::pending();
    world.run(Bob, Input::Decline);
    let decline = world.waiting(Bob, Slot::Answer);
    world.run(Bob, Input::Forget);
    world.invite(Bob).expect("allowed");
    world.pass(Bob, Slot::Invite);
    assert_eq!(world.state(Alice), State::Paired);
    let effects = world.deliver(Alice, &decline).expect("honest");
    assert_eq!(kinds(&effects), ["reply Cancel"]);
    world.settle();
    world.assert_paired();
}

/// A decline that crossed a withdrawal used to wait for its acknowledgement for two months once forgotten.
#[test]
fn a_decline_of_a_withdrawn_invite_comes_to_rest_even_when_forgotten() {
    let mut world = World::pending();
    world.run(Bob, Input::Decline);
    world.run(Bob, Input::Forget);
    world.run(Alice, Input::Cancel);
    assert_eq!(world.slots(Bob), [Slot::Answer]);
    world.settle();
    assert!(world.slots(Alice).is_empty() && world.slots(Bob).is_empty());
}

#[test]
fn a_forgotten_relationship_leaves_nothing_to_store_in_the_end() {
    let mut world = World::pending();
    world.run(Bob, Input::Decline);
    world.settle();
    for who in [Alice, Bob] {
        world.run(who, Input::Forget);
        assert!(!world.side(who).r.is_blank(), "old offers could still be replayed");
    }
    while let Some(at) = world.alice.r.next_deadline().max(world.bob.r.next_deadline()) {
        world.now = at;
        world.tick();
    }
    assert!(world.alice.r.is_blank() && world.bob.r.is_blank());
    assert!(world.now <= START + 61 * DAY);
}
