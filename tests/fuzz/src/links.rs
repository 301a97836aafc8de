//! Links: tickets, frames, and what host and joiner say to each other.

use std::{collections::BTreeMap, sync::OnceLock};

use covey_pairing::{
    crypto::{aead, hash::blake3, secret::Secret},
    identity::DeviceSecret,
    link::{HandOver, Host, HostEvent, Joiner, JoinerEvent, LinkFrame, LinkTicket, NamedDevice, NewDevice, Stage},
};
use serde::Deserialize;
use serde_bytes::{ByteArray, ByteBuf};

use super::pairing::{NOW, Side, rng, stages};

/// A link as both sides have it, and the keys of its handshake: the attacker is one of the two.
pub struct Linking {
    pub host: Host,
    pub joiner: Joiner,
    to_joiner: Secret<32>,
    to_host: Secret<32>,
    hash: ByteArray<32>,
}

/// What a stored host holds of the handshake.
#[derive(Deserialize)]
struct Stored {
    state: BTreeMap<String, Handshaken>,
}

#[derive(Deserialize)]
struct Handshaken {
    keys: Keys,
}

#[derive(Deserialize)]
struct Keys {
    hash: ByteArray<32>,
    to_joiner: Secret<32>,
    to_host: Secret<32>,
}

/// Alice's laptop is the host; the digits were confirmed and the joiner agreed to belong to her account.
pub fn confirmed() -> &'static Linking {
    static LINKING: OnceLock<Linking> = OnceLock::new();
    LINKING.get_or_init(|| {
        let alice = &stages()[0].0;
        let new = NewDevice {
            device: DeviceSecret::from_seed([77; 32]),
            name: "server".to_owned(),
            network: None,
            addresses: vec!["/ip4/192.0.2.7/tcp/4001".to_owned()],
        };
        let mut joiner = Joiner::new(new, NOW, &mut rng());
        let mut host = Host::begin(joiner.ticket().clone(), alice.account.id(), NOW, &mut rng()).expect("in time");
        let answer = say(&host, &mut joiner).expect("an answer");
        assert!(matches!(host.frame(&answer, NOW), HostEvent::Digits(_)));
        assert!(say(&host, &mut joiner).is_none());
        host.confirm(joiner.digits().expect("digits"), NOW).expect("the same");
        assert!(matches!(host.frame(&say(&host, &mut joiner).expect("agrees"), NOW), HostEvent::Joins(_)));
        let stored = covey_codec::encode(&host).expect("encodes");
        let mut stored: Stored = covey_codec::decode(&stored, 64 * 1024).expect("as it is stored");
        let Keys { hash, to_joiner, to_host } = stored.state.remove("Confirmed").expect("confirmed").keys;
        Linking { host, joiner, to_joiner, to_host, hash }
    })
}

/// Sends what the host has to say; the joiner's answer.
fn say(host: &Host, joiner: &mut Joiner) -> Option<LinkFrame> {
    let frame = host.outgoing(|| None, &mut rng()).expect("something to say");
    let (answer, _) = joiner.frame(&LinkFrame::decode(&frame).expect("a frame"), NOW, &mut rng());
    answer.map(|answer| LinkFrame::decode(&answer).expect("a frame"))
}

/// What alice hands over once the new device is on her key log, as the host seals it: the plaintext.
pub fn handed_over() -> Vec<u8> {
    let Linking { host, joiner, .. } = confirmed();
    let (mut host, Side { account, device, log, card, .. }) = (host.clone(), &stages()[0].0);
    let log = log.add_device(account, joiner.device(), NOW).expect("room");
    let named = |device, name: &str| NamedDevice { device, name: name.to_owned(), holder: name == "laptop" };
    let given = HandOver {
        account: account.plain(),
        log,
        name: "alice".to_owned(),
        devices: vec![named(device.id(), "laptop"), named(joiner.device().id(), "server")],
        cards: vec![card.clone()],
        history: 0,
    };
    host.added();
    let frame = host.outgoing(|| Some(given), &mut rng()).expect("a hand-over");
    opened(&confirmed().to_joiner, HOST, &frame)
}

