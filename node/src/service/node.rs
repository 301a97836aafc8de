//! `node.*`

mod reach;
mod waiting;

use std::sync::PoisonError;
use std::time::Duration;

use covey_api::{
    Account, ApiError, Check, CheckState, Counts, Done, NodeApi, NodeDoctor, NodeLock, NodePeers, NodeShutdown,
    NodeStatus, NodeUnlock, Peer, Reachability, Reason, Report, SecondHistory, SecondHistoryKind, Status, Time,
};
use covey_overlay::{Multiaddr, Nat};

use tracing::{info, warn};

pub(crate) use self::waiting::silent;
use super::{Body, Service};
use crate::access::finished;
use crate::addressing;
use crate::engine::{PeerKey, rpc};
use crate::health::Condition;
use crate::runtime::{self, EngineHandle};
use crate::vault::Passphrase;

/// Time for the answer to a shutdown to be written before its connection ends. A client for which it was too short sees
/// the connection end, which tells the same.
const BEFORE_STOP: Duration = Duration::from_millis(50);

impl NodeApi for Service {
    async fn status(&self, _params: NodeStatus) -> Result<Status, ApiError> {
        if self.engine.is_locked() {
            return Ok(self.locked_status().await);
        }
        let overlay = self.overlay_status().await?;
        let condition = self.condition().await.ready();
        let (account, counts) = self.look_at_itself().await?;
        let backed_up = self.backed_up().await;
        Ok(Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            account: account.account,
            device: account.device,
            peer_id: account.peer_id,
            name: account.name,
            locked: false,
            ready: condition.is_ok(),
            trouble: condition.err(),
            backed_up,
            addresses: account.addresses,
            reachability: reachability(&overlay),
            network: reach::sentence(&overlay),
            offline: reach::offline(&overlay),
            peers: u32::try_from(overlay.peers).unwrap_or(u32::MAX),
            discoverable: self.settings.running().network.discoverable,
            counts,
            data_dir: self.data_dir.clone(),
            started_at: Time::from_unix_ms(self.started_at),
        })
    }

    async fn peers(&self, _params: NodePeers) -> Result<Vec<Peer>, ApiError> {
        // As it is at this moment: a connection that was relayed may be direct by now.
        let connected = self.overlay_status().await?.connected;
        let keys: Vec<Option<PeerKey>> = connected.iter().map(|at| addressing::peer_key(&at.peer)).collect();
        let known: Vec<PeerKey> = keys.iter().copied().flatten().collect();
        let owners = self.engine.call(move |cx| Ok((cx.now, rpc::node::owners(cx, &known)?))).await;
        let (now, owners) = owners?;
        let mut owners = owners.into_iter();
        Ok(connected
            .into_iter()
            .zip(keys)
            .map(|(at, key)| {
                // Who is no device of covey has no owner.
                let owner = key.and_then(|_| owners.next()).flatten();
                let (contact, alias) = owner.map_or((None, None), |(contact, alias)| (Some(contact), alias));
                let for_ms = u64::try_from(at.connected.as_millis()).unwrap_or(u64::MAX);
                Peer {
                    peer_id: at.peer.to_string(),
                    contact,
                    alias,
                    address: at.address.to_string(),
                    relayed: at.relayed,
                    connected_since: Some(Time::from_unix_ms(now.saturating_sub(for_ms))),
                    connected: true,
                }
            })
            .collect())
    }

    async fn doctor(&self, _params: NodeDoctor) -> Result<Report, ApiError> {
        if self.engine.is_locked() {
            let advice = "unlock it with its passphrase: covey unlock";
            let locked = "the node is locked: it has no keys in memory and is not connected to anybody";
            return Ok(Report {
                ok: false,
                checks: vec![check("lock", CheckState::Fail, locked.into(), Some(advice))],
            });
        }
        let overlay = self.overlay_status().await?;
        let condition = self.condition().await;
        let (_, counts) = self.look_at_itself().await?;
        let mut checks = vec![
            storage(&condition),
            receiving(&condition),
            listening(&overlay),
            neighbours(&overlay),
            reach::reached(&overlay),
            contacts(&overlay, counts),
            outbox(counts),
            backup(self.backed_up().await),
        ];
        // While the store fails there are other worries.
        if let Ok(account) = self.engine.call(rpc::account::status).await {
            checks.push(history(account.second_history));
        }
        if let Ok(all) = self.engine.call(rpc::keeper::list).await {
            checks.extend(waiting::keepers(&all));
        }
        Ok(Report { ok: checks.iter().all(|check| check.state != CheckState::Fail), checks })
    }

    async fn shutdown(&self, _params: NodeShutdown) -> Result<Done, ApiError> {
        self.audit::<NodeShutdown, _>(&Ok(())).await;
        // The answer leaves first.
        let stop = self.stop.clone();
        tokio::spawn(async move {
            tokio::time::sleep(BEFORE_STOP).await;
            stop.cancel();
        });
        Ok(Done::OK)
    }

    async fn lock(&self, _params: NodeLock) -> Result<Done, ApiError> {
        if self.engine.is_locked() {
            return Ok(Done::OK);
        }
        let able = self.keeper.can_lock();
        self.audit::<NodeLock, _>(&able).await;
        able?;
        self.access.write_down(0).await;
        let keeper = std::sync::Arc::clone(&self.keeper);
        finished(async move { keeper.lock().await }).await?;
        Ok(Done::OK)
    }

    async fn unlock(&self, params: NodeUnlock) -> Result<Done, ApiError> {
        if !self.caller.is_owner() {
            let text = "Only the owner of the node unlocks it: `covey unlock` on its machine.";
            let refused = Err(ApiError::new(Reason::NotAllowed, text));
            self.audit::<NodeUnlock, Done>(&refused).await;
            return refused;
        }
        if !self.engine.is_locked() {
            return Ok(Done::OK);
        }
        let passphrase = Passphrase::new(params.passphrase.expose().as_bytes());
        let passphrase =
            passphrase.map_err(|error| ApiError::invalid_params(covey_api::sentence(&error.to_string())))?;
        drop(params);
        let keeper = std::sync::Arc::clone(&self.keeper);
        let unlocked = finished(async move { keeper.unlock(passphrase).await }).await.map(|()| Done::OK);
        self.audit::<NodeUnlock, _>(&unlocked).await;
        unlocked
    }
}

