//! Parcels and control messages of a contact who wants what is not theirs.

use covey_feed::{ChannelId, FeedKey};
use covey_pairing::crypto::secret::Secret;
use serde::Serialize;
use serde_bytes::ByteBuf;

use super::mallory::{ALICE, BOB, Content, Lair, MALLORY, prologue};
use crate::engine::records::{channels, feeds};
use crate::engine::wire::payload::Body;
use crate::engine::{Protocol, tables};

#[derive(Serialize)]
enum Control {
    #[serde(rename = "q")]
    KeysWanted(Vec<(ChannelId, FeedKey, u64)>),
    #[serde(rename = "k")]
    Keys(Vec<(ChannelId, FeedKey, u64, Secret<32>)>),
    #[serde(rename = "later")]
    Unknown(u8),
}

fn alices_feed(lair: &Lair) -> FeedKey {
    let author = covey_feed::Author::from_bytes(*lair.world.nodes[ALICE].me.device_id().as_bytes());
    FeedKey { author, incarnation: 0 }
}

/// [CTRL-1] [CTRL-2]
#[test]
fn content_keys_are_given_for_the_channel_of_the_two_only() {
    let mut lair = Lair::new(20);
    let feed = alices_feed(&lair);
    let own = lair.channel;
    lair.control(&Control::KeysWanted(vec![(own, feed, 1)]));
    assert_eq!(lair.parcels_heard(), 1, "of an entry that was written for mallory");
    let bobs = lair.world.channel(ALICE, BOB);
    let bob = covey_feed::Author::from_bytes(*lair.world.nodes[BOB].me.device_id().as_bytes());
    lair.control(&Control::KeysWanted(vec![
        (bobs, feed, 1),
        (bobs, FeedKey { author: bob, incarnation: 0 }, 1),
        (ChannelId::from_bytes([3; 32]), feed, 1),
        (own, feed, 0),
        (own, feed, u64::MAX),
        (own, FeedKey { incarnation: u64::MAX, ..feed }, 1),
    ]));
    assert_eq!(lair.parcels_heard(), 0, "of nothing else");
    let endless = vec![(bobs, feed, 1); 300];
    lair.control(&Control::KeysWanted(endless));
    assert_eq!(lair.parcels_heard(), 0);
    lair.nobody_else_notices();
}

/// [CTRL-2]
#[test]
fn asking_for_the_key_of_a_fork_proof_is_answered_with_nothing() {
    let mut lair = Lair::new(21);
    let one = lair.batch(vec![(covey_feed::Kind::Content, b"one".to_vec())]);
    let two = lair.batch(vec![(covey_feed::Kind::Content, vec![2]), (covey_feed::Kind::Content, vec![3])]);
    assert!(lair.push(&one));
    assert!(!lair.push(&two));
    lair.world.heard.clear();
    let (channel, feed) = (lair.channel, lair.feed(0).key());
    let kept = lair.world.look(ALICE, |cx| {
        let channel = channels::by_id(cx.tx, &channel).unwrap().unwrap();
        let feed = feeds::load(cx.tx, channel.no, &feed).unwrap().unwrap();
        cx.tx.contains(&tables::fork_proof(feed.fid)).unwrap()
    });
    assert!(kept, "the proof stands where no entry is");
    lair.control(&Control::KeysWanted(vec![(channel, feed, 0)]));
    assert_eq!(lair.parcels_heard(), 0);
    let alices = alices_feed(&lair);
    lair.control(&Control::KeysWanted(vec![(channel, alices, 1)]));
    assert_eq!(lair.parcels_heard(), 1, "she was heard");
    lair.nobody_else_notices();
}

/// [CTRL-5]
#[test]
fn forged_content_keys_open_nothing_and_replace_nothing() {
    let mut lair = Lair::new(22);
    let feed = lair.feed(0).key();
    let own = lair.channel;
    // One entry for which alice does ask, one that she has, one of bob's channel.
    let body = Body::text("hidden".into(), None, None, 1).encode().unwrap();
    let payload = lair.sealed(&body, |sealed| sealed.wraps.clear());
    assert!(lair.push_payload(payload));
    let asked = lair.head.unwrap().seq;
    let bobs = lair.world.channel(ALICE, BOB);
    let alices = alices_feed(&lair);
    let key = || Secret::new([5; 32]);
    lair.control(&Control::Keys(vec![
        (own, feed, asked, key()),
        (own, feed, 1, key()),
        (own, alices, 1, key()),
        (bobs, alices, 1, key()),
        (own, feed, 0, key()),
        (own, feed, u64::MAX, key()),
    ]));
    lair.control(&Control::Unknown(1));
    assert_eq!(lair.shown(), ["hello", "hello yourself"]);
    lair.nobody_else_notices();
}

