//! Sender keys, tickets, join statements, the welcome, operations on a roster.

use std::sync::OnceLock;

use covey_pairing::{
    crypto::{aead, hash::blake3, sign::Context},
    group::{
        admission::{GroupInvite, GroupTicket, JoinStatement, Welcome, devices},
        cipher::{Distribution, ReceiverChains, Sealed, SenderChain, Speaker, report},
        roster::{OpId, OpRecord, Operation, Roster, Vouched},
    },
    identity::{AccountSecret, CardContent, DeviceSecret, KeyLog, sign},
    ids::{DeviceId, GroupId},
};
use serde::{Deserialize, Serialize};
use serde_bytes::{ByteArray, ByteBuf};

use super::pairing::{NOW, rng};

pub const GROUP: GroupId = GroupId::from_bytes([0x61; 32]);
/// Where every payload here stands.
pub const PLACE: &[u8] = b"where the entry stands";

/// A payload, as an array of five.
#[derive(Serialize, Deserialize)]
struct Payload(u8, ByteBuf, u64, ByteBuf, ByteBuf);

/// A chain of a device, three messages sealed under it, and others who read it: one who was given nothing, one who was
/// given all of it, one in the middle of reading, one who was given it late.
pub struct Stage {
    pub chain: SenderChain,
    pub sealed: Vec<Sealed>,
    readers: Vec<ReceiverChains>,
}

/// Always the same.
pub fn stage() -> &'static Stage {
    static STAGE: OnceLock<Stage> = OnceLock::new();
    STAGE.get_or_init(|| {
        let speaker = Speaker { group: GROUP, device: DeviceId::from_bytes([7; 32]) };
        let mut chain = SenderChain::new(speaker, 0, 1, NOW, &mut rng());
        let start = chain.distribution();
        let sealed: Vec<_> = (0..3).map(|_| chain.seal(b"hello", PLACE).expect("room")).collect();
        let reader = |distributions: &[Distribution]| {
            let mut reader = ReceiverChains::new(speaker);
            for given in distributions {
                reader.learn(given).expect("its own chain");
            }
            reader
        };
        let mut reading = reader(std::slice::from_ref(&start));
        reading.open(&sealed[1].payload, PLACE).expect("opens");
        let late = reader(&[chain.distribution_from(2)]);
        let readers = vec![reader(&[]), reader(&[start]), reading, late];
        Stage { chain, sealed, readers }
    })
}

fn state(reader: &ReceiverChains) -> Vec<u8> {
    covey_codec::encode(reader).expect("state encodes")
}

/// A distribution, to every reader: one that is refused changes nothing, and no other hides what could be read.
pub fn distribution(bytes: &[u8]) -> bool {
    let Ok(distribution) = Distribution::from_bytes(bytes) else { return false };
    assert_eq!(Distribution::from_bytes(&distribution.to_bytes()).as_ref(), Ok(&distribution));
    let mut any = false;
    for reader in &stage().readers {
        let (mut reader, before) = (reader.clone(), state(reader));
        let newest = reader.newest();
        if reader.learn(&distribution).is_ok() {
            any = true;
            assert!(reader.newest() >= newest && reader.knows(&distribution.key_id()));
        } else {
            assert_eq!(state(&reader), before, "what is refused leaves no trace");
        }
        let mut unaffected = stage().readers[2].clone();
        let _ = unaffected.learn(&distribution);
        assert!(unaffected.open(&stage().sealed[0].payload, PLACE).is_ok());
    }
    any
}

/// A payload. First byte: 0 as it comes, 1 the padded content of a body whose author seals what it likes, 2 a body.
pub fn payload(bytes: &[u8]) -> bool {
    let Some((mode, bytes)) = bytes.split_first() else { return false };
    let mut author = stage().chain.clone();
    match mode % 3 {
        0 => opened(bytes),
        1 => {
            let sealed = author.seal(b"", PLACE).expect("room");
            let mut wire: Payload = covey_codec::decode(&sealed.payload, 1 << 16).expect("our own bytes");
            let aad = [b"covey body v1\0", PLACE].concat();
            wire.4 = ByteBuf::from([&[1], aead::seal(&sealed.content_key, &[0; 12], &aad, bytes).as_slice()].concat());
            let payload = covey_codec::encode(&wire).expect("plain data encodes");
            let shown = report::open(&sealed.content_key, &payload, &blake3(&payload), PLACE);
            assert_eq!(shown.is_ok(), opened(&payload), "a report shows what readers see");
            shown.is_ok()
        }
        _ => {
            let Ok(sealed) = author.seal(bytes, PLACE) else { return false };
            assert!(opened(&sealed.payload));
            true
        }
    }
}

