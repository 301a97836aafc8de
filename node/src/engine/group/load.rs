//! Groups at the start of the daemon.

use crate::engine::group::{changes, content, disputes, fill, peers};
use crate::engine::live::groups::Group;
use crate::engine::members::rosters;
use crate::engine::records::standing::{self, State};
use crate::engine::records::{channels, feeds};
use crate::engine::sealing::chains;
use crate::engine::{Cx, Effect, EngineError, gate};

/// Fills the memory from the store.
pub(in crate::engine) fn load(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    cx.live.groups.by_no.clear();
    cx.live.groups.requests.clear();
    disputes::load(cx)?;
    peers::resume_partings(cx)?;
    for standing in standing::all(cx.tx)? {
        if standing.state == State::Requested
            && let Some(request) = standing.request.clone()
        {
            for point in &request.points {
                let (peer, addresses) = (point.peer, point.addresses.clone());
                cx.effects.push(Effect::Allow { peer, addresses });
            }
            cx.live.groups.requests.insert(standing.id, request);
        }
        let Some(no) = standing.no else { continue };
        // Welcomed, and the roster did not come yet: those who let us in are believed, as before the start.
        let welcomed = standing.state == State::Requested && standing.secret.is_some();
        let state = if welcomed { State::Joined } else { standing.state };
        let mut group = Group::new(standing.id, state, standing.secret.clone(), feeds::heads(cx.tx, no)?);
        group.guides.clone_from(&standing.guides);
        cx.live.groups.by_no.insert(no, group);
        fill::replay(cx, no)?;
        if let Some(mut channel) = channels::by_no(cx.tx, no)? {
            content::reconcile_once(cx, &mut channel)?;
            match standing.state {
                State::Left => peers::resume_farewell(cx, &channel)?,
                State::Requested => changes::let_in(cx, &mut channel, None)?,
                State::Invited | State::Joined | State::Removed | State::Declined => {}
            }
        }
        gate::allow_all(cx, no)?;
        let work = chains::resume(cx, no)?;
        if let Some(group) = rosters::get_mut(cx, no) {
            group.hand_out_at = work;
        }
    }
    disputes::catch_up(cx)
}
