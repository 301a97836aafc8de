//! The methods of the local RPC: each hands its parameters to the engine (or asks the overlay) and returns the answer.

mod access;
mod config;
pub(crate) mod consumers;
mod device;
mod events;
mod group;
mod keeper;
mod node;

use std::sync::Arc;

use covey_api::{
    Account, AccountAccept, AccountApi, AccountCondition, AccountContest, AccountRename, AccountRevokeTicket,
    AccountSafetyNumber, AccountShow, AccountStatus, AccountTicket, AccountTickets, ApiError, Channel, ChannelApi,
    ChannelArchive, ChannelList, ChannelMarkRead, ChannelMute, ChannelShow, Contact, Counts, Message, MessageApi,
    MessageEdit, MessageList, MessageSend, MessageShow, PairAccept, PairAcceptRenewals, PairApi, PairBlock, PairCancel,
    PairDecline, PairForget, PairInvite, PairList, PairRemove, PairRename, PairSend, PairShow, PairUnblock, PairVerify,
    Request, SafetyNumber, Sent, Ticket, TicketInfo,
};
use covey_overlay::Handle;
use tokio_util::sync::CancellationToken;

use self::consumers::Consumers;
pub(crate) use self::node::tell_of_network;
use crate::access::{Access, Caller};
use crate::daemon::Keeper;
use crate::engine::{Cx, idempotency, rpc};
use crate::health::{Condition, Health};
use crate::metrics::Metrics;
use crate::runtime::{Connections, EngineHandle};
use crate::settings::Settings;
use crate::slot::Slot;

/// What an unlocked node has beside its engine.
pub struct Body {
    /// The overlay.
    pub overlay: Handle,
    /// Who is connected.
    pub connections: Connections,
    /// Whether the node does its work.
    health: Health,
    /// Who we are and how many of what there was, for when the store cannot be read.
    seen: std::sync::Mutex<Option<(Account, Counts)>>,
}

impl Body {
    pub(crate) fn new(overlay: Handle, connections: Connections, health: Health) -> Self {
        Self { overlay, connections, health, seen: std::sync::Mutex::default() }
    }
}

/// Who the node is; no secret, and told by a locked one too.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    /// `cv1…`
    pub(crate) account: String,
    /// `cvd1…`
    pub(crate) device: String,
    /// The network name.
    pub(crate) peer_id: String,
}

/// Answers the RPC of a running node, for one caller.
#[derive(Clone)]
pub struct Service {
    /// The engine, unless the node is locked.
    pub engine: Slot<EngineHandle>,
    /// The network, unless the node is locked.
    pub body: Slot<Arc<Body>>,
    /// Locks and unlocks it.
    pub(crate) keeper: Arc<Keeper>,
    /// Who it is.
    pub(crate) identity: Identity,
    /// Where the data is, for people.
    pub data_dir: String,
    /// What is configured.
    pub settings: Arc<Settings>,
    /// What is counted for `/metrics`.
    pub metrics: Metrics,
    /// When the daemon started, Unix milliseconds.
    pub started_at: u64,
    /// Cancelled to stop the daemon.
    pub stop: CancellationToken,
    /// Who may do what.
    pub(crate) access: Arc<Access>,
    /// Who follows the journal under which name.
    pub(crate) consumers: Arc<Consumers>,
    /// On whose behalf it answers.
    pub(crate) caller: Caller,
}

impl Service {
    /// A request that changes something: once per `client_id`.
    async fn change<R: Request>(
        &self,
        request: R,
        verb: impl FnOnce(&mut Cx<'_, '_>, R) -> Result<R::Answer, ApiError> + Send + 'static,
    ) -> Result<R::Answer, ApiError> {
        self.access.change(&self.caller, R::METHOD, move |cx| idempotency::once(cx, request, verb)).await
    }

    /// Writes into the audit log what was done without the engine. It is done whether or not that can be written.
    async fn audit<R: Request, T: Sync>(&self, done: &Result<T, ApiError>) {
        let written = match done {
            Ok(_) => self.access.change(&self.caller, R::METHOD, |_| Ok(())).await,
            Err(error) => {
                self.access.refused(self.caller.who(), R::METHOD, error.reason);
                Ok(())
            }
        };
        if let Err(error) = written {
            tracing::warn!(%error, method = R::METHOD, "a call could not be written into the audit log");
        }
    }

    /// A request that only looks.
    async fn look<R: Request>(
        &self,
        request: R,
        verb: impl FnOnce(&mut Cx<'_, '_>, &R) -> Result<R::Answer, ApiError> + Send + 'static,
    ) -> Result<R::Answer, ApiError> {
        let asker = self.caller.asker();
        self.engine
            .call(move |cx| {
                cx.asker = asker;
                verb(cx, &request)
            })
            .await
    }

    /// Whether the node does its work.
    pub async fn condition(&self) -> Condition {
        match self.body.get() {
            Ok(body) => body.health.check().await,
            Err(error) => Condition::without_core(&error),
        }
    }

    /// Whether the node does its work, or why not; and what does not work beside that, in lines that name nobody.
    pub async fn readiness(&self) -> Result<String, String> {
        self.condition().await.ready()?;
        let keepers = self.engine.call(rpc::keeper::list).await;
        Ok(keepers.map_or_else(|_| String::new(), |all| node::silent(&all)))
    }

    fn peer_id(&self) -> String {
        self.identity.peer_id.clone()
    }
}

