//! Keepers: frames, parcels, mailboxes, tickets.

use covey_pairing::{
    crypto::hash::blake3,
    identity::DeviceSecret,
    keeper::{Deposit, InboxSecret, KeeperFrame, KeeperTicket, Mailbox, MailboxLetter, SlotId, open_left, seal_left},
};

use super::pairing::{rng, stages};

/// The slot of every parcel here.
pub const SLOT: SlotId = SlotId::from_bytes([7; 16]);

/// The owner's inbox.
pub fn inbox() -> InboxSecret {
    InboxSecret::from_seed([1; 32])
}

/// First byte: 0 a frame, 1 a parcel as it comes, 2 its payload, which is sealed first, 3 a mailbox, 4 the content of a ticket, 5 a letter, 6 what a
/// stranger left, 7 its payload, which is sealed first.
pub fn objects(bytes: &[u8]) -> bool {
    let Some((mode, bytes)) = bytes.split_first() else { return false };
    match mode % 8 {
        0 => {
            let Ok(frame) = KeeperFrame::decode(bytes) else { return false };
            assert_eq!(KeeperFrame::decode(&frame.encode()), Ok(frame));
            true
        }
        1 => opens(bytes),
        2 => {
            let Ok(parcel) = inbox().public().seal(SLOT.as_bytes(), bytes, &mut rng()) else { return false };
            opens(&parcel)
        }
        3 => {
            let Ok(mailbox) = Mailbox::decode(bytes) else { return false };
            assert_eq!(Mailbox::decode(&mailbox.encode()), Ok(mailbox));
            true
        }
        4 => {
            let text = data_encoding::BASE32_NOPAD.encode(&[bytes, &blake3(bytes)[..4]].concat());
            let Ok(ticket) = format!("covey-keeper:{text}").parse::<KeeperTicket>() else { return false };
            assert_eq!(ticket.to_string().parse(), Ok(ticket));
            true
        }
        5 => {
            let Some(letter) = MailboxLetter::decode(bytes) else { return false };
            assert_eq!(MailboxLetter::decode(&letter.encode()), Some(letter));
            true
        }
        6 => open_left(&stages()[0].0.account, bytes).is_ok(),
        _ => {
            let account = &stages()[0].0.account;
            let keys = (&account.dh().public(), account.kem_key());
            let Ok(parcel) = seal_left(&account.id(), keys, bytes, &mut rng()) else { return false };
            assert!(open_left(&stages()[0].1.account, &parcel).is_err());
            open_left(account, &parcel).is_ok_and(|frame| frame == bytes)
        }
    }
}

fn opens(parcel: &[u8]) -> bool {
    let Ok(deposit) = Deposit::open(&inbox(), &SLOT, parcel) else { return false };
    assert!(Deposit::open(&inbox(), &SlotId::from_bytes([8; 16]), parcel).is_err());
    deposit.content.len() <= parcel.len()
}

/// A parcel with this content.
pub fn parcel(content: &[u8]) -> Vec<u8> {
    let device = DeviceSecret::from_seed([2; 32]);
    Deposit::seal(&device, &inbox().public(), &SLOT, content, &mut rng()).expect("short enough")
}
