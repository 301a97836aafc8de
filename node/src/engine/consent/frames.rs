//! Frames of the consent handshake, from anybody, whichever way they came.

use covey_pairing::consent::{
    Admission, Arrival, ConsentError, Input, InviteFrame, OpenedInvite, PairFrame, Refusal, Source, State, acknowledge,
    open_invite,
};
use covey_pairing::identity::{TokenBook, TokenId};
use covey_pairing::ids::{AccountId, InviteId};
use tracing::{debug, info};

use crate::engine::consent::keys::{Frozen, log_of};
use crate::engine::consent::{adopted, requests, step};
use crate::engine::contacts::{alerts, cards};
use crate::engine::notices::Notice;
use crate::engine::records::devices;
use crate::engine::records::people::{self, AlertKind, Contact, Hint};
use crate::engine::records::tickets;
use crate::engine::wire::own_record::Key;
use crate::engine::{Cx, EngineError, PeerKey, tables};

/// How a frame came.
#[derive(Debug, Clone, Copy)]
pub(in crate::engine) enum Way {
    /// From a peer of this network, who can be answered.
    Peer(PeerKey, Source),
    /// It lay at a keeper of ours. Who wrote it is not here, and the keeper is told nothing.
    Kept,
}

/// What became of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::engine) enum Fate {
    /// It was taken, or is of no use.
    Done,
    /// The limits on strangers do not allow it now.
    Later,
}

impl Way {
    fn peer(self) -> Option<PeerKey> {
        match self {
            Self::Peer(peer, _) => Some(peer),
            Self::Kept => None,
        }
    }

    fn source(self) -> Source {
        match self {
            Self::Peer(_, source) => source,
            Self::Kept => Source::Keeper,
        }
    }
}

/// Answers whoever is there to be answered.
fn reply(cx: &mut Cx<'_, '_>, way: Way, frame: Option<Vec<u8>>) {
    if let Some(peer) = way.peer() {
        step::reply(cx, peer, frame);
    }
}

/// A frame of the consent handshake, from anybody.
pub(in crate::engine) fn frame(cx: &mut Cx<'_, '_>, way: Way, frame: PairFrame) -> Result<Fate, EngineError> {
    if let PairFrame::Invite(invite) = &frame {
        return invited(cx, way, invite, &frame);
    }
    about_invite(cx, way, frame).map(|()| Fate::Done)
}

/// A frame about an invite that we have, perhaps.
fn about_invite(cx: &mut Cx<'_, '_>, way: Way, frame: PairFrame) -> Result<(), EngineError> {
    let account = cx.tx.get::<AccountId>(&tables::invite(&frame.invite_id()))?;
    let contact = account.map(|account| people::load(cx.tx, &account)).transpose()?.flatten();
    // Another device of ours fetches by itself what lies at a keeper.
    if let Some(peer) = way.peer()
        && ends_unknown(&frame, contact.as_ref())
        && pass_on(cx, peer, &frame)?
    {
        return Ok(());
    }
    let (kind, uniform) = (frame.kind(), acknowledge(&frame));
    let known = contact.map(|contact| Ok::<_, EngineError>((log_of(cx, &contact)?, contact))).transpose()?;
    let Some((Ok(log), mut contact)) = known else {
        reply(cx, way, uniform);
        return Ok(());
    };
    contact.relationship.set_log(log);
    let account = contact.account;
    let state = contact.relationship.state();
    let is_of_other = !contact.relationship.invite_ids().contains(&frame.invite_id());
    if (is_of_other || state == State::Removed)
        && adopted::confirms_rival(cx, &account, &frame)?
        && let Some(adopted) = people::load(cx.tx, &account)?
    {
        contact = adopted;
    }
    let mut done = step::step(cx, contact, Input::Received(frame.clone()), way.peer())?;
    if done.is_err()
        && adopted::confirms_rival(cx, &account, &frame)?
        && let Some(contact) = people::load(cx.tx, &account)?
    {
        done = step::step(cx, contact, Input::Received(frame), way.peer())?;
    }
    if let Err(error) = done {
        debug!(?way, ?kind, %error, "a pairing frame was refused");
        // As if nothing were known of it: a malformed frame must not ask which state it meets.
        reply(cx, way, uniform);
    }
    Ok(())
}

