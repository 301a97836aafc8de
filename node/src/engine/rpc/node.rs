//! The engine's part of `node.*`.

use covey_api::{ApiError, ContactState, Counts, EventKind, Network};

use crate::engine::records::{channels, people};
use crate::engine::shown::{contact, delivery};
use crate::engine::{Cx, PeerKey, journal, members};

/// How many of what.
///
/// # Errors
/// Those of the store.
pub fn counts(cx: &mut Cx<'_, '_>) -> Result<Counts, ApiError> {
    let mut counts = Counts::default();
    for contact in people::all(cx.tx)? {
        match contact::shown_state(&contact) {
            ContactState::Paired => counts.paired += 1,
            ContactState::Pending => counts.pending += 1,
            ContactState::Invited => counts.invited += 1,
            _ => {}
        }
    }
    for channel in channels::all(cx.tx)? {
        if !channels::is_request(cx.tx, &channel)? {
            counts.unread = counts.unread.saturating_add(channel.unread);
        }
        if channel.open && !channel.is_group() {
            let (queued, _) = delivery::waiting(cx, &channel)?;
            counts.queued = counts.queued.saturating_add(u32::try_from(queued).unwrap_or(u32::MAX));
        }
    }
    counts.outbox = u32::try_from(cx.live.waiting.len()).unwrap_or(u32::MAX);
    Ok(counts)
}

/// Writes down that this node is connected to nobody, or to somebody again.
///
/// # Errors
/// Those of the store.
pub fn network(cx: &mut Cx<'_, '_>, network: &Network) -> Result<(), ApiError> {
    Ok(journal::record(cx, EventKind::Network, network)?)
}

/// An account id and our name for it.
pub type Named = (String, Option<String>);

/// Whose device each of these peers is: account and alias.
///
/// # Errors
/// Those of the store.
pub fn owners(cx: &mut Cx<'_, '_>, peers: &[PeerKey]) -> Result<Vec<Option<Named>>, ApiError> {
    peers
        .iter()
        .map(|peer| {
            let Some(owner) = members::peer(cx, *peer)? else { return Ok(None) };
            let alias = people::load(cx.tx, &owner.account)?.and_then(|contact| contact.alias);
            Ok(Some((owner.account.to_string(), alias)))
        })
        .collect()
}
