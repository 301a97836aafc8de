//! Groups of the mock: one that we own, one that invites us.

use covey_api::*;
use serde_json::json;

use super::{ALICE, BOB, ME, Mock, at, message};

pub const LAKE: &str = "1a4e00000000000000";
pub const CHOIR: &str = "c40100000000000000";
pub const PROOF: &str = "covey-proof:abcdefgh";

#[derive(Default)]
pub struct Groups {
    /// Beyond the usual ones.
    pub crowd: usize,
    pub diverged: bool,
    pub last_policy: Option<GroupPolicy>,
    pub last_create: Option<GroupCreate>,
}

pub fn group(id: &str, name: &str, state: GroupState) -> Group {
    let joined = state == GroupState::Joined;
    Group {
        group: id.into(),
        channel: id.into(),
        name: name.into(),
        state,
        role: Some(if joined { Role::Owner } else { Role::Member }),
        members: 3,
        since: at(0),
        founder: Some(ME.into()),
        by: (!joined).then(|| ALICE.into()),
        by_name: (!joined).then(|| "alice".into()),
        by_alias: (!joined).then(|| "alice".into()),
        expires_at: None,
        note: (!joined).then(|| "sing \x1b[2J along".into()),
        policy: Policy::default(),
        requests: u32::from(joined),
        roster_hash: joined.then(|| "beefbeefbeef".into()),
    }
}

pub fn member(account: &str, alias: Option<&str>, role: Role, state: MemberState) -> Member {
    Member {
        account: account.into(),
        alias: alias.map(Into::into),
        name: Some("Evil \x1b[2J name".into()),
        role,
        state,
        invisible: false,
        own: account == ME,
        since: at(0),
        online: account == ALICE,
    }
}

pub fn request(state: JoinRequestState) -> JoinRequest {
    JoinRequest {
        group: LAKE.into(),
        group_name: "Lake".into(),
        account: BOB.into(),
        alias: None,
        name: Some("Bob".into()),
        note: Some("from the \x1b[2J lake".into()),
        state,
        ticket: "5f1c2a90aa".into(),
        role: Role::Member,
        requested_at: at(0),
    }
}

/// Of a group too large to tell of each.
pub fn summary() -> DeliverySummary {
    let missing = |n: usize| Delivery {
        recipient: format!("cv1x{n:08}"),
        alias: (n == 0).then(|| "carol".into()),
        state: MessageState::Queued,
        at: at(60),
        why: None,
        kept: None,
        devices: Vec::new(),
    };
    DeliverySummary { total: 120, delivered: 75, read: 30, missing: (0..MAX_MISSING).map(missing).collect() }
}

fn info(state: TicketState) -> JoinTicketInfo {
    JoinTicketInfo {
        id: "5f1c2a90aa".into(),
        state,
        uses: Some(5),
        used: 2,
        approve: true,
        role: Role::Member,
        made_by: ME.into(),
        created_at: at(0),
        expires_at: None,
    }
}

/// The group of that name or id, in the state it is in.
pub fn find_group(name: &str) -> Result<Group, ApiError> {
    match name {
        "Lake" => Ok(group(LAKE, "Lake", GroupState::Joined)),
        "Choir" => Ok(group(CHOIR, "Choir", GroupState::Invited)),
        _ if LAKE.starts_with(name) => find_group("Lake"),
        "twice" => Err(ApiError::from(GroupRefusal::AmbiguousGroup(name)).with_data(json!({
            "candidates": [{"group": LAKE, "name": "twice"}, {"group": CHOIR, "name": "twice"}]
        }))),
        _ => Err(GroupRefusal::NoSuchGroup(name).into()),
    }
}

impl Mock {
    fn member(&self, group: &str, name: &str, role: Role, state: MemberState) -> Result<Member, ApiError> {
        let group = find_group(group)?.name;
        match name {
            "alice" => Ok(member(ALICE, Some("alice"), role, state)),
            "mallory" => Err(GroupRefusal::NotAMember { group: &group, member: name }.into()),
            "king" => Err(GroupRefusal::NotAllowed {
                group: &group,
                right: Right::Remove,
                role: Role::Member,
                needs: Role::Admin,
            }
            .into()),
            _ => Err(ApiError::from(GroupRefusal::AmbiguousMember(name)).with_data(json!({
                "candidates": [{"account": ALICE, "alias": "alice"}, {"account": BOB, "alias": null, "name": "Bob"}]
            }))),
        }
    }
}

