//! What the devices of one account share besides contacts: names of devices, tickets, what was verified and archived.

use covey_api::{self as api, ContactState, TicketState};
use covey_pairing::identity::Token;
use covey_pairing::ids::DeviceId;
use serde_bytes::ByteBuf;

use super::world::World;
use crate::engine::own::write;
use crate::engine::records::tickets;
use crate::engine::wire::own_record::{Key, Record};
use crate::engine::{members, rpc};

const LAPTOP: usize = 0;
const SERVER: usize = 1;
const BOB: usize = 2;
const CAROL: usize = 3;
const OURS: [usize; 2] = [LAPTOP, SERVER];

fn household(seed: u64) -> World {
    let mut world = World::new(4, seed);
    world.link(LAPTOP, SERVER);
    world
}

fn wait(world: &mut World) {
    world.settle();
    world.pass(180_000, 30_000);
}

fn named(world: &mut World, node: usize, of: usize) -> String {
    let device = world.nodes[of].me.device_id().to_string();
    world.call(node, |cx| rpc::device::show(cx, &api::DeviceShow { device })).unwrap().name
}

fn rename(world: &mut World, node: usize, of: usize, name: &str) -> Result<api::Device, api::ApiError> {
    let device = world.nodes[of].me.device_id().to_string();
    let params = api::DeviceRename { device, name: name.into(), ..api::DeviceRename::default() };
    world.call(node, |cx| rpc::device::rename(cx, &params))
}

/// [OWN-12]
#[test]
fn a_name_that_a_device_was_given_on_one_of_them_shows_on_all() {
    let mut world = household(1);
    rename(&mut world, LAPTOP, SERVER, "cellar").unwrap();
    rename(&mut world, SERVER, LAPTOP, "desk").unwrap();
    wait(&mut world);
    for node in OURS {
        assert_eq!(
            (named(&mut world, node, LAPTOP), named(&mut world, node, SERVER)),
            ("desk".into(), "cellar".into())
        );
    }
    assert!(rename(&mut world, SERVER, SERVER, "desk").is_err(), "it is the name of another one");
    rename(&mut world, SERVER, LAPTOP, "table").unwrap();
    wait(&mut world);
    assert_eq!(named(&mut world, LAPTOP, LAPTOP), "table");
    assert!(OURS.iter().all(|node| world.verify(*node).ok));
}

/// [OWN-12] As the owner of a stolen machine would not like it.
#[test]
fn a_stolen_device_gives_no_absurd_names_and_names_no_strangers() {
    let mut world = household(2);
    rename(&mut world, LAPTOP, SERVER, "cellar").unwrap();
    wait(&mut world);
    let value = |name: &str| ByteBuf::from(covey_codec::encode(&(1u8, name, true)).unwrap());
    let (server, stranger) = (world.nodes[SERVER].me.device_id(), DeviceId::from_bytes([9; 32]));
    let records = ["\u{1b}[31m", "", &"x".repeat(65)].map(|name| Record(Key::device(&server), value(name)));
    say(&mut world, LAPTOP, [records.as_slice(), &[Record(Key::device(&stranger), value("thief"))]].concat());
    assert_eq!(named(&mut world, SERVER, SERVER), "cellar");
    let listed = world.call(SERVER, rpc::device::list).unwrap();
    assert_eq!(listed.len(), 2);
}

fn say(world: &mut World, node: usize, records: Vec<Record>) {
    world
        .call(node, |cx| {
            let mut own = members::own_channel(cx)?.unwrap();
            Ok(write::append(cx, &mut own, records)?)
        })
        .unwrap();
    wait(world);
}

fn issue(world: &mut World, node: usize, uses: u32) -> api::Ticket {
    let params = api::AccountTicket { uses: Some(uses), ..api::AccountTicket::default() };
    world.call(node, |cx| rpc::account::ticket(cx, &params)).unwrap()
}

fn used(world: &mut World, node: usize) -> Vec<(u32, TicketState)> {
    let tickets = world.call(node, rpc::account::tickets).unwrap();
    tickets.iter().map(|ticket| (ticket.used, ticket.state)).collect()
}

fn come(world: &mut World, who: usize, ticket: &api::Ticket) {
    let params = api::PairInvite { to: ticket.ticket.clone(), ..api::PairInvite::default() };
    world.call(who, |cx| rpc::pair::invite(cx, params)).unwrap();
    wait(world);
}

