//! The owner: the keepers of its account. Any device of the account adds one or takes one away, and all of them have dealings with it.

use covey_pairing::keeper::{InboxSecret, KEPT_FOR_MS, KeeperFrame, KeeperTicket, Room};
use serde_bytes::ByteBuf;
use tracing::{info, warn};

use crate::engine::contacts::renewal;
use crate::engine::counters::Counter;
use crate::engine::keepers::say::send;
use crate::engine::keepers::{fetching, remembering, slots, state};
use crate::engine::notices::Notice;
use crate::engine::records::devices;
use crate::engine::records::mailboxes::{self, Inbox, Mine, Stands};
use crate::engine::records::people;
use crate::engine::wire::own_record::Key;
use crate::engine::{Cx, Effect, EngineError, PeerKey, card};

/// Mail for us is to be kept by this keeper from now on.
pub(in crate::engine) fn add(cx: &mut Cx<'_, '_>, ticket: KeeperTicket) -> Result<Mine, EngineError> {
    if mailboxes::inbox(cx.tx)?.is_none() {
        renew_key(cx)?;
    }
    let peer = PeerKey(ticket.keeper.network);
    let known = mailboxes::any_mine(cx.tx, peer)?;
    let (list, reached) = known.as_ref().map_or((0, None), |known| (known.list, known.reached));
    let ahead = known.as_ref().and_then(|known| known.ahead);
    let invites = known.as_ref().and_then(|known| known.invites);
    // With a new ticket for a keeper that we have, its slots stay what they are.
    let same = known.filter(|known| known.stands != Stands::Removed);
    let number = same.as_ref().map_or(mailboxes::number(cx.tx)?.saturating_add(1), |known| known.number);
    let mine = Mine {
        account: Some(ticket.account),
        keeper: ticket.keeper,
        addresses: ticket.addresses,
        secret: Some(ticket.secret),
        stands: Stands::Asked,
        list,
        room: None,
        reached,
        since: same.map_or(cx.now, |known| known.since),
        number,
        ahead,
        invites,
    };
    mine.save(cx.tx);
    cx.notices.push(Notice::Shared(Key::keeper(&mine.keeper.id)));
    cx.effects.push(Effect::Allow { peer, addresses: mine.addresses.clone() });
    peer_came(cx, peer)?;
    Ok(mine)
}

/// A keeper is one no more. What lies there is deleted, if it can be told, or runs out.
pub(in crate::engine) fn remove(cx: &mut Cx<'_, '_>, mine: Mine) -> Result<(), EngineError> {
    let peer = mine.peer();
    if cx.live.connected.contains(&peer) {
        let list = Counter::Slots.next(cx.tx)?;
        send(cx, peer, &KeeperFrame::Slots(list, Vec::new()));
        send(cx, peer, &KeeperFrame::Invites(None));
    }
    let (key, number) = (Key::keeper(&mine.keeper.id), mailboxes::number(cx.tx)?.saturating_add(1));
    let gone = Mine { stands: Stands::Removed, secret: None, number, ..mine };
    gone.save(cx.tx);
    cx.notices.push(Notice::Shared(key));
    state::forgotten(cx, &gone)
}

/// [MAIL-12] Makes a new inbox key. Mail that is sealed to those of before can still lie at keepers.
pub(super) fn renew_key(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    let number = mailboxes::number(cx.tx)?.saturating_add(1);
    let losses = devices::losses(&cx.me.key_log);
    let new = Inbox { number, secret: InboxSecret::random(cx.rng), losses, past: Vec::new() };
    let new = match mailboxes::inbox(cx.tx)? {
        Some(before) => {
            let until = cx.now.saturating_add(KEPT_FOR_MS);
            new.with_past(before.past.into_iter().chain([(before.secret, until)]), cx.now)
        }
        None => new,
    };
    new.save(cx.tx)?;
    cx.notices.push(Notice::Shared(Key::inbox()));
    cx.live.keepers.changed = true;
    Ok(())
}

/// A peer connected: if it is a keeper of ours, it is told who we are.
pub(super) fn peer_came(cx: &mut Cx<'_, '_>, peer: PeerKey) -> Result<(), EngineError> {
    cx.live.keepers.fetching.remove(&peer);
    cx.live.keepers.told_no_more(peer);
    greet(cx, peer)
}

/// Tells a keeper who we are, and again until it has made our slots durable: frames that find a full queue are lost.
fn greet(cx: &mut Cx<'_, '_>, peer: PeerKey) -> Result<(), EngineError> {
    match mailboxes::mine(cx.tx, peer)?.filter(|_| cx.live.connected.contains(&peer)) {
        Some(mine) => {
            let own = ByteBuf::from(card::own(cx)?);
            send(cx, peer, &KeeperFrame::Hello(mine.secret, own));
            cx.live.keepers.told(peer, cx.now);
        }
        None => cx.live.keepers.told_no_more(peer),
    }
    Ok(())
}

/// Time passed.
pub(super) fn tick(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    cx.live.keepers.silent_ones(cx.now).into_iter().try_for_each(|peer| greet(cx, peer))
}

