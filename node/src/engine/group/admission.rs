//! Others who want to come in: looked at, let in, kept until an admin has decided, or refused.

use covey_api::{ApiError, EventKind, JoinRequestState};
use covey_feed::ChannelId;
use covey_pairing::group::admission::{JoinStatement, devices, vouch};
use covey_pairing::group::roster::{Denied, Ground, Op, Right, Role, VerifiedJoin, rotations_in};
use covey_pairing::identity::ContactCard;
use covey_pairing::ids::{AccountId, DeviceId};
use serde_bytes::ByteBuf;
use tracing::{debug, info};

use crate::engine::contacts::cards;
use crate::engine::group::{ops, welcome};
use crate::engine::live::groups::Group;
use crate::engine::members::{self, rosters};
use crate::engine::outbound::{knock, notes};
use crate::engine::records::channels::{self, Channel};
use crate::engine::records::devices::{self, ContactDevice};
use crate::engine::records::joining::{self, Asking, MAX_REQUESTS};
use crate::engine::records::people;
use crate::engine::records::standing::State;
use crate::engine::shown::group;
use crate::engine::wire::note::Note;
use crate::engine::{Cx, EngineError, PeerKey, journal, tables};

/// Rejected ones of one group that are remembered.
const MAX_REJECTED: usize = 1_024;

/// Somebody who wants to come in, with what was verified of it.
pub(in crate::engine) struct Joiner {
    pub(in crate::engine) statement: JoinStatement,
    pub(in crate::engine) card: ContactCard,
}

/// The joiner, if statement and card verify and are its own and for that group.
pub(in crate::engine) fn verified(
    cx: &Cx<'_, '_>,
    id: &ChannelId,
    statement: &[u8],
    card: &[u8],
    account: AccountId,
) -> Option<Joiner> {
    let statement = JoinStatement::open(statement).ok()?;
    let fits =
        statement.group.as_bytes() == id.as_bytes() && statement.account == account && statement.is_fresh(cx.now);
    if !fits {
        return None;
    }
    match statement.verify(card) {
        // [MEMBER-2] The card may be older than what we know of the account.
        Ok(_) if !is_still_active(cx, &account, &statement.device) => {
            debug!("a device that its account has no more asks to join");
            None
        }
        Ok(card) => Some(Joiner { statement, card }),
        Err(error) => {
            debug!(%error, "a join statement does not verify");
            None
        }
    }
}

/// Whether nothing is known against a device: the longest key log of its account does not end it, and the account counts at all.
fn is_still_active(cx: &Cx<'_, '_>, account: &AccountId, device: &DeviceId) -> bool {
    let known = match devices::known_log(cx.tx, account) {
        Ok(Some(known)) => known,
        Ok(None) => return true,
        Err(_) => return false,
    };
    known.in_force().is_some_and(|log| log.revocation(device).is_none())
}

/// [NOTE-3] Somebody asks us to let them in.
pub(in crate::engine) fn asked(
    cx: &mut Cx<'_, '_>,
    id: &ChannelId,
    joiner: &Joiner,
    statement: ByteBuf,
    signed: ByteBuf,
    note: &str,
) -> Result<(), EngineError> {
    let account = joiner.statement.account;
    let Some(mut channel) = channels::group(cx.tx, id)? else { return Ok(()) };
    if people::is_blocked(cx.tx, &account)? {
        debug!("somebody whom we blocked asks us to let them in, which others may do");
        return Ok(());
    }
    let me = cx.me.account_id();
    let Some(group) = rosters::get(cx, channel.no) else { return Ok(()) };
    match group.state {
        State::Joined => {}
        // [NOTE-3] Nobody else lets in whom we invited, nor anybody at all into a group that has no member left.
        State::Left | State::Removed => {
            let by_us = matches!(joiner.statement.ground, Ground::Invite(_));
            return if by_us || group.roster.is_empty() { refuse(cx, joiner, id) } else { Ok(()) };
        }
        State::Invited | State::Requested | State::Declined => return Ok(()),
    }
    let JoinStatement { ground, issued_at: at, .. } = joiner.statement;
    if let Some(member) = group.roster.member(&account) {
        // [MEMBER-4] Nobody here may know the new device of an account that was recovered.
        if rotations_in(member.log) < joiner.card.log().rotations().len() {
            cards::learn_as_of(cx, &account, &signed, at)?;
        }
        return welcome::welcome(cx, &channel, &account);
    }
    let join = VerifiedJoin { account, devices: devices(&joiner.card), ground, at };
    let approval = needs_approval(group, &ground);
    // A ticket's end is held against our own clock: the joiner's statement may say anything.
    match has_room(cx, group).and_then(|()| group.roster.admits(&me, &join, cx.now)) {
        Ok(()) => {
            let Some((ticket, role)) = approval else {
                // They ask again.
                if ops::is_waiting(cx, channel.no)? {
                    return Ok(());
                }
                cards::learn_as_of(cx, &account, &signed, at)?;
                ops::write(cx, &mut channel, Op::Join { statement, card: signed }).map_err(EngineError::bug)?;
                return welcome::welcome(cx, &channel, &account);
            };
            if cx.tx.get::<u64>(&tables::join_rejected(channel.no, &account))?.is_some_and(|no| at <= no) {
                debug!(account = %account.fmt_short(), "somebody who was rejected asks again as before");
                return refuse(cx, joiner, id);
            }
            let asking = Asking {
                account,
                statement,
                card: signed,
                name: joiner.card.content().name.clone(),
                note: note.chars().take(280).collect(),
                ticket,
                role,
                at: cx.now,
            };
            // Strangers cost no more than their place among those who wait.
            if queue(cx, &channel, &asking)? {
                cards::learn_as_of(cx, &account, &asking.card, at)?;
            }
            Ok(())
        }
        Err(Denied::Missing { right: Right::Approve | Right::Invite | Right::Ticket, .. }) => {
            debug!("somebody asks us to let them in, which is for others to do");
            Ok(())
        }
        Err(Denied::NoTicket | Denied::NotInvited) if !is_known(group, &ground) => {
            debug!("somebody comes on a ground that is not known here, perhaps not yet; they will ask again");
            Ok(())
        }
        Err(error) => {
            info!(account = %account.fmt_short(), %error, "somebody is not let into a group");
            refuse(cx, joiner, id)
        }
    }
}

