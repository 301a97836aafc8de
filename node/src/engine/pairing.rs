//! Consent: feeds the relationships of `covey_pairing` with commands and frames, and carries their effects out.

use std::net::IpAddr;

use covey_api::{self as api, ApiError, EventKind, Reason, names::shell_word, sentence};
use covey_pairing::consent::{
    Admission, Arrival, Command, ConsentError, Effect as Consequence, Input, InviteFrame, Me, PairFrame, Slot, State,
    acknowledge, open_invite,
};
use covey_pairing::crypto::dh::DhPublic;
use covey_pairing::identity::{KeyLog, TokenBook};
use covey_pairing::ids::{AccountId, InviteId};
use serde_bytes::ByteBuf;
use tracing::{debug, info, warn};

use super::alerts::{self, AlertKind};
use super::contacts::{self, Contact, Hint};
use super::rpc::account::Issued;
use super::{
    Cx, Effect, EngineError, PeerKey, Protocol, card, journal, names, outbox, pacts, requests, sessions, tables,
};

/// Most one-time bundles kept of one contact.
const MAX_BUNDLES: usize = 8;

/// Runs an operator's command on a contact and tells what came of it.
pub(super) fn command(cx: &mut Cx<'_, '_>, contact: Contact, input: Input) -> Result<api::Contact, ApiError> {
    let account = contact.account;
    let name = contact.alias.clone().unwrap_or_else(|| names::short(&account.to_string()));
    step(cx, contact, input, None)?.map_err(|error| refused(&name, &error))?;
    let contact = contacts::load_or_new(cx.tx, &account, cx.now)?;
    contacts::show(cx, &contact)
}

fn refused(name: &str, error: &ConsentError) -> ApiError {
    match error {
        ConsentError::NotAllowed { command, state } => {
            let reason = match state {
                State::Declined => Reason::Declined,
                State::Blocked => Reason::Blocked,
                _ => Reason::WrongState,
            };
            let word = shell_word(name);
            let advice = match (command, state) {
                (_, State::Paired) => String::new(),
                (_, State::Declined) => format!(" `covey pair forget {word}` lifts it."),
                (Command::Forget, State::Blocked) => {
                    format!(" Run `covey pair unblock {word}` or `covey pair remove {word}` first.")
                }
                (_, State::Blocked) => format!(" `covey pair unblock {word}` lifts it."),
                (Command::Forget, State::Invited) => format!(" `covey pair cancel {word}` takes it back."),
                (Command::Forget, State::Pending) => {
                    format!(" Answer it: `covey pair accept {word}` or `covey pair decline {word}`.")
                }
                _ => format!(" `covey pair show {word}` tells where you stand."),
            };
            let error = error.to_string();
            let why = error.split_once(": ").map_or(error.as_str(), |(_, why)| why);
            ApiError::new(reason, format!("Cannot {command} {name}: {why}.{advice}"))
                .with_data(serde_json::json!({ "state": state.as_str() }))
        }
        ConsentError::OwnAccount => ApiError::new(Reason::OwnAccount, sentence(&error.to_string())),
        ConsentError::Note => ApiError::new(Reason::TooLong, sentence(&error.to_string())),
        ConsentError::BadKey => ApiError::new(Reason::InvalidTicket, sentence(&error.to_string())),
        _ => ApiError::internal(sentence(&error.to_string())),
    }
}

/// Whether we may invite an account of which we do not have the key yet.
pub(super) fn may_invite(contact: &Contact) -> Result<(), ApiError> {
    let state = contact.relationship.state();
    if matches!(state, State::Paired | State::Blocked | State::Declined | State::Pending) {
        let name = contact.alias.clone().unwrap_or_else(|| names::short(&contact.account.to_string()));
        return Err(refused(&name, &ConsentError::NotAllowed { command: Command::Invite, state }));
    }
    Ok(())
}

/// The account DH key that a card of the account names.
pub(super) fn dh_of_card(cx: &Cx<'_, '_>, account: &AccountId) -> Result<Option<DhPublic>, EngineError> {
    let Some(card) = contacts::card(cx.tx, account)? else { return Ok(None) };
    Ok(Some(KeyLog::verify(card.log).map_err(EngineError::bug)?.dh()))
}

/// The card of somebody we want to invite was found: invite them.
pub(super) fn invite_found(cx: &mut Cx<'_, '_>, mut contact: Contact) -> Result<(), EngineError> {
    let (Some(wanted), Some(their_dh)) = (contact.wanted.take(), dh_of_card(cx, &contact.account)?) else {
        return Ok(());
    };
    let input = Input::Invite { their_dh, note: wanted.note, token: wanted.token };
    if let Err(error) = step(cx, contact, input, None)? {
        debug!(%error, "the account that was looked up cannot be invited any more");
    }
    Ok(())
}

