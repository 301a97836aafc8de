//! Our own other devices: what cards of our account tell of them, and a list of devices that became longer.

use covey_pairing::identity::{ContactCard, DeviceKeys, KeyLog, KnownLog, LogOrder};
use tracing::{error, info};

use crate::engine::contacts::{kept, renewal, witness};
use crate::engine::counters::Counter;
use crate::engine::notices::Notice;
use crate::engine::outbound::control;
use crate::engine::records::devices::{self, Card, ContactDevice, DeviceRef};
use crate::engine::records::sessions::Scope;
use crate::engine::{Cx, Effect, EngineError, Me, PeerKey, card, gate, tables};

/// [DEVICE-3] A card of ours moves the sequence of our next one at most so far ahead: a stolen device cannot use numbers up.
const SEQUENCE_SLACK: u64 = 1 << 20;

/// [DEVICE-1], [DEVICE-2] Takes what a verified card of our account says.
pub(super) fn learn(cx: &mut Cx<'_, '_>, card: &ContactCard) -> Result<(), EngineError> {
    let Ok(order) = card.log().compare(&cx.me.key_log) else {
        let account = cx.me.account_id();
        return witness::seen(cx, account, card.log());
    };
    if order == LogOrder::Rotates || (order.outranks() && !card.log().is_active(&cx.me.device_id())) {
        // [KEPT-1] This device is none of the account's any more, or its operator has to say whose recovery that is.
        let account = cx.me.account_id();
        return witness::seen(cx, account, card.log());
    }
    if order.outranks() {
        adopt(cx, card.log())?;
    }
    let own = Counter::Card.get(cx.tx)?;
    if cx.me.is_this_device(&card.signer()) && card.content().sequence <= own {
        // It says what we said. (One with a higher number is of this device too: we go on from an old copy of its disk.)
        return Ok(());
    }
    let seen = card.content().sequence.min(own.saturating_add(SEQUENCE_SLACK));
    Counter::Card.set(cx.tx, own.max(seen))?;
    let log = cx.me.key_log.clone();
    let known = KnownLog::new(&log, cx.now);
    match kept::keep(cx, card, order, known, Some(&log))? {
        Some(true) => refresh(cx),
        Some(false) | None => Ok(()),
    }
}

/// [DEVICE-1] Our account has this log from now on: it extends the one before, or rotates it. Devices that it does not name are shut out; if it does not name
/// this one, the node ends.
///
/// # Errors
/// Those of the store.
pub(in crate::engine) fn adopt(cx: &mut Cx<'_, '_>, key_log: &KeyLog) -> Result<(), EngineError> {
    become_now(cx, Me { key_log: key_log.clone(), ..Me::clone(&cx.me) })
}

/// The same, with other keys of the account.
///
/// # Errors
/// Those of the store.
pub(in crate::engine) fn become_now(cx: &mut Cx<'_, '_>, me: Me) -> Result<(), EngineError> {
    let key_log = &me.key_log.clone();
    let revoked = cx.me.key_log.active().any(|device| !key_log.is_active(&device.keys.id));
    info!(devices = key_log.active().count(), "the list of devices of this account is another one");
    let known = KnownLog::new(key_log, cx.now);
    cx.become_now(me)?;
    if !key_log.is_active(&cx.me.device_id()) {
        error!("this device was revoked by another one of the account; the node stops");
        cx.effects.push(Effect::Revoked);
        return Ok(());
    }
    let kin = cx.me.kin();
    cx.live.contacts.values_mut().for_each(|at| at.sync.set_kin(kin.clone()));
    let account = cx.me.account_id();
    kept::store_revised(cx, &account, known, Some(key_log))?;
    cx.notices.push(Notice::OwnDevices);
    if revoked {
        cx.notices.push(Notice::Ended(account));
        // Who had that device may have copied the others, too.
        control::heal(cx, Scope::Own, &account)?;
    }
    refresh(cx)
}

/// A device that was just added to our log: where it is, as it said itself, until a card of its own comes.
pub(in crate::engine) fn introduce(
    cx: &mut Cx<'_, '_>,
    keys: &DeviceKeys,
    addresses: Vec<String>,
) -> Result<(), EngineError> {
    let (account, peer) = (cx.me.account_id(), PeerKey(keys.network));
    let entry = ContactDevice::without_card(keys.id, keys.dh, peer, addresses);
    let record = if let Some(mut stored) = devices::card(cx.tx, &account)? {
        stored.devices.push(entry);
        stored
    } else {
        let own = ContactCard::open_of(&account, &card::own(cx)?, cx.now).map_err(EngineError::bug)?;
        Card::new(&own, vec![entry], KnownLog::new(&cx.me.key_log, cx.now))
    };
    cx.tx.put(&tables::card(&account), &record)?;
    cx.tx.put(&tables::peer(peer), &DeviceRef { account, device: keys.id })?;
    refresh(cx)
}

/// Our own devices are let in as they are known now, and everybody is told of them.
fn refresh(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    let account = cx.me.account_id();
    gate::allow_contact(cx, &account)?;
    renewal::renewed(cx)
}
