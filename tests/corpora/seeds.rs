//! Valid objects of every kind, and a few that must be refused (`bad-…`): what fuzzing begins with.

use covey_feed::{Entry, ForkProof, RunIn, run};
use covey_node::engine::{Protocol, fuzzing::Content};
use covey_overlay::record;
use covey_pairing::{
    consent::{KeyFrame, PairFrame},
    crypto::{
        dh::DhSecret,
        kem::{KemPublic, KemSecret},
        noise::{Handshake, NoiseSecret},
        secret::Secret,
    },
    envelope,
    identity::{AccountSecret, Contest, DeviceSecret, KeyLog, Rotation, Ticket, TicketPeer, Token},
    ids::{AccountId, DeviceId},
    keeper::{KeeperFrame, KeeperTicket, Mailbox, MailboxAt, Receipt, Room, SlotEntry, SlotToken, TicketSecret, Use},
    parcel,
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use serde::{Deserialize, Serialize};
use serde_bytes::{ByteArray, ByteBuf};

use crate::targets::{
    feed::Writer,
    keepers,
    node::{Pair, pair_of_nodes},
    pairing::{EPHEMERAL, NOW, Side, honest_frames, sealed_invite, stages},
    sessions,
    steps::steps_stages,
};

pub(crate) type Seeds = Vec<(String, Vec<u8>)>;

/// What is made for a target: file name and content.
pub(crate) fn of(target: &str) -> Seeds {
    match target {
        "codec" => codec(),
        "feed_header" => named("header", feed_entries().iter().map(|entry| entry.header_bytes().to_vec())),
        "feed_entry" => named("entry", feed_entries().iter().map(Entry::to_stored)),
        "feed_run" => named("run", runs()),
        "feed_fork" => fork(),
        "feed_sync" => sync(),
        "overlay_record" => records(),
        "overlay_frames" => frames(),
        "pair_frame" => pair_frames(),
        "pair_offer" => named("offer", [offer()]),
        "pair_answer" => named("answer", answers()),
        "pair_card" => card_seeds(&stages()[0].0.card),
        "pair_keylog" => key_log(),
        "pair_ticket" => tickets(),
        "pair_bundle" => named("bundle", bundles()),
        "pair_session" => named("envelope", envelopes()),
        "pair_steps" => steps(),
        "pair_parcel" => parcels(),
        "pair_body" => bodies(),
        "keeper_objects" => keeper_objects(),
        "node_pair" => node_pair(),
        "node_sync" => node_sync(),
        "node_payload" => node_payload(),
        "node_body" => node_body(),
        "node_parcel" => node_parcel(),
        "node_control" => node_control(),
        "node_transfer" => node_transfer(),
        "node_card" => card_seeds(&pair_of_nodes().card()),
        "api_params" => params(),
        _ => crate::groups::of(target),
    }
}

pub(crate) fn named(kind: &str, made: impl IntoIterator<Item = Vec<u8>>) -> Seeds {
    made.into_iter().enumerate().map(|(n, bytes)| (format!("{kind}-{n}"), bytes)).collect()
}

/// The first byte says what the target does with the rest.
pub(crate) fn mode(mode: u8, bytes: &[u8]) -> Vec<u8> {
    [&[mode], bytes].concat()
}

fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    covey_codec::encode(value).unwrap()
}

fn rng() -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(5)
}

fn codec() -> Seeds {
    let shapes = [
        encode(&(1u8, "text", [1u64, u64::MAX])),
        encode(&[("key", vec![Some(-1i64), None])].into_iter().collect::<std::collections::BTreeMap<_, _>>()),
        encode(&[(ByteBuf::from([1, 2, 3]), Some(true)), (ByteBuf::new(), None)]),
        encode(&Ok::<_, (u16, char)>(ByteBuf::from([7; 40]))),
        encode(&vec![vec![vec![1u8, 2], vec![]], vec![]]),
    ];
    let mut deep = vec![0x81; 17];
    deep.push(0);
    let bad = [
        ("bad-deep", deep),
        ("bad-long", vec![0x9b, 0, 0, 0, 1, 0, 0, 0, 0]),
        ("bad-indefinite", vec![0x9f, 1, 0xff]),
        ("bad-cut", encode(&"text")[..3].to_vec()),
        ("bad-trailing", vec![1, 2]),
    ];
    let bad = bad.into_iter().map(|(name, bytes)| (name.to_owned(), bytes));
    named("shape", shapes).into_iter().chain(bad).collect()
}

