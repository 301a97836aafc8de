//! SIGKILL between any two steps of getting to know each other, to either side: everything completes after a restart.

use crate::harness::{Node, contact_of, same_conversation};

/// Who is killed.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Victim {
    Inviter,
    Invitee,
    Both,
}

/// After which step.
#[derive(Clone, Copy, Debug, PartialEq)]
enum After {
    Invite,
    Asked,
    Accept,
    Paired,
    Ack,
}

fn story(step: After, victim: Victim) {
    let (mut alice, mut bob) = (Node::start("alice"), Node::start("bob"));
    let crash = |now: After, alice: &mut Node, bob: &mut Node| {
        if now != step {
            return;
        }
        match victim {
            Victim::Inviter => alice.crash(),
            Victim::Invitee => bob.crash(),
            Victim::Both => {
                alice.kill();
                bob.kill();
                bob.resume();
                alice.resume();
            }
        }
    };
    let ticket = bob.json(&["account", "ticket"]);
    alice.json(&["pair", "invite", ticket["ticket"].as_str().expect("a ticket"), "--alias", "bob"]);
    crash(After::Invite, &mut alice, &mut bob);
    assert_eq!(contact_of(&alice, &bob.id).expect("what was acknowledged is durable")["state"], "invited");
    bob.until_contact(&alice.id, "pending");
    crash(After::Asked, &mut alice, &mut bob);
    bob.json(&["pair", "accept", &alice.id, "--alias", "alice"]);
    crash(After::Accept, &mut alice, &mut bob);
    assert_eq!(contact_of(&bob, &alice.id).expect("what was acknowledged is durable")["state"], "paired");
    alice.until_contact(&bob.id, "paired");
    crash(After::Paired, &mut alice, &mut bob);
    alice.until_confirmed(&bob.id);
    bob.until_confirmed(&alice.id);
    let sent = alice.json(&["send", "bob", "to bob"]);
    let answer = bob.json(&["send", "alice", "to alice"]);
    crash(After::Ack, &mut alice, &mut bob);
    bob.until_received("to bob");
    alice.until_received("to alice");
    alice.until_state(&sent["id"], "delivered");
    bob.until_state(&answer["id"], "delivered");
    let mut texts = same_conversation(&alice, &bob);
    texts.sort_unstable();
    assert_eq!(texts, ["to alice", "to bob"]);
}

/// A test for each step, so that they run side by side.
macro_rules! stories {
    ($($name:ident: $step:ident;)*) => { $(
        mod $name {
            use super::{After, Victim, story};

            #[test]
            fn the_inviter_is_killed() {
                story(After::$step, Victim::Inviter);
            }

            #[test]
            fn the_invitee_is_killed() {
                story(After::$step, Victim::Invitee);
            }

            #[test]
            fn both_are_killed() {
                story(After::$step, Victim::Both);
            }
        }
    )* };
}

stories! {
    after_the_invite_was_made: Invite;
    after_the_invitee_was_asked: Asked;
    after_the_invite_was_accepted: Accept;
    after_the_inviter_knew: Paired;
    between_acknowledgement_and_delivery: Ack;
}
