//! An account that was recovered with its words has lost its groups. A contact who is in one of them gives it back: the group's secret, and
//! whom to ask for the roster. There the account is a member as before, with devices that it has no more; its new device puts itself in their
//! place (`listing`).

use covey_pairing::group::admission::Welcome;
use covey_pairing::group::roster::rotations_in;
use covey_pairing::ids::AccountId;
use tracing::{debug, info};

use crate::engine::group::welcome;
use crate::engine::notices::Notice;
use crate::engine::records::devices::DeviceRef;
use crate::engine::records::standing::{self, Standing, State};
use crate::engine::records::{channels, devices, people};
use crate::engine::{Cx, EngineError};

/// Groups that were given back and whose roster has not come: whoever tells of groups that are not there is not listened to for ever.
const MAX_UNSEEN: usize = 64;

/// [MEMBER-4] An account is paired with us, or a device of it connected. If it was recovered, it is given the groups whose rosters do not know
/// that yet.
pub(in crate::engine) fn give_back(cx: &mut Cx<'_, '_>, account: &AccountId) -> Result<(), EngineError> {
    let me = cx.me.account_id();
    if cx.me.is_ours(account) {
        return Ok(());
    }
    let known = devices::known_log(cx.tx, account)?.and_then(|known| known.in_force());
    let Some(log) = known.filter(|log| log.rotations().len() > 0) else { return Ok(()) };
    let paired = people::load(cx.tx, account)?.filter(people::Contact::is_paired);
    if paired.is_none_or(|contact| contact.held_until() > cx.now) {
        return Ok(());
    }
    let mut lost = Vec::new();
    for (no, group) in &cx.live.groups.by_no {
        let member = group.own(&me).and_then(|_| group.roster.member(account));
        if member.is_some_and(|member| rotations_in(member.log) < log.rotations().len()) {
            lost.push(*no);
        }
    }
    for no in lost {
        let Some(channel) = channels::by_no(cx.tx, no)? else { continue };
        info!(group = %channel.id.fmt_short(), account = %account.fmt_short(), "a recovered account is given its group back");
        welcome::welcome(cx, &channel, account)?;
    }
    Ok(())
}

/// [MEMBER-5] A contact gives us a group that we know nothing of: as one of those that our account lost.
pub(in crate::engine) fn given_back(cx: &mut Cx<'_, '_>, owner: DeviceRef, bytes: &[u8]) -> Result<(), EngineError> {
    let Some(welcome) = Welcome::from_bytes(bytes) else { return Ok(()) };
    let paired = people::load(cx.tx, &owner.account)?.is_some_and(|contact| contact.is_paired());
    if !paired || cx.me.key_log.rotations().len() == 0 {
        return Ok(());
    }
    if let Some(known) = standing::load(cx.tx, &welcome.group())? {
        return told_more(cx, known, &welcome);
    }
    let unseen = |known: &&Standing| known.state == State::Requested && known.request.is_none();
    if standing::all(cx.tx)?.iter().filter(unseen).count() >= MAX_UNSEEN {
        debug!("too many groups were given back of which nothing was seen");
        return Ok(());
    }
    info!(group = ?welcome.group(), "a contact gives a group back to this account");
    // Whether we are in is for the roster to say.
    let standing = Standing::new(welcome.group(), welcome.name().to_owned(), State::Requested, cx.now);
    welcome::begin(cx, standing, owner, &welcome)
}

/// Another contact gives it back, or the same one again: of what it knows more may be here than of what the first one said.
fn told_more(cx: &mut Cx<'_, '_>, mut known: Standing, welcome: &Welcome) -> Result<(), EngineError> {
    if known.secret.as_ref() != Some(welcome.secret()) || welcome.newest().is_empty() {
        return Ok(());
    }
    known.newest = welcome.newest().to_vec();
    known.save(cx.tx)?;
    cx.notices.push(Notice::OwnDevices);
    Ok(())
}