fn feed_entries() -> Vec<Entry> {
    let writer = Writer::new(1, 1).written(&[1, 2]);
    let dropped = writer.entries[0].clone().without_payload();
    writer.entries.into_iter().chain([dropped]).collect()
}

fn runs() -> Vec<Vec<u8>> {
    let writer = Writer::new(1, 1).written(&[2, 3, 1]);
    let of = |from: usize| run::assemble(writer.entries[from..].iter().cloned(), run::RunLimits::default()).unwrap();
    [0, 2, 5].map(|from| of(from).encode()).to_vec()
}

fn fork() -> Seeds {
    let common = Writer::new(1, 1).written(&[2]);
    let (mut ours, mut theirs) = (common.clone(), common);
    ours.write(&["one story"]);
    let batch = theirs.write(&["another", "story"]);
    let refused = run::verify(&ours.feed, ours.head().as_ref(), RunIn::from(batch.run()), &ours).unwrap_err();
    let run::RunError::Fork(proof) = refused else { panic!("a fork: {refused}") };
    let proof = proof.encode();
    assert!(ForkProof::decode(&proof).is_ok());
    let mut forged = proof.clone();
    *forged.last_mut().unwrap() ^= 1;
    vec![("fork-0".to_owned(), proof), ("bad-forged".to_owned(), forged)]
}

/// Frames of the sync stream to whom [`crate::targets::TARGETS`]' `feed_sync` plays.
fn sync() -> Seeds {
    let (ours, theirs) = (Writer::new(1, 2).written(&[2, 1]), Writer::new(1, 1).written(&[2, 2]));
    let feed = |writer: &Writer| (writer.feed.channel, writer.feed.author, writer.feed.incarnation);
    let head = theirs.head().unwrap();
    let digests = encode(&(1u8, 0u8, [(theirs.feed.channel, ByteArray::new([1; 32]))]));
    let heads = encode(&(1u8, 1u8, (theirs.feed.channel, [(theirs.feed.author, 0u64, head.seq, head.id)])));
    let ahead = encode(&(1u8, 1u8, (theirs.feed.channel, [(ours.feed.author, 0u64, 9u64, head.id)])));
    let want = encode(&(1u8, 2u8, (feed(&ours), 1u64)));
    let run = run::assemble(theirs.entries[2..].iter().cloned(), run::RunLimits::default()).unwrap();
    let run = encode(&(1u8, 3u8, (feed(&theirs), run)));
    let have = encode(&(1u8, 4u8, (ours.feed.channel, [(ours.feed.author, 0u64, 2u64)])));
    let nothing = encode(&(1u8, 5u8, feed(&theirs)));
    let refused = encode(&(1u8, 6u8, ()));
    let later =
        |bytes: &[u8]| [(0x8000 | u16::try_from(bytes.len()).unwrap()).to_le_bytes().as_slice(), bytes].concat();
    let now = |bytes: &[u8]| [u16::try_from(bytes.len()).unwrap().to_le_bytes().as_slice(), bytes].concat();
    let talks = [
        [now(&digests), now(&heads), now(&run)].concat(),
        [now(&want), now(&have)].concat(),
        [now(&ahead), later(&nothing)].concat(),
        [now(&heads), later(&nothing), later(&run), now(&want)].concat(),
    ];
    let third = Writer::new(2, 3).written(&[2, 1]);
    let group = third.feed.channel;
    let claim = || [(third.feed.author, 0u64, 3u64, third.head().unwrap().id)];
    let summary = encode(&(1u8, 7u8, [(group, 9u64, ByteArray::new([1; 32]))]));
    let compare = encode(&(1u8, 8u8, (group, [ByteArray::new([1; 16]), ByteArray::new([2; 16])])));
    let answer = encode(&(1u8, 1u8, (group, claim())));
    let announce = encode(&(1u8, 9u8, (group, claim())));
    let pushed = run::assemble(third.entries[2..].iter().cloned(), run::RunLimits::default()).unwrap();
    let pushed = encode(&(1u8, 3u8, (feed(&third), pushed)));
    let again = encode(&(1u8, 2u8, (feed(&third), 1u64)));
    let (graft, prune) = (encode(&(1u8, 10u8, group)), encode(&(1u8, 11u8, group)));
    let groups = [
        [now(&summary), later(&answer), now(&pushed)].concat(),
        [now(&compare), now(&again)].concat(),
        [now(&prune), now(&announce), later(&pushed), later(&graft)].concat(),
    ];
    let mut seeds = named("talk", talks);
    seeds.extend(named("group", groups));
    seeds.push(("bad-refused".to_owned(), now(&refused)));
    seeds.push(("bad-version".to_owned(), now(&[0x83, 2, 0, 0x80])));
    seeds
}

