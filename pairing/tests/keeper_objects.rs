//! Tickets, frames, mailboxes and limits of keepers. `pairing/SPEC.md`, section Keepers.

use std::collections::BTreeSet;

use covey_pairing::{
    crypto::secret::Secret,
    identity::{AccountSecret, DeviceSecret},
    keeper::{
        INVITE_BYTES, INVITE_PARCELS, InboxSecret, KEEPER_FRAME_MAX, KEPT_FOR_MS, KeeperFrame, KeeperTicket,
        KeeperTicketError, LARGE, LARGE_KEPT_FOR_MS, Limits, MAX_CHECKED, MAX_SLOTS, Mailbox, MailboxAt, OWNER_BYTES,
        PARCEL_MAX, SLOT_BYTES, SLOT_PARCELS, SlotEntry, SlotId, SlotToken, TicketSecret, Use, has_room_for_invite,
        kept_for,
    },
};
use proptest::prelude::*;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use serde_bytes::{ByteArray, ByteBuf};

fn rng() -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(1)
}

fn ticket(addresses: Vec<String>) -> KeeperTicket {
    let keeper = DeviceSecret::from_seed([1; 32]).keys();
    let account = AccountSecret::from_seed([2; 32]).id();
    KeeperTicket { account, keeper, secret: TicketSecret::random(&mut rng()), expires_at: 1_000, addresses }.shortened()
}

fn at(addresses: Vec<String>) -> MailboxAt {
    let keeper = DeviceSecret::from_seed([1; 32]).keys();
    let account = AccountSecret::from_seed([2; 32]).id();
    MailboxAt { account, keeper, addresses, slot: SlotId::random(&mut rng()), token: SlotToken::random(&mut rng()) }
}

/// [KEEP-4]
#[test]
fn a_ticket_is_read_in_either_case_and_over_several_lines() {
    let ticket = ticket(vec!["/ip4/192.0.2.1/tcp/7421".into()]);
    let text = ticket.to_string();
    assert!(text.starts_with("covey-keeper:"));
    assert_eq!(text.parse(), Ok(ticket.clone()));
    let (first, second) = text.split_at(40);
    assert_eq!(format!(" {}\n  {second}\n", first.to_uppercase()).parse(), Ok(ticket));
}

/// [KEEP-4]
#[test]
fn a_mistyped_ticket_is_told_apart_from_what_is_none() {
    let text = ticket(Vec::new()).to_string();
    let (start, last) = text.split_at(text.len() - 1);
    let typo = format!("{start}{}", if last == "a" { "b" } else { "a" });
    assert_eq!(typo.parse::<KeeperTicket>(), Err(KeeperTicketError::Mistyped));
    assert_eq!("covey-link:abc".parse::<KeeperTicket>(), Err(KeeperTicketError::NotAKeeper));
    assert_eq!("x".repeat(5_000).parse::<KeeperTicket>(), Err(KeeperTicketError::TooLong));
}

/// [KEEP-4]
#[test]
fn a_ticket_keeps_the_addresses_that_fit() {
    let many = (0..20).map(|n| format!("/ip4/192.0.2.{n}/tcp/7421{}", "0".repeat(100))).collect();
    let ticket = ticket(many);
    assert!(!ticket.addresses.is_empty() && ticket.addresses.len() <= 8);
    assert_eq!(ticket.to_string().parse(), Ok(ticket));
}

/// [KEEP-3]
#[test]
fn a_token_opens_its_own_slot_only() {
    let mut rng = rng();
    let (token, other) = (SlotToken::random(&mut rng), SlotToken::random(&mut rng));
    assert!(token.hash().is_of(&token));
    assert!(!token.hash().is_of(&other));
}

/// [KEEP-2]
#[test]
fn a_mailbox_names_three_keepers_at_most() {
    let key = InboxSecret::from_seed([1; 32]).public();
    let full = Mailbox { key, at: vec![at(vec!["a".repeat(256); 8]); 3], number: u64::MAX };
    assert_eq!(Mailbox::decode(&full.encode()), Ok(full.clone()));
    for wrong in [vec![at(Vec::new()); 4], vec![at(vec![String::new(); 9])], vec![at(vec!["a".repeat(257)])]] {
        let mailbox = Mailbox { at: wrong, ..full.clone() };
        assert!(Mailbox::decode(&mailbox.encode()).is_err());
        assert!(Mailbox::decode(&mailbox.shortened().encode()).is_ok());
    }
}

#[test]
fn a_mailbox_of_before_accounts_had_one_in_common_is_read() {
    let mailbox = Mailbox { key: InboxSecret::from_seed([1; 32]).public(), at: vec![at(Vec::new())], number: 0 };
    let bytes = mailbox.encode();
    // An array of three without the number.
    let before = [&[0x83], &bytes[1..bytes.len() - 1]].concat();
    assert_eq!(Mailbox::decode(&before), Ok(mailbox));
}

