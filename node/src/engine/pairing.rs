//! Consent: feeds the relationships of `covey_pairing` with commands and frames, and carries their effects out.

use std::net::IpAddr;

use covey_api::{self as api, ApiError, Reason, kind};
use covey_feed::ChannelId;
use covey_pairing::consent::{
    self, Admission, Arrival, Command, ConsentError, Effect as Consequence, Input, InviteFrame, Me, PairFrame, Slot,
    State, acknowledge, open_invite,
};
use covey_pairing::crypto::dh::DhPublic;
use covey_pairing::identity::{KeyLog, TokenBook};
use covey_pairing::ids::AccountId;
use serde_bytes::ByteBuf;
use tracing::{debug, info, warn};

use super::contacts::{self, Contact, Hint};
use super::group::knock;
use super::rpc::account::Issued;
use super::{
    Cx, Effect, EngineError, PeerKey, Protocol, card, channels, journal, members, outbox, parcels, requests, sessions,
    sync, tables,
};

/// Most one-time bundles kept of one contact.
const MAX_BUNDLES: usize = 8;

/// Runs an operator's command on a contact and tells what came of it.
pub(super) fn command(cx: &mut Cx<'_, '_>, contact: Contact, input: Input) -> Result<api::Contact, ApiError> {
    let account = contact.account;
    let name = contact.alias.clone().unwrap_or_else(|| account.fmt_short());
    step(cx, contact, input, None)?.map_err(|error| refused(&name, &error))?;
    let contact = contacts::load_or_new(cx, &account)?;
    contacts::show(cx, &contact)
}

fn refused(name: &str, error: &ConsentError) -> ApiError {
    match error {
        ConsentError::NotAllowed { state, .. } => {
            let reason = match state {
                State::Declined => Reason::Declined,
                State::Blocked => Reason::Blocked,
                _ => Reason::WrongState,
            };
            let advice = match state {
                State::Declined => format!("; `covey pair forget {name}` lifts it"),
                State::Blocked => format!("; `covey pair unblock {name}` lifts it"),
                State::Paired => String::new(),
                _ => format!("; `covey pair show {name}` tells where you stand"),
            };
            ApiError::new(reason, format!("{name}: {error}{advice}"))
                .with_data(serde_json::json!({ "state": state.as_str() }))
        }
        ConsentError::OwnAccount => ApiError::new(Reason::OwnAccount, error.to_string()),
        ConsentError::Note => ApiError::new(Reason::TooLong, error.to_string()),
        ConsentError::BadKey => ApiError::new(Reason::InvalidTicket, error.to_string()),
        _ => ApiError::internal(error.to_string()),
    }
}