fn opened(payload: &[u8]) -> bool {
    let mut any = false;
    for reader in &stage().readers {
        let (mut reader, before) = (reader.clone(), state(reader));
        if reader.open(payload, PLACE).is_ok() {
            any = true;
            assert!(reader.open(payload, PLACE).is_err(), "a payload opens once");
        } else {
            assert_eq!(state(&reader), before, "a forgery leaves no trace");
        }
        assert!(reader.open(payload, b"elsewhere").is_err());
    }
    any
}

/// A joiner, and the card that goes beside its statement.
pub fn joiner() -> (AccountSecret, DeviceSecret, Vec<u8>) {
    let (account, device) = (AccountSecret::from_seed([3; 32]), DeviceSecret::from_seed([4; 32]));
    let log = KeyLog::create(&account, NOW).add_device(&account, &device, NOW).expect("room");
    let content = CardContent {
        sequence: 1,
        issued_at: NOW,
        expires_at: NOW + 1_000,
        name: "Ada".to_owned(),
        log,
        devices: Vec::new(),
        custodians: Vec::new(),
        kem: None,
    };
    let card = sign(&content, &device).expect("a good card");
    (account, device, card)
}

/// A join statement. First byte: 0 as it comes, 1 what a device signs.
pub fn statement(bytes: &[u8]) -> bool {
    let Some((mode, bytes)) = bytes.split_first() else { return false };
    let (_, device, card) = joiner();
    let bytes = if mode & 1 == 0 {
        bytes.to_vec()
    } else {
        let signature = device.signing().sign(Context::GroupJoin, bytes);
        let signer = ByteArray::new(*device.id().as_bytes());
        covey_codec::encode(&(1u8, ByteBuf::from(bytes), signer, ByteArray::new(signature))).expect("encodes")
    };
    let Ok(statement) = JoinStatement::open(&bytes) else { return false };
    let _ = (statement.is_fresh(NOW), statement.is_fresh(0), statement.is_fresh(u64::MAX));
    if let Ok(card) = statement.verify(&card) {
        assert!(devices(&card).devices.contains(&statement.device));
    }
    true
}

/// A group ticket. First byte: 0 its text, 1 its content.
pub fn ticket(bytes: &[u8]) -> bool {
    let Some((mode, bytes)) = bytes.split_first() else { return false };
    let text = if mode & 1 == 0 {
        let Ok(text) = std::str::from_utf8(bytes) else { return false };
        text.to_owned()
    } else {
        format!("covey-group:{}", data_encoding::BASE32_NOPAD.encode(&[bytes, &blake3(bytes)[..4]].concat()))
    };
    let Ok(ticket) = text.parse::<GroupTicket>() else { return false };
    // Another encoder may have taken fewer bytes for it than ours does.
    if let Ok(again) = ticket.to_text() {
        assert_eq!(again.parse::<GroupTicket>(), Ok(ticket));
    }
    true
}

/// First byte: 0 a welcome, 1 an invite.
pub fn welcome(bytes: &[u8]) -> bool {
    let Some((mode, bytes)) = bytes.split_first() else { return false };
    if mode & 1 == 0 {
        let Some(welcome) = Welcome::from_bytes(bytes) else { return false };
        let again = welcome.to_bytes();
        // As above.
        if again.len() <= bytes.len() {
            assert_eq!(Welcome::from_bytes(&again), Some(welcome));
        }
        return true;
    }
    let Some(invite) = GroupInvite::from_bytes(bytes) else { return false };
    assert_eq!(GroupInvite::from_bytes(&invite.to_bytes().expect("within the limits")), Some(invite));
    true
}

/// An operation on a roster, by a device of whoever it names.
pub fn operation(bytes: &[u8]) -> bool {
    let Ok(operation) = Operation::decode(bytes) else { return false };
    let encoded = operation.encode().expect("within the limits");
    assert!(Operation::decode(&encoded).is_ok_and(|same| same == operation));
    let id = OpId::from_bytes(blake3(bytes));
    let device = DeviceId::from_bytes([7; 32]);
    let record = OpRecord { id, device, incarnation: 0, seq: 1, lamport: 1, operation, vouched: Vouched::Nothing };
    let (mut one, mut many) = (Roster::new(GROUP), Roster::new(GROUP));
    one.insert(record.clone());
    // Taken once, however it comes.
    many.insert_all(vec![record.clone(), record.clone()]);
    many.insert(record);
    assert_eq!((one.hash(), one.operations()), (many.hash(), many.operations()));
    true
}