impl Service {
    /// Logs how the node is: numbers, and nothing of others.
    pub async fn log_status(&self) {
        match NodeApi::status(self, NodeStatus {}).await {
            Ok(Status { ready, reachability, peers, counts, started_at, .. }) => info!(
                ready,
                ?reachability,
                peers,
                paired = counts.paired,
                pending = counts.pending,
                invited = counts.invited,
                unread = counts.unread,
                outbox = counts.outbox,
                %started_at,
                "status"
            ),
            Err(error) => warn!(%error, "the status cannot be told"),
        }
    }

    /// Who we are and how many of what there is; what was seen last if the store cannot be read.
    pub(crate) async fn look_at_itself(&self) -> Result<(Account, Counts), ApiError> {
        let peer_id = self.peer_id();
        let asked = self.engine.call(move |cx| Ok((rpc::account::show(cx, peer_id)?, rpc::node::counts(cx)?))).await;
        let body = self.body.get()?;
        let mut seen = body.seen.lock().unwrap_or_else(PoisonError::into_inner);
        match asked {
            Ok(now) => Ok(seen.insert(now).clone()),
            Err(error) if error.reason == Reason::Storage => seen.clone().ok_or(error),
            Err(error) => Err(error),
        }
    }

    /// Whether the owner has written down the words of the account. While the store fails there are other worries.
    async fn backed_up(&self) -> bool {
        self.engine.call(|cx| Ok(cx.me.backed_up)).await.unwrap_or(true)
    }

    async fn overlay_status(&self) -> Result<covey_overlay::Status, ApiError> {
        let gone = |_| ApiError::new(Reason::ShuttingDown, "The daemon is shutting down. Start it again.");
        self.body.get()?.overlay.status().await.map_err(gone)
    }

    /// What a locked node tells of itself.
    async fn locked_status(&self) -> Status {
        let super::Identity { account, device, peer_id } = self.identity.clone();
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            account,
            device,
            peer_id,
            name: String::new(),
            locked: true,
            ready: false,
            trouble: self.condition().await.ready().err(),
            // Nothing is known of it, and there are other worries.
            backed_up: true,
            addresses: Vec::new(),
            reachability: Reachability::Unknown,
            network: "not connected: the node is locked".to_owned(),
            offline: None,
            peers: 0,
            discoverable: self.settings.running().network.discoverable,
            counts: Counts::default(),
            data_dir: self.data_dir.clone(),
            started_at: Time::from_unix_ms(self.started_at),
        }
    }
}

/// Writes into the journal when a node is connected to nobody, and when to somebody again. Never returns while the overlay runs.
pub(crate) async fn tell_of_network(engine: &EngineHandle, body: &Body) {
    let mut alone = body.connections.alone();
    while alone.changed().await.is_ok() {
        let since = *alone.borrow_and_update();
        let Ok(overlay) = body.overlay.status().await else { return };
        let network = reach::network(&overlay, since, runtime::now());
        if let Err(error) = engine.call(move |cx| rpc::node::network(cx, &network)).await {
            warn!(%error, "an event of the network is missing");
        }
    }
}

fn reachability(overlay: &covey_overlay::Status) -> Reachability {
    match overlay.nat {
        Nat::Unknown if on_this_machine_only(overlay) => Reachability::Local,
        Nat::Unknown => Reachability::Unknown,
        Nat::Local => Reachability::Local,
        Nat::Public => Reachability::Public,
        Nat::Private => Reachability::Private,
    }
}

fn check(name: &str, state: CheckState, message: String, advice: Option<&str>) -> Check {
    Check { name: name.to_owned(), state, message, advice: advice.map(str::to_owned) }
}

fn storage(condition: &Condition) -> Check {
    match &condition.store {
        Ok(()) => check("storage", CheckState::Ok, "the database accepts writes".into(), None),
        Err(trouble) => {
            let advice = "no acknowledged message is lost; the node resumes by itself once this is fixed";
            check("storage", CheckState::Fail, trouble.clone(), Some(advice))
        }
    }
}

