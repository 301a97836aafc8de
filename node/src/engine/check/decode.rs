//! Whether a record is what its table says.

use covey_feed::{Entry, ForkProof, OrderKey};
use covey_pairing::crypto::secret::Secret;
use covey_pairing::group::cipher::{DistributionWork, OwnChain, PastChains, ReceiverChains};
use covey_pairing::identity::TokenBook;
use covey_pairing::ids::{AccountId, DeviceId};
use covey_pairing::keeper::{InboxSecret, SlotId, Use};
use covey_pairing::session::{DeviceSessions, PrekeyStore};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_bytes::ByteBuf;

use crate::engine::me::ListKeys;
use crate::engine::records::channels::Channel;
use crate::engine::records::devices::{Card, DeviceRef};
use crate::engine::records::disputes::Frozen;
use crate::engine::records::feeds::Feed;
use crate::engine::records::joining::Asking;
use crate::engine::records::marks::Mark;
use crate::engine::records::messages::{Message, Pointer};
use crate::engine::records::operations::Stored;
use crate::engine::records::own_devices::OwnDevice;
use crate::engine::records::own_records;
use crate::engine::records::parcels::{Kept, Waiting};
use crate::engine::records::parked::Parked;
use crate::engine::records::people::Contact;
use crate::engine::records::standing::Standing;
use crate::engine::records::tickets::Issued;
use crate::engine::records::transfer;
use crate::engine::records::{keeper_requests, keeping, kept_invites, left_frames, links, mailboxes};
use crate::engine::tokens::Token;
use crate::engine::{audit, card, idempotency, journal};
use crate::store::{StoreError, Table, Tx};

/// Why a record is not usable.
pub(super) fn usable(tx: &Tx<'_>, key: &[u8], sealed: Vec<u8>) -> Result<(), String> {
    let plain = tx.open_row(key, sealed).map_err(|_| "does not authenticate".to_owned())?;
    let row = Row { tx, key, plain: &plain };
    let (table, rest) = key.split_first().ok_or("has no key")?;
    let Some(table) = Table::of_byte(*table) else { return Err("is of no known table".to_owned()) };
    match (table, rest.first()) {
        (Table::Meta, _) => match rest {
            b"own card" => row.is::<card::Own>(),
            b"own name" => row.is::<String>(),
            b"link" => row.is::<links::Link>(),
            b"joining" => row.is::<links::Joining>(),
            b"transfer" => row.is::<transfer::Transfer>(),
            b"handed cards" => row.is::<Vec<ByteBuf>>(),
            b"journal size" => row.is::<journal::Size>(),
            b"journal" | b"journal start" | b"channel" | b"feed" | b"card" | b"parcel" | b"audit" | b"kept parcel"
            | b"slots" => row.is::<u64>(),
            _ => row.is::<IgnoredAny>(),
        },
        (Table::OwnDevice, _) => row.is::<OwnDevice>(),
        (Table::Ticket, Some(0)) => row.is::<Issued>(),
        (Table::Ticket, _) => row.is::<TokenBook>(),
        (Table::Prekey, _) => row.is::<PrekeyStore>(),
        (Table::Contact, _) => row.is::<Contact>(),
        (Table::Alias | Table::Invite, _) => row.is::<AccountId>(),
        (Table::Card, _) => row.is::<Card>(),
        (Table::Device, _) => row.is::<ByteBuf>(),
        (Table::OwnRecord, Some(0)) => row.is::<own_records::Winner>(),
        (Table::OwnRecord, Some(1)) => row.is::<Vec<own_records::Rival>>(),
        (Table::OwnRecord, _) => row.is::<Vec<own_records::ReadUpTo>>(),
        (Table::ContentKey, _) => row.is::<Secret<32>>(),
        (Table::Session | Table::GroupSession, _) => row.is::<DeviceSessions>(),
        (Table::Peer, _) => row.is::<DeviceRef>(),
        (Table::Channel, Some(0)) => row.is::<Channel>(),
        (Table::Channel, Some(2..=4 | 6 | 7)) => row.is::<OrderKey>(),
        (Table::Group, Some(0)) => row.is::<Standing>(),
        (Table::Group, Some(1)) => row.is::<Asking>(),
        (Table::Group, Some(2)) => row.is::<(AccountId, DeviceId)>(),
        (Table::Group, Some(4)) => row.is::<Frozen>(),
        (Table::Roster, _) => row.is::<Stored>(),
        (Table::Chain, Some(0)) => row.is::<OwnChain>(),
        (Table::Chain, Some(1)) => row.is::<DistributionWork>(),
        (Table::Chain, Some(2)) => row.is::<PastChains>(),
        (Table::Chain, Some(3)) => row.is::<ReceiverChains>(),
        (Table::Custody, _) => row.is::<Kept>(),
        (Table::Keeping | Table::Mailbox, what) => mail(&row, table, what.copied()),
        (Table::Head, _) => row.is::<Feed>(),
        (Table::Entry, _) if rest.ends_with(&[0; 8]) => row.bytes(|bytes| ForkProof::decode(bytes).map(drop)),
        (Table::Entry, _) => row.bytes(|bytes| Entry::from_stored(bytes).map(drop)),
        (Table::Message, _) => row.is::<Pointer>(),
        (Table::Order, _) => row.is::<Message>(),
        (Table::Parked, _) => row.is::<Parked>(),
        (Table::Awaited | Table::Withheld, _) => row.is::<transfer::Awaited>(),
        (Table::Outbox, _) => row.is::<Waiting>(),
        (Table::Delivery, _) => row.is::<Mark>(),
        (Table::Journal, _) => row.is::<journal::Run>(),
        (Table::Channel | Table::Group | Table::Chain | Table::Consumer | Table::Seen, _) => row.is::<u64>(),
        (Table::ClientId, _) => row.is::<idempotency::Record>(),
        (Table::Token, _) => row.is::<Token>(),
        (Table::Audit, _) => row.is::<audit::Record>(),
        (other, _) => Err(format!("is of the table {other:?}, which is not used")),
    }
}

