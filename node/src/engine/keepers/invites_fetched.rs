//! The owner: invites, and what else strangers and former ones say of pairing, that lay at a keeper. What is done with them is the business of
//! [`crate::engine::consent::frames`], where all come that arrive in person.

use covey_pairing::consent::PairFrame;
use covey_pairing::crypto::kem::KemHash;
use covey_pairing::ids::AccountId;
use covey_pairing::keeper::{KeeperFrame, Mailbox, MailboxLetter, SlotId, open_left};
use tracing::debug;

use crate::engine::consent::frames::{self, Fate, Way};
use crate::engine::contacts::renewal;
use crate::engine::keepers::leaving;
use crate::engine::keepers::opening::Brings;
use crate::engine::keepers::say::send;
use crate::engine::records::devices::{self, DeviceRef};
use crate::engine::records::mailboxes::{self, Stands};
use crate::engine::records::people::{self, Contact};
use crate::engine::{Cx, EngineError, PeerKey, tables};

/// [MAIL-30] A keeper is told for which key strangers may leave invites.
pub(super) fn offer(cx: &mut Cx<'_, '_>, peer: PeerKey) {
    let key = cx.me.account.kem_key().clone();
    send(cx, peer, &KeeperFrame::Invites(Some(key)));
}

/// [MAIL-30] A keeper has made that durable: our card and our tickets name it from now on.
pub(super) fn opened(cx: &mut Cx<'_, '_>, peer: PeerKey, hash: KemHash) -> Result<(), EngineError> {
    let Some(mut mine) = mailboxes::mine(cx.tx, peer)?.filter(|mine| mine.stands == Stands::Keeps) else {
        return Ok(());
    };
    if mine.invites == Some(hash) || hash != cx.me.account.kem_key().hash() {
        return Ok(());
    }
    mine.invites = Some(hash);
    mine.save(cx.tx);
    renewal::renewed(cx)
}

/// Whether a slot is that of our invites.
pub(super) fn is_slot(cx: &Cx<'_, '_>, slot: &SlotId) -> bool {
    *slot == SlotId::of_invites(&cx.me.account_id(), &cx.me.account.kem_key().hash())
}

/// [MAIL-33] Takes what lay there. What is of no use is deleted at the keeper; what the limits on strangers do not let in now is fetched again.
pub(super) fn take(cx: &mut Cx<'_, '_>, parcel: &[u8]) -> Result<Brings, EngineError> {
    if !cx.live.invites.may_open(cx.now) {
        return Ok(Brings::NotYet);
    }
    let frame = match open_left(&cx.me.account, parcel) {
        Ok(frame) => frame,
        Err(error) => {
            cx.live.tally.parcels_broken += 1;
            debug!(%error, "what a stranger left does not open");
            return Ok(Brings::Something);
        }
    };
    if let Some(letter) = MailboxLetter::decode(&frame) {
        introduced(cx, &letter)?;
        return Ok(Brings::Something);
    }
    let Ok(frame) = PairFrame::decode(&frame) else {
        debug!("what a stranger left is no pairing frame");
        return Ok(Brings::Something);
    };
    Ok(match frames::frame(cx, Way::Kept, frame)? {
        Fate::Done => Brings::Something,
        Fate::Later => Brings::NotYet,
    })
}

/// [MAIL-36] A contact whom we have not met says where its mail waits. What one of its devices said later, or in a session, stays.
fn introduced(cx: &mut Cx<'_, '_>, letter: &MailboxLetter) -> Result<(), EngineError> {
    let account = cx.tx.get::<AccountId>(&tables::invite(&letter.id))?;
    let contact = account.map(|account| people::load(cx.tx, &account)).transpose()?.flatten();
    let Some(contact) = contact.filter(Contact::is_paired) else { return Ok(()) };
    let relationship = &contact.relationship;
    let secret = relationship.pair_secret().filter(|_| relationship.pact_id() == Some(letter.id));
    let Some((device, mailbox)) = secret.and_then(|secret| letter.open(secret, &contact.account)) else {
        return Ok(());
    };
    let number = Mailbox::decode(&mailbox).map_or(0, |mailbox| mailbox.number);
    let known = mailboxes::theirs(cx.tx, &contact.account)?.into_iter().filter(|theirs| theirs.device == device);
    let is_known = known.into_iter().any(|theirs| theirs.mailbox.number >= number);
    if is_known || devices::device(cx.tx, &contact.account, &device)?.is_none() {
        return Ok(());
    }
    leaving::told(cx, DeviceRef { account: contact.account, device }, &mailbox)
}
