//! [CARD-*] of `pairing/SPEC.md`.

use super::*;
use crate::identity::{AccountSecret, Rotation};

const NOW: u64 = 1_800_000_000_000;

fn account() -> AccountSecret {
    AccountSecret::from_seed([1; 32])
}

fn device(n: u8) -> DeviceSecret {
    DeviceSecret::from_seed([n; 32])
}

fn content() -> CardContent {
    let log = KeyLog::create(&account(), NOW).add_device(&account(), &device(10), NOW).expect("room");
    CardContent {
        sequence: 3,
        issued_at: NOW,
        expires_at: NOW + 1000,
        name: "Ada".into(),
        devices: vec![CardDevice {
            device: device(10).id(),
            addresses: vec!["/ip4/10.0.0.1/tcp/4001".into()],
            prekeys: ByteBuf::from(vec![7; 1500]),
            seq: 2,
        }],
        custodians: Vec::new(),
        kem: Some(account().kem_key().hash()),
        log,
    }
}

#[test]
fn a_card_opens_to_what_was_signed() {
    let bytes = sign(&content(), &device(10)).expect("valid");
    let card = ContactCard::open(&bytes, NOW).expect("opens");
    assert_eq!(card.content(), &content());
    assert_eq!((card.account(), card.signer(), card.bytes()), (account().id(), device(10).id(), bytes.as_slice()));
    assert!(ContactCard::open_of(&account().id(), &bytes, NOW).is_ok());
    assert_eq!(ContactCard::open_of(&AccountId::from_bytes([9; 32]), &bytes, NOW), Err(CardError::Account));
}

/// [CARD-1]
#[test]
fn every_flipped_bit_is_noticed() {
    let mut small = content();
    small.devices.clear();
    let bytes = sign(&small, &device(10)).expect("valid");
    for at in (0..bytes.len()).step_by(3) {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1;
        assert!(ContactCard::open(&flipped, NOW).is_err(), "byte {at}");
    }
}

/// [CARD-2]
#[test]
fn a_card_of_a_device_that_is_not_of_the_account_is_refused() {
    assert_eq!(sign(&content(), &device(11)), Err(CardError::Signer));
    // The same bytes, resigned by a stranger's device.
    let bytes = sign(&content(), &device(10)).expect("valid");
    let WireCard(_, signed, ..) = covey_codec::decode(&bytes, CARD_MAX).expect("a card");
    let signature = device(11).signing().sign(Context::ContactCard, &signed);
    let forged = WireCard(Version, signed, device(11).id(), ByteArray::new(signature));
    let forged = covey_codec::encode(&forged).expect("encodes");
    assert_eq!(ContactCard::open(&forged, NOW), Err(CardError::Signer));
}

/// [CARD-2]
#[test]
fn a_revoked_device_signs_no_cards() {
    let mut revoked = content();
    revoked.log = revoked.log.add_device(&account(), &device(12), NOW).expect("room");
    revoked.log = revoked.log.revoke_device(&account(), device(10).id(), Vec::new(), NOW).expect("active");
    assert_eq!(sign(&revoked, &device(10)), Err(CardError::Signer));
    assert_eq!(sign(&revoked, &device(12)), Err(CardError::Limit));
    revoked.devices.clear();
    assert!(sign(&revoked, &device(12)).is_ok());
}

/// [CARD-3]
#[test]
fn a_card_ends_at_its_expiry() {
    let bytes = sign(&content(), &device(10)).expect("valid");
    assert!(ContactCard::open(&bytes, NOW + 999).is_ok());
    assert_eq!(ContactCard::open(&bytes, NOW + 1000), Err(CardError::Expired));
}

/// [CARD-4]
#[test]
fn limits_hold_when_signing_and_when_opening() {
    let broken: [fn(&mut CardContent); 5] = [
        |c| c.name = "n".repeat(65),
        |c| c.devices[0].addresses = vec!["a".into(); 17],
        |c| c.devices[0].addresses = vec!["a".repeat(257)],
        |c| c.custodians = vec![ByteBuf::new(); 9],
        // [CARD-6]
        |c| c.devices[0].seq = c.sequence + 1,
    ];
    for change in broken {
        let mut content = content();
        change(&mut content);
        assert_eq!(sign(&content, &device(10)), Err(CardError::Limit));
    }
    let mut long = content();
    long.devices[0].prekeys = ByteBuf::from(vec![0; CARD_MAX]);
    assert_eq!(sign(&long, &device(10)), Err(CardError::TooLong));
    assert_eq!(ContactCard::open(&vec![0; CARD_MAX + 1], NOW), Err(CardError::Malformed));
    assert_eq!(ContactCard::open(&[], NOW), Err(CardError::Malformed));
}

/// [CARD-6]
#[test]
fn an_entry_without_a_number_is_written_and_read_as_before() {
    let mut before = content();
    before.devices[0].seq = 0;
    let bytes = sign(&before, &device(10)).expect("valid");
    assert_eq!(ContactCard::open(&bytes, NOW).expect("opens").content(), &before);
    let numbered = sign(&content(), &device(10)).expect("valid");
    assert_eq!(numbered.len(), bytes.len() + b"\x63seq\x02".len());
}

/// [CARD-5]
#[test]
fn of_two_cards_the_log_that_outranks_decides_and_then_the_sequence() {
    let card = |log: &KeyLog, signer: u8, sequence: u64| {
        let content = CardContent { log: log.clone(), sequence, devices: Vec::new(), ..content() };
        ContactCard::open(&sign(&content, &device(signer)).expect("valid"), NOW).expect("opens")
    };
    let log = content().log;
    let longer = log.add_device(&account(), &device(12), NOW).expect("room");
    let fresh = device(50);
    let rotate = |n: &DeviceSecret| log.rotate(&account(), &Rotation { add: vec![n], ..Rotation::default() }, NOW);
    let (rotated, _) = rotate(&fresh).expect("by the owner");
    assert_eq!(card(&log, 10, 4).replaces(&log, 3), Ok(true));
    assert_eq!(card(&log, 10, 3).replaces(&log, 3), Ok(false));
    assert_eq!(card(&longer, 10, 1).replaces(&log, 3), Ok(true));
    assert_eq!(card(&log, 10, 9).replaces(&longer, 3), Ok(false));
    assert_eq!(card(&rotated, 50, 1).replaces(&longer, 3), Ok(true));
    assert_eq!(card(&longer, 10, 9).replaces(&rotated, 3), Ok(false), "the sequence of a thief is no higher rank");
    let other = rotate(&device(66)).expect("by the owner").0;
    let fork = card(&other, 66, 9).replaces(&rotated, 3).expect_err("two rotations");
    assert!(fork.is_proof_against(&log));
}
