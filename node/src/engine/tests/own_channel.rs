//! What the devices of one account agree on, without a word between people.

use covey_api::{self as api, ContactState};
use covey_feed::Kind;
use covey_pairing::ids::AccountId;
use serde_bytes::ByteBuf;

use super::world::World;
use crate::engine::own::write;
use crate::engine::records::own_records::{self, Winner};
use crate::engine::records::{channels, feeds, people};
use crate::engine::wire::own_record::{self, Key, MAX_VALUE, Record, kind};
use crate::engine::{Cx, members, rpc};

pub(super) const LAPTOP: usize = 0;
pub(super) const SERVER: usize = 1;
pub(super) const PHONE: usize = 2;
pub(super) const BOB: usize = 3;
pub(super) const CAROL: usize = 4;
pub(super) const OURS: [usize; 2] = [LAPTOP, SERVER];

/// An account with two devices, a node that may become its third one, and two people.
pub(super) fn household(seed: u64) -> World {
    let mut world = World::new(5, seed);
    world.link(LAPTOP, SERVER);
    world
}

pub(super) fn wait(world: &mut World) {
    world.settle();
    world.pass(180_000, 30_000);
}

pub(super) fn states(world: &mut World, of: usize) -> [Option<ContactState>; 2] {
    OURS.map(|node| world.state(node, of))
}

pub(super) fn by_id(world: &World, of: usize) -> String {
    world.id(of)
}

pub(super) fn sound(world: &World, nodes: &[usize]) {
    for node in nodes {
        assert!(world.verify(*node).ok, "{node}: {:?}", world.verify(*node));
    }
}

/// The channel with a contact is put away on a device, or fetched again.
fn archive(world: &mut World, node: usize, of: usize, archived: bool) {
    let channel = world.contact(node, of).unwrap().channel.unwrap();
    let params = api::ChannelArchive { channel, archived: Some(archived), client_id: None };
    world.call(node, |cx| rpc::channel::archive(cx, &params)).unwrap();
}

fn archived(world: &mut World, of: usize) -> [bool; 2] {
    OURS.map(|node| {
        let show = api::ChannelShow { channel: world.contact(node, of).unwrap().channel.unwrap() };
        world.call(node, |cx| rpc::channel::show(cx, &show)).unwrap().archived
    })
}

#[test]
fn a_channel_that_is_archived_on_one_device_comes_back_on_all_when_another_one_writes_or_says_so() {
    let mut world = household(12);
    world.pair(LAPTOP, BOB);
    wait(&mut world);
    // Nothing was read in it: there is no more to say of it than this.
    archive(&mut world, LAPTOP, BOB, true);
    wait(&mut world);
    assert_eq!(archived(&mut world, BOB), [true; 2]);
    archive(&mut world, SERVER, BOB, false);
    wait(&mut world);
    assert_eq!(archived(&mut world, BOB), [false; 2]);
    archive(&mut world, LAPTOP, BOB, true);
    wait(&mut world);
    world.write(SERVER, BOB, "there you are").unwrap();
    wait(&mut world);
    assert_eq!(archived(&mut world, BOB), [false; 2]);
}

/// [OWN-17] Regression: household, seed 83.
#[test]
fn what_an_old_copy_of_a_device_said_is_said_once_more_when_its_feed_gives_way() {
    let mut world = household(16);
    world.pair(LAPTOP, BOB);
    world.pair(LAPTOP, CAROL);
    wait(&mut world);
    let copy = world.nodes[LAPTOP].store.clone();
    archive(&mut world, LAPTOP, BOB, true);
    wait(&mut world);
    world.stop(SERVER);
    world.go_back(LAPTOP, copy);
    archive(&mut world, LAPTOP, CAROL, true);
    wait(&mut world);
    world.restart(SERVER);
    wait(&mut world);
    assert_eq!((archived(&mut world, BOB), archived(&mut world, CAROL)), ([true; 2], [true; 2]));
    sound(&world, &[LAPTOP, SERVER]);
}

