//! Conversations that have ended: what was said in them stays readable on all devices of the account.

use covey_api as api;
use covey_feed::ChannelId;
use covey_pairing::ids::AccountId;

use super::own_channel::{BOB, CAROL, LAPTOP, OURS, PHONE, SERVER, household, say, sound, wait};
use super::world::World;
use crate::engine::records::channels;
use crate::engine::rpc;
use crate::engine::wire::own_record::{Key, Record, value_of};

/// Every conversation that a device lists: its id, whether it is open, how much is unread, what was said.
type Listed = Vec<(String, bool, u32, Vec<String>)>;

fn listed(world: &mut World, node: usize) -> Listed {
    let all = world.call(node, |cx| rpc::channel::list(cx, &api::ChannelList::default())).unwrap();
    let mut listed: Listed = Vec::new();
    for one in all {
        let params = api::MessageList { channel: Some(one.channel.clone()), ..api::MessageList::default() };
        let said = world.call(node, |cx| rpc::message::list(cx, &params)).unwrap();
        listed.push((one.channel, one.open, one.unread, said.into_iter().map(|message| message.text).collect()));
    }
    listed.sort();
    listed
}

fn remove(world: &mut World, node: usize, of: usize) {
    let params = api::PairRemove { contact: world.id(of), ..api::PairRemove::default() };
    world.call(node, |cx| rpc::pair::remove(cx, &params)).unwrap();
    world.settle();
}

/// Bob and the laptop talk and part.
fn talk_and_part(world: &mut World) -> String {
    world.pair(LAPTOP, BOB);
    world.write(BOB, LAPTOP, "hello").unwrap();
    world.settle();
    world.write(LAPTOP, BOB, "and goodbye").unwrap();
    world.settle();
    let channel = world.contact(LAPTOP, BOB).unwrap().channel.unwrap();
    remove(world, BOB, LAPTOP);
    channel
}

/// [OWN-13] Regression: `scripts/lab.sh --devices --seed 12`.
#[test]
fn a_conversation_that_began_and_ended_while_a_device_was_away_is_there_with_all_that_was_said() {
    let mut world = household(20);
    world.stop(SERVER);
    let first = talk_and_part(&mut world);
    world.pair(LAPTOP, BOB);
    world.restart(SERVER);
    wait(&mut world);
    let [laptop, server] = OURS.map(|node| listed(&mut world, node));
    assert_eq!(laptop, server);
    let texts = ["hello".to_owned(), "and goodbye".to_owned()].to_vec();
    assert!(server.contains(&(first.clone(), false, 1, texts)), "{server:?}");
    // Read there, it is read here.
    let read = api::ChannelMarkRead { channel: first, ..api::ChannelMarkRead::default() };
    world.call(SERVER, |cx| rpc::channel::mark_read(cx, &read)).unwrap();
    wait(&mut world);
    let [laptop, server] = OURS.map(|node| listed(&mut world, node));
    assert_eq!(laptop, server);
    assert!(laptop.iter().all(|(_, _, unread, _)| *unread == 0));
    sound(&world, &[LAPTOP, SERVER, BOB]);
}

/// [OWN-13]
#[test]
fn a_device_that_is_linked_after_the_end_of_a_conversation_has_it() {
    let mut world = household(21);
    let channel = talk_and_part(&mut world);
    world.link(SERVER, PHONE);
    wait(&mut world);
    let devices = [LAPTOP, SERVER, PHONE];
    let lists = devices.map(|node| listed(&mut world, node));
    assert!(lists.iter().all(|list| *list == lists[0] && list.len() == 1), "{lists:?}");
    for node in devices {
        assert_eq!(world.contact(node, BOB).unwrap().channel.as_deref(), Some(channel.as_str()));
        assert_eq!(world.texts(node, BOB), ["hello", "and goodbye"]);
    }
    sound(&world, &devices);
}

/// [OWN-13]
#[test]
fn a_pairing_that_ended_without_a_word_leaves_no_conversation_on_any_device() {
    let mut world = household(22);
    world.pair(LAPTOP, BOB);
    wait(&mut world);
    remove(&mut world, BOB, LAPTOP);
    world.stop(SERVER);
    world.pair(LAPTOP, CAROL);
    remove(&mut world, LAPTOP, CAROL);
    world.restart(SERVER);
    wait(&mut world);
    for node in OURS {
        assert!(listed(&mut world, node).is_empty());
        assert!([BOB, CAROL].iter().all(|of| world.contact(node, *of).unwrap().channel.is_none()));
    }
    sound(&world, &OURS);
}

#[test]
fn what_one_device_was_told_before_it_heard_of_a_block_is_on_all() {
    let mut world = household(23);
    world.pair(LAPTOP, BOB);
    wait(&mut world);
    world.stop(SERVER);
    let block = api::PairBlock { contact: world.id(BOB), client_id: None };
    world.call(LAPTOP, |cx| rpc::pair::block(cx, &block)).unwrap();
    world.settle();
    world.stop(LAPTOP);
    world.restart(SERVER);
    world.write(BOB, SERVER, "are you there?").unwrap();
    world.settle();
    world.restart(LAPTOP);
    wait(&mut world);
    let [laptop, server] = OURS.map(|node| listed(&mut world, node));
    assert_eq!(laptop, server);
    assert_eq!(laptop[0].3, ["are you there?"]);
    assert!(OURS.iter().all(|node| !world.is_open(*node, BOB)));
    sound(&world, &[LAPTOP, SERVER, BOB]);
}

/// [OWN-13]
#[test]
fn a_stolen_device_gives_a_conversation_to_nobody_else() {
    let mut world = household(24);
    world.pair(LAPTOP, BOB);
    wait(&mut world);
    let [us, bob, carol] = [LAPTOP, BOB, CAROL].map(|node| world.nodes[node].account());
    let known = world.channel(LAPTOP, BOB);
    let record = |id: [u8; 32], with: &AccountId| {
        Record(Key::conversation(&ChannelId::from_bytes(id)), value_of(&(1u8, with, 5u64)).unwrap())
    };
    let own = world.nodes[LAPTOP].me.account.own_channel_id();
    let absurd = vec![
        record([1; 32], &us),
        record(own, &bob),
        record(*known.as_bytes(), &carol),
        Record(Key::conversation(&ChannelId::from_bytes([2; 32])), vec![0xff; 9].into()),
    ];
    say(&mut world, LAPTOP, absurd);
    let all = world.look(SERVER, |cx| channels::every(cx.tx).unwrap());
    assert_eq!(all.len(), 2, "that of our devices, and that with bob");
    assert!(all.iter().all(|channel| channel.contact().is_none_or(|contact| contact == bob)));
    // The id of a pact that is still to come, said to be with somebody else.
    let coming = ChannelId::from_bytes([3; 32]);
    say(&mut world, LAPTOP, vec![record(*coming.as_bytes(), &bob)]);
    let of = |world: &mut World| world.look(SERVER, |cx| channels::by_id(cx.tx, &coming).unwrap().unwrap().contact());
    assert_eq!(of(&mut world), Some(bob));
    let now = world.now;
    world.call(SERVER, |cx| Ok(channels::open_direct(cx.tx, coming, carol, now, 0)?)).unwrap();
    assert_eq!(of(&mut world), Some(carol), "the pact proves whose it is");
}
