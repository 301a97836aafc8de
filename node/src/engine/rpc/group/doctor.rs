//! Do all members that can be reached know the same?

use covey_api::{ApiError, GroupDoctor, GroupHealth, GroupRefusal, MemberHealth};
use covey_pairing::ids::DeviceId;

use crate::engine::Cx;
use crate::engine::group::doctor;
use crate::engine::rpc::group::known;
use crate::engine::shown::group;

/// Devices that did not answer and are told one by one.
const MAX_SILENT: usize = 100;

/// Asks the members that are connected how the group looks there: answers come within seconds. How many were asked.
///
/// # Errors
/// Unknown group.
pub fn begin_doctor(cx: &mut Cx<'_, '_>, params: &GroupDoctor) -> Result<usize, ApiError> {
    let of = known::joined_to_read(cx, &params.group)?;
    Ok(doctor::ask(cx, &of.channel)?)
}

/// How many have answered.
///
/// # Errors
/// Unknown group.
pub fn doctor_answers(cx: &mut Cx<'_, '_>, params: &GroupDoctor) -> Result<usize, ApiError> {
    let of = known::joined_to_read(cx, &params.group)?;
    Ok(doctor::reports(cx, &of.channel).len())
}

/// `group.doctor`, from what was answered.
///
/// # Errors
/// Unknown group.
pub fn doctor(cx: &mut Cx<'_, '_>, params: &GroupDoctor) -> Result<GroupHealth, ApiError> {
    let of = known::joined_to_read(cx, &params.group)?;
    let own = doctor::own(cx, &of.channel)?.ok_or(GroupRefusal::NoSuchGroup(&of.standing.name))?;
    let reports = doctor::reports(cx, &of.channel);
    let group = of.group(cx)?;
    let me = cx.me.account_id();
    let name = |device: &DeviceId| {
        let account = group.devices.get(device);
        account.and_then(|account| group::name_of(cx, account).ok()).unwrap_or_else(|| device.fmt_short())
    };
    let mut members = Vec::new();
    let (mut silent, mut others) = (0, 0);
    for (account, member) in group.roster.members(None) {
        others += usize::from(*account != me);
        for device in member.devices.iter().filter(|device| !cx.me.is_this_device(device)) {
            let report = reports.get(device);
            silent += usize::from(report.is_none());
            if report.is_none() && silent > MAX_SILENT {
                continue;
            }
            let difference = report.and_then(|report| doctor::difference(&own, report, name));
            members.push(MemberHealth {
                account: account.to_string(),
                alias: Some(group::name_of(cx, account)?),
                device: device.to_string(),
                reached: report.is_some(),
                converged: report.map(|_| difference.is_none()),
                roster_hash: report.map(|report| hex(&report.roster)),
                heads_hash: report.map(|report| hex(&report.heads)),
                difference,
            });
        }
    }
    let reached = members.iter().filter(|member| member.reached).count();
    cx.live.groups.reports.remove(&of.channel.no);
    let same = members.iter().all(|member| member.converged != Some(false));
    let mut checks = doctor::checks(cx, &of.channel)?;
    checks.extend(doctor::secret(&own, &reports));
    Ok(GroupHealth {
        group: of.standing.id.to_string(),
        converged: same && (reached > 0 || others == 0),
        roster_hash: hex(&own.roster),
        heads_hash: hex(&own.heads),
        reached: u32::try_from(reached).unwrap_or(u32::MAX),
        members,
        checks,
    })
}

fn hex(bytes: &[u8; 32]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}