fn records() -> Seeds {
    let now = 20_000 * record::PERIOD + record::PERIOD / 2;
    let sealed = |payload: &[u8]| {
        let sealed = record::seal(&[1; 32], record::current(now), 3, payload, &mut rng()).unwrap();
        [sealed.key.as_slice(), &sealed.value].concat()
    };
    let mut forged = sealed(b"card");
    *forged.last_mut().unwrap() ^= 1;
    let mut seeds = named("record", [sealed(b""), sealed(b"card"), sealed(&[7; 2_000])]);
    seeds.push(("bad-forged".to_owned(), forged));
    seeds
}

fn frames() -> Seeds {
    let frame = |len: u32| [len.to_be_bytes().as_slice(), &vec![5; usize::try_from(len).unwrap()]].concat();
    let mut seeds = named("frames", [frame(1), [frame(3), frame(200)].concat(), [frame(9), frame(0)].concat()]);
    seeds.push(("bad-long".to_owned(), [0xff; 40].to_vec()));
    seeds.push(("bad-empty".to_owned(), frame(0)));
    seeds
}

fn pair_frames() -> Seeds {
    let frames = honest_frames();
    let acknowledged = frames.iter().filter_map(|frame| covey_pairing::consent::acknowledge(&decoded(frame)));
    let all: Vec<Vec<u8>> = frames.iter().cloned().chain(acknowledged).collect();
    let taken = all.iter().map(|frame| mode(1, frame)).filter(|frame| crate::targets::run("pair_frame", frame));
    let key = stages()[0].0.account.kem_key();
    let about_keys = [KeyFrame::Ask(key.hash()), KeyFrame::Key(key.clone())].map(|frame| mode(1, &frame.encode()));
    named("frame", taken).into_iter().chain(named("key", about_keys)).collect()
}

fn decoded(frame: &[u8]) -> PairFrame {
    PairFrame::decode(frame).unwrap()
}

#[derive(Serialize)]
struct Offer {
    v: u8,
    to: AccountId,
    e: covey_pairing::crypto::dh::DhPublic,
    at: u64,
    seen: u64,
    name: String,
    note: String,
    kem: KemPublic,
    card: ByteBuf,
}

fn offer() -> Vec<u8> {
    let (alice, bob) = &stages()[0];
    encode(&Offer {
        v: 1,
        to: bob.account.id(),
        e: DhSecret::from_bytes(EPHEMERAL).public(),
        at: NOW,
        seen: 0,
        name: "alice".to_owned(),
        note: "it is me".to_owned(),
        kem: KemSecret::from_seed([3; 64]).public(),
        card: ByteBuf::from(alice.card.clone()),
    })
}

#[derive(Serialize)]
enum Answer {
    Accepted { at: u64, newest: u64, name: String, card: ByteBuf, kem: ByteBuf, attachment: ByteBuf },
    Declined,
}

