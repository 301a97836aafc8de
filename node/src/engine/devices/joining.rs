//! This machine becomes a device of an account that others have. It has no engine before that: these are the parts of the store.

use covey_pairing::identity::{ContactCard, DeviceSecret};
use covey_pairing::link::HandOver;
use serde_bytes::ByteBuf;

use crate::engine::contacts::cards;
pub(crate) use crate::engine::records::links::Joining;
use crate::engine::records::own_devices::{self, OwnDevice};
use crate::engine::records::transfer;
use crate::engine::{Cx, EngineError, Me, tables};
use crate::store::Tx;

/// The link that this machine waits in.
///
/// # Errors
/// Those of the store.
pub(crate) fn load(tx: &Tx<'_>) -> Result<Option<Joining>, EngineError> {
    Ok(tx.get(&tables::joining())?)
}

/// Stores it, before anything is said.
///
/// # Errors
/// Those of the store.
pub(crate) fn save(tx: &mut Tx<'_>, joining: &Joining) -> Result<(), EngineError> {
    Ok(tx.put(&tables::joining(), joining)?)
}

/// Takes the account over: from this transaction on, this is a device of it. `now`: Unix milliseconds.
///
/// # Errors
/// Those of the store.
pub(crate) fn adopt(tx: &mut Tx<'_>, device: &DeviceSecret, given: HandOver, now: u64) -> Result<Me, EngineError> {
    let HandOver { account, log, name, devices, cards, history } = given;
    let host = cards.first().and_then(|card| ContactCard::open_of(&account.id(), card, now).ok());
    transfer::begin(tx, host.map(|card| card.signer()), history);
    for named in devices {
        let Some(listed) = log.device(&named.device) else { continue };
        let this = named.device == device.id();
        let known = OwnDevice::new(&listed.keys, named.name, named.holder, listed.added_at);
        let known = OwnDevice { seen: (!this).then_some(now), ..known };
        own_devices::set(tx, &known)?;
    }
    // Where nobody chose a name, cards have the beginning of the account id.
    if name != account.id().fmt_short() {
        tx.put(&tables::own_name(), &name)?;
    }
    tx.put(&tables::handed_cards(), &cards.into_iter().map(ByteBuf::from).collect::<Vec<_>>())?;
    tx.delete(&tables::joining());
    // The words are not here: there is nothing to back up.
    let me = Me { account, device: device.clone(), key_log: log, backed_up: true, first_key: None };
    me.save(tx)?;
    Ok(me)
}

/// The first start as a device: learns where the others are.
pub(in crate::engine) fn start(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    let Some(handed) = cx.tx.get::<Vec<ByteBuf>>(&tables::handed_cards())? else { return Ok(()) };
    cx.tx.delete(&tables::handed_cards());
    let own = cx.me.account_id();
    for card in handed {
        cards::learn(cx, &own, &card)?;
    }
    Ok(())
}
