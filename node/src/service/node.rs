//! `node.*`

use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::time::Duration;

use covey_api::{
    Account, ApiError, Check, CheckState, Counts, Done, NodeApi, NodeDoctor, NodePeers, NodeShutdown, NodeStatus, Peer,
    Reachability, Reason, Report, Status, Time,
};
use covey_overlay::{Bootstrap, Multiaddr, Nat};

use tracing::{info, warn};

use super::Service;
use crate::addressing;
use crate::engine::{PeerKey, rpc};
use crate::health::Condition;

/// Time for the answer to a shutdown to be written before its connection ends. A client for which it was too short sees
/// the connection end, which tells the same.
const BEFORE_STOP: Duration = Duration::from_millis(50);

impl NodeApi for Service {
    async fn status(&self, _params: NodeStatus) -> Result<Status, ApiError> {
        let overlay = self.overlay_status().await?;
        let condition = self.health.check().await.ready();
        let (account, counts) = self.look_at_itself().await?;
        Ok(Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            account: account.account,
            device: account.device,
            peer_id: account.peer_id,
            name: account.name,
            ready: condition.is_ok(),
            trouble: condition.err(),
            addresses: account.addresses,
            reachability: reachability(&overlay),
            peers: u32::try_from(overlay.peers).unwrap_or(u32::MAX),
            discoverable: self.settings.running().network.discoverable,
            counts,
            data_dir: self.data_dir.clone(),
            started_at: Time::from_unix_ms(self.started_at),
        })
    }

    async fn peers(&self, _params: NodePeers) -> Result<Vec<Peer>, ApiError> {
        let connections = self.connections.list();
        let keys: Vec<PeerKey> = connections.keys().copied().collect();
        let owners = self.engine.call(move |cx| rpc::node::owners(cx, &keys)).await?;
        let owners: BTreeMap<_, _> = connections.keys().copied().zip(owners).collect();
        Ok(connections
            .into_iter()
            .filter_map(|(key, connection)| {
                let owner = owners.get(&key).cloned().flatten();
                let (contact, alias) = owner.map_or((None, None), |(contact, alias)| (Some(contact), alias));
                Some(Peer {
                    peer_id: addressing::peer_id(key)?.to_string(),
                    contact,
                    alias,
                    address: connection.address,
                    relayed: connection.relayed,
                    connected_since: Some(Time::from_unix_ms(connection.since)),
                    connected: true,
                })
            })
            .collect())
    }

    async fn doctor(&self, _params: NodeDoctor) -> Result<Report, ApiError> {
        let overlay = self.overlay_status().await?;
        let condition = self.health.check().await;
        let (_, counts) = self.look_at_itself().await?;
        let checks = vec![
            storage(&condition),
            receiving(&condition),
            listening(&overlay),
            neighbours(&overlay),
            reached(&overlay),
            contacts(&overlay, counts),
            outbox(counts),
        ];
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
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        match asked {
            Ok(now) => Ok(seen.insert(now).clone()),
            Err(error) if error.reason == Reason::Storage => seen.clone().ok_or(error),
            Err(error) => Err(error),
        }
    }

    async fn overlay_status(&self) -> Result<covey_overlay::Status, ApiError> {
        let gone = |_| ApiError::new(Reason::ShuttingDown, "the daemon is shutting down; start it again");
        self.overlay.status().await.map_err(gone)
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
        let advice = "start with --bootstrap MULTIADDR, or on a network where another node announces itself";
        return check("neighbours", CheckState::Warn, message, Some(advice));
    }
    let told: Vec<String> = overlay.bootstrap.iter().filter(|b| !b.connected).map(unreached).collect();
    let advice = "see that it runs and that its address is right; one that closes the connection at once has too many users, \
                  in all or behind your address (network.max_strangers and max_strangers_per_prefix there)";
    check("neighbours", CheckState::Warn, format!("{message}; {}", told.join("; ")), Some(advice))
}

fn unreached(seed: &Bootstrap) -> String {
    let address = seed.addresses.first().map(ToString::to_string).unwrap_or_default();
    let trouble = seed.trouble.as_deref().unwrap_or("no answer yet");
    format!("bootstrap node {address}/p2p/{}: {trouble}", seed.peer)
}

fn reached(overlay: &covey_overlay::Status) -> Check {
    let (state, message, advice) = match overlay.nat {
        Nat::Public => (CheckState::Ok, "reachable from the internet".to_owned(), None),
        _ if !overlay.reservations.is_empty() => {
            let relays: Vec<String> = overlay.reservations.iter().map(ToString::to_string).collect();
            (CheckState::Ok, format!("reachable through {}", relays.join(" and ")), None)
        }
        _ if overlay.is_relay => {
            (CheckState::Ok, "a relay for others: its addresses are taken as reachable, untested".to_owned(), None)
        }
        Nat::Unknown | Nat::Local if on_this_machine_only(overlay) => (
            CheckState::Warn,
            "reachable from this machine only: the node listens on loopback only".to_owned(),
            Some("to be reached by others, set network.listen in the configuration or start without --listen"),
        ),
        Nat::Unknown => (CheckState::Ok, "not tested by other nodes yet".to_owned(), None),
        Nat::Local => {
            (CheckState::Ok, "reachable from the local network; not tested from the internet yet".to_owned(), None)
        }
        Nat::Private if overlay.relays == 0 => (
            CheckState::Warn,
            "nobody could reach this node from outside so far, and no relay is known".to_owned(),
            Some("forward a listening port in your router, or name a node that runs --relay-server with --bootstrap"),
        ),
        Nat::Private => (
            CheckState::Warn,
            format!(
                "nobody could reach this node from outside so far; places on relays: 0 of {} known",
                overlay.relays
            ),
            Some("forward a listening port in your router, or see whether network.relay_use forbids relays"),
        ),
    };
    check("reachability", state, message, advice)
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
    match counts.outbox {
        0 => check("outbox", CheckState::Ok, "no invite or answer waits for delivery".into(), None),
        waiting => {
            let advice = "they are sent when the other side is reached; nothing to do unless it stays so for days";
            check(
                "outbox",
                CheckState::Ok,
                format!(
                    "{} for delivery",
                    if waiting == 1 {
                        "1 invite or answer waits".to_owned()
                    } else {
                        format!("{waiting} invites or answers wait")
                    }
                ),
                Some(advice),
            )
        }
    }
}

#[cfg(test)]
mod tests;
