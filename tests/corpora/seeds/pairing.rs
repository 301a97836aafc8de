//! Identities and the consent handshake.

use covey_pairing::{
    consent::{KeyFrame, PairFrame},
    crypto::{
        dh::DhSecret,
        kem::{KemPublic, KemSecret},
        noise::{Handshake, NoiseSecret},
    },
    identity::{AccountSecret, Contest, DeviceSecret, KeyLog, Rotation, Ticket, TicketPeer, Token},
    ids::{AccountId, DeviceId},
};
use serde::{Deserialize, Serialize};
use serde_bytes::{ByteArray, ByteBuf};

use super::{Seeds, encode, mode, named, rng};
use crate::targets::pairing::{EPHEMERAL, NOW, honest_frames, stages};

/// What is made for a target.
pub(crate) fn of(target: &str) -> Seeds {
    match target {
        "pair_frame" => pair_frames(),
        "pair_offer" => named("offer", [offer()]),
        "pair_answer" => named("answer", answers()),
        "pair_card" => card_seeds(&stages()[0].0.card),
        "pair_keylog" => key_log(),
        "pair_ticket" => tickets(),
        _ => Vec::new(),
    }
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

pub(crate) fn card_seeds(card: &[u8]) -> Seeds {
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