/// [MAIL-10] Our account has other devices than before: keepers are shown the card that says so, for who may fetch follows from it.
pub(in crate::engine) fn devices_changed(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    mailboxes::all_mine(cx.tx)?.iter().try_for_each(|mine| peer_came(cx, mine.peer()))
}

/// The daemon started.
pub(super) fn start(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    cx.live.keepers.changed = true;
    for mine in mailboxes::all_mine(cx.tx)?.into_iter().filter(|mine| mine.stands == Stands::Keeps) {
        cx.live.keepers.lost(mine.peer(), cx.now);
    }
    allow(cx)
}

/// Connections to keepers are kept up.
pub(super) fn allow(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    for mine in mailboxes::all_mine(cx.tx)? {
        let peer = mine.peer();
        if let Some(account) = mine.account.filter(|_| !cx.live.connected.contains(&peer)) {
            cx.live.keepers.miss(account, peer, cx.now);
        }
        cx.effects.push(Effect::Allow { peer, addresses: mine.addresses });
    }
    Ok(())
}

/// From time to time: keepers that have not taken us in are asked again, for they may have heard of this device meanwhile, and the key that a
/// device of ours knows which was revoked elsewhere is replaced.
pub(super) fn keep_house(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    allow(cx)?;
    for mine in mailboxes::all_mine(cx.tx)?.into_iter().filter(|mine| mine.stands != Stands::Keeps) {
        peer_came(cx, mine.peer())?;
    }
    let losses = devices::losses(&cx.me.key_log);
    if mailboxes::inbox(cx.tx)?.is_some_and(|inbox| inbox.losses < losses) {
        renew_key(cx)?;
    }
    Ok(())
}

/// A keeper keeps our mail.
pub(super) fn welcome(
    cx: &mut Cx<'_, '_>,
    peer: PeerKey,
    room: Room,
    addresses: Vec<String>,
) -> Result<(), EngineError> {
    let Some(mut mine) = mailboxes::mine(cx.tx, peer)? else { return Ok(()) };
    if mine.stands != Stands::Keeps {
        info!("a keeper keeps mail for this account");
    }
    mine.secret = None;
    let is_news = !addresses.is_empty() && mine.addresses != addresses || mine.stands != Stands::Keeps;
    let is_named = mine.invites.is_some();
    if !addresses.is_empty() {
        mine.addresses = addresses;
    }
    // [MAIL-37] It was added by a version that did not write this down. Our other devices are told the same by the keeper.
    mine.account = mine.account.or(room.account);
    state::heard(cx, mine, room)?;
    if is_named && is_news {
        // Our card says where strangers may leave invites.
        renewal::renewed(cx)?;
    }
    // It may have lost its disk, or come back from an old copy: what it was told is told again.
    cx.live.keepers.changed = true;
    slots::register(cx, peer)?;
    fetching::ask(cx, peer, 0);
    remembering::keeper_came(cx, peer)
}

/// A keeper does not keep our mail.
pub(super) fn refused(cx: &mut Cx<'_, '_>, peer: PeerKey) -> Result<(), EngineError> {
    cx.live.keepers.told_no_more(peer);
    let Some(mut mine) = mailboxes::mine(cx.tx, peer)?.filter(|mine| mine.stands != Stands::Refused) else {
        return Ok(());
    };
    warn!("a keeper does not keep mail for this account (any more); see `covey keeper list`");
    (mine.stands, mine.reached) = (Stands::Refused, Some(cx.now));
    mine.save(cx.tx);
    cx.live.keepers.heard(peer);
    cx.live.keepers.fetching.remove(&peer);
    cx.live.keepers.changed = true;
    state::told(cx, &mine)?;
    if mine.invites.is_some() { renewal::renewed(cx) } else { Ok(()) }
}

/// Contacts, their devices, ours, or our keepers are others than before: what follows from that is done. Whether there was anything.
pub(in crate::engine) fn follow(cx: &mut Cx<'_, '_>) -> Result<bool, EngineError> {
    if std::mem::take(&mut cx.live.keepers.revoked) && mailboxes::inbox(cx.tx)?.is_some() {
        renew_key(cx)?;
    }
    for peer in std::mem::take(&mut cx.live.keepers.to_greet) {
        match mailboxes::any_mine(cx.tx, peer)? {
            Some(gone) if gone.stands == Stands::Removed => state::forgotten(cx, &gone)?,
            Some(mine) => cx.effects.push(Effect::Allow { peer, addresses: mine.addresses }),
            None => {}
        }
        peer_came(cx, peer)?;
    }
    let all = std::mem::take(&mut cx.live.keepers.changed);
    let some = std::mem::take(&mut cx.live.keepers.contacts);
    if (!all && some.is_empty()) || mailboxes::inbox(cx.tx)?.is_none() {
        return Ok(false);
    }
    let contacts = if all { people::all(cx.tx)? } else { people::of(cx.tx, &some)? };
    slots::follow(cx, &contacts)?;
    Ok(true)
}