/// A relationship's own deadline passed.
pub(super) fn deadline(cx: &mut Cx<'_, '_>, account: &AccountId) -> Result<(), EngineError> {
    let Some(contact) = contacts::load(cx.tx, account)? else {
        cx.live.deadlines.remove(account);
        return Ok(());
    };
    if let Err(error) = step(cx, contact, Input::Tick, None)? {
        warn!(account = %account.fmt_short(), %error, "a relationship refused the time");
        cx.live.deadlines.remove(account);
    }
    Ok(())
}

/// A frame of the consent handshake, from anybody.
pub(super) fn frame(
    cx: &mut Cx<'_, '_>,
    peer: PeerKey,
    source: Option<IpAddr>,
    frame: PairFrame,
) -> Result<(), EngineError> {
    if let PairFrame::Invite(invite) = &frame {
        return invited(cx, peer, source, invite, &frame);
    }
    let account = cx.tx.get::<AccountId>(&tables::invite(&frame.invite_id()))?;
    let Some(contact) = account.map(|account| contacts::load(cx.tx, &account)).transpose()?.flatten() else {
        reply(cx, peer, acknowledge(&frame));
        return Ok(());
    };
    let (kind, uniform) = (frame.kind(), acknowledge(&frame));
    if let Err(error) = step(cx, contact, Input::Received(frame), Some(peer))? {
        debug!(?peer, ?kind, %error, "a pairing frame was refused");
        // As if nothing were known of it: a malformed frame must not ask which state it meets.
        reply(cx, peer, uniform);
    }
    Ok(())
}

fn reply(cx: &mut Cx<'_, '_>, peer: PeerKey, frame: Option<Vec<u8>>) {
    if let Some(frame) = frame {
        cx.effects.push(Effect::Send { peer, protocol: Protocol::Pair, frame });
    }
}

/// Whether an invite may be opened, and by what; decided before any key agreement.
fn admission(
    cx: &mut Cx<'_, '_>,
    peer: PeerKey,
    source: Option<IpAddr>,
    invite: &InviteFrame,
) -> Result<Option<(Admission, TokenBook)>, EngineError> {
    let known = cx.tx.get::<AccountId>(&tables::invite(&invite.id()))?;
    let claimed = contacts::load(cx.tx, &invite.from)?;
    if known.is_none() && claimed.as_ref().is_some_and(|contact| is_too_soon(contact, cx.now)) {
        debug!(?peer, "a contact asks for another pact so soon");
        return Ok(None);
    }
    let expected = known.is_some()
        || claimed.is_some_and(|contact| {
            contact.wanted.is_some() || matches!(contact.relationship.state(), State::Invited | State::Paired)
        });
    let book: TokenBook = cx.tx.get(&tables::tokens())?.unwrap_or_default();
    let pending = match cx.live.pending {
        Some(pending) => pending,
        None => pending(cx)?,
    };
    cx.live.pending = Some(pending);
    let invitee = cx.me.account_id();
    let arrival = Arrival { invitee, source, pending, expected, tokens: &book };
    match cx.live.strangers.admit(invite, &arrival, cx.now) {
        Ok(admission) => Ok(Some((admission, book))),
        Err(refusal) => {
            info!(?peer, %refusal, "an invite was not let in");
            cx.live.tally.invites_refused += 1;
            Ok(None)
        }
    }
}

