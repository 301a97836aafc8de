//! Strangers who are never online at the same time become contacts: invites and answers lie at keepers.

mod carried;
mod slot;

use covey_api::{self as api, ContactState};
use covey_pairing::keeper::{KeeperFrame, SlotId, SlotToken, seal_left};
use serde_bytes::ByteBuf;

use super::{ALICE, BOB, KEEPER, add, serve, wait};
use crate::engine::records::keeping::{self, Lying};
use crate::engine::tests::world::World;
use crate::engine::{Protocol, rpc};

const DAY: u64 = 24 * 3_600_000;

/// Four strangers; mail of Alice and of Bob is kept by a node that neither of them knows otherwise.
fn strangers(seed: u64) -> World {
    let mut world = World::new(4, seed);
    for owner in [ALICE, BOB] {
        let ticket = serve(&mut world, &api::KeeperServe::default());
        assert_eq!(add(&mut world, owner, &ticket), api::KeeperState::Keeps);
    }
    world
}

/// Alice invites Bob, who is away, and is seen to that it lies at his keeper.
fn invited(seed: u64) -> World {
    let mut world = strangers(seed);
    let ticket = world.ticket(BOB);
    world.stop(BOB);
    invite(&mut world, ALICE, ticket);
    wait(&mut world);
    world
}

fn invite(world: &mut World, node: usize, to: String) -> api::Contact {
    let params = api::PairInvite { to, note: Some("it is me".into()), ..api::PairInvite::default() };
    let contact = world.call(node, |cx| rpc::pair::invite(cx, params)).unwrap();
    world.settle();
    contact
}

/// What lies at the keeper for a node.
fn lying(world: &mut World, of: usize) -> Vec<Lying> {
    let account = world.nodes[of].account();
    let rows = world.look(KEEPER, |cx| keeping::lying(cx.tx, &account, 0, 1_000).unwrap());
    rows.into_iter().map(|(_, lying)| lying).collect()
}

fn assert_counted(world: &mut World) {
    for node in 0..world.nodes.len() {
        let found = world.verify(node);
        assert!(found.ok, "node {node}: {found:?}");
    }
}

fn pending(world: &mut World, of: usize) -> Option<ContactState> {
    world.state(BOB, of)
}

/// Slot and token of Bob's invites.
fn slot(world: &World) -> (SlotId, SlotToken) {
    let me = &world.nodes[BOB].me;
    let (account, kem) = (me.account_id(), me.account.kem_key().hash());
    (SlotId::of_invites(&account, &kem), SlotToken::of_invites(&account, &kem))
}

fn sealed(world: &World, frame: &[u8], rng: u64) -> Vec<u8> {
    use rand::SeedableRng;
    let account = &world.nodes[BOB].me.account;
    let mut rng = rand::rngs::StdRng::seed_from_u64(rng);
    seal_left(&account.id(), (&account.dh().public(), account.kem_key()), frame, &mut rng).unwrap()
}

/// [MAIL-30] [MAIL-31] [MAIL-32] [MAIL-33] [MAIL-34]
#[test]
fn two_who_are_never_online_together_become_contacts() {
    let mut world = invited(201);
    let told = world.contact(ALICE, BOB).unwrap();
    assert_eq!((told.state, told.keepers), (ContactState::Invited, 1));
    assert!(told.kept_until.unwrap() > api::Time::from_unix_ms(world.now + 13 * DAY));
    assert_eq!(lying(&mut world, BOB).len(), 1);
    assert_counted(&mut world);
    world.stop(ALICE);
    world.restart(KEEPER);
    world.pass(5 * DAY, DAY / 4);

    world.restart(BOB);
    world.settle();
    assert_eq!(pending(&mut world, ALICE), Some(ContactState::Pending));
    assert_eq!(world.contact(BOB, ALICE).unwrap().note.as_deref(), Some("it is me"));
    assert!(lying(&mut world, BOB).is_empty());
    world.accept(BOB, ALICE).unwrap();
    wait(&mut world);
    assert!(world.contact(BOB, ALICE).unwrap().kept_until.is_some());
    world.stop(BOB);
    world.pass(2 * DAY, DAY / 4);

    world.restart(ALICE);
    world.settle();
    assert_eq!(world.state(ALICE, BOB), Some(ContactState::Paired));
    wait(&mut world);
    world.stop(ALICE);
    world.restart(BOB);
    world.settle();
    let bob = world.contact(BOB, ALICE).unwrap();
    assert!(bob.state == ContactState::Paired && bob.confirmed, "her confirmation lay there");
    assert_counted(&mut world);
}