#[test]
fn what_was_read_on_one_device_is_read_on_the_others_also_what_comes_there_later() {
    let mut world = household(4);
    world.pair(LAPTOP, BOB);
    wait(&mut world);
    world.write(BOB, LAPTOP, "one").unwrap();
    wait(&mut world);
    let unread = |world: &mut World, node| {
        let channel = api::ChannelShow { channel: world.id(BOB) };
        world.call(node, |cx| rpc::channel::show(cx, &channel)).unwrap().unread
    };
    assert_eq!(OURS.map(|node| unread(&mut world, node)), [1, 1]);
    let read = api::ChannelMarkRead { channel: world.id(BOB), ..api::ChannelMarkRead::default() };
    world.call(SERVER, |cx| rpc::channel::mark_read(cx, &read)).unwrap();
    wait(&mut world);
    assert_eq!(OURS.map(|node| unread(&mut world, node)), [0, 0]);
    world.stop(LAPTOP);
    for text in ["two", "three"] {
        world.write(BOB, SERVER, text).unwrap();
        world.settle();
    }
    world.call(SERVER, |cx| rpc::channel::mark_read(cx, &read)).unwrap();
    world.write(BOB, SERVER, "four").unwrap();
    world.restart(LAPTOP);
    wait(&mut world);
    assert_eq!(world.texts(LAPTOP, BOB), ["one", "two", "three", "four"]);
    assert_eq!(OURS.map(|node| unread(&mut world, node)), [1, 1], "the fourth alone");
    assert!(world.messages(LAPTOP, BOB).iter().all(|message| !message.late));
    let mute = api::ChannelMute { channel: world.id(BOB), muted: Some(true), client_id: None };
    world.call(LAPTOP, |cx| rpc::channel::mute(cx, &mute)).unwrap();
    wait(&mut world);
    let show = api::ChannelShow { channel: world.id(BOB) };
    assert!(world.call(SERVER, |cx| rpc::channel::show(cx, &show)).unwrap().muted);
    sound(&world, &[LAPTOP, SERVER, BOB]);
}

#[test]
fn a_device_that_is_linked_later_gets_everything_and_clients_see_nothing_of_the_channel() {
    let mut world = household(5);
    world.pair(LAPTOP, BOB);
    world.pair(SERVER, CAROL);
    wait(&mut world);
    world.link(SERVER, PHONE);
    wait(&mut world);
    for of in [BOB, CAROL] {
        assert_eq!(world.state(PHONE, of), Some(ContactState::Paired));
        assert!(world.is_open(PHONE, of));
    }
    for node in [LAPTOP, SERVER, PHONE] {
        let (id, listed) = world.look(node, |cx| {
            let own = members::own_channel(cx).unwrap().unwrap();
            (own.text_id(), rpc::channel::list(cx, &api::ChannelList::default()).unwrap())
        });
        assert_eq!(listed.len(), 2);
        assert!(world.call(node, |cx| rpc::channel::show(cx, &api::ChannelShow { channel: id.clone() })).is_err());
        assert!(listed.iter().all(|channel| channel.channel != id));
    }
    sound(&world, &[LAPTOP, SERVER, PHONE]);
    // Nothing is said twice.
    let entries = |world: &mut World| {
        world.look(SERVER, |cx| {
            let own = members::own_channel(cx).unwrap().unwrap();
            feeds::heads(cx.tx, own.no).unwrap().iter().map(|(_, head)| head.seq).sum::<u64>()
        })
    };
    let before = entries(&mut world);
    for node in [LAPTOP, SERVER, PHONE] {
        world.restart(node);
    }
    wait(&mut world);
    assert_eq!(entries(&mut world), before);
}

/// [OWN-3]
#[test]
fn a_revoked_device_says_nothing_more_and_what_it_said_is_known_to_all_who_are_left() {
    let mut world = household(6);
    world.link(LAPTOP, PHONE);
    wait(&mut world);
    // The server is away while the phone pairs and is then revoked.
    world.stop(SERVER);
    world.pair(PHONE, BOB);
    wait(&mut world);
    world.revoke(LAPTOP, PHONE);
    world.restart(SERVER);
    wait(&mut world);
    assert_eq!(states(&mut world, BOB), [Some(ContactState::Paired); 2]);
    let carol = by_id(&world, CAROL);
    world.call(PHONE, |cx| rpc::pair::block(cx, &api::PairBlock { contact: carol.clone(), client_id: None })).unwrap();
    for other in OURS {
        world.connect(PHONE, other);
    }
    wait(&mut world);
    assert_eq!(states(&mut world, CAROL), [None; 2]);
    sound(&world, &[LAPTOP, SERVER, BOB]);
}

/// What a stolen device writes into the channel.
pub(super) fn say(world: &mut World, node: usize, records: Vec<Record>) {
    world
        .call(node, |cx| {
            let mut own = members::own_channel(cx)?.unwrap();
            Ok(write::append(cx, &mut own, records)?)
        })
        .unwrap();
    wait(world);
}

pub(super) fn winner(world: &mut World, node: usize, key: &Key) -> Option<Winner> {
    world.look(node, |cx: &mut Cx<'_, '_>| own_records::winner(cx.tx, key).unwrap())
}