/// [OWN-11]
#[test]
fn a_ticket_of_one_device_is_good_at_another_one_and_is_used_up_on_all() {
    let mut world = household(3);
    let ticket = issue(&mut world, LAPTOP, 1);
    wait(&mut world);
    assert_eq!(used(&mut world, SERVER), [(0, TicketState::Active)]);
    world.stop(LAPTOP);
    come(&mut world, BOB, &ticket);
    assert_eq!(world.state(SERVER, BOB), Some(ContactState::Pending));
    assert_eq!(used(&mut world, SERVER), [(1, TicketState::Used)]);
    world.restart(LAPTOP);
    wait(&mut world);
    for node in OURS {
        assert_eq!(used(&mut world, node), [(1, TicketState::Used)], "it counts once");
        assert_eq!(world.look(node, |cx| tickets::book(cx.tx).unwrap().valid(cx.now).count()), 0);
        assert!(world.verify(node).ok, "{:?}", world.verify(node));
    }
}

/// [OWN-11]
#[test]
fn uses_on_two_devices_that_hear_nothing_of_each_other_add_up_and_a_revocation_holds_on_all() {
    let mut world = household(4);
    let ticket = issue(&mut world, SERVER, 3);
    wait(&mut world);
    world.stop(LAPTOP);
    come(&mut world, BOB, &ticket);
    world.stop(SERVER);
    world.restart(LAPTOP);
    come(&mut world, CAROL, &ticket);
    assert_eq!(used(&mut world, LAPTOP), [(1, TicketState::Active)]);
    world.restart(SERVER);
    wait(&mut world);
    assert_eq!(OURS.map(|node| used(&mut world, node)), [[(2, TicketState::Active)]; 2]);
    let params = api::AccountRevokeTicket { id: ticket.id.unwrap(), client_id: None };
    world.call(LAPTOP, |cx| rpc::account::revoke_ticket(cx, &params)).unwrap();
    wait(&mut world);
    assert_eq!(OURS.map(|node| used(&mut world, node)), [[(2, TicketState::Revoked)]; 2]);
}

/// [OWN-11]
#[test]
fn a_stolen_device_brings_no_ticket_back_and_no_token_under_the_name_of_another() {
    let mut world = household(5);
    let ticket = issue(&mut world, SERVER, 2);
    let params = api::AccountRevokeTicket { id: ticket.id.clone().unwrap(), client_id: None };
    wait(&mut world);
    world.call(SERVER, |cx| rpc::account::revoke_ticket(cx, &params)).unwrap();
    wait(&mut world);
    let id = ticket.id.unwrap().parse().unwrap();
    let other = Token::generate(&mut world.nodes[LAPTOP].rng);
    let end = world.now + 1_000_000;
    let value = |token: &Token, version: u8| {
        let by: Vec<covey_pairing::ids::InviteId> = Vec::new();
        ByteBuf::from(covey_codec::encode(&(version, Some(token), 2u32, 0u32, by, 0u64, end, false)).unwrap())
    };
    say(
        &mut world,
        LAPTOP,
        vec![Record(Key::ticket(&id), value(&other, 1)), Record(Key::ticket(&other.id()), value(&other, 9))],
    );
    assert_eq!(used(&mut world, SERVER), [(0, TicketState::Revoked)]);
    assert_eq!(world.look(SERVER, |cx| tickets::book(cx.tx).unwrap().valid(cx.now).count()), 0);
}

#[test]
fn what_was_verified_and_archived_on_one_device_is_so_on_all() {
    let mut world = household(6);
    world.pair(LAPTOP, BOB);
    wait(&mut world);
    let bob = world.id(BOB);
    let number = world
        .call(LAPTOP, |cx| rpc::account::safety(cx, &api::AccountSafetyNumber { contact: bob.clone() }))
        .unwrap()
        .safety_number;
    let params = api::PairVerify { contact: bob.clone(), safety_number: number, client_id: None };
    world.call(LAPTOP, |cx| rpc::pair::verify(cx, &params)).unwrap();
    let params = api::ChannelArchive { channel: bob.clone(), archived: Some(true), client_id: None };
    world.call(SERVER, |cx| rpc::channel::archive(cx, &params)).unwrap();
    wait(&mut world);
    for node in OURS {
        assert!(world.contact(node, BOB).unwrap().verified);
        let show = api::ChannelShow { channel: bob.clone() };
        assert!(world.call(node, |cx| rpc::channel::show(cx, &show)).unwrap().archived);
    }
}
