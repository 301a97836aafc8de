//! Asking somebody again: after a no, with a false ticket, and what is shown of how it ended.

use covey_api::{self as api, ContactState, Party, Reason};
use covey_pairing::crypto::dh::DhSecret;
use covey_pairing::identity::Ticket;

use super::world::World;
use crate::engine::rpc;

fn verb(world: &mut World, node: usize, of: usize, what: &str) -> api::Contact {
    let contact = world.id(of);
    let done = match what {
        "decline" => world.call(node, |cx| rpc::pair::decline(cx, &api::PairDecline { contact, ..Default::default() })),
        "forget" => world.call(node, |cx| rpc::pair::forget(cx, &api::PairForget { contact, ..Default::default() })),
        "remove" => world.call(node, |cx| rpc::pair::remove(cx, &api::PairRemove { contact, ..Default::default() })),
        "cancel" => world.call(node, |cx| rpc::pair::cancel(cx, &api::PairCancel { contact, ..Default::default() })),
        _ => panic!("{what}?"),
    };
    world.settle();
    done.unwrap()
}

#[test]
fn who_was_refused_is_told_so_and_reaches_them_once_they_forgot_it() {
    let mut world = World::new(2, 90);
    world.invite(0, 1).unwrap();
    world.settle();
    verb(&mut world, 1, 0, "decline");
    let again = world.invite(0, 1).unwrap();
    assert_eq!((again.state, again.refused_before), (ContactState::Invited, true));
    world.settle();
    world.pass(60_000, 5_000);
    assert_eq!(world.state(1, 0), Some(ContactState::Declined));
    verb(&mut world, 1, 0, "forget");
    let again = world.invite(0, 1).unwrap();
    assert!(again.refused_before);
    world.settle();
    world.pass(10_000, 1_000);
    assert_eq!(world.state(1, 0), Some(ContactState::Pending), "without a cancel, and at once");
    world.accept(1, 0).unwrap();
    world.settle();
    assert!(!world.contact(0, 1).unwrap().refused_before);
}

#[test]
fn an_invite_that_is_looked_for_can_be_asked_for_again() {
    let mut world = World::new(2, 91);
    let mut params = api::PairInvite { to: world.id(1), note: Some("first".into()), ..api::PairInvite::default() };
    world.stop(1);
    world.call(0, |cx| rpc::pair::invite(cx, params.clone())).unwrap();
    params.note = None;
    assert_eq!(world.call(0, |cx| rpc::pair::invite(cx, params)).unwrap().state, ContactState::Invited);
    world.restart(1);
    world.settle();
    world.pass(600_000, 10_000);
    assert_eq!(world.contact(1, 0).unwrap().note.as_deref(), Some("first"));
}

#[test]
fn the_one_who_ended_a_pairing_is_named_and_the_other_is_not_online() {
    let mut world = World::new(2, 92);
    world.pair(0, 1);
    world.write(0, 1, "hello").unwrap();
    world.settle();
    let ours = verb(&mut world, 0, 1, "remove");
    assert_eq!((ours.state, ours.ended_by, ours.online), (ContactState::Removed, Some(Party::Us), false));
    let theirs = world.contact(1, 0).unwrap();
    assert_eq!((theirs.state, theirs.ended_by, theirs.online), (ContactState::Removed, Some(Party::Them), false));
}

#[test]
fn two_conversations_with_one_contact_have_two_names() {
    let mut world = World::new(2, 93);
    world.pair(0, 1);
    world.write(0, 1, "hello").unwrap();
    world.settle();
    let before = world.contact(0, 1).unwrap().channel.unwrap();
    verb(&mut world, 0, 1, "remove");
    world.pair(0, 1);
    let params = api::ChannelList { requests: false, archived: false };
    let mut listed = world.call(0, |cx| rpc::channel::list(cx, &params)).unwrap();
    listed.sort_by_key(|channel| channel.open);
    let names: Vec<&str> = listed.iter().map(|channel| channel.name.as_str()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
    assert!(listed[0].channel == before && names[0].starts_with(names[1]) && names[0].contains("earlier"), "{names:?}");
}

/// A ticket of the account of node 1 with a key that is not its own.
fn false_ticket(world: &mut World) -> String {
    let mut ticket: Ticket = world.ticket(1).parse().unwrap();
    ticket.dh = DhSecret::from_bytes([81; 32]).public();
    ticket.to_string()
}

#[test]
fn a_false_ticket_spoils_nothing_for_the_true_account() {
    let mut world = World::new(2, 94);
    let params = api::PairInvite { to: false_ticket(&mut world), ..api::PairInvite::default() };
    world.call(0, |cx| rpc::pair::invite(cx, params)).unwrap();
    world.settle();
    world.pass(60_000, 5_000);
    assert_eq!(world.state(1, 0), None, "nobody can open it");
    verb(&mut world, 0, 1, "cancel");
    let params = api::PairInvite { to: world.id(1), ..api::PairInvite::default() };
    world.call(0, |cx| rpc::pair::invite(cx, params)).unwrap();
    world.settle();
    world.pass(60_000, 5_000);
    assert_eq!(world.state(1, 0), Some(ContactState::Pending), "found by the id alone");
}

#[test]
fn a_ticket_that_contradicts_the_card_of_its_account_is_refused() {
    let mut world = World::new(2, 95);
    world.pair(0, 1);
    verb(&mut world, 1, 0, "remove");
    let params = api::PairInvite { to: false_ticket(&mut world), ..api::PairInvite::default() };
    assert_eq!(world.call(0, |cx| rpc::pair::invite(cx, params)).unwrap_err().reason, Reason::InvalidTicket);
    assert_eq!(world.state(0, 1), Some(ContactState::Removed));
}