/// [MAIL-36]
#[test]
fn two_who_never_met_write_to_each_other_through_their_keepers() {
    let mut world = invited(220);
    world.stop(ALICE);
    world.restart(BOB);
    world.settle();
    world.accept(BOB, ALICE).unwrap();
    wait(&mut world);
    world.stop(BOB);
    world.restart(ALICE);
    world.settle();
    wait(&mut world);
    world.write(ALICE, BOB, "hello").unwrap();
    wait(&mut world);
    world.stop(ALICE);
    world.restart(BOB);
    world.settle();
    assert_eq!(world.texts(BOB, ALICE), ["hello"]);
    world.write(BOB, ALICE, "at last").unwrap();
    wait(&mut world);
    world.stop(BOB);
    world.restart(ALICE);
    world.settle();
    assert_eq!(world.texts(ALICE, BOB), ["hello", "at last"]);
    assert_counted(&mut world);
}

/// [MAIL-36] The keeper has the letter, and says it again when something else is known.
#[test]
fn an_older_word_of_keepers_does_not_take_the_place_of_a_newer_one() {
    let mut world = invited(221);
    world.stop(ALICE);
    world.restart(BOB);
    world.settle();
    world.accept(BOB, ALICE).unwrap();
    wait(&mut world);
    let account = world.nodes[ALICE].account();
    let parcels: Vec<ByteBuf> = world.look(KEEPER, |cx| {
        let lying = keeping::lying(cx.tx, &account, 0, 10).unwrap();
        lying.iter().map(|(number, _)| keeping::bytes(cx.tx, &account, *number).unwrap().unwrap()).collect()
    });
    world.restart(ALICE);
    world.pass(60_000, 5_000);
    let keeper = world.call(BOB, rpc::keeper::list).unwrap()[0].keeper.clone();
    world.call(BOB, |cx| rpc::keeper::remove(cx, &api::KeeperRemove { keeper, client_id: None })).unwrap();
    world.settle();
    assert_eq!(world.contact(ALICE, BOB).unwrap().keepers, 0);
    let me = &world.nodes[ALICE].me;
    let slot = SlotId::of_invites(&account, &me.account.kem_key().hash());
    world.puppet = Some(KEEPER);
    for parcel in parcels {
        world.say(ALICE, Protocol::Keeper, KeeperFrame::Waiting.encode());
        world.say(ALICE, Protocol::Keeper, KeeperFrame::Parcel(999, slot, parcel).encode());
    }
    assert_eq!(world.contact(ALICE, BOB).unwrap().keepers, 0);
}

#[test]
fn an_account_id_is_enough_while_the_card_is_in_the_network() {
    let mut world = strangers(202);
    let id = world.id(BOB);
    world.stop(BOB);
    invite(&mut world, ALICE, id);
    wait(&mut world);
    assert!(world.contact(ALICE, BOB).unwrap().kept_until.is_some());
    world.stop(ALICE);
    world.restart(BOB);
    world.settle();
    assert_eq!(pending(&mut world, ALICE), Some(ContactState::Pending));
}

#[test]
fn an_invite_through_a_token_passes_the_limits_and_uses_it_up_once() {
    let mut world = strangers(203);
    let params = api::AccountTicket { uses: Some(1), ..api::AccountTicket::default() };
    let ticket = world.call(BOB, |cx| rpc::account::ticket(cx, &params)).unwrap().ticket;
    world.stop(BOB);
    invite(&mut world, ALICE, ticket);
    wait(&mut world);
    world.restart(BOB);
    world.settle();
    world.pass(3 * DAY, DAY / 4);
    assert_eq!(pending(&mut world, ALICE), Some(ContactState::Pending));
    assert_eq!(world.call(BOB, rpc::account::tickets).unwrap()[0].used, 1);
}