/// [PARCEL-10]
#[test]
fn parcels_of_somebody_else_or_of_nobody_change_nothing() {
    let mut lair = Lair::new(23);
    let card = lair.world.look(ALICE, |cx| crate::engine::card::own(cx).unwrap());
    let before = lair.world.nodes[ALICE].store.rows().len();
    // Bob's device speaks over mallory's connection.
    let bobs = lair.seal_parcel(BOB, &Content::Card(ByteBuf::from(card)));
    lair.send_sealed(bobs.clone());
    // For somebody else, altered, empty, too long.
    lair.send_sealed(vec![0; 400]);
    lair.send_sealed(Vec::new());
    let mut altered = bobs;
    *altered.last_mut().unwrap() ^= 1;
    lair.send_sealed(altered);
    lair.send_sealed(vec![1; 200 * 1024]);
    lair.parcel(&Content::Session(ByteBuf::from(vec![9; 300])));
    lair.parcel(&Content::Card(ByteBuf::from(vec![9; 300])));
    for frame in [vec![], vec![0xff; 40], covey_codec::encode(&(9u8, 1u8)).unwrap()] {
        lair.world.say(ALICE, Protocol::Parcel, frame);
    }
    assert_eq!(lair.world.nodes[ALICE].store.rows().len(), before);
    assert_eq!(prologue(&lair.world.nodes[ALICE].me.device_id()).len(), 48);
    lair.nobody_else_notices();
}

/// [PARCEL-9]
#[test]
fn parcels_and_acknowledgements_without_end_leave_nothing_behind() {
    let mut lair = Lair::new(24);
    lair.control(&Control::Unknown(0));
    let before = lair.world.nodes[ALICE].store.rows().len();
    for number in 0..300u64 {
        lair.control(&Control::Unknown(1));
        let ack = covey_codec::encode(&(1u8, std::collections::BTreeMap::from([("a", number * 977)]))).unwrap();
        lair.world.say(ALICE, Protocol::Parcel, ack);
    }
    let waiting = lair.world.look(ALICE, |cx| {
        let device = cx.me.device_id();
        cx.tx.scan::<serde::de::IgnoredAny>(&tables::parcels(&device), None, 1_000, false).unwrap().len()
    });
    assert_eq!(waiting, 0);
    assert!(lair.world.nodes[ALICE].store.rows().len() <= before + 1);
    // Asking again and again for keys: what waits for mallory is bounded while she acknowledges nothing.
    let feed = alices_feed(&lair);
    let own = lair.channel;
    for _ in 0..300 {
        lair.control(&Control::KeysWanted(vec![(own, feed, 1)]));
    }
    let mallory = lair.world.nodes[MALLORY].me.device_id();
    let waiting = lair.world.look(ALICE, |cx| {
        cx.tx.scan::<serde::de::IgnoredAny>(&tables::parcels(&mallory), None, 1_000, false).unwrap().len()
    });
    assert!((1..=128).contains(&waiting), "{waiting}");
    lair.nobody_else_notices();
}

/// [PARCEL-8]
#[test]
fn parcels_that_do_not_open_are_counted_and_their_sender_is_shut_out_for_a_while() {
    let mut lair = Lair::new(25);
    for _ in 0..256 {
        lair.send_sealed(vec![7; 300]);
    }
    assert!(lair.world.nodes[ALICE].live.penalties.is_empty(), "a bad day");
    lair.send_sealed(vec![7; 300]);
    assert_eq!(lair.world.nodes[ALICE].live.penalties.len(), 1);
    lair.nobody_else_notices();
    // Once it is over, good ones are taken as before.
    lair.world.pass(120_000, 5_000);
    let (feed, own) = (alices_feed(&lair), lair.channel);
    lair.world.heard.clear();
    lair.control(&Control::KeysWanted(vec![(own, feed, 1)]));
    assert_eq!(lair.parcels_heard(), 1);
}
