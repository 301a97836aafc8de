//! Keepers.

use covey_pairing::keeper::{
    KeeperFrame, KeeperTicket, Mailbox, MailboxAt, MailboxLetter, Receipt, Room, SlotEntry, SlotId, SlotToken,
    TicketSecret, Use, seal_left,
};
use serde_bytes::{ByteArray, ByteBuf};

use super::{Seeds, mode, named, rng};
use crate::targets::{
    keepers,
    pairing::{self, NOW, stages},
};

pub(crate) fn keeper_objects() -> Seeds {
    let mut rng = rng();
    let keeper = stages()[0].0.device.keys();
    let (slot, token) = (keepers::SLOT, SlotToken::random(&mut rng));
    let addresses = vec!["/ip4/192.0.2.1/tcp/7421".to_owned()];
    let parcel = keepers::parcel(b"content");
    let payload = keepers::inbox().open(slot.as_bytes(), &parcel).unwrap();
    let receipt = Receipt::sign(stages()[0].0.device.signing(), slot, &parcel, NOW);
    let room = Room {
        used: Use { parcels: 1, bytes: 2_000 },
        limit: 1 << 20,
        refused: false,
        clock: NOW,
        account: Some(stages()[0].0.account.id()),
    };
    let owner = &stages()[0].0.account;
    let (hash, invite) = (owner.kem_key().hash(), pairing::sealed_invite(&stages()[0].1, owner));
    let left = SlotId::of_invites(&owner.id(), &hash);
    let stranger = seal_left(&owner.id(), (&owner.dh().public(), owner.kem_key()), &invite, &mut rng).unwrap();
    let frames = [
        KeeperFrame::Hello(Some(TicketSecret::random(&mut rng)), ByteBuf::from(vec![1; 100])),
        KeeperFrame::welcome(room, addresses.clone()),
        KeeperFrame::Slots(1, vec![SlotEntry(slot, token.hash(), 1)]),
        KeeperFrame::Deposit(slot, token.clone(), ByteBuf::from(parcel.clone())),
        KeeperFrame::Parcel(1, slot, ByteBuf::from(parcel.clone())),
        KeeperFrame::Batch(1, false, room),
        KeeperFrame::Kept(receipt),
        KeeperFrame::Waiting,
        KeeperFrame::Check(slot, token.clone(), vec![ByteArray::new([1; 32])]),
        KeeperFrame::Missing(slot, vec![ByteArray::new([1; 32])]),
        KeeperFrame::Refused,
        KeeperFrame::Open(1),
        KeeperFrame::Fetch(1),
        KeeperFrame::Got(vec![1, 2]),
        KeeperFrame::Full(ByteArray::new([1; 32])),
        KeeperFrame::No(ByteArray::new([1; 32])),
        KeeperFrame::Later(ByteArray::new([1; 32])),
        KeeperFrame::PutList(ByteBuf::from(vec![1; 100])),
        KeeperFrame::ListKept(ByteArray::new([1; 32])),
        KeeperFrame::GetList,
        KeeperFrame::List(Some(ByteBuf::from(vec![1; 100]))),
        KeeperFrame::Invites(Some(owner.kem_key().clone())),
        KeeperFrame::Invites(None),
        KeeperFrame::InvitesOpen(owner.kem_key().hash()),
        KeeperFrame::AskKey(owner.kem_key().hash()),
        KeeperFrame::Key(owner.kem_key().clone()),
        KeeperFrame::Deposit(left, SlotToken::of_invites(&owner.id(), &hash), ByteBuf::from(stranger.clone())),
    ];
    let account = stages()[0].0.account.id();
    let at = vec![MailboxAt { account, keeper, addresses: addresses.clone(), slot, token }];
    let mailbox = Mailbox { key: keepers::inbox().public(), at, number: 1 };
    let secret = TicketSecret::random(&mut rng);
    let ticket = KeeperTicket { account, keeper, secret, expires_at: NOW, addresses }.to_string();
    let ticket = data_encoding::BASE32_NOPAD.decode(ticket["covey-keeper:".len()..].to_uppercase().as_bytes()).unwrap();
    let mut seeds = named("frame", frames.iter().map(|frame| mode(0, &frame.encode())));
    seeds.extend(named("parcel", [mode(1, &parcel), mode(2, &payload)]));
    seeds.extend(named("mailbox", [mode(3, &mailbox.encode())]));
    seeds.extend(named("ticket", [mode(4, &ticket[..ticket.len() - 4])]));
    let (alice, bob) = &stages()[stages().len() - 1];
    let (secret, id) = (alice.relationship.pair_secret().unwrap(), alice.relationship.pact_id().unwrap());
    let sender = (&bob.account.id(), &bob.device.keys().id);
    let letter = MailboxLetter::seal(secret, id, sender, &mailbox.encode(), &mut rng).encode();
    seeds.extend(named("letter", [mode(5, &letter)]));
    seeds.extend(named("stranger", [mode(6, &stranger), mode(7, &invite), mode(7, &letter)]));
    seeds.push(("bad-parcel".to_owned(), mode(1, &[1; 2_000])));
    seeds.push(("bad-stranger".to_owned(), mode(6, &[1; 2_000])));
    seeds
}
