//! [PAIR-82] to [PAIR-84] Invites are sealed to the KEM key that a ticket or a card names by its hash: they wait for it, and there is
//! none without.

use covey_api::{self as api, ContactState, Reason};
use covey_pairing::consent::{InviteFrame, KeyFrame, PairFrame};
use covey_pairing::crypto::kem::KemHash;
use covey_pairing::identity::{self, AccountSecret, ContactCard, Ticket};

use super::world::World;
use crate::engine::{Protocol, rpc};

/// A network in which everything that is sent is written down.
fn recorded(count: usize, seed: u64) -> World {
    let mut world = World::new(count, seed);
    world.record = Some(Vec::new());
    world
}

fn frames(world: &World, by: usize) -> impl Iterator<Item = &Vec<u8>> {
    let sent = world.record.iter().flatten();
    sent.filter(move |(from, _, protocol, _)| (*from, *protocol) == (by, Protocol::Pair)).map(|(.., frame)| frame)
}

fn invites(world: &World, by: usize) -> Vec<InviteFrame> {
    let invite = |frame: &Vec<u8>| match PairFrame::decode(frame) {
        Ok(PairFrame::Invite(invite)) => Some(invite),
        _ => None,
    };
    frames(world, by).filter_map(invite).collect()
}

fn questions(world: &World, by: usize) -> usize {
    frames(world, by).filter(|frame| matches!(KeyFrame::decode(frame), Ok(KeyFrame::Ask(_)))).count()
}

fn invite_by(world: &mut World, to: String) -> api::Contact {
    let params = api::PairInvite { to, note: Some("it is me".into()), ..api::PairInvite::default() };
    world.call(0, |cx| rpc::pair::invite(cx, params)).unwrap()
}

fn cancel(world: &mut World) -> ContactState {
    let params = api::PairCancel { contact: world.id(1), ..Default::default() };
    world.call(0, |cx| rpc::pair::cancel(cx, &params)).unwrap().state
}

/// The ticket of node 1, with another hash of the KEM key or without one.
fn ticket(world: &mut World, kem: Option<KemHash>) -> String {
    let ticket: Ticket = world.ticket(1).parse().unwrap();
    Ticket { kem, ..ticket }.to_string()
}

fn other_hash() -> KemHash {
    AccountSecret::from_seed([81; 32]).kem_key().hash()
}

/// What the DHT says of node 1 becomes this: the node's own card but for the KEM key, as who has its device key can sign it.
fn swap_card(world: &mut World, kem: Option<KemHash>) {
    let bytes = world.look(1, |cx| crate::engine::card::own(cx).unwrap());
    let mut content = ContactCard::open(&bytes, world.now).unwrap().content().clone();
    content.kem = kem;
    content.sequence += 100;
    let account = world.nodes[1].account();
    let card = identity::sign(&content, &world.nodes[1].me.device).unwrap();
    world.cards.insert(account, card);
}

fn accepted(world: &mut World) {
    world.settle();
    world.pass(120_000, 5_000);
    assert_eq!(world.state(1, 0), Some(ContactState::Pending));
    assert_eq!(world.contact(1, 0).unwrap().note.as_deref(), Some("it is me"));
    world.accept(1, 0).unwrap();
    world.settle();
    assert_eq!((world.state(0, 1), world.state(1, 0)), (Some(ContactState::Paired), Some(ContactState::Paired)));
}

#[test]
fn an_invite_by_ticket_or_by_id_is_sealed_and_names_its_inviter_to_nobody_else() {
    for by_ticket in [true, false] {
        let mut world = recorded(2, 130);
        let to = if by_ticket { world.ticket(1) } else { world.id(1) };
        assert_eq!(invite_by(&mut world, to).state, ContactState::Invited);
        accepted(&mut world);
        let sent = invites(&world, 0);
        assert!(!sent.is_empty() && sent.iter().all(|invite| invite.from.is_none()));
        assert!(questions(&world, 0) > 0);
        let account = world.nodes[0].account();
        let named = |frame: &Vec<u8>| frame.windows(32).any(|window| window == account.as_bytes());
        assert!(!frames(&world, 0).any(named), "an invite, answer or confirm names the inviter");
    }
}

#[test]
fn a_ticket_with_a_wrong_hash_makes_no_invite_and_spoils_nothing() {
    let mut world = recorded(2, 131);
    let wrong = ticket(&mut world, Some(other_hash()));
    assert_eq!(invite_by(&mut world, wrong).state, ContactState::Invited);
    world.settle();
    world.pass(600_000, 20_000);
    assert_eq!((world.state(0, 1), world.state(1, 0)), (Some(ContactState::Invited), None));
    assert_eq!(invites(&world, 0).len(), 0, "sealed to nothing that was asked for");
    assert!(questions(&world, 0) > 0);
    assert_eq!(cancel(&mut world), ContactState::Stranger);
    let right = world.ticket(1);
    invite_by(&mut world, right);
    accepted(&mut world);
}

