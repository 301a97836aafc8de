//! Whether what members wrote counts, looked at again when the roster changes.
//!
//! What does not count is stored and hidden, key and all: the next operation may say otherwise.

use covey_feed::{Entry, EntryId};
use covey_pairing::ids::{AccountId, DeviceId};

use crate::engine::members::{self, rights, rosters};
use crate::engine::records::channels::{self, Channel};
use crate::engine::records::feeds::{self, Feed};
use crate::engine::records::messages::{self, Message};
use crate::engine::records::people;
use crate::engine::said::arrivals;
use crate::engine::{Cx, EngineError, tables};

/// Messages looked at in one go.
const CHUNK: usize = 128;

/// How messages were judged when they were last looked at as a whole: raised when a later covey judges otherwise.
const RULES: u64 = 1;

/// Looks at one entry again: it is hidden, or shown.
pub(in crate::engine) fn look_again(
    cx: &mut Cx<'_, '_>,
    channel: &mut Channel,
    entry: &Entry,
) -> Result<(), EngineError> {
    match messages::at(cx.tx, channel.no, &entry.order())?.filter(|message| message.id == entry.id()) {
        Some(message) => judge(cx, channel, &message),
        None => Ok(()),
    }
}

fn judge(cx: &mut Cx<'_, '_>, channel: &mut Channel, message: &Message) -> Result<(), EngineError> {
    let hidden = !rights::counts(cx, channel, &message.author, &message.place, message.body.kind)
        || !rights::is_within(cx, channel, &message.place)?;
    if hidden == message.hidden { Ok(()) } else { arrivals::hide(cx, channel, &message.id, hidden) }
}

/// Looks again at all messages. How many there were.
fn judge_all(cx: &mut Cx<'_, '_>, channel: &mut Channel) -> Result<u64, EngineError> {
    let mut after = None;
    let mut looked = 0;
    loop {
        let part = cx.tx.scan::<Message>(&tables::messages(channel.no), after.as_ref(), CHUNK, false)?;
        let ended = part.len() < CHUNK;
        for (key, message) in part {
            after = Some(key);
            looked += 1;
            judge(cx, channel, &message)?;
        }
        if ended {
            return Ok(looked);
        }
    }
}

/// Looks again at what the devices of an account wrote: nothing, of who has just come in. How many entries there were.
fn judge_those_of(cx: &mut Cx<'_, '_>, channel: &mut Channel, account: &AccountId) -> Result<u64, EngineError> {
    let devices = rosters::get(cx, channel.no).into_iter().flat_map(|group| &group.devices);
    let devices: Vec<DeviceId> = devices.filter(|(_, of)| *of == account).map(|(device, _)| *device).collect();
    let mut looked = 0;
    for device in devices {
        let feeds = tables::feeds_of(channel.no, device.as_bytes());
        for (_, feed) in cx.tx.scan::<Feed>(&feeds, None, usize::MAX, false)? {
            for seq in 1..=feed.head.map_or(0, |head| head.seq) {
                looked += 1;
                if let Some(entry) = feeds::entry(cx.tx, feed.fid, seq)? {
                    look_again(cx, channel, &entry)?;
                }
            }
        }
    }
    Ok(looked)
}

/// [CUT-2] A contact has other devices than before, or our own account: what one of before wrote beyond its end counts no more, and what is within
/// it does.
pub(in crate::engine) fn judge_ended(cx: &mut Cx<'_, '_>, account: &AccountId) -> Result<(), EngineError> {
    if !cx.me.is_ours(account) {
        let no = people::load(cx.tx, account)?.and_then(|contact| contact.channel);
        let channel = no.map(|no| channels::by_no(cx.tx, no)).transpose()?.flatten();
        return channel.map_or(Ok(()), |channel| judge_direct(cx, channel));
    }
    let direct = channels::all(cx.tx)?.into_iter().filter(|channel| channel.contact().is_some());
    direct.into_iter().try_for_each(|channel| judge_direct(cx, channel))
}

/// Looks again at the feeds of a conversation that end.
fn judge_direct(cx: &mut Cx<'_, '_>, mut channel: Channel) -> Result<(), EngineError> {
    for feed in feeds::all(cx.tx, channel.no)? {
        if members::cut(cx, &channel, &feed.key)?.is_none() {
            continue;
        }
        for seq in 1..=feed.head.map_or(0, |head| head.seq) {
            if let Some(entry) = feeds::entry(cx.tx, feed.fid, seq)? {
                look_again(cx, &mut channel, &entry)?;
            }
        }
    }
    channel.save(cx.tx)
}

/// Looks again at what those wrote whose right to it is another one now, at the cost of who brought that about.
pub(in crate::engine) fn judge_anew(
    cx: &mut Cx<'_, '_>,
    channel: &mut Channel,
    of: &[Option<AccountId>],
    actor: Option<AccountId>,
) -> Result<(), EngineError> {
    // Of everybody's there is nothing left to look at one by one.
    let of = if of.contains(&None) { &[None] } else { of };
    let mut looked = 0;
    for account in of {
        looked += match account {
            Some(account) => judge_those_of(cx, channel, account)?,
            None => judge_all(cx, channel)?,
        };
    }
    if let Some(actor) = actor.filter(|actor| !cx.me.is_ours(actor)) {
        cx.live.works.charge(actor, looked, cx.policy.work, cx.now);
    }
    Ok(())
}

/// Looks again at everything: the roster was filled anew from what is stored, and may say something else than before.
pub(in crate::engine) fn reconcile(cx: &mut Cx<'_, '_>, channel: &mut Channel) -> Result<(), EngineError> {
    // As long as nothing is known of a group, what is here of it stays as it is.
    let Some(group) = rosters::get(cx, channel.no).filter(|group| group.roster.founder().is_some()) else {
        return Ok(());
    };
    let deleted: Vec<_> = group.roster.deleted().map(|(entry, device)| (*entry, *device)).collect();
    for (entry, device) in deleted {
        arrivals::delete(cx, channel, &EntryId::from_bytes(*entry.as_bytes()), &device)?;
    }
    judge_all(cx, channel)?;
    channel.save(cx.tx)?;
    Ok(cx.tx.put(&tables::judged(channel.no), &RULES)?)
}

/// The same once after an earlier covey, which judged otherwise.
pub(in crate::engine) fn reconcile_once(cx: &mut Cx<'_, '_>, channel: &mut Channel) -> Result<(), EngineError> {
    let judged = cx.tx.get::<u64>(&tables::judged(channel.no))?;
    if judged == Some(RULES) { Ok(()) } else { reconcile(cx, channel) }
}