impl GroupApi for Mock {
    async fn create(&self, params: GroupCreate) -> Result<GroupCreated, ApiError> {
        self.state().groups.last_create = Some(params);
        Ok(GroupCreated { group: LAKE.into(), channel: LAKE.into() })
    }

    async fn list(&self, params: GroupList) -> Result<Vec<Group>, ApiError> {
        let groups = [find_group("Lake")?, find_group("Choir")?];
        Ok(groups.into_iter().filter(|group| params.state.is_none_or(|state| group.state == state)).collect())
    }

    async fn show(&self, params: GroupShow) -> Result<Group, ApiError> {
        find_group(&params.group)
    }

    async fn invite(&self, params: GroupInvite) -> Result<Member, ApiError> {
        let name = find_group(&params.group)?.name;
        let contact = self.find(&params.contact)?;
        match contact.alias.as_deref() {
            Some("alan") => Err(GroupRefusal::Banned { group: &name, member: "alan" }.into()),
            alias => Ok(member(&contact.contact, alias, params.role.unwrap_or_default(), MemberState::Invited)),
        }
    }

    async fn join(&self, params: GroupJoin) -> Result<Group, ApiError> {
        match params.ticket.as_str() {
            "covey-group:direct" => Ok(Group { state: GroupState::Joined, ..find_group("Choir")? }),
            "covey-group:ask" => Ok(Group { state: GroupState::Requested, ..find_group("Choir")? }),
            "covey-group:full" => Err(GroupRefusal::Full { group: "Lake", limit: 10_000 }.into()),
            _ => Err(GroupRefusal::BadTicket.into()),
        }
    }

    async fn accept(&self, params: GroupAccept) -> Result<Group, ApiError> {
        Ok(Group { state: GroupState::Joined, ..find_group(&params.group)? })
    }

    async fn decline(&self, params: GroupDecline) -> Result<Group, ApiError> {
        Ok(Group { state: GroupState::Declined, ..find_group(&params.group)? })
    }

    async fn leave(&self, params: GroupLeave) -> Result<Group, ApiError> {
        let group = find_group(&params.group)?;
        if params.transfer_to.is_none() {
            return Err(GroupRefusal::LastOwner(&group.name).into());
        }
        Ok(Group { state: GroupState::Left, ..group })
    }

    async fn remove(&self, params: GroupRemove) -> Result<Member, ApiError> {
        self.member(&params.group, &params.member, Role::Member, MemberState::Removed)
    }

    async fn ban(&self, params: GroupBan) -> Result<Member, ApiError> {
        self.member(&params.group, &params.member, Role::Member, MemberState::Banned)
    }

    async fn unban(&self, params: GroupUnban) -> Result<Member, ApiError> {
        self.member(&params.group, &params.member, Role::Member, MemberState::Removed)
    }

    async fn role(&self, params: GroupRole) -> Result<Member, ApiError> {
        let member = self.member(&params.group, &params.member, params.role, MemberState::Joined)?;
        Ok(Member { invisible: params.invisible.unwrap_or_default(), ..member })
    }

    async fn rename(&self, params: GroupRename) -> Result<Group, ApiError> {
        Ok(Group { name: params.name, ..find_group(&params.group)? })
    }

    async fn policy(&self, params: GroupPolicy) -> Result<Group, ApiError> {
        let group = find_group(&params.group)?;
        let policy = Policy { invite: params.invite.unwrap_or(group.policy.invite), ..group.policy };
        self.state().groups.last_policy = Some(params);
        Ok(Group { policy, ..group })
    }

    async fn ticket(&self, params: GroupTicket) -> Result<JoinTicket, ApiError> {
        Ok(JoinTicket {
            ticket: "covey-group:lake".into(),
            id: "5f1c2a90aa".into(),
            group: find_group(&params.group)?.group,
            uses: params.uses,
            expires_at: params.expires_in.map(at),
            approve: params.approve.unwrap_or_default(),
            role: params.role.unwrap_or_default(),
        })
    }

    async fn tickets(&self, params: GroupTickets) -> Result<Vec<JoinTicketInfo>, ApiError> {
        find_group(&params.group)?;
        Ok(vec![info(TicketState::Active)])
    }

