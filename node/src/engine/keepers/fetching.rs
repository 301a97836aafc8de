//! The owner: what lies at its keepers is fetched, and acknowledged once it is durable here.

use covey_pairing::keeper::{KeeperFrame, Room, SlotId};
use tracing::warn;

use crate::engine::keepers::invites_fetched;
use crate::engine::keepers::opening::{self, Brings};
use crate::engine::keepers::say::send;
use crate::engine::keepers::state;
use crate::engine::live::keepers::Fetching;
use crate::engine::records::mailboxes::{self, Stands};
use crate::engine::{Cx, EngineError, PeerKey};

/// A keeper that did not answer is asked again after this, in milliseconds, and then ever more rarely.
const ANSWERS: u64 = 15_000;
/// But no more rarely than this, in milliseconds.
const RARELY: u64 = 30 * 60_000;
/// What did not fit, or may not have come, is fetched again after this, in milliseconds: what is missing before it may have come another way.
const FITS: u64 = 10 * 60_000;
/// All that lies there is asked for this often, in milliseconds: a parcel, or the word that there is one, may have been lost on its way.
const ALL: u64 = 60 * 60_000;

/// Asks a keeper for what lies there after a number. One that keeps us busy with nothing is left alone for some minutes.
pub(super) fn ask(cx: &mut Cx<'_, '_>, peer: PeerKey, after: u64) {
    if cx.live.keepers.is_tiresome(peer, cx.now) {
        warn!(?peer, "a keeper answers without end and brings nothing; it is asked again in some minutes");
        let at = cx.now.saturating_add(FITS);
        let rest = Fetching { after: 0, at, wait: ANSWERS, asked: false, again: true, rang: false, brought: false };
        cx.live.keepers.fetching.insert(peer, rest);
        return;
    }
    let at = cx.now.saturating_add(ANSWERS);
    // From the beginning: what was passed over comes again.
    let again = after > 0 && cx.live.keepers.fetching.get(&peer).is_some_and(|fetching| fetching.again);
    let asked = Fetching { after, at, wait: ANSWERS, asked: true, again, rang: false, brought: false };
    cx.live.keepers.fetching.insert(peer, asked);
    send(cx, peer, &KeeperFrame::Fetch(after));
}

/// Something new lies at a keeper.
pub(super) fn waiting(cx: &mut Cx<'_, '_>, peer: PeerKey) -> Result<(), EngineError> {
    let Some(mine) = mailboxes::mine(cx.tx, peer)? else { return Ok(()) };
    if mine.stands != Stands::Keeps {
        return Ok(());
    }
    match cx.live.keepers.fetching.get_mut(&peer) {
        Some(fetching) if fetching.asked => fetching.rang = true,
        // Numbers only grow: what is new comes after what was looked at.
        Some(fetching) => {
            let after = fetching.after;
            ask(cx, peer, after);
        }
        None => ask(cx, peer, 0),
    }
    Ok(())
}

/// A parcel that lay there. It is acknowledged once what it brings is durable.
pub(super) fn parcel(
    cx: &mut Cx<'_, '_>,
    peer: PeerKey,
    number: u64,
    slot: SlotId,
    parcel: &[u8],
) -> Result<(), EngineError> {
    if cx.live.keepers.is_tiresome(peer, cx.now) {
        return Ok(());
    }
    // Nobody brings what was not asked for.
    let Some(fetching) = cx.live.keepers.fetching.get_mut(&peer).filter(|fetching| fetching.asked) else {
        return Ok(());
    };
    fetching.at = cx.now.saturating_add(ANSWERS);
    let is_of_strangers = invites_fetched::is_slot(cx, &slot);
    let brings = if is_of_strangers { invites_fetched::take(cx, parcel)? } else { opening::take(cx, &slot, parcel)? };
    let Some(fetching) = cx.live.keepers.fetching.get_mut(&peer) else { return Ok(()) };
    match brings {
        Brings::Something => fetching.brought = true,
        Brings::Nothing => cx.live.keepers.brought_nothing(peer, cx.now),
        Brings::NotYet => {
            fetching.again = true;
            return Ok(());
        }
    }
    send(cx, peer, &KeeperFrame::Got(vec![number]));
    Ok(())
}

/// A keeper has sent everything up to a number.
pub(super) fn batch(cx: &mut Cx<'_, '_>, peer: PeerKey, upto: u64, more: bool, room: Room) -> Result<(), EngineError> {
    let Some(fetching) = cx.live.keepers.fetching.get(&peer).copied().filter(|fetching| fetching.asked) else {
        return Ok(());
    };
    // An honest one has nothing new now and then.
    if !fetching.brought {
        cx.live.keepers.brought_nothing(peer, cx.now);
    }
    if let Some(mine) = mailboxes::mine(cx.tx, peer)? {
        state::heard(cx, mine, room)?;
    }
    let upto = upto.max(fetching.after);
    // [MAIL-38] It went past parcels of which some may not have come, unless another device of ours has them.
    let again = fetching.again || upto > fetching.after;
    let at = cx.now.saturating_add(if again { FITS } else { ALL });
    let rest = Fetching { after: upto, at, asked: false, again, ..fetching };
    cx.live.keepers.fetching.insert(peer, rest);
    // A keeper that has more and gets no further would be asked for ever.
    if (more && upto > fetching.after) || fetching.rang {
        ask(cx, peer, upto);
    }
    Ok(())
}

/// Time passed: keepers that did not answer are asked again, and for what did not fit or did not come.
pub(super) fn tick(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    if cx.live.keepers.is_second_fetch(cx.now) {
        for mine in mailboxes::all_mine(cx.tx)?.into_iter().filter(|mine| mine.stands == Stands::Keeps) {
            if cx.live.connected.contains(&mine.peer()) {
                waiting(cx, mine.peer())?;
            }
        }
    }
    let all = cx.live.keepers.fetching.iter();
    let due: Vec<_> = all.filter(|(_, fetching)| fetching.at <= cx.now).map(|(peer, f)| (*peer, *f)).collect();
    for (peer, fetching) in due {
        if cx.live.connected.contains(&peer) {
            ask(cx, peer, if fetching.asked { fetching.after } else { 0 });
            if fetching.asked {
                cx.live.keepers.unanswered_fetch(peer, fetching.wait.saturating_mul(2).min(RARELY), cx.now);
            }
        } else {
            cx.live.keepers.fetching.remove(&peer);
        }
    }
    Ok(())
}