#[test]
fn a_decline_and_a_withdrawal_wait_as_well() {
    let mut world = invited(204);
    world.stop(ALICE);
    world.restart(BOB);
    world.settle();
    let decline = api::PairDecline { contact: world.id(ALICE), ..Default::default() };
    world.call(BOB, |cx| rpc::pair::decline(cx, &decline)).unwrap();
    wait(&mut world);
    world.stop(BOB);
    world.restart(ALICE);
    world.settle();
    assert_eq!(world.state(ALICE, BOB), Some(ContactState::Refused));

    let mut world = invited(205);
    let cancel = api::PairCancel { contact: world.id(BOB), ..Default::default() };
    world.call(ALICE, |cx| rpc::pair::cancel(cx, &cancel)).unwrap();
    wait(&mut world);
    world.stop(ALICE);
    world.restart(BOB);
    world.settle();
    assert_eq!(pending(&mut world, ALICE), Some(ContactState::Cancelled));
    assert_counted(&mut world);
}

#[test]
fn an_invite_that_ran_out_while_it_lay_there_brings_nothing() {
    let mut world = invited(206);
    world.stop(ALICE);
    world.stop(KEEPER);
    world.pass(15 * DAY, DAY);
    world.restart(KEEPER);
    world.restart(BOB);
    world.settle();
    assert_eq!(pending(&mut world, ALICE), None);
    assert!(lying(&mut world, BOB).is_empty());
}

/// [MAIL-33] The keeper is told nothing: not that something opened, and not by whom it was.
#[test]
fn a_blocked_inviter_is_dropped_as_if_it_came_in_person_and_the_keeper_hears_no_pairing_frame() {
    let mut world = strangers(207);
    let block = api::PairBlock { contact: world.id(ALICE), ..Default::default() };
    world.call(BOB, |cx| rpc::pair::block(cx, &block)).unwrap();
    let ticket = world.ticket(BOB);
    world.stop(BOB);
    world.record = Some(Vec::new());
    invite(&mut world, ALICE, ticket);
    wait(&mut world);
    world.stop(ALICE);
    world.restart(BOB);
    world.settle();
    assert_eq!(pending(&mut world, ALICE), Some(ContactState::Blocked));
    assert!(lying(&mut world, BOB).is_empty());
    let at_keeper =
        |(_, to, protocol, _): &&(usize, usize, Protocol, Vec<u8>)| (*to, *protocol) == (KEEPER, Protocol::Pair);
    assert_eq!(world.record.iter().flatten().filter(at_keeper).count(), 0);
}

/// What the keeper and whoever listens can see, also a keeper of both.
#[test]
fn nothing_that_strangers_leave_names_them_or_the_invite_it_is_about() {
    let mut world = strangers(208);
    let ticket = world.ticket(BOB);
    world.stop(BOB);
    world.record = Some(Vec::new());
    invite(&mut world, ALICE, ticket);
    wait(&mut world);
    let alice = world.nodes[ALICE].account();
    let asked = world.look(ALICE, |cx| {
        let all = crate::engine::records::people::all(cx.tx).unwrap();
        all[0].relationship.invite_ids()
    });
    world.stop(ALICE);
    world.restart(BOB);
    world.settle();
    world.accept(BOB, ALICE).unwrap();
    wait(&mut world);
    let (keys, bob) = (world.nodes[ALICE].me.device.keys(), world.nodes[BOB].me.device.keys());
    let secrets =
        [alice.as_bytes().as_slice(), keys.id.as_bytes(), keys.dh.as_bytes(), bob.id.as_bytes(), asked[0].as_bytes()];
    let frames = world.record.take().unwrap();
    let left = frames.iter().filter_map(|(_, to, _, frame)| match KeeperFrame::decode(frame) {
        Ok(KeeperFrame::Deposit(..)) if *to == KEEPER => Some(frame),
        _ => None,
    });
    let left: Vec<_> = left.collect();
    assert_eq!(left.len(), 3, "the invite, its answer, and where his mail waits");
    for secret in secrets {
        assert!(!left.iter().any(|frame| frame.windows(secret.len()).any(|window| window == secret)));
    }
}