/// [OWN-4] [OWN-7]
#[test]
fn a_stolen_device_says_absurd_things_and_harms_nobody() {
    let mut world = household(7);
    world.pair(LAPTOP, BOB);
    wait(&mut world);
    let (bob, us) = (world.nodes[BOB].account(), world.nodes[LAPTOP].account());
    let of_bob = |world: &mut World| world.look(SERVER, |cx| people::load(cx.tx, &bob).unwrap().unwrap());
    let value = |contact: &people::Contact| {
        ByteBuf::from(covey_codec::encode(&(1u8, u64::from(u16::MAX), contact, None::<ByteBuf>)).unwrap())
    };
    let contact = of_bob(&mut world);
    let other = AccountId::from_bytes([9; 32]);
    let mut long = contact.clone();
    long.alias = Some("x".repeat(500));
    let absurd = vec![
        Record(Key::contact(&us), value(&contact)),
        Record(Key::contact(&other), value(&contact)),
        Record(Key::contact(&bob), value(&long)),
        Record(Key::contact(&bob), ByteBuf::from([1, 2, 3])),
        Record(Key(kind::CONTACT, ByteBuf::from([7; 5])), value(&contact)),
        Record(Key(kind::READING, ByteBuf::from([7; 32])), ByteBuf::from([0xff; 9])),
        Record(Key::name(), ByteBuf::from(covey_codec::encode(&(1u8, "\u{1b}[31m")).unwrap())),
        Record(Key(999, ByteBuf::from([1])), ByteBuf::from([2])),
    ];
    say(&mut world, LAPTOP, absurd);
    let now = of_bob(&mut world);
    assert!(now.is_paired() && now.alias.is_none());
    assert!(
        world.look(SERVER, |cx| people::load(cx.tx, &us).unwrap().or(people::load(cx.tx, &other).unwrap())).is_none()
    );
    assert!(world.look(SERVER, |cx| people::own_name(cx.tx).unwrap()).is_none());
    assert!(winner(&mut world, SERVER, &Key(999, ByteBuf::from([1]))).is_some(), "a later version may use it");
    // Over the limits nothing of an entry is taken.
    assert!(
        own_record::decode(
            &own_record::encode(vec![Record(Key::name(), ByteBuf::from(vec![0; MAX_VALUE + 1]))]).unwrap()
        )
        .is_err()
    );
    assert!(own_record::decode(&own_record::encode(vec![Record(Key::name(), ByteBuf::new()); 65]).unwrap()).is_err());
    assert!(
        own_record::decode(&own_record::encode(vec![Record(Key(1, ByteBuf::from([0; 65])), ByteBuf::new())]).unwrap())
            .is_err()
    );
    world.write(BOB, SERVER, "all is well").unwrap();
    wait(&mut world);
    assert_eq!(OURS.map(|node| world.texts(node, BOB)), [["all is well"]; 2]);
}

#[test]
fn entries_of_the_channel_whose_key_was_lost_are_opened_with_that_of_any_other_device() {
    let mut world = household(8);
    world.link(LAPTOP, PHONE);
    wait(&mut world);
    // Sealed for nobody.
    let before = world.nodes[LAPTOP].me.clone();
    world.pair(LAPTOP, BOB);
    wait(&mut world);
    assert_eq!(world.state(PHONE, BOB), Some(ContactState::Paired));
    assert!(before.is_own_other(&world.nodes[PHONE].me.device_id()));
    world.stop(PHONE);
    let named = api::PairRename { contact: world.id(BOB), alias: "bobby".into(), client_id: None };
    world.call(LAPTOP, |cx| rpc::pair::rename(cx, &named)).unwrap();
    wait(&mut world);
    // The phone loses its sessions, and the laptop is gone.
    let devices = [LAPTOP, SERVER].map(|node| world.nodes[node].me.device_id());
    world.nodes[PHONE].up = true;
    world.nodes[PHONE].forget();
    world
        .call(PHONE, |cx| {
            devices.iter().for_each(|device| cx.tx.delete(&crate::engine::tables::session(device)));
            Ok(())
        })
        .unwrap();
    world.stop(LAPTOP);
    world.restart(PHONE);
    wait(&mut world);
    assert_eq!(world.contact(PHONE, BOB).unwrap().alias.as_deref(), Some("bobby"));
    let kinds = world.look(PHONE, |cx| {
        let own = members::own_channel(cx).unwrap().unwrap();
        let feed = feeds::all(cx.tx, own.no).unwrap().remove(0);
        feeds::entry(cx.tx, feed.fid, 1).unwrap().map(|entry| entry.header().kind)
    });
    assert_eq!(kinds, Some(Kind::Content));
    assert!(world.look(PHONE, |cx| channels::all(cx.tx).unwrap()).len() == 1);
}
