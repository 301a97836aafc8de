//! One step of a relationship: the machine of `covey_pairing` is run, what it became is stored, its effects are carried out.

use covey_api::EventKind;
use covey_pairing::consent::{
    ConsentError, Effect as Consequence, Input, Me, PairFrame, Reconciled, Relationship, Slot, State,
};
use covey_pairing::ids::{AccountId, InviteId};
use serde_bytes::ByteBuf;
use tracing::{debug, warn};

use crate::engine::consent::{pacts, pursuit};
use crate::engine::contacts::{alerts, cards};
use crate::engine::records::people::{self, AlertKind, Contact};
use crate::engine::sealing::sessions;
use crate::engine::shown::contact;
use crate::engine::{Cx, Effect, EngineError, PeerKey, Protocol, card, journal, tables};

/// Most one-time bundles kept of one contact.
const MAX_BUNDLES: usize = 8;

/// One step of a relationship: runs the machine, stores what it became, carries its effects out, tells the journal.
///
/// The inner result is the machine's own refusal; nothing changed then.
pub(in crate::engine) fn step(
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
    if changed && let Some(contact) = people::load(cx.tx, &account)? {
        announce(cx, &contact)?;
    }
    Ok(Ok(()))
}

/// [`step`] without telling the journal. Whether there is something to tell.
pub(in crate::engine) fn step_quietly(
    cx: &mut Cx<'_, '_>,
    mut contact: Contact,
    input: Input,
    from: Option<PeerKey>,
) -> Result<Result<bool, ConsentError>, EngineError> {
    let name = card::own_name(cx)?;
    let own_card = card::own(cx)?;
    // Made in advance, kept only if it was used: an answer or a confirm carries it.
    let (attachment, prekeys) = sessions::prepare_bundle(cx, &contact.account)?;
    let me = ourselves(&cx.me, cx.policy, (&own_card, &name), &attachment);
    let invites = matches!(input, Input::Invite { .. } | Input::Renew { .. });
    let note = match &input {
        Input::Invite { note, .. } => Some(note.clone()),
        _ => None,
    };
    let by = input.kind();
    let (by_us, by_invite) = (matches!(input, Input::Remove), matches!(input, Input::Invited(_)));
    let by_frame = by_invite || matches!(input, Input::Received(_));
    let outcome = match contact.relationship.handle(input, &me, cx.now, cx.rng) {
        Ok(outcome) => outcome,
        Err(error) => return Ok(Err(error)),
    };
    let states = (contact.relationship.state(), outcome.next.state());
    debug!(account = %contact.account.fmt_short(), by, from = %states.0, to = %states.1, "a step of consent");
    let (previous, known) = (contact.channel, contact.relationship.invite_ids());
    // What changes nothing is no reason to say everything once more: two sides that do not understand each other would never stop.
    let is_news = !by_frame || outcome.next != contact.relationship;
    let renews =
        by_invite && contact.is_paired() && outcome.effects.iter().any(|e| matches!(e, Consequence::Paired { .. }));
    contact.relationship = outcome.next;
    cx.live.pending = None;
    let renews_soon = contact.has_pact() && contact.wanted.as_ref().is_some_and(|wanted| wanted.renewal);
    if (contact.has_pact() && !renews_soon) || matches!(contact.relationship.state(), State::Declined | State::Blocked)
    {
        // Agreed on in another way, or not wanted any more. Who blocks an account that was recovered asks it once the block is lifted.
        contact.renew |= renews_soon;
        contact.wanted = None;
    }
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
    if is_news {
        cx.live.waiting.remove(&contact.account);
        cx.notices.contact(&contact.account);
        pursuit::pursue(cx, &contact, from)?;
    }
    Ok(Ok(changed))
}

/// Our side as the machine sees it. `attachment`: what an answer or a confirm carries.
fn ourselves<'a>(
    me: &'a crate::engine::Me,
    policy: &crate::engine::Policy,
    (card, name): (&'a [u8], &'a str),
    attachment: &'a [u8],
) -> Me<'a> {
    Me {
        account: &me.account,
        device: &me.device,
        card,
        name,
        decline_silently: policy.decline_silently,
        answer_attachment: attachment,
        work_bits: policy.work_bits,
    }
}

/// What a relationship would become by a frame that confirms it, else nothing. Nothing is kept of the trial.
pub(super) fn confirmed_by(
    cx: &mut Cx<'_, '_>,
    relationship: &Relationship,
    frame: &PairFrame,
) -> Result<Option<Relationship>, EngineError> {
    let next = trial(cx, relationship, Input::Received(frame.clone()))?;
    Ok(next.filter(Relationship::confirmed))
}

