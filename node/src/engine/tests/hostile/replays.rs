//! What was sent once is sent again: by the one who sent it, after a restart, to somebody else.

use covey_api::ContactState;

use super::mallory::{ALICE, Lair};
use crate::engine::rpc;
use crate::engine::tests::world::{Sent, World};
use crate::engine::wire::payload;

#[test]
fn runs_sent_again_are_not_taken_again() {
    let mut lair = Lair::new(40);
    let body = payload::Body::text("once".into(), None, None, 1);
    let payload = lair.sealed(&body.encode().unwrap(), |_| ());
    let batch = lair.batch(vec![(covey_feed::Kind::Content, payload)]);
    assert!(lair.push(&batch));
    let shown = lair.shown();
    for _ in 0..100 {
        assert!(lair.push(&batch), "its head is still the same");
    }
    assert_eq!(lair.shown(), shown);
    lair.nobody_else_notices();
    for _ in 0..100 {
        lair.push(&batch);
    }
    assert_eq!(lair.shown(), shown);
    // Thousands of them are a breach of the protocol: shut out for a while.
    for _ in 0..2_000 {
        lair.push(&batch);
    }
    assert_eq!(lair.shown(), shown);
    assert_eq!(lair.world.nodes[ALICE].live.penalties.len(), 1);
    lair.nobody_else_notices();
}

/// Everything that was said in a pairing of 0 (inviter) and 1, as (from, to, protocol, frame).
fn recorded(seed: u64) -> (World, Vec<Sent>) {
    let mut world = World::new(3, seed);
    world.record = Some(Vec::new());
    world.pair(0, 1);
    world.write(0, 1, "first").unwrap();
    world.write(1, 0, "second").unwrap();
    world.settle();
    let frames = world.record.take().unwrap();
    (world, frames)
}

#[test]
fn a_recorded_pairing_replayed_after_a_restart_changes_nothing() {
    let (mut world, frames) = recorded(41);
    world.restart(0);
    world.restart(1);
    world.settle();
    let texts = world.texts(0, 1);
    for (from, to, protocol, frame) in &frames {
        world.replay(*from, *to, *protocol, frame.clone());
        world.settle();
        assert_eq!(world.state(0, 1), Some(ContactState::Paired));
        assert_eq!(world.state(1, 0), Some(ContactState::Paired));
    }
    assert_eq!(world.texts(0, 1), texts);
    assert_eq!(world.texts(1, 0), texts);
    world.write(0, 1, "third").unwrap();
    world.write(1, 0, "fourth").unwrap();
    world.settle();
    world.pass(120_000, 5_000);
    assert_eq!(world.texts(1, 0).len(), 4);
    assert_eq!(world.texts(0, 1), world.texts(1, 0));
}

#[test]
fn a_recorded_pairing_played_to_somebody_else_gives_them_nothing() {
    let (mut world, frames) = recorded(42);
    for (from, _, protocol, frame) in &frames {
        world.replay(*from, 2, *protocol, frame.clone());
        world.replay(2, *from, *protocol, frame.clone());
        world.settle();
    }
    for other in [0, 1] {
        assert_eq!(world.contact(2, other).map(|contact| contact.state), None);
        assert!(world.contact(other, 2).is_none());
    }
    world.write(0, 1, "third").unwrap();
    world.settle();
    assert_eq!(world.texts(1, 0).len(), 3);
}

#[test]
fn an_invite_replayed_by_its_carrier_makes_one_request_before_and_after_a_restart() {
    let mut world = World::new(3, 43);
    world.record = Some(Vec::new());
    world.invite(0, 1).unwrap();
    world.settle();
    let frames = world.record.take().unwrap();
    let pending = |world: &mut World| {
        let params = covey_api::PairList { state: Some(ContactState::Pending), renewal: None };
        world.call(1, |cx| rpc::pair::list(cx, &params)).unwrap().len()
    };
    for round in 0..3 {
        for (from, to, protocol, frame) in &frames {
            // By the inviter and by somebody who carried it.
            world.replay(*from, *to, *protocol, frame.clone());
            world.replay(2, *to, *protocol, frame.clone());
        }
        world.settle();
        assert_eq!(pending(&mut world), 1, "round {round}");
        world.restart(1);
        world.settle();
    }
    let params = covey_api::EventsFetch { last: Some(100), ..covey_api::EventsFetch::default() };
    let told = world.call(1, |cx| rpc::events::fetch(cx, &params)).unwrap().events;
    assert_eq!(told.iter().filter(|event| event.kind == covey_api::kind::CONTACT).count(), 1);
}
