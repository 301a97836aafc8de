//! Groups of very many members without the traffic that makes them: what simulations and benchmarks begin from. Every
//! operation is a real one of the founder's engine, and what the others store is what they would have taken from it.

use covey_pairing::group::admission::{GroupTicket, JoinStatement};
use covey_pairing::group::roster::Op;
use rand_core::Rng;
use serde_bytes::ByteBuf;

use crate::engine::contacts::cards;
use crate::engine::counters::Counter;
use crate::engine::group::ops;
use crate::engine::records::{channels, feeds};
use crate::engine::{Cx, EngineError, Me, PeerKey, tables};
use crate::store::Table;

/// The card of the node.
///
/// # Errors
/// Those of the store.
pub fn card(cx: &mut Cx<'_, '_>) -> Result<Vec<u8>, EngineError> {
    crate::engine::card::own(cx)
}

/// Lets somebody in who holds a ticket of the group, as the founder's engine does, but for the welcome.
///
/// # Errors
/// Those of the store; a bug if the ticket does not let them in.
pub fn admit(cx: &mut Cx<'_, '_>, ticket: &str, joiner: &Me, card: Vec<u8>) -> Result<(), EngineError> {
    let ticket: GroupTicket = ticket.parse().map_err(EngineError::bug)?;
    let account = joiner.account_id();
    let statement = JoinStatement::by_ticket(ticket.group, account, &joiner.device, &ticket.token, cx.now);
    let id = covey_feed::ChannelId::from_bytes(*ticket.group.as_bytes());
    let Some(mut channel) = channels::by_id(cx.tx, &id)? else { return Err(EngineError::bug("no such group")) };
    cards::learn(cx, &account, &card)?;
    let op = Op::Join { statement: ByteBuf::from(statement), card: ByteBuf::from(card) };
    ops::write(cx, &mut channel, op).map_err(EngineError::bug)?;
    Ok(())
}

/// Whether a row of the founder's store is one that every member has: rosters, feeds and cards.
pub fn is_common(key: &[u8]) -> bool {
    const COMMON: [Table; 7] =
        [Table::Card, Table::Peer, Table::Channel, Table::Head, Table::Entry, Table::Group, Table::Roster];
    COMMON.iter().any(|table| key.first() == Some(&table.byte()))
}

/// Makes a member's own of a store that holds the common rows of the founder's: the founder is known, and what is written
/// goes into a feed of its own.
///
/// # Errors
/// Those of the store.
pub fn settle(cx: &mut Cx<'_, '_>, founder: &Me, card: &[u8]) -> Result<(), EngineError> {
    cx.tx.delete(&tables::card(&cx.me.account_id()));
    cx.tx.delete(&tables::peer(PeerKey(cx.me.device.keys().network)));
    cards::learn(cx, &founder.account_id(), card)?;
    for mut channel in channels::all(cx.tx)? {
        channel.incarnation = 1 + cx.rng.next_u64() % covey_feed::limits::MAX_COUNTER;
        channel.save(cx.tx)?;
        Counter::Channel.set(cx.tx, channel.no)?;
        let feeds = feeds::all(cx.tx, channel.no)?;
        Counter::Feed.set(cx.tx, feeds.iter().map(|feed| feed.fid).max().unwrap_or(0))?;
    }
    Ok(())
}
