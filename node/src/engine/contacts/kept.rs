//! What is kept of the cards of an account: of the account what the newest says, of each device what the freshest does.

use covey_pairing::identity::{ContactCard, Device, DeviceKeys, KeyLog, KnownLog, LogOrder};
use covey_pairing::ids::AccountId;
use tracing::warn;

use crate::engine::contacts::{freshest, gone};
use crate::engine::notices::Notice;
use crate::engine::records::devices::{self, Card, ContactDevice, DeviceRef};
use crate::engine::records::people;
use crate::engine::{Cx, EngineError, PeerKey, gate, tables};

/// Stores what a card says that is news, by the log that counts. Whether something else is known of a device, if anything was stored.
pub(super) fn keep(
    cx: &mut Cx<'_, '_>,
    card: &ContactCard,
    order: LogOrder,
    known: KnownLog,
    in_force: Option<&KeyLog>,
) -> Result<Option<bool>, EngineError> {
    let account = card.account();
    let stored = devices::card(cx.tx, &account)?;
    let before = stored.as_ref().map(|stored| stored.devices.clone()).unwrap_or_default();
    let devices = entries(cx, &before, in_force, card)?;
    let is_same = order == LogOrder::Same;
    let is_newest = order.outranks() || stored.as_ref().is_none_or(|stored| is_same && stored.is_older_than(card));
    let changed = devices != before;
    if !is_newest && !changed {
        return Ok(None);
    }
    gone::forget(cx, known.log(), &before, &devices)?;
    let record = match stored {
        Some(stored) if !is_newest => stored.revised(devices, known),
        _ => Card::new(card, devices, known),
    };
    cx.tx.put(&tables::card(&account), &record)?;
    Ok(Some(changed))
}

/// Something else became known of the key log of an account whose card we have.
pub(super) fn revise(cx: &mut Cx<'_, '_>, account: &AccountId, known: KnownLog) -> Result<(), EngineError> {
    let in_force = known.in_force();
    store_revised(cx, account, known, in_force.as_ref())?;
    cx.notices.push(Notice::Disputed(*account));
    allow(cx, account)
}

/// Stores that the log of an account counts in another way, and which of its devices do.
pub(super) fn store_revised(
    cx: &mut Cx<'_, '_>,
    account: &AccountId,
    known: KnownLog,
    in_force: Option<&KeyLog>,
) -> Result<(), EngineError> {
    let Some(stored) = devices::card(cx.tx, account)? else { return Ok(()) };
    // Whether it has expired does not matter: it was taken when it had not.
    let card = ContactCard::open_of(account, &stored.signed, 0).map_err(EngineError::bug)?;
    let devices = entries(cx, &stored.devices, in_force, &card)?;
    gone::forget(cx, known.log(), &stored.devices, &devices)?;
    Ok(cx.tx.put(&tables::card(account), &stored.revised(devices, known))?)
}

/// Lets the devices in that have something to do with us.
pub(super) fn allow(cx: &mut Cx<'_, '_>, account: &AccountId) -> Result<(), EngineError> {
    if people::load(cx.tx, account)?.is_some_and(|contact| contact.is_paired()) {
        gate::allow_contact(cx, account)
    } else {
        gate::allow_near(cx, account)
    }
}

/// A device of which nothing is known but what its log says.
fn unheard_of(device: &Device) -> ContactDevice {
    let DeviceKeys { id, dh, network, .. } = device.keys;
    ContactDevice::without_card(id, dh, PeerKey(network), Vec::new())
}

/// [HANDED-3] What is known of the active devices of an account after a card; their peers lead to them from now on.
fn entries(
    cx: &mut Cx<'_, '_>,
    known: &[ContactDevice],
    in_force: Option<&KeyLog>,
    card: &ContactCard,
) -> Result<Vec<ContactDevice>, EngineError> {
    let account = card.account();
    let mut devices = Vec::new();
    let active = in_force.into_iter().flat_map(KeyLog::active);
    for device in active.filter(|device| !cx.me.is_this_device(&device.keys.id)) {
        // One of our own that no card tells of is let in all the same: it may know where we are.
        let entry = freshest::of(known, device, card).or_else(|| cx.me.is_ours(&account).then(|| unheard_of(device)));
        let Some(entry) = entry else { continue };
        let is = DeviceRef { account, device: entry.id };
        match devices::owner(cx.tx, entry.peer)? {
            Some(owner) if owner.account != account => {
                // [HANDED-2]
                warn!(account = %account.fmt_short(), "a card names the network peer of another account; that device is left out");
                continue;
            }
            Some(owner) if owner == is => {}
            _ => cx.tx.put(&tables::peer(entry.peer), &is)?,
        }
        devices.push(entry);
    }
    Ok(devices)
}