    async fn revoke_ticket(&self, params: GroupRevokeTicket) -> Result<JoinTicketInfo, ApiError> {
        find_group(&params.group)?;
        Ok(info(TicketState::Revoked))
    }

    async fn requests(&self, _: GroupRequests) -> Result<Vec<JoinRequest>, ApiError> {
        Ok(vec![request(JoinRequestState::Waiting)])
    }

    async fn approve(&self, params: GroupApprove) -> Result<JoinRequest, ApiError> {
        if !BOB.starts_with(&params.account) {
            return Err(GroupRefusal::NoSuchRequest { group: &params.group, account: &params.account }.into());
        }
        Ok(request(JoinRequestState::Approved))
    }

    async fn reject(&self, _: GroupReject) -> Result<JoinRequest, ApiError> {
        Ok(request(JoinRequestState::Rejected))
    }

    /// As a daemon has to: in the order of the ids, after the one named, as many as asked for.
    async fn members(&self, params: GroupMembers) -> Result<Vec<Member>, ApiError> {
        find_group(&params.group)?;
        let crowd = (0..self.state().groups.crowd).map(|n| format!("cv1x{n:08}"));
        let mut members: Vec<Member> =
            crowd.map(|account| member(&account, None, Role::Reader, MemberState::Joined)).collect();
        members.push(member(ME, None, Role::Owner, MemberState::Joined));
        members.push(member(ALICE, Some("alice"), Role::Admin, MemberState::Joined));
        members.push(member(BOB, None, Role::Member, MemberState::Invited));
        members.sort_by(|a, b| a.account.cmp(&b.account));
        let limit = params.limit.unwrap_or(MAX_MEMBERS_PAGE).min(MAX_MEMBERS_PAGE) as usize;
        Ok(members
            .into_iter()
            .filter(|member| params.state.is_none_or(|state| member.state == state))
            .filter(|member| params.after.as_ref().is_none_or(|after| member.account > *after))
            .take(limit)
            .collect())
    }

    async fn doctor(&self, params: GroupDoctor) -> Result<GroupHealth, ApiError> {
        let diverged = self.state().groups.diverged;
        let theirs = if diverged { "deadbeefdead" } else { "beefbeefbeef" };
        let device = |account: &str, reached: bool| MemberHealth {
            account: account.into(),
            alias: (account == ALICE).then(|| "alice".into()),
            device: format!("cvd1{account}"),
            reached,
            converged: reached.then_some(!diverged),
            roster_hash: reached.then(|| theirs.into()),
            heads_hash: reached.then(|| "feedfeedfeed".into()),
            difference: (reached && diverged).then(|| "they lack operation 3 of ours".into()),
        };
        Ok(GroupHealth {
            group: find_group(&params.group)?.group,
            converged: !diverged,
            roster_hash: "beefbeefbeef".into(),
            heads_hash: "feedfeedfeed".into(),
            reached: 1,
            members: vec![device(ALICE, true), device(BOB, false)],
            checks: vec![Check {
                name: "operations".into(),
                state: CheckState::Warn,
                message: "1 does not count".into(),
                advice: None,
            }],
        })
    }

    async fn report(&self, params: GroupReport) -> Result<MessageProof, ApiError> {
        let group = find_group(&params.group)?.group;
        Ok(MessageProof { group, message: params.message, author: ALICE.into(), proof: PROOF.into() })
    }

    async fn verify_report(&self, params: GroupVerifyReport) -> Result<ProofVerdict, ApiError> {
        let valid = params.proof == PROOF;
        Ok(ProofVerdict {
            valid,
            why: (!valid).then(|| "The signature is not the author's.".into()),
            group: Some(LAKE.into()),
            group_name: Some("Lake".into()),
            message: Some("aaaaaaaa1111".into()),
            author: valid.then(|| ALICE.into()),
            author_name: valid.then(|| "alice".into()),
            member: Some(true),
            sent_at: valid.then(|| at(60)),
            text: valid.then(|| "rude \x1b[2J words".into()),
        })
    }

    async fn delete(&self, params: GroupDelete) -> Result<Message, ApiError> {
        let group = find_group(&params.group)?.group;
        Ok(Message { channel: group, deleted: true, ..message("aaaaaaaa1111", ALICE, "", MessageState::Read) })
    }
}
