//! The owner: a slot for each contact at each keeper, and what contacts are told of it.
//!
//! Slots follow from what all devices of the account know, so they name the same ones without a word between them.

use std::collections::BTreeSet;

use covey_pairing::consent::PairSecret;
use covey_pairing::crypto::hash::blake3;
use covey_pairing::crypto::secret::Secret;
use covey_pairing::identity::KnownLog;
use covey_pairing::keeper::{
    InboxKey, KEPT_FOR_MS, KeeperFrame, MAX_SLOTS, Mailbox, MailboxAt, SlotEntry, SlotId, SlotToken,
};
use serde_bytes::{ByteArray, ByteBuf};

use crate::engine::counters::Counter;
use crate::engine::keepers::invites_fetched;
use crate::engine::keepers::say::send;
use crate::engine::outbound::control;
use crate::engine::records::devices;
use crate::engine::records::mailboxes::{self, Given, GivenAt, Mine, Stands, Told};
use crate::engine::records::people::{self, Contact};
use crate::engine::records::sessions::Scope;
use crate::engine::wire::control::Control;
use crate::engine::{Cx, EngineError, PeerKey, tables};

/// A contact's device that connects is told where our mail waits again after this, in milliseconds.
const TELL_AGAIN: u64 = 24 * 3_600_000;

/// Sends a keeper all slots that this device knows.
pub(super) fn register(cx: &mut Cx<'_, '_>, peer: PeerKey) -> Result<(), EngineError> {
    let Some(mut mine) = mailboxes::mine(cx.tx, peer)?.filter(|mine| mine.stands == Stands::Keeps) else {
        return Ok(());
    };
    let mut slots = Vec::new();
    for (_, given) in cx.tx.scan_intact::<Given>(&tables::all_given(), usize::MAX)? {
        let here = given.at.iter().filter(|at| at.peer == peer);
        slots.extend(here.map(|at| SlotEntry(at.slot, at.token.hash(), at.losses)));
    }
    slots.truncate(MAX_SLOTS);
    mine.list = Counter::Slots.next(cx.tx)?;
    mine.save(cx.tx);
    if cx.live.connected.contains(&peer) {
        send(cx, peer, &KeeperFrame::Slots(mine.list, slots));
        invites_fetched::offer(cx, peer);
        cx.live.keepers.told(peer, cx.now);
    }
    Ok(())
}

/// A keeper has made our slots durable: contacts can be told of them.
pub(super) fn open(cx: &mut Cx<'_, '_>, peer: PeerKey, list: u64) -> Result<(), EngineError> {
    let Some(mut mine) = mailboxes::mine(cx.tx, peer)?.filter(|mine| mine.list == list) else { return Ok(()) };
    mine.reached = Some(cx.now);
    mine.save(cx.tx);
    cx.live.keepers.told_no_more(peer);
    for (key, mut given) in cx.tx.scan_intact::<Given>(&tables::all_given(), usize::MAX)? {
        let mut new = given.at.iter_mut().filter(|at| at.peer == peer && !at.open).peekable();
        if new.peek().is_some() {
            new.for_each(|at| at.open = true);
            cx.tx.save(&key, &given);
            cx.live.invites.all_changed(cx.now);
        }
    }
    let contacts = people::all(cx.tx)?;
    tell(cx, &contacts)
}

/// Gives these contacts a slot at each keeper, if they are paired, takes those of others away, and replaces tokens that somebody knows who should
/// not any more; then says so.
pub(super) fn follow(cx: &mut Cx<'_, '_>, contacts: &[Contact]) -> Result<(), EngineError> {
    let mut keepers: Vec<Mine> = mailboxes::all_mine(cx.tx)?;
    keepers.retain(|mine| mine.stands == Stands::Keeps);
    let root = cx.me.account.own_slot_root();
    let mut changed = BTreeSet::new();
    for contact in contacts {
        changed.extend(give(cx, contact, &root, &keepers)?);
    }
    for peer in &changed {
        register(cx, *peer)?;
    }
    tell(cx, contacts)
}

/// [MAIL-4] [KEEP-10] The slots that a contact has at these keepers.
fn due(cx: &Cx<'_, '_>, contact: &Contact, root: &Secret<32>, keepers: &[Mine]) -> Result<Vec<GivenAt>, EngineError> {
    let pact = contact.relationship.pair_secret().map(PairSecret::channel_id);
    let Some(pact) = pact.filter(|_| contact.is_paired()) else { return Ok(Vec::new()) };
    // Devices that were revoked know the token of before.
    let losses = devices::known_log(cx.tx, &contact.account)?.as_ref().map(KnownLog::log).map_or(0, devices::losses);
    let slot = |mine: &Mine| {
        let slot = SlotId::derive(root, &mine.keeper.id, mine.number, &pact);
        let token = SlotToken::derive(root, &slot, losses);
        GivenAt { peer: mine.peer(), slot, token, losses, open: false, derived: true, until: None }
    };
    Ok(keepers.iter().map(slot).collect())
}

