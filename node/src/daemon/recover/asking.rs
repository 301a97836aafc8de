//! Whoever brings an account back asks nodes that may know it. What the network has of it runs out within two days; a contact, a keeper or another
//! device of the account knows it for as long as it has to do with it.

use std::collections::BTreeSet;
use std::time::Duration;

use covey_overlay::{Bytes, Event, Events, Handle, Multiaddr, PeerId, Protocol};
use covey_pairing::identity::{AccountSecret, AccountWanted, Ticket};
use covey_pairing::keeper::KeeperTicket;
use tokio::time::{Instant, timeout_at};
use tracing::debug;

use crate::addressing;
use crate::engine::{PeerKey, account};

/// How long an answer is waited for. Who does not know the account gives none.
const TO_ANSWER: Duration = Duration::from_secs(5);

/// Where a node is that somebody named: by its address, a ticket of its account, or a ticket for keeping mail. None if it is nothing of these.
#[must_use]
pub fn named(text: &str) -> Option<Vec<Multiaddr>> {
    if let Ok(ticket) = text.parse::<Ticket>() {
        return Some(ticket.peers.iter().flat_map(|peer| at(PeerKey(peer.network), &peer.addresses)).collect());
    }
    if let Ok(ticket) = text.parse::<KeeperTicket>() {
        return Some(at(PeerKey(ticket.keeper.network), &ticket.addresses));
    }
    text.parse().ok().map(|address| vec![address])
}

fn at(peer: PeerKey, addresses: &[String]) -> Vec<Multiaddr> {
    let Some(peer) = addressing::peer_id(peer) else { return Vec::new() };
    addresses.iter().filter_map(|address| format!("{address}/p2p/{peer}").parse().ok()).collect()
}

/// The peer at the end of an address, and the address without it.
fn split(address: &Multiaddr) -> Option<(PeerId, Multiaddr)> {
    let text = address.to_string();
    let (bare, peer) = text.rsplit_once("/p2p/")?;
    Some((peer.parse().ok()?, bare.parse().ok()?))
}

/// Asks the nodes at these addresses. Their answers are not verified.
pub(super) async fn ask(
    overlay: &Handle,
    events: &mut Events,
    peers: &[Multiaddr],
    words: &AccountSecret,
) -> Vec<account::Known> {
    let mut asked = BTreeSet::new();
    for (peer, address) in peers.iter().filter_map(split) {
        if asked.contains(&peer) {
            continue;
        }
        let wanted = addressing::peer_key(&peer).and_then(|key| AccountWanted::sign(words, &key.0));
        let Some(wanted) = wanted else { continue };
        if let Err(error) = overlay.dial(peer, vec![address]).await {
            debug!(%peer, %error, "a node that was named is not reached");
            continue;
        }
        match overlay.send(peer, Protocol::Pair, Bytes::from(account::question(&wanted))) {
            Ok(()) => drop(asked.insert(peer)),
            Err(error) => debug!(%peer, %error, "a node that was named is not asked"),
        }
    }
    let (mut answers, until) = (Vec::new(), Instant::now() + TO_ANSWER);
    while !asked.is_empty() {
        let Ok(Some(event)) = timeout_at(until, events.recv()).await else { break };
        let Event::Frame { peer, protocol: Protocol::Pair, frame, .. } = event else { continue };
        let Some(answer) = account::answered(&frame).filter(|_| asked.remove(&peer)) else { continue };
        answers.push(answer);
    }
    answers
}

#[cfg(test)]
mod tests {
    use covey_pairing::identity::{DeviceSecret, TicketPeer};

    use super::*;

    #[test]
    fn a_node_is_named_by_its_address_or_by_a_ticket_that_says_where_it_is() {
        let (account, device) = (AccountSecret::from_seed([1; 32]), DeviceSecret::from_seed([2; 32]));
        let network = device.keys().network;
        let address =
            format!("/ip4/192.0.2.7/tcp/7421/p2p/{}", addressing::peer_id(PeerKey(network)).expect("a point"));
        let mut ticket = Ticket::new(account.id(), account.dh().public(), None);
        ticket.peers = vec![TicketPeer { network, addresses: vec!["/ip4/192.0.2.7/tcp/7421".to_owned()] }];
        for text in [address.clone(), ticket.to_string(), ticket.to_string().to_uppercase()] {
            let found = named(&text).expect("a place");
            assert_eq!(found.iter().map(ToString::to_string).collect::<Vec<_>>(), [address.as_str()], "{text}");
            assert_eq!(split(&found[0]).map(|(peer, _)| peer), addressing::peer_id(PeerKey(network)));
        }
        for text in ["", "bob", "covey:nonsense", "192.0.2.7:7421"] {
            assert_eq!(named(text).filter(|found| found.iter().any(|one| split(one).is_some())), None, "{text}");
        }
        assert_eq!(named("bob"), None);
    }
}
