//! `node.*`

use std::collections::BTreeMap;
use std::time::Duration;

use covey_api::{
    ApiError, Check, CheckState, Counts, Done, NodeApi, NodeDoctor, NodePeers, NodeShutdown, NodeStatus, Peer,
    Reachability, Reason, Report, Status, Time,
};
use covey_overlay::{Bootstrap, Nat};

use super::Service;
use crate::addressing;
use crate::engine::{PeerKey, rpc};

/// Time for the answer to a shutdown to be written before its connection ends. A client for which it was too short sees
/// the connection end, which tells the same.
const BEFORE_STOP: Duration = Duration::from_millis(50);

impl NodeApi for Service {
    async fn status(&self, _params: NodeStatus) -> Result<Status, ApiError> {
        let overlay = self.overlay_status().await?;
        let peer_id = self.peer_id();
        let (account, counts) =
            self.engine.call(move |cx| Ok((rpc::account::show(cx, peer_id)?, rpc::node::counts(cx)?))).await?;
        Ok(Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            account: account.account,
            device: account.device,
            peer_id: account.peer_id,
            name: account.name,
            ready: !overlay.listen.is_empty(),
            addresses: account.addresses,
            reachability: reachability(overlay.nat),
            peers: u32::try_from(overlay.peers).unwrap_or(u32::MAX),
            discoverable: self.discoverable,
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
        let counts = self.engine.call(rpc::node::counts).await?;
        let checks = vec![
            listening(&overlay),
            neighbours(&overlay),
            reached(&overlay),
            contacts(&overlay, counts),
            outbox(counts),
        ];
        Ok(Report { ok: checks.iter().all(|check| check.state != CheckState::Fail), checks })
    }

    async fn shutdown(&self, _params: NodeShutdown) -> Result<Done, ApiError> {
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
    async fn overlay_status(&self) -> Result<covey_overlay::Status, ApiError> {
        let gone = |_| ApiError::new(Reason::ShuttingDown, "the daemon is shutting down; start it again");
        self.overlay.status().await.map_err(gone)
    }
}

fn reachability(nat: Nat) -> Reachability {
    match nat {
        Nat::Unknown => Reachability::Unknown,
        Nat::Public => Reachability::Public,
        Nat::Private => Reachability::Private,
    }
}

fn check(name: &str, state: CheckState, message: String, advice: Option<&str>) -> Check {
    Check { name: name.to_owned(), state, message, advice: advice.map(str::to_owned) }
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
    let message = format!("{} peers connected, {} known", overlay.peers, overlay.routing_table);
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
        Nat::Public => (CheckState::Ok, "reachable from outside".to_owned(), None),
        _ if !overlay.reservations.is_empty() => {
            let relays: Vec<String> = overlay.reservations.iter().map(ToString::to_string).collect();
            (CheckState::Ok, format!("reachable through {}", relays.join(" and ")), None)
        }
        _ if overlay.is_relay => {
            (CheckState::Ok, "a relay for others: its addresses are taken as reachable, untested".to_owned(), None)
        }
        Nat::Unknown => (CheckState::Ok, "not tested by other nodes yet".to_owned(), None),
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

fn contacts(overlay: &covey_overlay::Status, counts: Counts) -> Check {
    let online = overlay.allowed_online.len();
    let message = format!("{} contacts paired, {online} of their devices connected", counts.paired);
    check("contacts", CheckState::Ok, message, None)
}

fn outbox(counts: Counts) -> Check {
    match counts.outbox {
        0 => check("outbox", CheckState::Ok, "no invite or answer waits for delivery".into(), None),
        waiting => {
            let advice = "they are sent when the other side is reached; nothing to do unless it stays so for days";
            check("outbox", CheckState::Ok, format!("{waiting} invites or answers wait for delivery"), Some(advice))
        }
    }
}

#[cfg(test)]
mod tests;