#[test]
fn a_ticket_that_contradicts_the_kem_key_on_a_known_card_is_refused() {
    let mut world = World::new(2, 132);
    world.pair(0, 1);
    let params = api::PairRemove { contact: world.id(1), ..Default::default() };
    world.call(0, |cx| rpc::pair::remove(cx, &params)).unwrap();
    world.settle();
    let params = api::PairInvite { to: ticket(&mut world, Some(other_hash())), ..api::PairInvite::default() };
    assert_eq!(world.call(0, |cx| rpc::pair::invite(cx, params)).unwrap_err().reason, Reason::InvalidTicket);
    world.pair(0, 1);
}

#[test]
fn a_card_with_another_kem_key_leads_to_no_invite_by_id_and_does_not_mislead_a_ticket() {
    let mut world = recorded(2, 133);
    swap_card(&mut world, Some(other_hash()));
    let id = world.id(1);
    invite_by(&mut world, id);
    world.settle();
    world.pass(120_000, 10_000);
    assert_eq!((invites(&world, 0).len(), world.state(1, 0)), (0, None));

    let mut world = recorded(2, 134);
    let to = world.ticket(1);
    swap_card(&mut world, Some(other_hash()));
    world.stop(1);
    invite_by(&mut world, to);
    world.settle();
    world.pass(600_000, 20_000);
    assert_eq!(invites(&world, 0).len(), 0);
    world.restart(1);
    world.settle();
    world.pass(3_600_000, 60_000);
    accepted(&mut world);
    assert!(invites(&world, 0).iter().all(|invite| invite.from.is_none()));
}

#[test]
fn an_invite_waits_for_the_key_through_restarts_and_is_sent_when_it_comes() {
    let mut world = recorded(2, 135);
    let params = api::AccountTicket { uses: Some(1), ..api::AccountTicket::default() };
    let to = world.call(1, |cx| rpc::account::ticket(cx, &params)).unwrap().ticket;
    world.stop(1);
    assert_eq!(invite_by(&mut world, to).state, ContactState::Invited);
    world.settle();
    world.pass(120_000, 10_000);
    world.restart(0);
    world.settle();
    assert_eq!((world.state(0, 1), invites(&world, 0).len()), (Some(ContactState::Invited), 0));
    world.restart(1);
    world.settle();
    world.pass(3_600_000, 60_000);
    accepted(&mut world);
    let used = world.call(1, rpc::account::tickets).unwrap();
    assert_eq!(used[0].used, 1, "its token came with the invite");
}

#[test]
fn an_older_ticket_is_used_as_it_is_and_with_the_key_of_the_card_if_that_is_known() {
    let mut world = recorded(2, 136);
    let old = ticket(&mut world, None);
    invite_by(&mut world, old.clone());
    world.settle();
    assert!(invites(&world, 0).iter().all(|invite| invite.from.is_some()));
    accepted(&mut world);
    let params = api::PairRemove { contact: world.id(1), ..Default::default() };
    world.call(0, |cx| rpc::pair::remove(cx, &params)).unwrap();
    world.settle();
    world.record = Some(Vec::new());
    invite_by(&mut world, old);
    accepted(&mut world);
    let sent = invites(&world, 0);
    assert!(!sent.is_empty() && sent.iter().all(|invite| invite.from.is_none()), "the card names the key");
}

#[test]
fn who_has_an_older_version_is_invited_by_id_without_a_seal() {
    let mut world = recorded(2, 137);
    swap_card(&mut world, None);
    let id = world.id(1);
    invite_by(&mut world, id);
    world.settle();
    assert_eq!(questions(&world, 0), 0);
    assert!(invites(&world, 0).iter().all(|invite| invite.from.is_some()));
    accepted(&mut world);
}

#[test]
fn both_who_use_each_others_tickets_at_once_end_up_paired() {
    let mut world = World::new(2, 138);
    world.invite(0, 1).unwrap();
    world.invite(1, 0).unwrap();
    world.settle();
    world.pass(120_000, 5_000);
    assert_eq!((world.state(0, 1), world.state(1, 0)), (Some(ContactState::Paired), Some(ContactState::Paired)));
}

/// [PAIR-84]
#[test]
fn a_key_that_was_not_asked_for_is_not_taken_and_an_unknown_hash_is_not_answered() {
    let mut world = recorded(3, 139);
    let wrong = ticket(&mut world, Some(other_hash()));
    world.puppet = Some(1);
    invite_by(&mut world, wrong);
    world.settle();
    let own = world.nodes[1].me.account.kem_key().clone();
    for key in [own, AccountSecret::from_seed([82; 32]).kem_key().clone()] {
        world.say(0, Protocol::Pair, KeyFrame::Key(key).encode());
    }
    assert_eq!(invites(&world, 0).len(), 0);
    world.heard.clear();
    world.say(0, Protocol::Pair, KeyFrame::Ask(other_hash()).encode());
    assert!(world.heard.is_empty(), "no answer to who knows nothing");
    let ours = world.nodes[0].me.account.kem_key().clone();
    world.say(0, Protocol::Pair, KeyFrame::Ask(ours.hash()).encode());
    let heard: Vec<_> = world.heard.iter().map(|(_, frame)| KeyFrame::decode(frame)).collect();
    assert_eq!(heard, [Ok(KeyFrame::Key(ours))]);
    // The key of the hash: now there is an invite.
    let right = AccountSecret::from_seed([81; 32]).kem_key().clone();
    world.say(0, Protocol::Pair, KeyFrame::Key(right).encode());
    assert_eq!(invites(&world, 0).len(), 1);
}
