//! Groups as our devices share them: asked to join, in, out; with the secret that sessions start from, and some members' cards.
//!
//! Who is a member is for the roster to say; a record only brings a device to where it can read it.

use covey_api::EventKind;
use covey_pairing::crypto::secret::Secret;
use covey_pairing::group::roster::{Exit, OpId};
use covey_pairing::identity::ContactCard;
use covey_pairing::ids::{AccountId, GroupId};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use tracing::debug;

use crate::engine::contacts::cards;
use crate::engine::group::{changes, welcome};
use crate::engine::members::rosters;
use crate::engine::notices::Notice;
use crate::engine::records::standing::{self, Invite, Standing, State};
use crate::engine::records::{channels, devices};
use crate::engine::shown::group;
use crate::engine::wire::own_record::{Key, MAX_VALUE, value_of};
use crate::engine::{Cx, EngineError};

const VERSION: u8 = 1;

/// Members' cards of a record.
const GUIDES: usize = 3;

/// Longest name of a group that is taken, in bytes: as in its operations.
const MAX_NAME: usize = 128;

/// A group as it travels.
#[derive(Serialize, Deserialize)]
struct Wire {
    v: u8,
    state: State,
    secret: Option<Secret<32>>,
    invite: Option<Invite>,
    name: String,
    by: Option<AccountId>,
    guides: Vec<AccountId>,
    cards: Vec<ByteBuf>,
    /// The operation by which we had been a member last, while we are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    was: Option<OpId>,
}

/// What there is to say of a group.
pub(super) fn current(cx: &Cx<'_, '_>, key: &Key) -> Result<Option<ByteBuf>, EngineError> {
    let Some(id) = key.id().map(GroupId::from_bytes) else { return Ok(None) };
    let Some(standing) = standing::load(cx.tx, &id)? else { return Ok(None) };
    let mut cards = Vec::new();
    for guide in standing.guides.iter().take(GUIDES) {
        cards.extend(devices::card(cx.tx, guide)?.map(|card| card.signed));
    }
    let Standing { state, secret, invite, name, by, mut guides, was, .. } = standing;
    guides.truncate(GUIDES);
    let mut wire = Wire { v: VERSION, state, secret, invite, name, by, guides, cards, was };
    loop {
        let value = value_of(&wire)?;
        if value.len() <= MAX_VALUE || wire.cards.pop().is_none() {
            return Ok(Some(value));
        }
    }
}

fn read(value: &[u8]) -> Option<Wire> {
    let wire = covey_codec::decode::<Wire>(value, MAX_VALUE).ok()?;
    let fits = wire.v == VERSION && wire.name.len() <= MAX_NAME && wire.cards.len() <= GUIDES;
    fits.then_some(wire)
}

/// Whether two records say the same of where we stand.
pub(super) fn is_same(a: &[u8], b: &[u8]) -> bool {
    let (Some(a), Some(b)) = (read(a), read(b)) else { return false };
    let of = |wire: &Wire| {
        (wire.state, wire.secret.as_ref().map(|secret| *secret.expose()), wire.invite.as_ref().map(|invite| invite.op))
    };
    of(&a) == of(&b)
}

/// A record of a group counts from now on.
pub(super) fn apply(cx: &mut Cx<'_, '_>, key: &Key, value: &[u8]) -> Result<(), EngineError> {
    let (Some(id), Some(wire)) = (key.id().map(GroupId::from_bytes), read(value)) else {
        debug!("what another device says of a group is not understood");
        return Ok(());
    };
    let known = standing::load(cx.tx, &id)?;
    let is_in = |standing: &Standing| standing.state == State::Joined || standing.secret.is_some();
    match (known, wire.state) {
        // Whether we are in is for the roster to say, and for whoever was told that we are out.
        (Some(known), State::Left | State::Removed) if is_in(&known) => {
            if came_back(cx, &known, wire.was) {
                // It did not hear of that, and what it says counts by its place only.
                cx.notices.push(Notice::Shared(key.clone()));
                return Ok(());
            }
            out(cx, &known, &wire)
        }
        (Some(known), State::Joined) if known.state == State::Requested && is_in(&known) => entered(cx, &known),
        (Some(known), _) if is_in(&known) => Ok(()),
        (known, _) => stand(cx, known.unwrap_or_else(|| Standing::new(id, String::new(), wire.state, cx.now)), wire),
    }
}

/// [OWN-16] Whether we are a member again since a membership ended.
fn came_back(cx: &Cx<'_, '_>, known: &Standing, was: Option<OpId>) -> bool {
    let group = known.no.and_then(|no| rosters::get(cx, no));
    let (Some(group), Some(was)) = (group, was) else { return false };
    let is_another = group.own(&cx.me.account_id()).is_some_and(|member| member.joined != was);
    is_another && group.roster.contains(&was)
}

/// Another device of ours is in. So is this one, if its roster says so already: it will not change any more for that.
fn entered(cx: &mut Cx<'_, '_>, known: &Standing) -> Result<(), EngineError> {
    let Some(mut channel) = known.no.map(|no| channels::by_no(cx.tx, no)).transpose()?.flatten() else { return Ok(()) };
    let me = cx.me.account_id();
    let is_listed = rosters::get(cx, channel.no).is_some_and(|group| group.own(&me).is_some());
    if is_listed { changes::came_in(cx, &mut channel, None) } else { Ok(()) }
}

/// Takes over where another device of ours stands.
fn stand(cx: &mut Cx<'_, '_>, mut standing: Standing, wire: Wire) -> Result<(), EngineError> {
    let kind = if wire.state == State::Invited { EventKind::GroupInvited } else { EventKind::GroupChanged };
    standing.become_(wire.state, cx.now);
    (standing.name, standing.by, standing.invite) = (wire.name, wire.by, wire.invite);
    // Our own wish to join waits no more: one of us asks, and the answer comes to all.
    standing.request = None;
    cx.live.groups.ahead = true;
    cx.live.groups.requests.remove(&standing.id);
    let is_open = wire.secret.is_some() && matches!(wire.state, State::Joined | State::Requested);
    standing.save(cx.tx)?;
    if is_open {
        for card in &wire.cards {
            if let Ok(opened) = ContactCard::open(card, cx.now) {
                cards::learn(cx, &opened.account(), card)?;
            }
        }
        standing.secret = wire.secret;
        // Our other devices are members as we are: they have the roster.
        standing.guides = wire.guides;
        standing.guides.push(cx.me.account_id());
        welcome::open(cx, standing.clone())?;
    }
    let actor = standing.by;
    group::announce(cx, kind, &standing, None, actor)
}

/// Another device of ours left, or was told that we are out.
fn out(cx: &mut Cx<'_, '_>, standing: &Standing, wire: &Wire) -> Result<(), EngineError> {
    let Some(mut channel) = standing.no.map(|no| channels::by_no(cx.tx, no)).transpose()?.flatten() else {
        return Ok(());
    };
    let exit = (wire.state == State::Left).then_some(Exit::Left);
    changes::went_out(cx, &mut channel, exit, (standing.by, wire.was))
}