/// Whether the frame ends something of which this device knows nothing.
fn ends_unknown(frame: &PairFrame, contact: Option<&Contact>) -> bool {
    use State::{Invited, Paired, Pending, Stranger};
    let is_known = contact.is_some_and(|contact| {
        let has_ended = !matches!(contact.relationship.state(), Stranger | Invited | Pending | Paired);
        has_ended || contact.relationship.holds(&frame.invite_id())
    });
    !is_known && matches!(frame, PairFrame::Cancel { .. } | PairFrame::Removed { .. })
}

/// [OWN-9] Another device of ours may know what the frame is about: it is given to those that are connected, and not acknowledged, so that
/// it is sent until one of them has understood it. Whether there are any.
fn pass_on(cx: &mut Cx<'_, '_>, peer: PeerKey, frame: &PairFrame) -> Result<bool, EngineError> {
    let account = cx.me.account_id();
    let others = devices::devices(cx.tx, &account)?;
    if others.is_empty() || others.iter().any(|device| device.peer == peer) {
        return Ok(false);
    }
    for device in others {
        if cx.live.connected.contains(&device.peer) {
            step::reply(cx, device.peer, Some(frame.encode()));
        }
    }
    Ok(true)
}

/// Whether an invite may be opened, and by what; decided before any key agreement.
fn admission(
    cx: &mut Cx<'_, '_>,
    way: Way,
    invite: &InviteFrame,
    book: &TokenBook,
) -> Result<Result<Admission, Fate>, EngineError> {
    let now = cx.now;
    if invite.from.is_none() && !cx.live.strangers.has_pass(invite, &cx.me.account_id(), book, now) {
        return Ok(Err(refused(cx, way, &Refusal::Pass)));
    }
    let Ok(from) = invite.claimed_by(&cx.me.account) else {
        debug!(?way, "an invite is sealed to another key");
        cx.live.tally.invites_broken += 1;
        return Ok(Err(Fate::Done));
    };
    let known = cx.tx.get::<AccountId>(&tables::invite(&invite.id()))?;
    let claimed = people::load(cx.tx, &from)?;
    if known.is_none() && claimed.as_ref().is_some_and(|contact| is_too_soon(contact, cx.now)) {
        debug!(?way, "a contact asks for another pact so soon");
        return Ok(Err(Fate::Later));
    }
    let expected = known.is_some()
        || claimed.is_some_and(|contact| {
            contact.wanted.is_some() || matches!(contact.relationship.state(), State::Invited | State::Paired)
        });
    let pending = match cx.live.pending {
        Some(pending) => pending,
        None => pending(cx)?,
    };
    cx.live.pending = Some(pending);
    let invitee = cx.me.account_id();
    let arrival = Arrival { invitee, source: way.source(), pending, expected, tokens: book };
    match cx.live.strangers.admit(invite, &arrival, now) {
        Ok(admission) => Ok(Ok(admission)),
        Err(refusal) => Ok(Err(refused(cx, way, &refusal))),
    }
}

fn refused(cx: &mut Cx<'_, '_>, way: Way, refusal: &Refusal) -> Fate {
    info!(?way, %refusal, "an invite was not let in");
    cx.live.tally.invites_refused += 1;
    // Who is here tries again by itself.
    if *refusal == Refusal::Pass { Fate::Done } else { Fate::Later }
}

