//! For which contacts mail may be left, how much of it they have, where, and for how long.

use covey_feed::FeedKey;
use covey_pairing::ids::AccountId;
use covey_pairing::keeper::{InboxKey, MailboxAt};

use crate::engine::records::channels::{self, Channel};
use crate::engine::records::feeds::{self, Feed};
use crate::engine::records::{mailboxes, marks, people};
use crate::engine::{Cx, EngineError};

/// How long after the usual time a receipt may say that a parcel is kept, in milliseconds: clocks differ.
const CLOCKS: u64 = 2 * 24 * 3_600_000;
/// Nobody promises to keep something for less than this, in milliseconds.
const LEAST: u64 = 3_600_000;

/// Until when a parcel counts as kept, by our clock. A promise that cannot be is made by a clock that is wrong, ours or the keeper's: it keeps
/// parcels for as long as others do, and says when it has lost one ([`super::checking`]).
///
/// `longest`: for how long the most durable of such parcels are kept; `usual`: for how long this one is, in milliseconds.
pub(super) fn counts_until(promised: u64, now: u64, longest: u64, usual: u64) -> u64 {
    let possible = now.saturating_add(LEAST)..=now.saturating_add(longest + CLOCKS);
    if possible.contains(&promised) { promised } else { now.saturating_add(usual) }
}

/// Whether a device of a contact is connected: then everything goes there.
pub(super) fn is_here(cx: &Cx<'_, '_>, account: &AccountId) -> bool {
    let of = |peer: &crate::engine::PeerKey| cx.live.contacts.get(peer).is_some_and(|at| at.account == *account);
    cx.live.opened.iter().any(of)
}

/// Where mail for a contact may be left. If this node is one of the keepers, the contact fetches from us anyway.
pub(super) fn places(cx: &Cx<'_, '_>, account: &AccountId) -> Result<Vec<(MailboxAt, InboxKey)>, EngineError> {
    let mut places = mailboxes::places(cx.tx, account)?;
    places.retain(|(at, _)| !cx.me.is_this_device(&at.keeper.id));
    Ok(places)
}

/// The channel with a contact and our feed there, if there is something in it that the contact has not.
pub(super) fn waiting(cx: &Cx<'_, '_>, account: &AccountId) -> Result<Option<(Channel, Feed)>, EngineError> {
    let contact = people::load(cx.tx, account)?.filter(people::Contact::is_paired);
    let Some(no) = contact.and_then(|contact| contact.channel) else { return Ok(None) };
    let Some(channel) = channels::by_no(cx.tx, no)?.filter(|channel| channel.open) else { return Ok(None) };
    let key = FeedKey { author: cx.me.author(), incarnation: channel.incarnation };
    let Some(feed) = feeds::load(cx.tx, no, &key)? else { return Ok(None) };
    let last = feed.head.map_or(0, |head| head.seq);
    Ok((delivered(cx, account, &feed)? < last).then_some((channel, feed)))
}

/// Up to where any device of a contact has a feed of ours.
pub(super) fn delivered(cx: &Cx<'_, '_>, account: &AccountId, feed: &Feed) -> Result<u64, EngineError> {
    let marks = marks::scan(cx.tx, feed.fid)?.into_iter().filter(|mark| mark.account == *account);
    Ok(marks.map(|mark| mark.delivered).max().unwrap_or(0))
}
