//! What a node reads beside handshakes and feeds.

use covey_node::engine::{Protocol, fuzzing::Content};
use covey_pairing::{crypto::secret::Secret, ids::DeviceId};
use serde::Serialize;
use serde_bytes::{ByteArray, ByteBuf};

use super::{Seeds, encode, mode, named, pairing::card_seeds};
use crate::targets::{
    node::{Pair, pair_of_nodes},
    pairing::{NOW, Side, sealed_invite, stages},
};

/// What is made for a target.
pub(crate) fn of(target: &str) -> Seeds {
    match target {
        "node_pair" => node_pair(),
        "node_sync" => node_sync(),
        "node_payload" => node_payload(),
        "node_body" => node_body(),
        "node_parcel" => node_parcel(),
        "node_control" => node_control(),
        "node_transfer" => node_transfer(),
        "node_card" => card_seeds(&pair_of_nodes().card()),
        _ => Vec::new(),
    }
}

fn node_pair() -> Seeds {
    let mut stranger = Side::new(3, 1);
    let their_dh = stages()[0].0.account.dh().public();
    let note = "who are you?".to_owned();
    let input = covey_pairing::consent::Input::Invite { their_dh, their_kem: None, note, token: None };
    stranger.step(input).unwrap();
    let invite = stranger.relationship.outstanding().remove(0).1;
    let sealed = sealed_invite(&Side::new(4, 1), &stages()[0].0.account);
    let mut seeds = vec![("invite".to_owned(), mode(0, &invite)), ("sealed".to_owned(), mode(0, &sealed))];
    seeds.extend(node_frames(Protocol::Pair, Some(1)));
    seeds
}

fn node_sync() -> Seeds {
    let pair = pair_of_nodes();
    let text = encode(&Body { v: 1, k: 1, t: NOW, s: Some("hello".to_owned()), ..Body::default() });
    let pushed = [Content::Payload(b"poison"), Content::Body(&text)].map(|content| pair.pushed(content).unwrap());
    named("pushed", pushed).into_iter().chain(node_frames(Protocol::Sync, None)).collect()
}

/// What alice and bob said; most of it is no news to alice.
fn node_frames(protocol: Protocol, first: Option<u8>) -> Seeds {
    let pair: &Pair = pair_of_nodes();
    let frames = pair.frames.iter().filter(|(of, _)| *of == protocol);
    let frames = frames.map(|(_, frame)| first.map_or_else(|| frame.clone(), |first| mode(first, frame)));
    let target = match protocol {
        Protocol::Pair => "node_pair",
        Protocol::Sync => "node_sync",
        Protocol::Parcel => "node_parcel",
        Protocol::Keeper => panic!("its frames are among those of keeper_objects"),
    };
    let name = |(n, frame): (usize, Vec<u8>)| {
        let taken = crate::targets::run(target, &frame);
        (format!("{}frame-{n}", if taken { "" } else { "bad-" }), frame)
    };
    frames.enumerate().map(name).collect()
}

fn node_payload() -> Seeds {
    let [alice, bob] = pair_of_nodes().devices();
    let wraps = |device: DeviceId| vec![(device, ByteBuf::from([1; 80]))];
    let payload = |wraps: Vec<(DeviceId, ByteBuf)>| encode(&(1u8, ByteBuf::from([3; 145]), wraps));
    named("payload", [payload(Vec::new()), payload(wraps(alice)), payload(wraps(bob)), b"poison".to_vec()])
}

#[derive(Serialize, Default)]
struct Body {
    v: u8,
    k: u16,
    t: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    s: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    r: Option<ByteArray<32>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    x: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    m: Vec<(ByteArray<32>, u64, u64)>,
}

fn node_body() -> Seeds {
    let alice = ByteArray::new(*pair_of_nodes().devices()[0].as_bytes());
    let text = |text: &str| Body { v: 1, k: 1, t: NOW, s: Some(text.to_owned()), ..Body::default() };
    let bodies = [
        text("hello"),
        Body { r: Some(ByteArray::new([4; 32])), x: Some(NOW), ..text("an answer\u{1b}[2J\u{202e}") },
        Body { t: u64::MAX, x: Some(u64::MAX), ..text("") },
        Body { v: 1, k: 2, t: NOW, m: vec![(alice, 0, 1), (alice, u64::MAX, u64::MAX)], ..Body::default() },
        Body { v: 1, k: 9, t: 0, ..Body::default() },
        Body { v: 2, k: 1, t: 0, ..Body::default() },
        Body { k: 4, r: Some(ByteArray::new([4; 32])), ..text("another text") },
        Body { k: 4, ..text("of nothing") },
        Body { v: 1, k: 4, t: NOW, r: Some(ByteArray::new([4; 32])), ..Body::default() },
    ];
    named("body", bodies.iter().map(encode))
}