/// Bob's answers to alice's invite.
fn answers() -> Vec<Vec<u8>> {
    #[derive(Deserialize)]
    struct Offered {
        kem: KemPublic,
    }
    let (alice, bob) = &stages()[1];
    let invite = alice.relationship.outstanding().remove(0).1;
    let PairFrame::Invite(invite) = decoded(&invite) else { panic!("alice has invited") };
    let prologue = [b"covey pair v1\0".as_slice(), alice.account.id().as_bytes(), bob.account.id().as_bytes()].concat();
    let own = Some(NoiseSecret::from(bob.account.dh()));
    let mut noise = Handshake::new(noise_protocol::patterns::noise_ik(), false, &prologue, own, None, None, None);
    let payload = noise.read_message_vec(&invite.message).unwrap();
    let (_, content, _, _): (u8, ByteBuf, DeviceId, ByteArray<64>) = covey_codec::decode(&payload, 64 * 1024).unwrap();
    let offered: Offered = covey_codec::decode(&content, 64 * 1024).unwrap();
    let (kem, _) = offered.kem.encapsulate(&mut rng()).unwrap();
    let accepted = Answer::Accepted {
        at: NOW,
        newest: 0,
        name: "bob".to_owned(),
        card: ByteBuf::from(bob.card.clone()),
        kem: ByteBuf::from(kem),
        attachment: ByteBuf::from(b"prekeys"),
    };
    vec![encode(&(1u8, accepted)), encode(&(1u8, Answer::Declined))]
}

fn card_seeds(card: &[u8]) -> Seeds {
    let (_, content, _, _): (u8, ByteBuf, DeviceId, ByteArray<64>) = covey_codec::decode(card, 64 * 1024).unwrap();
    // Bob's is known to alice already: it is looked at, and the next one is taken.
    let known = *card != *stages()[0].0.card;
    let (whole, content) = if known { ("bad-known", renewed(&content)) } else { ("card-0", content.into_vec()) };
    vec![(whole.to_owned(), mode(0, card)), ("card-1".to_owned(), mode(1, &content))]
}

#[derive(Serialize, Deserialize)]
struct CardContent {
    v: u8,
    account: AccountId,
    seq: u64,
    iat: u64,
    exp: u64,
    name: String,
    log: Vec<covey_pairing::identity::SignedOp>,
    dev: Vec<covey_pairing::identity::CardDevice>,
    cus: Vec<ByteBuf>,
    kem: Option<covey_pairing::crypto::kem::KemHash>,
}

/// The next card.
fn renewed(content: &[u8]) -> Vec<u8> {
    let content: CardContent = covey_codec::decode(content, 64 * 1024).unwrap();
    encode(&CardContent { seq: content.seq + 5, name: "robert".to_owned(), ..content })
}

fn key_log() -> Seeds {
    let alice = &stages()[0].0;
    let device = |n: u8| DeviceSecret::from_seed([n; 32]);
    let (other, fresh) = (device(9), device(8));
    let two = alice.log.add_device(&alice.account, &other, NOW).unwrap();
    let gone = two.revoke_device(&alice.account, other.id(), Vec::new(), NOW).unwrap();
    let plan =
        Rotation { supersedes: Some(2), keep: vec![alice.device.id()], add: vec![&fresh], ..Rotation::default() };
    let (once, keys) = gone.rotate(&alice.account, &plan, NOW).unwrap();
    let (twice, keys) = once.rotate(&keys, &Rotation { keep: vec![fresh.id()], ..Rotation::default() }, NOW).unwrap();
    let on = twice.add_device(&keys, &device(7), NOW).unwrap();
    let contest = Contest::sign(&alice.log, &once, &alice.device).unwrap().to_bytes();
    let thief = AccountSecret::from_seed([66; 32]);
    let forged = KeyLog::create(&thief, NOW).rotate(&thief, &Rotation::default(), NOW).unwrap().0;
    let forged = [&alice.log.ops()[..1], &forged.ops()[1..]].concat();
    let ops = |log: &KeyLog| encode(&log.ops().to_vec());
    let logs = [&alice.log, &two, &gone, &once, &twice, &on];
    named("log", logs.map(|log| mode(0, &ops(log))))
        .into_iter()
        .chain(named("resigned", [mode(1, &ops(&gone))]))
        .chain(named("contest", [mode(2, &contest)]))
        .chain(named("bad-rotation", [mode(0, &encode(&forged))]))
        .collect()
}

