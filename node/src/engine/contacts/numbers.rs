//! Safety numbers: of accounts as they are after their newest rotations, and of accounts whose rotation is in doubt.

use covey_pairing::identity::{Dispute, KnownLog, Party, SafetyNumber, Standing, safety_number};
use covey_pairing::ids::AccountId;

use crate::engine::contacts::{kept, logs};
use crate::engine::records::devices;
use crate::engine::{Cx, EngineError};

/// The number to compare with an account, as we know it.
pub(in crate::engine) fn with(cx: &Cx<'_, '_>, account: &AccountId) -> Result<SafetyNumber, EngineError> {
    let known = devices::known_log(cx.tx, account)?;
    let them = known.as_ref().map_or_else(|| Party::from(account), |known| Party::from(known.log()));
    Ok(safety_number(&cx.me.key_log, them))
}

/// [KEYLOG-17] Whether these digits are what the account's owner reads. If two rotations of the account are in dispute, they tell which of the two is
/// the owner's: that one counts from now on.
pub(in crate::engine) fn compare(cx: &mut Cx<'_, '_>, account: &AccountId, given: &str) -> Result<bool, EngineError> {
    let Some(mut known) = devices::known_log(cx.tx, account)? else {
        return Ok(with(cx, account)?.digits() == given);
    };
    let before = known.clone();
    let candidates: Vec<_> = match known.standing() {
        Standing::Contested(Dispute::Rotations(fork)) => {
            let (index, ids) = fork.rotations().ok_or_else(|| EngineError::bug("two rotations are in dispute"))?;
            ids.map(|id| (index, id)).into()
        }
        Standing::Contested(Dispute::Contest(_)) => newest(&known).into_iter().collect(),
        Standing::Sound | Standing::Split(_) => return Ok(with(cx, account)?.digits() == given),
    };
    let is_given = |rotation| safety_number(&cx.me.key_log, Party::rotated(*account, rotation)).digits() == given;
    let Some((index, id)) = candidates.into_iter().find(|(_, id)| is_given(*id)) else { return Ok(false) };
    known.settle(index, id);
    kept::revise(cx, account, known.clone())?;
    logs::settled(cx, account, &before, &known)?;
    Ok(true)
}

fn newest(known: &KnownLog) -> Option<(u32, covey_pairing::identity::RotationId)> {
    let rotations = known.log().rotations();
    let index = u32::try_from(rotations.len().checked_sub(1)?).ok()?;
    rotations.last().map(|id| (index, id))
}