/// Gives a contact the slots that are due to it and no others. The keepers at which something changed.
fn give(
    cx: &mut Cx<'_, '_>,
    contact: &Contact,
    root: &Secret<32>,
    keepers: &[Mine],
) -> Result<Vec<PeerKey>, EngineError> {
    let account = &contact.account;
    let (known, mut due) = (mailboxes::given(cx.tx, account)?, due(cx, contact, root, keepers)?);
    let (mut at, mut changed) = (Vec::new(), Vec::new());
    for known in known.unwrap_or_default().at {
        let found = due.iter().position(|due| due.slot == known.slot).map(|found| due.swap_remove(found));
        match found {
            Some(due) if due.token == known.token => at.push(GivenAt { open: known.open, ..due }),
            Some(due) => {
                changed.push(due.peer);
                at.push(due);
            }
            None if is_needed(&known, contact, keepers, cx.now) => {
                let until = known.until.unwrap_or(cx.now.saturating_add(KEPT_FOR_MS));
                at.push(GivenAt { until: Some(until), ..known });
            }
            None => {
                cx.tx.delete(&tables::given_slot(&known.slot));
                changed.push(known.peer);
            }
        }
    }
    for new in due {
        cx.tx.save(&tables::given_slot(&new.slot), account);
        changed.push(new.peer);
        at.push(new);
    }
    let place = tables::given(account);
    if at.is_empty() {
        cx.tx.delete(&place);
    } else {
        cx.tx.save(&place, &Given { at });
    }
    Ok(changed)
}

/// Whether something may lie in a slot of a version in which each device had slots of its own.
fn is_needed(known: &GivenAt, contact: &Contact, keepers: &[Mine], now: u64) -> bool {
    let is_kept = keepers.iter().any(|mine| mine.peer() == known.peer);
    !known.derived && is_kept && contact.is_paired() && known.until.is_none_or(|until| until > now)
}

/// What a contact is told of our keepers.
fn mailbox_of(
    cx: &Cx<'_, '_>,
    contact: &Contact,
    key: &InboxKey,
    (keepers, number): &(Vec<Mine>, u64),
) -> Result<Mailbox, EngineError> {
    let given = mailboxes::given(cx.tx, &contact.account)?.unwrap_or_default();
    let told = given.at.into_iter().filter(|at| at.open && at.until.is_none());
    let at = told.filter_map(|GivenAt { peer, slot, token, .. }| {
        let mine = keepers.iter().find(|mine| mine.peer() == peer && mine.stands == Stands::Keeps)?;
        let account = mine.account?;
        Some(MailboxAt { account, keeper: mine.keeper, addresses: mine.addresses.clone(), slot, token })
    });
    Ok(Mailbox { key: key.clone(), at: at.collect(), number: *number }.shortened())
}

/// The same, encoded, for a contact whom we have not met since we agreed, and to whom nothing can be said in a session. None, if there is nothing to say.
pub(super) fn letter(cx: &Cx<'_, '_>, contact: &Contact) -> Result<Option<Vec<u8>>, EngineError> {
    if !contact.is_paired() || mailboxes::has_met(cx.tx, contact)? {
        return Ok(None);
    }
    let Some(inbox) = mailboxes::inbox(cx.tx)? else { return Ok(None) };
    let mine = (mailboxes::all_mine(cx.tx)?, mailboxes::number(cx.tx)?);
    let mailbox = mailbox_of(cx, contact, &inbox.secret.public(), &mine)?;
    Ok((!mailbox.at.is_empty()).then(|| mailbox.encode()))
}

/// [MAIL-2] Tells each device of these contacts where our mail waits, if this device told it something else before, or long ago: it may have come back
/// from an old copy.
fn tell(cx: &mut Cx<'_, '_>, contacts: &[Contact]) -> Result<(), EngineError> {
    let Some(inbox) = mailboxes::inbox(cx.tx)? else { return Ok(()) };
    let mine = (mailboxes::all_mine(cx.tx)?, mailboxes::number(cx.tx)?);
    let key = inbox.secret.public();
    for contact in contacts.iter().filter(|contact| contact.is_paired()) {
        let mailbox = mailbox_of(cx, contact, &key, &mine)?;
        let is_none = mailbox.at.is_empty();
        let mailbox = mailbox.encode();
        let hash = ByteArray::new(blake3(&mailbox));
        for device in devices::devices(cx.tx, &contact.account)? {
            let place = tables::mailbox_told(&device.id);
            let before = cx.tx.load::<Told>(&place)?;
            let is_known = before.is_some_and(|(before, at)| before == hash && at.abs_diff(cx.now) < TELL_AGAIN);
            if is_known || (is_none && before.is_none()) {
                continue;
            }
            let control = Control::Mailbox(ByteBuf::from(mailbox.clone()));
            if control::told(cx, Scope::Pair, &contact.account, &device, &control, false)? {
                cx.tx.save(&place, &(hash, cx.now));
            }
        }
    }
    Ok(())
}