/// [KEEP-10]
#[test]
fn a_slot_is_of_one_account_keeper_and_pact_and_its_token_of_one_set_of_devices() {
    let roots = [1, 2].map(|n| Secret::new([n; 32]));
    let keepers = [1, 2].map(|n| DeviceSecret::from_seed([n; 32]).id());
    let mut slots = Vec::new();
    for root in &roots {
        for keeper in &keepers {
            for (number, pact) in [(1, [7; 32]), (2, [7; 32]), (1, [8; 32])] {
                slots.push(SlotId::derive(root, keeper, number, &pact));
            }
        }
    }
    assert_eq!(slots[0], SlotId::derive(&roots[0], &keepers[0], 1, &[7; 32]));
    let distinct: BTreeSet<_> = slots.iter().collect();
    assert_eq!(distinct.len(), slots.len());
    let token = |root, losses| SlotToken::derive(&roots[root], &slots[0], losses);
    assert_eq!(token(0, 1), token(0, 1));
    assert!(token(0, 1) != token(0, 2) && token(0, 1) != token(1, 1));
}

/// [KEEP-1]
#[test]
fn a_frame_holds_the_longest_parcel_and_all_slots() {
    let mut rng = rng();
    let parcel = ByteBuf::from(vec![0; PARCEL_MAX]);
    let deposit = KeeperFrame::Deposit(SlotId::random(&mut rng), SlotToken::random(&mut rng), parcel);
    let entry = SlotEntry(SlotId::random(&mut rng), SlotToken::random(&mut rng).hash(), u32::MAX);
    for frame in [deposit, KeeperFrame::Slots(u64::MAX, vec![entry; MAX_SLOTS]), KeeperFrame::Waiting] {
        let encoded = frame.encode();
        assert!(encoded.len() <= KEEPER_FRAME_MAX);
        assert_eq!(KeeperFrame::decode(&encoded), Ok(frame));
    }
    let hashes = vec![ByteArray::new([7; 32]); MAX_CHECKED];
    let check = KeeperFrame::Check(SlotId::random(&mut rng), SlotToken::random(&mut rng), hashes.clone());
    assert_eq!(KeeperFrame::decode(&check.encode()), Ok(check));
    let missing = KeeperFrame::Missing(SlotId::random(&mut rng), [hashes, vec![ByteArray::new([8; 32])]].concat());
    let key = AccountSecret::from_seed([1; 32]).kem_key().clone();
    for frame in [KeeperFrame::Invites(Some(key.clone())), KeeperFrame::AskKey(key.hash()), KeeperFrame::Key(key)] {
        let mut encoded = frame.encode();
        assert_eq!(KeeperFrame::decode(&encoded), Ok(frame));
        encoded.pop();
        assert!(KeeperFrame::decode(&encoded).is_err());
    }
    for long in [KeeperFrame::Slots(1, vec![entry; MAX_SLOTS + 1]), KeeperFrame::Got(vec![1; 257]), missing] {
        assert!(KeeperFrame::decode(&long.encode()).is_err());
    }
}

/// [KEEP-5]
#[test]
fn there_is_room_up_to_each_limit_and_not_beyond() {
    let limits = Limits::default();
    let of = |parcels, bytes| Use { parcels, bytes };
    let none = Use::default();
    assert!(limits.has_room(none, none, none, 1));
    assert!(limits.has_room(of(SLOT_PARCELS - 1, SLOT_BYTES - 1), none, none, 1));
    assert!(!limits.has_room(of(SLOT_PARCELS, 0), none, none, 1));
    assert!(!limits.has_room(of(0, SLOT_BYTES), none, none, 1));
    assert!(limits.has_room(none, of(0, OWNER_BYTES - 1), none, 1));
    assert!(!limits.has_room(none, of(0, OWNER_BYTES), none, 1));
    assert!(!limits.has_room(none, none, of(0, limits.all), 1));
    assert!(!limits.has_room(none, none, of(0, u64::MAX), u64::MAX));
    assert_eq!((kept_for(LARGE), kept_for(LARGE + 1)), (KEPT_FOR_MS, LARGE_KEPT_FOR_MS));
}

/// [KEEP-31]
#[test]
fn an_invite_slot_has_room_up_to_each_limit_and_not_beyond() {
    let of = |parcels, bytes| Use { parcels, bytes };
    assert!(has_room_for_invite(of(INVITE_PARCELS - 1, INVITE_BYTES - 1), 1));
    assert!(!has_room_for_invite(of(INVITE_PARCELS, 0), 1));
    assert!(!has_room_for_invite(of(0, INVITE_BYTES), 1));
    assert!(!has_room_for_invite(Use::default(), u64::MAX));
}

proptest! {
    #[test]
    fn bytes_of_anybody_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = KeeperFrame::decode(&bytes);
        let _ = Mailbox::decode(&bytes);
        let _ = String::from_utf8_lossy(&bytes).parse::<KeeperTicket>();
    }
}