/// An invite, from a stranger perhaps.
fn invited(cx: &mut Cx<'_, '_>, way: Way, invite: &InviteFrame, frame: &PairFrame) -> Result<Fate, EngineError> {
    let book = tickets::book(cx.tx)?;
    let admission = match admission(cx, way, invite, &book)? {
        Ok(admission) => admission,
        Err(fate) => {
            reply(cx, way, acknowledge(frame));
            return Ok(fate);
        }
    };
    match open_invite(&cx.me.account, invite, cx.now) {
        Ok(opened) => admitted(cx, way, opened, (frame, admission)).map(|()| Fate::Done),
        Err(error) => {
            debug!(?way, %error, "an invite does not open");
            cx.live.tally.invites_broken += 1;
            reply(cx, way, acknowledge(frame));
            Ok(Fate::Done)
        }
    }
}

/// An invite that opened, and passed the limits.
fn admitted(
    cx: &mut Cx<'_, '_>,
    way: Way,
    opened: OpenedInvite,
    (frame, admission): (&PairFrame, Admission),
) -> Result<(), EngineError> {
    let id = opened.id();
    let account = opened.from();
    let mut contact = people::load_or_new(cx.tx, &account, cx.now)?;
    let before = contact.relationship.state();
    let (card, request) = (opened.card().to_vec(), opened.request());
    match log_of(cx, &contact)? {
        Ok(log) => contact.relationship.set_log(log),
        Err(Frozen) => {
            debug!(account = %account.fmt_short(), "an invite of an account that is contested");
            reply(cx, way, acknowledge(frame));
            return Ok(());
        }
    }
    if let Some(peer) = way.peer().filter(|peer| !contact.hints.iter().any(|known| known.peer == *peer)) {
        // The newest few: whoever brought an invite can take the answer.
        contact.hints.insert(0, Hint { peer, addresses: Vec::new() });
        contact.hints.truncate(4);
    }
    let changed = match step::step_quietly(cx, contact, Input::Invited(Box::new(opened)), way.peer())? {
        Ok(changed) => changed,
        Err(error) => {
            debug!(account = %account.fmt_short(), %error, "an invite was refused");
            reply(cx, way, acknowledge(frame));
            return match error {
                // The card tells how the logs contradict each other.
                ConsentError::Forked(_) => cards::learn(cx, &account, &card).map(drop),
                ConsentError::OlderLog => alerts::raise(cx, &account, AlertKind::Contradiction, Some(card)),
                _ => Ok(()),
            };
        }
    };
    let Some(mut contact) = people::load(cx.tx, &account)? else { return Ok(()) };
    if before == State::Pending || contact.relationship.state() != State::Pending {
        return if changed { step::announce(cx, &contact) } else { Ok(()) };
    }
    // New for the operator: its card says where the answer can go.
    cards::learn(cx, &account, &card)?;
    if let Admission::Token(token) = admission {
        spend(cx, &token, id)?;
    }
    contact.outgoing = Some(false);
    contact.note = Some(request.note).filter(|note| !note.is_empty());
    contact.save(cx.tx)?;
    if !cx.policy.pairing_required {
        return requests::admit(cx, contact);
    }
    info!(account = %account.fmt_short(), "an invite arrived");
    step::announce(cx, &contact)
}

/// Whether a contact's next pact has to wait, so that its invite need not be opened.
fn is_too_soon(contact: &Contact, now: u64) -> bool {
    contact.has_pact() && contact.relationship.renewable_at(now) > now
}

/// [OWN-11] The invite used a ticket; our other devices hear of it.
fn spend(cx: &mut Cx<'_, '_>, id: &TokenId, by: InviteId) -> Result<(), EngineError> {
    let Some(mut issued) = tickets::load(cx.tx, id)? else {
        let mut book = tickets::book(cx.tx)?;
        book.spend(id);
        return tickets::save_book(cx.tx, &book);
    };
    issued.spend(by);
    tickets::save(cx.tx, &issued)?;
    cx.notices.push(Notice::Shared(Key::ticket(id)));
    tickets::follow(cx.tx, &issued, None, cx.now)
}

fn pending(cx: &Cx<'_, '_>) -> Result<usize, EngineError> {
    let all = people::all(cx.tx)?;
    Ok(all.iter().filter(|contact| contact.relationship.state() == State::Pending || contact.is_request()).count())
}
