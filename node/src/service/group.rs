//! `group.*`: handed to the engine; the doctor waits for answers of other members.

use std::time::Duration;

use covey_api::{
    ApiError, Group, GroupAccept, GroupApi, GroupApprove, GroupBan, GroupCreate, GroupCreated, GroupDecline,
    GroupDelete, GroupDoctor, GroupHealth, GroupInvite, GroupJoin, GroupLeave, GroupList, GroupMembers, GroupPolicy,
    GroupReject, GroupRemove, GroupRename, GroupReport, GroupRequests, GroupRevokeTicket, GroupRole, GroupShow,
    GroupState, GroupTicket, GroupTickets, GroupUnban, GroupVerifyReport, JoinRequest, JoinTicket, JoinTicketInfo,
    Member, Message, MessageProof, ProofVerdict,
};
use tokio::time::{Instant, sleep};

use super::Service;
use crate::engine::rpc;

/// The doctor waits so long for members that do not answer.
const PATIENCE: Duration = Duration::from_secs(3);
/// Who asks to come in waits so long for the answer before being told that it is still to come.
const LET_IN: Duration = Duration::from_millis(1_500);
/// And looks so often whether all have.
const LOOK: Duration = Duration::from_millis(20);

impl Service {
    /// Waits a little for a member who is online to let us in: that is how it mostly ends.
    async fn let_in(&self, asked: Group) -> Result<Group, ApiError> {
        let until = Instant::now() + LET_IN;
        let mut group = asked;
        while group.state == GroupState::Requested && Instant::now() < until {
            sleep(LOOK).await;
            let look = GroupShow { group: group.group.clone() };
            group = self.engine.call(move |cx| rpc::group::show(cx, &look)).await?;
        }
        Ok(group)
    }
}

impl GroupApi for Service {
    async fn create(&self, params: GroupCreate) -> Result<GroupCreated, ApiError> {
        self.change(params, |cx, params| rpc::group::create(cx, &params)).await
    }

    async fn list(&self, params: GroupList) -> Result<Vec<Group>, ApiError> {
        self.look(params, rpc::group::list).await
    }

    async fn show(&self, params: GroupShow) -> Result<Group, ApiError> {
        self.look(params, rpc::group::show).await
    }

    async fn invite(&self, params: GroupInvite) -> Result<Member, ApiError> {
        self.change(params, rpc::group::invite).await
    }

    async fn join(&self, params: GroupJoin) -> Result<Group, ApiError> {
        let asked = self.change(params, rpc::group::join).await?;
        self.let_in(asked).await
    }

    async fn accept(&self, params: GroupAccept) -> Result<Group, ApiError> {
        let asked = self.change(params, |cx, params| rpc::group::accept(cx, &params)).await?;
        self.let_in(asked).await
    }

    async fn decline(&self, params: GroupDecline) -> Result<Group, ApiError> {
        self.change(params, |cx, params| rpc::group::decline(cx, &params)).await
    }

    async fn leave(&self, params: GroupLeave) -> Result<Group, ApiError> {
        self.change(params, rpc::group::leave).await
    }

    async fn remove(&self, params: GroupRemove) -> Result<Member, ApiError> {
        self.change(params, |cx, params| rpc::group::remove(cx, &params)).await
    }

    async fn ban(&self, params: GroupBan) -> Result<Member, ApiError> {
        self.change(params, |cx, params| rpc::group::ban(cx, &params)).await
    }

    async fn unban(&self, params: GroupUnban) -> Result<Member, ApiError> {
        self.change(params, |cx, params| rpc::group::unban(cx, &params)).await
    }

    async fn role(&self, params: GroupRole) -> Result<Member, ApiError> {
        self.change(params, |cx, params| rpc::group::role(cx, &params)).await
    }

    async fn rename(&self, params: GroupRename) -> Result<Group, ApiError> {
        self.change(params, |cx, params| rpc::group::rename(cx, &params)).await
    }

    async fn policy(&self, params: GroupPolicy) -> Result<Group, ApiError> {
        self.change(params, |cx, params| rpc::group::policy(cx, &params)).await
    }

    async fn ticket(&self, params: GroupTicket) -> Result<JoinTicket, ApiError> {
        self.change(params, |cx, params| rpc::group::ticket(cx, &params)).await
    }

    async fn tickets(&self, params: GroupTickets) -> Result<Vec<JoinTicketInfo>, ApiError> {
        self.look(params, rpc::group::tickets).await
    }

    async fn revoke_ticket(&self, params: GroupRevokeTicket) -> Result<JoinTicketInfo, ApiError> {
        self.change(params, |cx, params| rpc::group::revoke_ticket(cx, &params)).await
    }

    async fn requests(&self, params: GroupRequests) -> Result<Vec<JoinRequest>, ApiError> {
        self.look(params, rpc::group::requests).await
    }

    async fn approve(&self, params: GroupApprove) -> Result<JoinRequest, ApiError> {
        self.change(params, |cx, params| rpc::group::approve(cx, &params)).await
    }

    async fn reject(&self, params: GroupReject) -> Result<JoinRequest, ApiError> {
        self.change(params, |cx, params| rpc::group::reject(cx, &params)).await
    }

    async fn members(&self, params: GroupMembers) -> Result<Vec<Member>, ApiError> {
        self.look(params, rpc::group::members).await
    }

    async fn report(&self, params: GroupReport) -> Result<MessageProof, ApiError> {
        self.look(params, rpc::group::report).await
    }

    async fn verify_report(&self, params: GroupVerifyReport) -> Result<ProofVerdict, ApiError> {
        self.look(params, rpc::group::verify_report).await
    }

    async fn delete(&self, params: GroupDelete) -> Result<Message, ApiError> {
        self.change(params, |cx, params| rpc::group::delete(cx, &params)).await
    }

    async fn doctor(&self, params: GroupDoctor) -> Result<GroupHealth, ApiError> {
        let ask = params.clone();
        let asked = self.engine.call(move |cx| rpc::group::begin_doctor(cx, &ask)).await?;
        let until = Instant::now() + PATIENCE;
        loop {
            let look = params.clone();
            let answers = self.engine.call(move |cx| rpc::group::doctor_answers(cx, &look)).await?;
            if answers >= asked || Instant::now() >= until {
                break;
            }
            sleep(LOOK).await;
        }
        self.look(params, rpc::group::doctor).await
    }
}
