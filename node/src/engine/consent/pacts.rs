//! What a pact carries: a channel, sessions, and the gate that is open for their devices. It begins with both consents,
//! rests while one side has blocked the other, and ends with a removal or a new pact.

use covey_feed::ChannelId;
use covey_pairing::consent::PairSecret;

use crate::engine::consent::keys::{self, Keys};
use crate::engine::group::{invites, returning};
use crate::engine::notices::Notice;
use crate::engine::outbound::post;
use crate::engine::records::channels::{self, Channel};
use crate::engine::records::devices;
use crate::engine::records::people::{Contact, Wanted};
use crate::engine::sealing::sessions;
use crate::engine::wire::own_record::Key;
use crate::engine::{Cx, EngineError, gate, members, sharing};

/// Both consented: there is a channel, and their devices may use it.
pub(in crate::engine) fn paired(
    cx: &mut Cx<'_, '_>,
    contact: &mut Contact,
    secret: &PairSecret,
) -> Result<(), EngineError> {
    let incarnation = channels::first_incarnation(cx.tx, cx.rng)?;
    let id = ChannelId::from_bytes(secret.channel_id());
    let channel = channels::open_direct(cx.tx, id, contact.account, cx.now, incarnation)?;
    contact.channel = Some(channel.no);
    contact.renew = false;
    contact.save(cx.tx)?;
    gate::allow_contact(cx, &contact.account)?;
    sharing::channel_opened(cx, &channel)?;
    // It may be connected already, for the sake of a group.
    cx.live.lost.add(contact.account, cx.now);
    returning::give_back(cx, &contact.account)?;
    invites::remind(cx, contact.account)
}

/// It is over: sessions and keys are gone, the history stays readable.
pub(in crate::engine) fn unpaired(
    cx: &mut Cx<'_, '_>,
    contact: &mut Contact,
    previous: Option<u64>,
) -> Result<(), EngineError> {
    sessions::erase(cx, &contact.account)?;
    contact.verified = false;
    if !contact.has_pact() {
        sessions::forget_bundles(cx, &contact.account)?;
    }
    if let Some(channel) = close(cx, previous)? {
        cx.notices.push(Notice::Shared(Key::conversation(&channel.id)));
        // Something may have been said on another device of ours, which we have not heard of.
        if devices::devices(cx.tx, &cx.me.account_id())?.is_empty() && channels::forget_if_silent(cx.tx, &channel)? {
            contact.channel = contact.channel.filter(|no| *no != channel.no);
        }
    }
    contact.save(cx.tx)?;
    for device in devices::devices(cx.tx, &contact.account)? {
        devices::forget_card_sent(cx.tx, &device.id);
        post::forget_unless_known(cx, &contact.account, &device.id)?;
        members::parted(cx, &contact.account, device.peer)?;
    }
    Ok(())
}

/// Their device is not served and what is written waits, on both sides, until the block is lifted. They are told nothing.
pub(in crate::engine) fn paused(cx: &mut Cx<'_, '_>, contact: &Contact) -> Result<(), EngineError> {
    close(cx, contact.channel)?;
    for device in devices::devices(cx.tx, &contact.account)? {
        members::parted(cx, &contact.account, device.peer)?;
    }
    Ok(())
}

/// The block is lifted: what waited goes on its way. If their account was recovered meanwhile, they are asked for another pact [PAIR-85].
pub(in crate::engine) fn resumed(cx: &mut Cx<'_, '_>, contact: &mut Contact) -> Result<(), EngineError> {
    // As long as it was blocked its card was not looked up.
    cx.live.lost.add(contact.account, cx.now);
    if std::mem::take(&mut contact.renew) {
        let Keys { dh, kem } = keys::of_card(cx, &contact.account)?;
        let (note, since) = (String::new(), cx.now);
        contact.wanted = Some(Wanted { note, token: None, since, dh, kem, renewal: true, of: None });
        contact.save(cx.tx)?;
        cx.notices.push(Notice::Pursue(contact.account));
    }
    if let Some(mut channel) = contact.channel.map(|no| channels::by_no(cx.tx, no)).transpose()?.flatten() {
        channel.open = true;
        channel.save(cx.tx)?;
        gate::allow_contact(cx, &contact.account)?;
        sharing::channel_opened(cx, &channel)?;
    }
    Ok(())
}

/// Nothing goes through a channel any more.
fn close(cx: &mut Cx<'_, '_>, no: Option<u64>) -> Result<Option<Channel>, EngineError> {
    let mut found = no.map(|no| channels::by_no(cx.tx, no)).transpose()?.flatten();
    if let Some(channel) = &mut found {
        channel.open = false;
        channel.save(cx.tx)?;
        sharing::channel_closed(cx, channel)?;
    }
    Ok(found)
}