#[derive(Serialize)]
enum Parcelled {
    #[serde(rename = "c")]
    Card(ByteBuf),
    #[serde(rename = "s")]
    Session(ByteBuf),
}

fn node_parcel() -> Seeds {
    let (_, content, signer, _): (u8, ByteBuf, DeviceId, ByteArray<64>) =
        covey_codec::decode(&pair_of_nodes().card(), 64 * 1024).unwrap();
    let unsigned = encode(&(1u8, content, signer, ByteArray::new([0; 64])));
    let contents = [Parcelled::Card(ByteBuf::from(unsigned)), Parcelled::Session(ByteBuf::from([1; 200]))];
    let contents = contents.iter().map(|content| (1u8, content)).map(|content| mode(1, &encode(&content)));
    let mut seeds: Seeds = contents.enumerate().map(|(n, bytes)| (format!("bad-content-{n}"), bytes)).collect();
    seeds.push(("bad-ack".to_owned(), mode(0, &encode(&(1u8, Ack::Ack(1))))));
    seeds.extend(node_frames(Protocol::Parcel, Some(0)));
    seeds.push(("known".to_owned(), mode(1, &encode(&(1u8, Parcelled::Card(ByteBuf::from(pair_of_nodes().card())))))));
    let name = |(name, bytes): (String, Vec<u8>)| {
        let taken = crate::targets::run("node_parcel", &bytes);
        (format!("{}{}", if taken { "" } else { "bad-" }, name.trim_start_matches("bad-")), bytes)
    };
    seeds.into_iter().map(name).collect()
}

#[derive(Serialize)]
enum Ack {
    #[serde(rename = "a")]
    Ack(u64),
}

type Place = (covey_feed::ChannelId, covey_feed::FeedKey, u64);

#[derive(Serialize)]
enum Control {
    #[serde(rename = "q")]
    KeysWanted(Vec<Place>),
    #[serde(rename = "k")]
    Keys(Vec<(covey_feed::ChannelId, covey_feed::FeedKey, u64, Secret<32>)>),
}

fn node_control() -> Seeds {
    let feed = pair_of_nodes().feed();
    let alice = covey_feed::Author::from_bytes(*pair_of_nodes().devices()[0].as_bytes());
    let own = covey_feed::FeedKey { author: alice, incarnation: 0 };
    let said = [
        Control::KeysWanted(vec![(feed.channel, feed.key(), 1), (feed.channel, own, 1), (feed.channel, own, u64::MAX)]),
        Control::Keys(vec![(feed.channel, feed.key(), 1, Secret::new([1; 32]))]),
    ];
    let mut seeds = named("control", said.iter().map(|said| encode(&(1u8, said))));
    seeds.push(("nonsense".to_owned(), b"nonsense".to_vec()));
    seeds
}

#[derive(Serialize)]
enum Chunk {
    #[serde(rename = "o")]
    Overview(Vec<(covey_feed::ChannelId, u64)>),
    #[serde(rename = "k")]
    Keys(Vec<(Option<Secret<32>>, u64)>),
}

fn node_transfer() -> Seeds {
    let given = [(Some(Secret::new([1; 32])), 1_800_000_000_000), (None, 0), (None, 1)];
    let mut seeds = named("keys", given.map(|one| encode(&(1u8, Chunk::Keys(vec![one])))));
    let channel = pair_of_nodes().feed().channel;
    seeds.push(("bad-overview".to_owned(), encode(&(1u8, Chunk::Overview(vec![(channel, 1)])))));
    seeds.push(("bad-two".to_owned(), encode(&(1u8, Chunk::Keys(vec![(None, 0), (None, 0)])))));
    seeds.push(("bad-version".to_owned(), encode(&(2u8, Chunk::Keys(vec![(None, 0)])))));
    seeds
}