/// Whether what a joiner goes by was ever on the roster as it is known here.
fn is_known(group: &Group, ground: &Ground) -> bool {
    match ground {
        Ground::Invite(op) => group.roster.contains(op),
        Ground::Ticket(id) => group.roster.ticket(id).is_some(),
        Ground::Request => true,
    }
}

/// Whether an admin has to be asked: by which ticket they come, as what.
fn needs_approval(group: &Group, ground: &Ground) -> Option<(String, Role)> {
    let policy = group.roster.policy();
    match ground {
        Ground::Invite(_) => None,
        Ground::Ticket(id) => {
            let ticket = group.roster.ticket(id).filter(|ticket| ticket.approve || policy.approve)?;
            Some((id.to_string(), ticket.grant.role))
        }
        Ground::Request => Some((String::new(), policy.newcomers.role)),
    }
}

/// Tells somebody that they are not let in. A stranger is told once and not kept: they ask again until they hear it.
fn refuse(cx: &mut Cx<'_, '_>, joiner: &Joiner, id: &ChannelId) -> Result<(), EngineError> {
    let account = joiner.statement.account;
    if members::knows(cx, &account)? {
        return notes::tell(cx, &account, &Note::Refused(*id));
    }
    let Some(device) = joiner.card.log().device(&joiner.statement.device) else { return Ok(()) };
    let (name, peer) = (joiner.statement.device, PeerKey(device.keys.network));
    let device = ContactDevice::without_card(name, device.keys.dh, peer, Vec::new());
    knock::refuse(cx, &device, id)
}

/// Keeps a request until an admin has decided; whether there was room.
fn queue(cx: &mut Cx<'_, '_>, channel: &Channel, asking: &Asking) -> Result<bool, EngineError> {
    let key = tables::join_request(channel.no, &asking.account);
    let known = cx.tx.contains(&key)?;
    if !known && joining::how_many_wait(cx.tx, channel.no)? >= MAX_REQUESTS {
        info!(channel = %channel.id.fmt_short(), "too many wait to be let in; another one is not kept");
        return Ok(false);
    }
    cx.tx.put(&key, asking)?;
    if known {
        return Ok(true);
    }
    let shown = group::request(cx, channel, asking, JoinRequestState::Waiting)?;
    journal::record(cx, EventKind::GroupRequest, &shown)?;
    Ok(true)
}

/// Lets somebody in who asked.
pub(in crate::engine) fn approve(cx: &mut Cx<'_, '_>, channel: &mut Channel, asking: &Asking) -> Result<(), ApiError> {
    let op = Op::Join { statement: asking.statement.clone(), card: asking.card.clone() };
    ops::write(cx, channel, op)?;
    cx.tx.delete(&tables::join_request(channel.no, &asking.account));
    Ok(welcome::welcome(cx, channel, &asking.account)?)
}

/// Whether this node lets another one into the group.
pub(in crate::engine) fn has_room(cx: &Cx<'_, '_>, group: &Group) -> Result<(), Denied> {
    if group.roster.len() < cx.policy.max_members { Ok(()) } else { Err(Denied::Full) }
}

/// Whether we may let somebody in who asked.
pub(in crate::engine) fn may_approve(cx: &Cx<'_, '_>, channel: &Channel, asking: &Asking) -> Result<(), Denied> {
    let Some(group) = rosters::get(cx, channel.no) else { return Err(Denied::NotAMember) };
    has_room(cx, group)?;
    let join = vouch(&group.id, &asking.statement, &asking.card).map_err(|_| Denied::Unverified)?;
    group.roster.admits(&cx.me.account_id(), &join, cx.now)
}

/// Does not let them in. Who is not there to hear it asks the same again, and hears it then.
pub(in crate::engine) fn reject(cx: &mut Cx<'_, '_>, channel: &Channel, asking: &Asking) -> Result<(), ApiError> {
    cx.tx.delete(&tables::join_request(channel.no, &asking.account));
    let Some(joiner) = verified(cx, &channel.id, &asking.statement, &asking.card, asking.account) else {
        return Ok(());
    };
    let known = cx.tx.scan::<u64>(&tables::all_join_rejected(channel.no), None, MAX_REJECTED, false)?;
    if known.len() >= MAX_REJECTED
        && let Some((oldest, _)) = known.into_iter().min_by_key(|(_, at)| *at)
    {
        cx.tx.delete(&oldest);
    }
    cx.tx.put(&tables::join_rejected(channel.no, &asking.account), &joiner.statement.issued_at)?;
    Ok(refuse(cx, &joiner, &channel.id)?)
}