/// An invite, from a stranger perhaps.
fn invited(
    cx: &mut Cx<'_, '_>,
    peer: PeerKey,
    source: Option<IpAddr>,
    invite: &InviteFrame,
    frame: &PairFrame,
) -> Result<(), EngineError> {
    let Some((admission, book)) = admission(cx, peer, source, invite)? else {
        reply(cx, peer, acknowledge(frame));
        return Ok(());
    };
    let opened = match open_invite(&cx.me.account, invite, cx.now) {
        Ok(opened) => opened,
        Err(error) => {
            debug!(?peer, %error, "an invite does not open");
            cx.live.tally.invites_broken += 1;
            reply(cx, peer, acknowledge(frame));
            return Ok(());
        }
    };
    let account = opened.from();
    let mut contact = contacts::load_or_new(cx.tx, &account, cx.now)?;
    let before = contact.relationship.state();
    let hint = Hint { peer, addresses: Vec::new() };
    let (card, request) = (opened.card().to_vec(), opened.request());
    if let Some(known) = contacts::card(cx.tx, &account)? {
        // Cards come by other ways, too: the longest log that is known decides.
        let known = KeyLog::verify(known.log).map_err(EngineError::bug)?;
        contact.relationship.learn_log(&known).map_err(|_| EngineError::bug("two logs of one account are kept"))?;
    }
    if !contact.hints.iter().any(|known| known.peer == peer) {
        // The newest few: whoever brought an invite can take the answer.
        contact.hints.insert(0, hint);
        contact.hints.truncate(4);
    }
    let changed = match step_quietly(cx, contact, Input::Invited(Box::new(opened)), Some(peer))? {
        Ok(changed) => changed,
        Err(error) => {
            debug!(account = %account.fmt_short(), %error, "an invite was refused");
            reply(cx, peer, acknowledge(frame));
            return match error {
                ConsentError::Forked(fork) => alerts::contradicted(cx, &account, covey_codec::encode(&fork).ok()),
                ConsentError::OlderLog => alerts::contradicted(cx, &account, Some(card)),
                _ => Ok(()),
            };
        }
    };
    let Some(mut contact) = contacts::load(cx.tx, &account)? else { return Ok(()) };
    if before == State::Pending || contact.relationship.state() != State::Pending {
        return if changed { announce(cx, &contact) } else { Ok(()) };
    }
    // New for the operator: its card says where the answer can go.
    card::learn(cx, &account, &card)?;
    if let Admission::Token(id) = admission {
        spend(cx, book, &id)?;
    }
    contact.outgoing = Some(false);
    contact.note = Some(request.note).filter(|note| !note.is_empty());
    contact.save(cx.tx)?;
    if !cx.policy.pairing_required {
        return requests::admit(cx, contact);
    }
    info!(account = %account.fmt_short(), "an invite arrived");
    announce(cx, &contact)
}

/// Whether a contact's next pact has to wait, so that its invite need not be opened.
fn is_too_soon(contact: &Contact, now: u64) -> bool {
    contact.has_pact() && contact.relationship.renewable_at(now) > now
}

fn spend(cx: &mut Cx<'_, '_>, mut book: TokenBook, id: &covey_pairing::identity::TokenId) -> Result<(), EngineError> {
    book.spend(id);
    cx.tx.put(&tables::tokens(), &book)?;
    let key = tables::ticket(id.to_string());
    if let Some(mut issued) = cx.tx.get::<Issued>(&key)? {
        issued.used = issued.used.saturating_add(1);
        cx.tx.put(&key, &issued)?;
    }
    Ok(())
}

fn pending(cx: &Cx<'_, '_>) -> Result<usize, EngineError> {
    let all = contacts::all(cx.tx)?;
    Ok(all.iter().filter(|contact| contact.relationship.state() == State::Pending || contact.is_request()).count())
}

/// One step of a relationship: runs the machine, stores what it became, carries its effects out, tells the journal.
///
/// The inner result is the machine's own refusal; nothing changed then.
pub(super) fn step(
    cx: &mut Cx<'_, '_>,
    contact: Contact,
    input: Input,
    from: Option<PeerKey>,
) -> Result<Result<(), ConsentError>, EngineError> {
    let account = contact.account;
    let changed = match step_quietly(cx, contact, input, from)? {
        Ok(changed) => changed,
        Err(error) => return Ok(Err(error)),
    };
    if changed && let Some(contact) = contacts::load(cx.tx, &account)? {
        announce(cx, &contact)?;
    }
    Ok(Ok(()))
}