/// What a relationship becomes by an input, if the machine takes it. Nothing is kept of the trial.
pub(super) fn trial(
    cx: &mut Cx<'_, '_>,
    relationship: &Relationship,
    input: Input,
) -> Result<Option<Relationship>, EngineError> {
    let (name, card) = (card::own_name(cx)?, card::own(cx)?);
    let me = ourselves(&cx.me, cx.policy, (&card, &name), &[]);
    Ok(relationship.handle(input, &me, cx.now, cx.rng).ok().map(|outcome| outcome.next))
}

/// [OWN-10] What comes of a contact of which one record counts and another device of ours says something else.
pub(in crate::engine) fn reconcile(
    cx: &mut Cx<'_, '_>,
    counts: &Contact,
    other: &Contact,
) -> Result<Contact, EngineError> {
    let (name, card) = (card::own_name(cx)?, card::own(cx)?);
    let me = ourselves(&cx.me, cx.policy, (&card, &name), &[]);
    let Reconciled { relationship, is_of_other } =
        counts.relationship.reconcile(&other.relationship, &me, cx.now, cx.rng);
    let base = if is_of_other { Contact { alias: counts.alias.clone(), ..other.clone() } } else { counts.clone() };
    Ok(Contact { relationship, ..base })
}

/// [OWN-10] Whether what the contact confirmed holds, whatever was decided here meanwhile.
pub(super) fn holds_with(cx: &mut Cx<'_, '_>, counts: &Contact, confirmed: &Relationship) -> Result<bool, EngineError> {
    let other = Contact { relationship: confirmed.clone(), ..counts.clone() };
    let joined = reconcile(cx, counts, &other)?;
    Ok(joined.relationship.pair_secret() == confirmed.pair_secret())
}

/// Another relationship takes the place of one, but for what is known of ended pacts and blocks.
pub(super) fn in_place_of(
    cx: &mut Cx<'_, '_>,
    relationship: &Relationship,
    known: &Relationship,
) -> Result<Relationship, EngineError> {
    let (name, card) = (card::own_name(cx)?, card::own(cx)?);
    let me = ourselves(&cx.me, cx.policy, (&card, &name), &[]);
    Ok(relationship.in_place_of(known, &me, cx.now, cx.rng))
}

/// Takes what a step says of them; the rest builds on it. Whether there is something to tell the journal.
fn learn(
    cx: &mut Cx<'_, '_>,
    contact: &mut Contact,
    effects: &[Consequence],
    by_us: bool,
) -> Result<bool, EngineError> {
    let mut changed = false;
    let pairs = effects.iter().any(|effect| matches!(effect, Consequence::Paired { .. }));
    if effects.contains(&Consequence::Unpaired) {
        // Those of the previous pact; this step may bring one of the next.
        contact.bundles.clear();
    }
    for effect in effects {
        match effect {
            Consequence::CardLearned(bytes) => {
                cards::learn(cx, &contact.account, bytes)?;
                // What follows from that is kept.
                if let Some(stored) = people::load(cx.tx, &contact.account)? {
                    contact.adopt(stored);
                    contact.wanted = contact.wanted.take().filter(|_| !pairs);
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
pub(super) fn index(cx: &mut Cx<'_, '_>, contact: &Contact, before: &[InviteId]) -> Result<(), EngineError> {
    let ids = contact.relationship.invite_ids();
    before.iter().filter(|id| !ids.contains(id)).for_each(|id| cx.tx.delete(&tables::invite(id)));
    for id in &ids {
        cx.tx.put(&tables::invite(id), &contact.account)?;
    }
    Ok(())
}

pub(in crate::engine) fn announce(cx: &mut Cx<'_, '_>, contact: &Contact) -> Result<(), EngineError> {
    let shown = contact::show(cx, contact)?;
    journal::record(cx, EventKind::Contact, &shown)
}

pub(in crate::engine) fn reply(cx: &mut Cx<'_, '_>, peer: PeerKey, frame: Option<Vec<u8>>) {
    if let Some(frame) = frame {
        cx.effects.push(Effect::Send { peer, protocol: Protocol::Pair, frame });
    }
}

/// A relationship's own deadline passed.
pub(in crate::engine) fn deadline(cx: &mut Cx<'_, '_>, account: &AccountId) -> Result<(), EngineError> {
    let Some(contact) = people::load(cx.tx, account)? else {
        cx.live.deadlines.remove(account);
        return Ok(());
    };
    if let Err(error) = step(cx, contact, Input::Tick, None)? {
        warn!(account = %account.fmt_short(), %error, "a relationship refused the time");
        cx.live.deadlines.remove(account);
    }
    Ok(())
}