/// The joiner's agreement to belong to alice's account: the plaintext.
pub fn agreement() -> Vec<u8> {
    let Linking { host, joiner, to_host, .. } = confirmed();
    let frame = say(host, &mut joiner.clone()).expect("agrees again");
    opened(to_host, JOINER, &frame.encode())
}

/// What the joiner says when it has the account: the plaintext.
pub fn taken_over() -> Vec<u8> {
    opened(&confirmed().to_host, JOINER, &confirmed().joiner.done(&mut rng()).expect("a handshake"))
}

const HOST: &[u8] = b"covey link host v1\0";
const JOINER: &[u8] = b"covey link joiner v1\0";

fn opened(key: &Secret<32>, label: &[u8], frame: &[u8]) -> Vec<u8> {
    let Ok(LinkFrame::Sealed(_, sealed)) = LinkFrame::decode(frame) else { unreachable!("a sealed frame") };
    aead::open_random(key, &[label, confirmed().hash.as_slice()].concat(), &sealed).expect("opens")
}

fn sealed(key: &Secret<32>, label: &[u8], plaintext: &[u8]) -> LinkFrame {
    let Linking { host, hash, .. } = confirmed();
    let sealed = aead::seal_random(key, &[label, hash.as_slice()].concat(), plaintext, &mut rng());
    LinkFrame::Sealed(host.id(), ByteBuf::from(sealed))
}

/// First byte: 0 a frame, for both sides, 1 what a host says to the joiner, 2 what a joiner says to a host, which are sealed first, 3 the
/// content of a ticket.
pub fn link(bytes: &[u8]) -> bool {
    let Some((mode, bytes)) = bytes.split_first() else { return false };
    let Linking { host, joiner, to_joiner, to_host, .. } = confirmed();
    let (mut host, mut joiner) = (host.clone(), joiner.clone());
    match mode % 4 {
        0 => {
            let Ok(frame) = LinkFrame::decode(bytes) else { return false };
            assert_eq!(LinkFrame::decode(&frame.encode()), Ok(frame.clone()));
            at_host(&mut host, &frame);
            at_joiner(&mut joiner, &frame);
            true
        }
        1 => at_joiner(&mut joiner, &sealed(to_joiner, HOST, bytes)),
        2 => at_host(&mut host, &sealed(to_host, JOINER, bytes)),
        _ => {
            let text = data_encoding::BASE32_NOPAD.encode(&[bytes, &blake3(bytes)[..4]].concat());
            let Ok(ticket) = format!("covey-link:{text}").parse::<LinkTicket>() else { return false };
            assert_eq!(ticket.to_string().parse(), Ok(ticket));
            true
        }
    }
}

fn at_joiner(joiner: &mut Joiner, frame: &LinkFrame) -> bool {
    let (answer, event) = joiner.frame(frame, NOW, &mut rng());
    assert!(answer.is_none_or(|answer| LinkFrame::decode(&answer).is_ok()), "what we send is a frame");
    let stored = covey_codec::encode(joiner).expect("encodes");
    assert!(covey_codec::decode::<Joiner>(&stored, 256 * 1024).is_ok_and(|again| again.digits() == joiner.digits()));
    if let JoinerEvent::HandedOver(given) = &event {
        let own = joiner.device().keys();
        assert!(given.log.device(&own.id).is_some_and(|listed| listed.keys == own), "a log that lists this device");
        assert!(given.account.is_sealed() && given.account.id() == given.log.account());
    }
    !matches!(event, JoinerEvent::Nothing | JoinerEvent::Wrong(_))
}

fn at_host(host: &mut Host, frame: &LinkFrame) -> bool {
    let event = host.frame(frame, NOW);
    if let HostEvent::Joins(proof) = &event {
        let account = stages()[0].0.account.id();
        assert!(host.ticket().device.verify_join(&account, proof).is_ok(), "it agreed");
    }
    assert!(!matches!(host.stage(), Stage::Added), "nobody else says that a device is on the log");
    event != HostEvent::Nothing
}