/// Whether we may invite an account of which we do not have the key yet.
pub(super) fn may_invite(contact: &Contact) -> Result<(), ApiError> {
    let state = contact.relationship.state();
    let refused_in = matches!(state, State::Invited | State::Paired | State::Blocked | State::Pending);
    if refused_in || contact.wanted.is_some() {
        let name = contact.alias.clone().unwrap_or_else(|| contact.account.fmt_short());
        let state = if contact.wanted.is_some() { State::Invited } else { state };
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
    contact.their_dh = Some(their_dh);
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
    bytes: &[u8],
) -> Result<(), EngineError> {
    let frame = match PairFrame::decode(bytes) {
        Ok(frame) => frame,
        Err(error) => {
            if !knock::frame(cx, peer, source, bytes)? {
                debug!(?peer, %error, "a malformed pairing frame");
            }
            return Ok(());
        }
    };
    if let PairFrame::Invite(invite) = &frame {
        return invited(cx, peer, source, invite, &frame);
    }
    let account = cx.tx.get::<AccountId>(&tables::invite(&frame.invite_id()))?;
    let Some(contact) = account.map(|account| contacts::load(cx.tx, &account)).transpose()?.flatten() else {
        reply(cx, peer, acknowledge(&frame));
        return Ok(());
    };
    let kind = frame.kind();
    if let Err(error) = step(cx, contact, Input::Received(frame), Some(peer))? {
        debug!(?peer, ?kind, %error, "a pairing frame was refused");
    }
    Ok(())
}

fn reply(cx: &mut Cx<'_, '_>, peer: PeerKey, frame: Option<Vec<u8>>) {
    if let Some(frame) = frame {
        cx.effects.push(Effect::Send { peer, protocol: Protocol::Pair, frame });
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
    let known = cx.tx.get::<AccountId>(&tables::invite(&invite.id()))?;
    let claimed = contacts::load(cx.tx, &invite.from)?;
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
    let admission = match cx.live.strangers.admit(invite, &arrival, cx.now) {
        Ok(admission) => admission,
        Err(refusal) => {
            info!(?peer, %refusal, "an invite was not let in");
            reply(cx, peer, acknowledge(frame));
            return Ok(());
        }
    };
    let opened = match open_invite(&cx.me.account, invite, cx.now) {
        Ok(opened) => opened,
        Err(error) => {
            debug!(?peer, %error, "an invite does not open");
            reply(cx, peer, acknowledge(frame));
            return Ok(());
        }
    };
    let account = opened.from();
    let mut contact = contacts::load_or_new(cx, &account)?;
    let before = contact.relationship.state();
    let hint = Hint { peer, addresses: Vec::new() };
    let (card, request) = (opened.card().to_vec(), opened.request());
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
            return Ok(());
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
    contact.save(cx)?;
    if !cx.policy.pairing_required {
        return requests::admit(cx, contact);
    }
    announce(cx, &contact)
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
    let (attachment, prekeys) = sessions::prepare_bundle(cx)?;
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
    let outcome = match contact.relationship.handle(input, &me, cx.now, cx.rng) {
        Ok(outcome) => outcome,
        Err(error) => return Ok(Err(error)),
    };
    let previous = contact.channel;
    contact.relationship = outcome.next;
    cx.live.pending = None;
    if invites && contact.relationship.state() == State::Invited {
        contact.outgoing = Some(true);
        contact.note = note.filter(|note| !note.is_empty());
    }
    for id in contact.relationship.invite_ids() {
        cx.tx.put(&tables::invite(&id), &contact.account)?;
    }
    let mut changed = false;
    if outcome.effects.contains(&Consequence::Unpaired) {
        // Those of the previous pact; this step may bring one of the next.
        contact.bundles.clear();
    }
    // What was learned of them comes first: the rest builds on it.
    for effect in &outcome.effects {
        match effect {
            Consequence::CardLearned(bytes) => drop(card::learn(cx, &contact.account, bytes)?),
            Consequence::Attachment(bytes) if !bytes.is_empty() => {
                contact.bundles.insert(0, ByteBuf::from(bytes.clone()));
                contact.bundles.truncate(MAX_BUNDLES);
            }
            Consequence::Send { slot: Slot::Answer | Slot::Confirm, .. } => {
                cx.tx.put(&tables::prekeys(), &prekeys)?;
            }
            Consequence::Changed { .. } | Consequence::Confirmed => {
                changed = true;
                contact.changed_at = cx.now;
            }
            _ => {}
        }
    }
    contact.save(cx)?;
    for effect in outcome.effects {
        match effect {
            Consequence::Unpaired => unpaired(cx, &mut contact, previous)?,
            Consequence::Paired { secret } => paired(cx, &mut contact, &secret)?,
            Consequence::Reply(frame) => {
                if let Some(peer) = from {
                    reply(cx, peer, Some(frame));
                }
            }
            _ => {}
        }
    }
    cx.live.waiting.remove(&contact.account);
    outbox::pursue(cx, &contact, from)?;
    Ok(Ok(changed))
}

/// Both consented: there is a channel, and their devices may use it.
fn paired(cx: &mut Cx<'_, '_>, contact: &mut Contact, secret: &consent::PairSecret) -> Result<(), EngineError> {
    let channel = channels::open_direct(cx, ChannelId::from_bytes(secret.channel_id()), contact.account)?;
    contact.channel = Some(channel.no);
    contact.save(cx)?;
    card::allow(cx, &contact.account)?;
    sync::channel_opened(cx, &channel)
}

/// It is over: sessions and keys are gone, the history stays readable.
fn unpaired(cx: &mut Cx<'_, '_>, contact: &mut Contact, previous: Option<u64>) -> Result<(), EngineError> {
    sessions::erase(cx, &contact.account)?;
    contact.card_sent = None;
    contact.verified = false;
    contact.save(cx)?;
    if let Some(mut channel) = previous.map(|no| channels::by_no(cx.tx, no)).transpose()?.flatten() {
        channel.open = false;
        channel.save(cx)?;
        sync::channel_closed(cx, &channel)?;
    }
    for device in contacts::devices(cx.tx, &contact.account)? {
        parcels::forget_unless_known(cx, &contact.account, &device.id)?;
        members::parted(cx, &contact.account, device.peer)?;
    }
    Ok(())
}

fn announce(cx: &mut Cx<'_, '_>, contact: &Contact) -> Result<(), EngineError> {
    let shown = contacts::show(cx, contact).map_err(EngineError::bug)?;
    journal::record(cx, kind::CONTACT, &shown)
}