/// What is kept for others at this node, and what of ours and for contacts lies elsewhere.
fn mail(row: &Row<'_, '_>, table: Table, what: Option<u8>) -> Result<(), String> {
    match (table, what) {
        (Table::Keeping, Some(0)) => row.is::<keeping::Owner>(),
        (Table::Keeping, Some(1)) => row.is::<keeping::Slot>(),
        (Table::Keeping, Some(2 | 10)) => row.is::<Vec<SlotId>>(),
        (Table::Keeping, Some(3)) => row.is::<keeping::Lying>(),
        (Table::Keeping, Some(4)) | (Table::Mailbox, Some(31)) => row.is::<u64>(),
        (Table::Keeping, Some(5)) => row.is::<keeping::Issued>(),
        (Table::Keeping, Some(6)) => row.is::<Use>(),
        (Table::Keeping, Some(7 | 31)) | (Table::Mailbox, Some(3)) => row.is::<AccountId>(),
        (Table::Keeping, Some(30)) => row.is::<kept_invites::Opened>(),
        (Table::Mailbox, Some(30)) => row.is::<left_frames::Left>(),
        (Table::Keeping, Some(8)) => row.is::<keeping::Used>(),
        (Table::Keeping, Some(11)) => row.is::<keeper_requests::Wanted>(),
        (Table::Keeping, Some(9 | 20)) => row.bytes(|_| Ok::<(), String>(())),
        (Table::Mailbox, Some(0)) => row.is::<InboxSecret>(),
        (Table::Mailbox, Some(1)) => row.is::<mailboxes::Mine>(),
        (Table::Mailbox, Some(2)) => row.is::<mailboxes::Given>(),
        (Table::Mailbox, Some(4)) => row.is::<ByteBuf>(),
        (Table::Mailbox, Some(5)) => row.is::<mailboxes::Theirs>(),
        (Table::Mailbox, Some(6)) => row.is::<mailboxes::Left>(),
        (Table::Mailbox, Some(7)) => row.is::<mailboxes::Pending>(),
        (Table::Mailbox, Some(8)) => row.is::<mailboxes::Inbox>(),
        (Table::Mailbox, Some(10)) => row.is::<mailboxes::Told>(),
        (Table::Mailbox, Some(9)) => row.is::<keeper_requests::Asked>(),
        (Table::Mailbox, Some(20)) => row.is::<ListKeys>(),
        (Table::Mailbox, Some(21)) => row.is::<mailboxes::ListTold>(),
        (other, _) => Err(format!("is of no known kind of the table {other:?}")),
    }
}

struct Row<'a, 's> {
    tx: &'a Tx<'s>,
    key: &'a [u8],
    plain: &'a [u8],
}

impl Row<'_, '_> {
    fn is<T: DeserializeOwned>(&self) -> Result<(), String> {
        self.tx.decode_plain::<T>(self.key, self.plain).map(drop).map_err(|error| told(&error))
    }

    fn bytes<E: std::fmt::Display>(&self, check: impl FnOnce(&[u8]) -> Result<(), E>) -> Result<(), String> {
        let body = self.tx.plain_body(self.key, self.plain).map_err(|error| told(&error))?;
        check(&body).map_err(|error| error.to_string())
    }
}

fn told(error: &StoreError) -> String {
    match error {
        StoreError::Decode { source, .. } => format!("is not what it should be: {source}"),
        StoreError::Version { found, known, .. } => {
            format!("has schema version {found}, this covey knows {known}; use a newer covey")
        }
        other => other.to_string(),
    }
}