/// [`step`] without telling the journal. Whether there is something to tell.
fn step_quietly(
    cx: &mut Cx<'_, '_>,
    mut contact: Contact,
    input: Input,
    from: Option<PeerKey>,
) -> Result<Result<bool, ConsentError>, EngineError> {
    let name = card::own_name(cx)?;
    let own_card = card::own(cx)?;
    // Made in advance, kept only if it was used: an answer or a confirm carries it.
    let (attachment, prekeys) = sessions::prepare_bundle(cx, &contact.account)?;
    let me = Me {
        account: &cx.me.account,
        device: &cx.me.device,
        card: &own_card,
        name: &name,
        decline_silently: cx.policy.decline_silently,
        answer_attachment: &attachment,
        work_bits: cx.policy.work_bits,
    };
    let invites = matches!(input, Input::Invite { .. });
    let note = match &input {
        Input::Invite { note, .. } => Some(note.clone()),
        _ => None,
    };
    let (by_us, by_invite) = (matches!(input, Input::Remove), matches!(input, Input::Invited(_)));
    let outcome = match contact.relationship.handle(input, &me, cx.now, cx.rng) {
        Ok(outcome) => outcome,
        Err(error) => return Ok(Err(error)),
    };
    let (previous, known) = (contact.channel, contact.relationship.invite_ids());
    let renews =
        by_invite && contact.is_paired() && outcome.effects.iter().any(|e| matches!(e, Consequence::Paired { .. }));
    contact.relationship = outcome.next;
    cx.live.pending = None;
    if invites && contact.relationship.state() == State::Invited {
        contact.outgoing = Some(true);
        contact.note = note.filter(|note| !note.is_empty());
    }
    index(cx, &contact, &known)?;
    if outcome
        .effects
        .iter()
        .any(|effect| matches!(effect, Consequence::Send { slot: Slot::Answer | Slot::Confirm, .. }))
    {
        cx.tx.put(&tables::prekeys(), &prekeys)?;
    }
    let changed = learn(cx, &mut contact, &outcome.effects, by_us)?;
    carry_out(cx, &mut contact, outcome.effects, previous, from)?;
    if renews {
        contact.alert(AlertKind::Renewed, cx.now, None);
        contact.save(cx.tx)?;
        alerts::told(cx, &contact)?;
    }
    cx.live.waiting.remove(&contact.account);
    outbox::pursue(cx, &contact, from)?;
    Ok(Ok(changed))
}

/// Takes what a step says of them; the rest builds on it. Whether there is something to tell the journal.
fn learn(
    cx: &mut Cx<'_, '_>,
    contact: &mut Contact,
    effects: &[Consequence],
    by_us: bool,
) -> Result<bool, EngineError> {
    let mut changed = false;
    if effects.contains(&Consequence::Unpaired) {
        // Those of the previous pact; this step may bring one of the next.
        contact.bundles.clear();
    }
    for effect in effects {
        match effect {
            Consequence::CardLearned(bytes) => {
                card::learn(cx, &contact.account, bytes)?;
                // What that told the operator of is kept.
                if let Some(stored) = contacts::load(cx.tx, &contact.account)? {
                    (contact.alerts, contact.verified) = (stored.alerts, stored.verified);
                }
            }
            Consequence::Attachment(bytes) if !bytes.is_empty() => {
                contact.bundles.insert(0, ByteBuf::from(bytes.clone()));
                contact.bundles.truncate(MAX_BUNDLES);
            }
            Consequence::Changed { to, .. } => {
                changed = true;
                contact.changed_at = cx.now;
                contact.refused = *to == State::Refused || (contact.refused && *to != State::Paired);
                contact.ended_by_us = (*to == State::Removed).then_some(by_us);
            }
            Consequence::Confirmed => {
                changed = true;
                contact.changed_at = cx.now;
            }
            _ => {}
        }
    }
    contact.save(cx.tx)?;
    Ok(changed)
}

/// Does what a step asks for.
fn carry_out(
    cx: &mut Cx<'_, '_>,
    contact: &mut Contact,
    effects: Vec<Consequence>,
    previous: Option<u64>,
    peer: Option<PeerKey>,
) -> Result<(), EngineError> {
    for effect in effects {
        match effect {
            Consequence::Changed { from: State::Paired, to: State::Blocked } if contact.has_pact() => {
                pacts::paused(cx, contact)?;
            }
            Consequence::Changed { from: State::Blocked, to: State::Paired } => pacts::resumed(cx, contact)?,
            Consequence::Unpaired => pacts::unpaired(cx, contact, previous)?,
            Consequence::Paired { secret } => pacts::paired(cx, contact, &secret)?,
            Consequence::Reply(frame) => {
                if let Some(peer) = peer {
                    reply(cx, peer, Some(frame));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// Invites lead to their account by their ids; those that no frame can be about any more do so no longer.
fn index(cx: &mut Cx<'_, '_>, contact: &Contact, before: &[InviteId]) -> Result<(), EngineError> {
    let ids = contact.relationship.invite_ids();
    before.iter().filter(|id| !ids.contains(id)).for_each(|id| cx.tx.delete(&tables::invite(id)));
    for id in &ids {
        cx.tx.put(&tables::invite(id), &contact.account)?;
    }
    Ok(())
}

fn announce(cx: &mut Cx<'_, '_>, contact: &Contact) -> Result<(), EngineError> {
    let shown = contacts::show(cx, contact).map_err(EngineError::bug)?;
    journal::record(cx, EventKind::Contact, &shown)
}