fn keeper_objects() -> Seeds {
    let mut rng = rng();
    let keeper = stages()[0].0.device.keys();
    let (slot, token) = (keepers::SLOT, SlotToken::random(&mut rng));
    let addresses = vec!["/ip4/192.0.2.1/tcp/7421".to_owned()];
    let parcel = keepers::parcel(b"content");
    let payload = keepers::inbox().open(slot.as_bytes(), &parcel).unwrap();
    let receipt = Receipt::sign(stages()[0].0.device.signing(), slot, &parcel, NOW);
    let room = Room { used: Use { parcels: 1, bytes: 2_000 }, limit: 1 << 20, refused: false };
    let frames = [
        KeeperFrame::Hello(Some(TicketSecret::random(&mut rng)), ByteBuf::from(vec![1; 100])),
        KeeperFrame::welcome(room, addresses.clone()),
        KeeperFrame::Slots(1, vec![SlotEntry(slot, token.hash(), 1)]),
        KeeperFrame::Deposit(slot, token.clone(), ByteBuf::from(parcel.clone())),
        KeeperFrame::Parcel(1, slot, ByteBuf::from(parcel.clone())),
        KeeperFrame::Batch(1, false, room),
        KeeperFrame::Kept(receipt),
        KeeperFrame::Waiting,
    ];
    let at = vec![MailboxAt { keeper, addresses: addresses.clone(), slot, token }];
    let mailbox = Mailbox { key: keepers::inbox().public(), at, number: 1 };
    let secret = TicketSecret::random(&mut rng);
    let ticket = KeeperTicket { keeper, secret, expires_at: NOW, addresses }.to_string();
    let ticket = data_encoding::BASE32_NOPAD.decode(ticket["covey-keeper:".len()..].to_uppercase().as_bytes()).unwrap();
    let mut seeds = named("frame", frames.iter().map(|frame| mode(0, &frame.encode())));
    seeds.extend(named("parcel", [mode(1, &parcel), mode(2, &payload)]));
    seeds.extend(named("mailbox", [mode(3, &mailbox.encode())]));
    seeds.extend(named("ticket", [mode(4, &ticket[..ticket.len() - 4])]));
    seeds.push(("bad-parcel".to_owned(), mode(1, &[1; 2_000])));
    seeds
}

fn tickets() -> Seeds {
    let alice = &stages()[0].0;
    let plain = Ticket::new(alice.account.id(), alice.account.dh().public(), None);
    let mut full = plain.clone();
    full.kem = Some(alice.account.kem_key().hash());
    full.token = Some(Token::generate(&mut rng()));
    full.expires_at = Some(NOW);
    full.peers = vec![TicketPeer { network: [8; 32], addresses: vec!["/ip4/192.0.2.1/udp/4001/quic-v1".to_owned()] }];
    let texts = [plain.to_text().unwrap(), full.to_text().unwrap()];
    let content = |text: &String| {
        let bytes = data_encoding::BASE32_NOPAD.decode(text["covey:".len()..].to_uppercase().as_bytes()).unwrap();
        mode(1, &bytes[..bytes.len() - 4])
    };
    let contents = texts.iter().map(content);
    let mut seeds = named("text", texts.iter().map(|text| mode(0, text.as_bytes())));
    seeds.extend(named("content", contents));
    seeds.push(("bad-id".to_owned(), mode(0, alice.account.id().to_string().as_bytes())));
    seeds
}

