//! [MACHINE-7]: every command in every state, allowed or refused by name.

use super::harness::*;
use crate::{
    consent::{Command, ConsentError, Input, State},
    identity::{CardError, DeviceSecret},
};

/// Bob in each state.
fn in_state(state: State) -> World {
    let mut world = match state {
        State::Stranger | State::Blocked | State::Invited => World::new(),
        State::Paired | State::Removed => World::paired(),
        _ => World::pending(),
    };
    match state {
        State::Stranger | State::Pending | State::Paired => {}
        State::Invited => drop(world.invite(Bob)),
        State::Declined => drop(world.run(Bob, Input::Decline)),
        State::Expired => world.advance(14 * DAY),
        State::Cancelled => drop(world.run(Alice, Input::Cancel)),
        State::Blocked => drop(world.run(Bob, Input::Block)),
        State::Removed => drop(world.run(Bob, Input::Remove)),
        State::Refused => {
            world = World::new();
            world.invite(Bob).expect("allowed");
            world.settle();
            world.run(Alice, Input::Decline);
        }
    }
    if state != State::Expired {
        world.settle();
    }
    assert_eq!(world.state(Bob), state);
    world
}

/// The state after `command` in `state`; `None`: refused.
fn expected(state: State, command: Command) -> Option<State> {
    use State::{Blocked, Cancelled, Declined, Invited, Paired, Pending, Removed, Stranger};
    match (command, state) {
        (Command::Invite, Pending) => Some(Paired),
        (Command::Invite, Paired | Declined | Blocked) => None,
        (Command::Invite, _) => Some(Invited),
        (Command::Accept, Pending) => Some(Paired),
        (Command::Decline, Pending) => Some(Declined),
        (Command::Cancel, Invited) => Some(Cancelled),
        (Command::Forget, Invited | Pending | Paired) => None,
        (Command::Forget, _) => Some(Stranger),
        (Command::Remove, Paired) => Some(Removed),
        (Command::Block, Blocked) => None,
        (Command::Block, _) => Some(Blocked),
        (Command::Unblock, Blocked) => Some(Stranger),
        (Command::Renew, Paired) => Some(Invited),
        _ => None,
    }
}

#[test]
fn every_command_in_every_state_does_what_it_says_or_is_refused_by_name() {
    let commands = [
        Command::Invite,
        Command::Accept,
        Command::Decline,
        Command::Cancel,
        Command::Forget,
        Command::Remove,
        Command::Block,
        Command::Unblock,
        Command::Renew,
    ];
    for state in State::ALL {
        for command in commands {
            let mut world = in_state(state);
            let input = match command {
                Command::Invite => world.invite_input(Bob, None),
                Command::Accept => Input::Accept,
                Command::Decline => Input::Decline,
                Command::Cancel => Input::Cancel,
                Command::Forget => Input::Forget,
                Command::Remove => Input::Remove,
                Command::Block => Input::Block,
                Command::Unblock => Input::Unblock,
                Command::Renew => world.renew_input(Bob),
            };
            let before = world.bob.r.clone();
            match (world.step(Bob, input), expected(state, command)) {
                (Ok(_), Some(next)) => assert_eq!(world.state(Bob), next, "{command} in {state}"),
                (Err(error), None) => {
                    assert_eq!(error, ConsentError::NotAllowed { command, state });
                    assert!(error.to_string().starts_with(&format!("cannot {command}: ")));
                    assert_eq!(world.bob.r, before);
                }
                (result, expected) => panic!("{command} in {state}: {result:?}, expected {expected:?}"),
            }
        }
    }
}

/// [MACHINE-8]: what a fresh invite of theirs does in each state.
#[test]
fn their_fresh_invite_in_every_state() {
    for state in State::ALL {
        let mut world = in_state(state);
        // Alice as she is after losing everything: her invite is fresh by its time alone.
        world.now += DAY;
        let mut anew = World::new();
        anew.now = world.now;
        anew.invite(Alice).expect("allowed");
        let invite = anew.waiting(Alice, crate::consent::Slot::Invite);
        world.deliver(Bob, &invite).expect("honest");
        let expected = match state {
            State::Declined => State::Declined,
            State::Blocked => State::Blocked,
            State::Invited | State::Paired => State::Paired,
            _ => State::Pending,
        };
        assert_eq!(world.state(Bob), expected, "their invite in {state}");
    }
}

#[test]
fn inviting_oneself_is_refused() {
    let mut world = World::new();
    world.alice.r = crate::consent::Relationship::new(world.alice.id());
    assert_eq!(world.invite(Alice), Err(ConsentError::OwnAccount));
}

#[test]
fn texts_and_attachments_over_their_limits_are_refused_before_anything_is_made() {
    let mut world = World::new();
    let before = world.alice.r.clone();
    let their_dh = world.bob.account.dh().public();
    let invite = |note: String| Input::Invite { their_dh, their_kem: None, note, token: None };
    assert_eq!(world.step(Alice, invite("n".repeat(281))), Err(ConsentError::Note));
    assert_eq!(world.step(Alice, invite("\u{1b}[2J".into())), Err(ConsentError::Note));
    world.alice.name = "n".repeat(65);
    assert_eq!(world.step(Alice, invite(String::new())), Err(ConsentError::Name));
    world.alice.name = "Alice".into();
    world.alice.card = vec![0; 12 * 1024 + 1];
    assert_eq!(world.step(Alice, invite(String::new())), Err(ConsentError::OwnCard(CardError::Malformed)));
    assert_eq!(world.alice.r, before);
}

/// Others would drop the invite without a word, so it is not made.
#[test]
fn an_own_card_that_nobody_would_take_is_noticed_at_once() {
    let mut world = World::new();
    world.now = START + 1000 * DAY;
    assert_eq!(world.invite(Alice), Err(ConsentError::OwnCard(CardError::Expired)));
    let mut world = World::new();
    world.alice.card = world.bob.card.clone();
    assert_eq!(world.invite(Alice), Err(ConsentError::OwnCard(CardError::Account)));
    let mut world = World::pending();
    world.bob.device = DeviceSecret::from_seed([9; 32]);
    assert_eq!(world.step(Bob, Input::Accept), Err(ConsentError::OwnCard(CardError::Signer)));
}