fn receiving(condition: &Condition) -> Check {
    match &condition.receiving {
        Ok(()) => check("receiving", CheckState::Ok, "received frames are processed".into(), None),
        Err(trouble) => check("receiving", CheckState::Fail, trouble.clone(), Some("restart the daemon")),
    }
}

fn listening(overlay: &covey_overlay::Status) -> Check {
    if overlay.listen.is_empty() {
        let advice = "set network.listen in the configuration";
        return check("listening", CheckState::Fail, "listening on no address".into(), Some(advice));
    }
    let addresses: Vec<String> = overlay.listen.iter().map(ToString::to_string).collect();
    check("listening", CheckState::Ok, format!("listening on {}", addresses.join(", ")), None)
}

fn neighbours(overlay: &covey_overlay::Status) -> Check {
    let message = format!("{} connected, {} known", count(overlay.peers, "peer"), overlay.routing_table);
    if overlay.routing_table > 0 {
        return check("neighbours", CheckState::Ok, message, None);
    }
    if overlay.bootstrap.is_empty() {
        return check("neighbours", CheckState::Warn, message, Some(reach::MEET));
    }
    let told: Vec<String> = overlay.bootstrap.iter().filter(|b| !b.connected).map(reach::unreached).collect();
    let advice = "see that it runs and that its address is right; one that closes the connection at once has too many users, \
                  in all or behind your address (network.max_strangers and max_strangers_per_prefix there)";
    check("neighbours", CheckState::Warn, format!("{message}; {}", told.join("; ")), Some(advice))
}

fn is_loopback(address: &Multiaddr) -> bool {
    let address = address.to_string();
    address.starts_with("/ip4/127.") || address.starts_with("/ip6/::1/")
}

/// Whether nobody but this machine can connect, whatever others find.
fn on_this_machine_only(overlay: &covey_overlay::Status) -> bool {
    !overlay.listen.is_empty() && overlay.external.is_empty() && overlay.listen.iter().all(is_loopback)
}

fn contacts(overlay: &covey_overlay::Status, counts: Counts) -> Check {
    let online = overlay.allowed_online.len();
    let message = format!("{} paired, {online} of their devices connected", count(counts.paired, "contact"));
    check("contacts", CheckState::Ok, message, None)
}

/// `1 peer`, `7 peers`.
fn count(number: impl std::fmt::Display, what: &str) -> String {
    let number = number.to_string();
    let plural = if number == "1" { "" } else { "s" };
    format!("{number} {what}{plural}")
}

fn outbox(counts: Counts) -> Check {
    let kinds = [(counts.outbox, "invite or answer", "invites or answers"), (counts.queued, "message", "messages")];
    let waiting: Vec<String> = kinds
        .iter()
        .filter(|(number, ..)| *number > 0)
        .map(|(number, one, many)| if *number == 1 { format!("1 {one}") } else { format!("{number} {many}") })
        .collect();
    if waiting.is_empty() {
        return check("outbox", CheckState::Ok, "nothing waits for delivery".into(), None);
    }
    let wait = if counts.outbox.saturating_add(counts.queued) == 1 { "waits" } else { "wait" };
    let advice = "they are sent when the other side is reached; nothing to do unless it stays so for days";
    check("outbox", CheckState::Ok, format!("{} {wait} for delivery", waiting.join(" and ")), Some(advice))
}

fn history(second: Option<SecondHistory>) -> Check {
    let Some(SecondHistory { what, contact, alias, .. }) = second else {
        let message = "no contact has seen a history of your account that you did not write";
        return check("account", CheckState::Ok, message.into(), None);
    };
    let who = alias.unwrap_or(contact);
    let (message, advice) = match what {
        SecondHistoryKind::Longer | SecondHistoryKind::Other => (
            format!(
                "{who} has a list of your account's devices that this node did not write: somebody has the keys of this node"
            ),
            "bring the account back with its 24 words on a clean machine: covey account recover",
        ),
        SecondHistoryKind::Revoked => (
            "another device of your account put this one out".to_owned(),
            "if that was not you, bring the account back with its 24 words on a clean machine: covey account recover",
        ),
        SecondHistoryKind::Kept => (
            "your account was recovered with its 24 words on another machine, which keeps this device".to_owned(),
            "if that was you: covey account accept DIGITS, with the digits that the other machine shows; if not, somebody has your words: covey account contest",
        ),
        SecondHistoryKind::Recovered => (
            format!(
                "{who} says that your account was recovered with its 24 words: this node is no part of it any more"
            ),
            "if that was you, go on there; if not, somebody has your words: covey account contest",
        ),
    };
    check("account", CheckState::Fail, message, Some(advice))
}

fn backup(backed_up: bool) -> Check {
    if backed_up {
        return check("backup", CheckState::Ok, "you have the words that bring your account back".into(), None);
    }
    let advice = "stop the node and write down its 24 words: covey shutdown, then covey account phrase";
    check("backup", CheckState::Warn, "your account is not backed up".into(), Some(advice))
}

#[cfg(test)]
mod tests;