impl AccountApi for Service {
    async fn show(&self, params: AccountShow) -> Result<Account, ApiError> {
        let peer_id = self.peer_id();
        self.look(params, move |cx, _| rpc::account::show(cx, peer_id)).await
    }

    async fn ticket(&self, params: AccountTicket) -> Result<Ticket, ApiError> {
        self.change(params, |cx, params| rpc::account::ticket(cx, &params)).await
    }

    async fn tickets(&self, params: AccountTickets) -> Result<Vec<TicketInfo>, ApiError> {
        self.look(params, |cx, _| rpc::account::tickets(cx)).await
    }

    async fn revoke_ticket(&self, params: AccountRevokeTicket) -> Result<TicketInfo, ApiError> {
        self.change(params, |cx, params| rpc::account::revoke_ticket(cx, &params)).await
    }

    async fn status(&self, _params: AccountStatus) -> Result<AccountCondition, ApiError> {
        self.engine.call(rpc::account::status).await
    }

    async fn contest(&self, params: AccountContest) -> Result<AccountCondition, ApiError> {
        self.change(params, |cx, _| rpc::account::contest(cx)).await
    }

    async fn accept(&self, params: AccountAccept) -> Result<AccountCondition, ApiError> {
        self.change(params, |cx, params| rpc::account::accept(cx, &params)).await
    }

    async fn safety_number(&self, params: AccountSafetyNumber) -> Result<SafetyNumber, ApiError> {
        self.look(params, rpc::account::safety).await
    }

    async fn rename(&self, params: AccountRename) -> Result<Account, ApiError> {
        let peer_id = self.peer_id();
        self.change(params, move |cx, params| rpc::account::rename(cx, &params, peer_id)).await
    }
}

impl PairApi for Service {
    async fn invite(&self, params: PairInvite) -> Result<Contact, ApiError> {
        self.change(params, rpc::pair::invite).await
    }

    async fn list(&self, params: PairList) -> Result<Vec<Contact>, ApiError> {
        self.look(params, rpc::pair::list).await
    }

    async fn show(&self, params: PairShow) -> Result<Contact, ApiError> {
        self.look(params, rpc::pair::show).await
    }

    async fn accept_renewals(&self, params: PairAcceptRenewals) -> Result<Vec<Contact>, ApiError> {
        self.change(params, |cx, _| rpc::pair::accept_renewals(cx)).await
    }

    async fn accept(&self, params: PairAccept) -> Result<Contact, ApiError> {
        self.change(params, |cx, params| rpc::pair::accept(cx, &params)).await
    }

    async fn decline(&self, params: PairDecline) -> Result<Contact, ApiError> {
        self.change(params, |cx, params| rpc::pair::decline(cx, &params)).await
    }

    async fn cancel(&self, params: PairCancel) -> Result<Contact, ApiError> {
        self.change(params, |cx, params| rpc::pair::cancel(cx, &params)).await
    }

    async fn forget(&self, params: PairForget) -> Result<Contact, ApiError> {
        self.change(params, |cx, params| rpc::pair::forget(cx, &params)).await
    }

    async fn remove(&self, params: PairRemove) -> Result<Contact, ApiError> {
        self.change(params, |cx, params| rpc::pair::remove(cx, &params)).await
    }

    async fn block(&self, params: PairBlock) -> Result<Contact, ApiError> {
        self.change(params, |cx, params| rpc::pair::block(cx, &params)).await
    }

    async fn unblock(&self, params: PairUnblock) -> Result<Contact, ApiError> {
        self.change(params, |cx, params| rpc::pair::unblock(cx, &params)).await
    }

    async fn verify(&self, params: PairVerify) -> Result<Contact, ApiError> {
        self.change(params, |cx, params| rpc::pair::verify(cx, &params)).await
    }

    async fn rename(&self, params: PairRename) -> Result<Contact, ApiError> {
        self.change(params, |cx, params| rpc::pair::rename(cx, &params)).await
    }

    async fn send(&self, params: PairSend) -> Result<Sent, ApiError> {
        self.change(params, rpc::pair::send).await
    }
}

impl ChannelApi for Service {
    async fn list(&self, params: ChannelList) -> Result<Vec<Channel>, ApiError> {
        self.look(params, rpc::channel::list).await
    }

    async fn show(&self, params: ChannelShow) -> Result<Channel, ApiError> {
        self.look(params, rpc::channel::show).await
    }

    async fn archive(&self, params: ChannelArchive) -> Result<Channel, ApiError> {
        self.change(params, |cx, params| rpc::channel::archive(cx, &params)).await
    }

    async fn mute(&self, params: ChannelMute) -> Result<Channel, ApiError> {
        self.change(params, |cx, params| rpc::channel::mute(cx, &params)).await
    }

    async fn mark_read(&self, params: ChannelMarkRead) -> Result<Channel, ApiError> {
        self.change(params, |cx, params| rpc::channel::mark_read(cx, &params)).await
    }
}

impl MessageApi for Service {
    async fn send(&self, params: MessageSend) -> Result<Sent, ApiError> {
        self.change(params, rpc::message::send).await
    }

    async fn edit(&self, params: MessageEdit) -> Result<Message, ApiError> {
        self.change(params, rpc::message::edit).await
    }

    async fn list(&self, params: MessageList) -> Result<Vec<Message>, ApiError> {
        self.look(params, rpc::message::list).await
    }

    async fn show(&self, params: MessageShow) -> Result<Message, ApiError> {
        self.look(params, rpc::message::show).await
    }
}