fn bundles() -> Vec<Vec<u8>> {
    let mut bob = sessions::stages()[0].1.clone();
    let one_time = bob.prekeys.one_time_bundle(&bob.device, &[1; 32], &mut rng());
    vec![bob.prekeys.bundle().to_bytes(), one_time.to_bytes()]
}

fn envelopes() -> Vec<Vec<u8>> {
    let stages = sessions::stages();
    let mut first = stages[0].0.clone();
    let mut answer = stages[1].1.clone();
    let (mut alice, mut bob) = stages[2].clone();
    vec![first.seal(b"hello"), first.seal(b""), answer.seal(b"hi"), alice.seal(b"and then"), bob.seal(&[7; 300])]
}

#[derive(Serialize, Default)]
struct Steps {
    e: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    s: Option<ByteArray<8>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    k: Option<KemPublic>,
    #[serde(skip_serializing_if = "Option::is_none")]
    a: Option<(ByteArray<8>, ByteBuf)>,
}

fn steps() -> Seeds {
    let key = || Some(KemSecret::from_seed([3; 64]).public());
    let id = ByteArray::new(steps_stages()[1].offered.unwrap());
    let answer = |id| Some((id, ByteBuf::from(vec![7; 1_088])));
    let said = |which, said: &Steps| mode(which, &encode(said));
    let good = [
        mode(0, b""),
        mode(2, b""),
        said(0, &Steps { k: key(), ..Steps::default() }),
        said(1, &Steps { k: key(), a: answer(id), ..Steps::default() }),
    ];
    let bad = [
        said(0, &Steps { e: u64::MAX, ..Steps::default() }),
        said(1, &Steps { e: 1, s: Some(id), ..Steps::default() }),
        said(1, &Steps { a: answer(ByteArray::new([1; 8])), ..Steps::default() }),
        said(2, &Steps { k: key(), ..Steps::default() }),
    ];
    named("said", good).into_iter().chain(named("bad-said", bad)).collect()
}

fn parcels() -> Seeds {
    let (me, them) = (DhSecret::from_bytes([1; 32]), DhSecret::from_bytes([2; 32]));
    let (kem, key) = (&sessions::parcel_key().public(), None);
    let to = |kem| parcel::seal(&them, &me.public(), kem, b"for this device", b"content", &mut rng()).unwrap();
    let sealed = [to(key), to(Some(parcel::ToKem { id: 7, key: kem }))];
    named("parcel", [mode(0, &sealed[0]), mode(1, b"content"), mode(0, &sealed[1]), mode(2, b"content")])
}

fn bodies() -> Seeds {
    let (_, sealed) = envelope::seal_body(b"text", sessions::AAD, &mut rng()).unwrap();
    let mut padded = [0; 128];
    padded[..5].copy_from_slice(b"text\x80");
    let mut seeds = named("body", [mode(1, &padded), mode(2, b""), mode(2, &[7; 4_000])]);
    seeds.push(("bad-key".to_owned(), mode(0, &sealed)));
    seeds
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

fn params() -> Seeds {
    let texts = [
        "{}",
        r#"{"to": "cv1xyz", "note": "hello", "alias": "bob", "client_id": "1"}"#,
        r#"{"contact": "bob"}"#,
        r#"{"contact": "bob", "safety_number": "12345 67890"}"#,
        r#"{"to": "bob", "text": "hello", "expires_in": 60}"#,
        r#"{"state": "pending"}"#,
        r#"{"channel": "ab12", "limit": 50, "before": "00"}"#,
        r#"{"after": "12", "limit": 1}"#,
    ];
    let mut seeds: Seeds = named("params", texts.iter().map(|text| text.as_bytes().to_vec()));
    let taken = |bytes: &[u8]| crate::targets::run("api_params", bytes);
    seeds.retain(|(_, bytes)| taken(bytes));
    seeds.push(("bad-unknown".to_owned(), br#"{"nonsense": 1}"#.to_vec()));
    seeds.push(("bad-list".to_owned(), b"[1]".to_vec()));
    seeds
}
