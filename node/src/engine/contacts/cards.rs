//! Contact cards of others, and of our own other devices, taken as far as they verify and are news.

use covey_pairing::identity::{ContactCard, KnownLog, LogOrder, NotTaken};
use covey_pairing::ids::AccountId;
use tracing::debug;

use crate::engine::contacts::{kept, logs, own};
use crate::engine::records::devices;
use crate::engine::{Cx, EngineError};

/// [HANDED-1] Takes what a card of `account` says that is news: of the account if it is newer than what we have, and of each device if it
/// knows that one better. Whether there is a usable card now.
pub(in crate::engine) fn learn(cx: &mut Cx<'_, '_>, account: &AccountId, bytes: &[u8]) -> Result<bool, EngineError> {
    learn_as_of(cx, account, bytes, cx.now)
}

/// The same for a card that was valid at `at`: those on rosters are as old as the membership.
pub(in crate::engine) fn learn_as_of(
    cx: &mut Cx<'_, '_>,
    account: &AccountId,
    bytes: &[u8],
    at: u64,
) -> Result<bool, EngineError> {
    let card = match ContactCard::open_of(account, bytes, at) {
        Ok(card) => card,
        Err(error) => {
            debug!(account = %account.fmt_short(), %error, "a contact card was not taken");
            return Ok(devices::card(cx.tx, account)?.is_some());
        }
    };
    if cx.me.is_ours(account) {
        return own::learn(cx, &card).map(|()| true);
    }
    let before = devices::known_log(cx.tx, account)?;
    let Some(before) = before else {
        let known = KnownLog::new(card.log(), cx.now);
        taken(cx, &card, None, &known, LogOrder::Extends)?;
        return Ok(true);
    };
    let mut known = before.clone();
    match known.learn(card.log(), cx.now) {
        Ok(order) => taken(cx, &card, Some(&before), &known, order)?,
        Err(refusal) if refusal.why == NotTaken::Older => taken(cx, &card, Some(&before), &known, LogOrder::Behind)?,
        Err(refusal) => logs::refused(cx, account, &refusal, &before, known)?,
    }
    Ok(true)
}

/// A card of an account does not contradict what is known of it.
fn taken(
    cx: &mut Cx<'_, '_>,
    card: &ContactCard,
    before: Option<&KnownLog>,
    known: &KnownLog,
    order: LogOrder,
) -> Result<(), EngineError> {
    let account = card.account();
    let in_force = known.in_force();
    if kept::keep(cx, card, order, known.clone(), in_force.as_ref())?.is_some() {
        logs::changed(cx, &account, before, known)?;
        kept::allow(cx, &account)?;
    }
    Ok(())
}
