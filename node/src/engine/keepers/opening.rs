//! A parcel that lay in a slot of ours: whose it is, and what it brings.

use covey_feed::{ChannelId, FeedId, FeedKey, RunIn};
use covey_pairing::ids::AccountId;
use covey_pairing::keeper::{DepositError, InboxError, SlotId};
use tracing::debug;

use crate::engine::records::devices::DeviceRef;
use crate::engine::records::{channels, devices, mailboxes, people};
use crate::engine::replication::sync::{self, Came};
use crate::engine::said::receipts;
use crate::engine::wire::mail::Mail;
use crate::engine::{Cx, EngineError, group, tables};

/// What a parcel is good for.
pub(super) enum Brings {
    /// What it brings is here now, or was before: the keeper may delete it.
    Something,
    /// It is worthless, whoever is to blame: the keeper may delete it.
    Nothing,
    /// It may be of use later.
    NotYet,
}

/// Takes what a parcel brings.
pub(super) fn take(cx: &mut Cx<'_, '_>, slot: &SlotId, parcel: &[u8]) -> Result<Brings, EngineError> {
    // [MAIL-11] Another device of ours may know the slot or the key, and tell us of it.
    let unknown = || if cx.me.has_others() { Brings::NotYet } else { Brings::Nothing };
    let Some(account) = cx.tx.load::<AccountId>(&tables::given_slot(slot))? else { return Ok(unknown()) };
    let Some(inbox) = mailboxes::inbox(cx.tx)? else { return Ok(unknown()) };
    let deposit = match inbox.open(slot, parcel) {
        Ok(deposit) => deposit,
        Err(DepositError::Inbox(InboxError::OtherKey)) => return Ok(unknown()),
        Err(error) => {
            cx.live.tally.parcels_broken += 1;
            debug!(account = %account.fmt_short(), %error, "a parcel that was left does not open");
            return Ok(Brings::Nothing);
        }
    };
    if !people::load(cx.tx, &account)?.is_some_and(|contact| contact.is_paired()) {
        return Ok(Brings::Nothing);
    }
    // [MAIL-6] Only devices of the contact to whom the slot was given. One that is not known yet may become so.
    if devices::device(cx.tx, &account, &deposit.device)?.is_none() {
        return Ok(Brings::NotYet);
    }
    let Some(mail) = Mail::decode(&deposit.content) else { return Ok(Brings::Nothing) };
    let from = DeviceRef { account, device: deposit.device };
    let channel = channels::by_id(cx.tx, &mail.channel)?;
    // [MAIL-7] Of the conversation with that contact.
    if channel.is_none_or(|channel| channel.contact() != Some(account)) {
        return Ok(Brings::Nothing);
    }
    cx.live.tally.parcels_received += 1;
    let mut fate = Brings::Something;
    for (author, incarnation, run) in mail.runs {
        let Ok(run) = RunIn::decode(&run) else { continue };
        let feed = FeedId::new(mail.channel, FeedKey { author, incarnation });
        if matches!(sync::came(cx, feed, run, from)?, Came::NotYet) {
            fate = Brings::NotYet;
        }
    }
    has(cx, mail.channel, from, &mail.has)?;
    Ok(fate)
}

/// What the depositor has of our feeds is delivered.
fn has(
    cx: &mut Cx<'_, '_>,
    channel: ChannelId,
    from: DeviceRef,
    has: &[(covey_feed::Author, u64, u64)],
) -> Result<(), EngineError> {
    for (author, incarnation, seq) in has {
        let key = FeedKey { author: *author, incarnation: *incarnation };
        if let Some(channel) = receipts::delivered(cx, channel, key, *seq, from.account, &from.device)? {
            group::peers::told(cx, &channel)?;
        }
    }
    Ok(())
}
