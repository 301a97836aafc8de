//! Kademlia queries in progress and what they are for.

use libp2p::{
    PeerId,
    kad::{GetClosestPeersError, GetClosestPeersOk, GetRecordOk, PutRecordError, QueryId, QueryResult},
};

use super::Worker;
use crate::record::Sealed;

/// Why a query runs.
#[derive(Debug)]
pub(super) enum Purpose {
    /// Where is this peer?
    FindPeer(PeerId),
    /// Who should store this record of a publication?
    FindStorers { publication: u64, record: Sealed },
    /// Storing a record of a publication.
    Store { publication: u64 },
    /// Records of a lookup for one period.
    Fetch { lookup: u64, period: u64 },
}

impl Worker {
    pub(super) fn find_peer(&mut self, peer: PeerId) {
        let query = self.swarm.behaviour_mut().kad.get_closest_peers(peer);
        self.records.queries.insert(query, Purpose::FindPeer(peer));
    }

    pub(super) fn on_query(&mut self, id: QueryId, result: QueryResult, last: bool) {
        match result {
            QueryResult::Bootstrap(_) if last => self.records.joined(),
            QueryResult::GetClosestPeers(result) if last => {
                let peers = match result {
                    Ok(GetClosestPeersOk { peers, .. }) | Err(GetClosestPeersError::Timeout { peers, .. }) => peers,
                };
                match self.records.queries.remove(&id) {
                    Some(Purpose::FindPeer(peer)) => {
                        let addresses = peers.into_iter().find(|p| p.peer_id == peer).map(|p| p.addrs);
                        self.found_peer(peer, &addresses.unwrap_or_default());
                    }
                    Some(Purpose::FindStorers { publication, record }) => {
                        let peers = peers.into_iter().map(|p| p.peer_id).collect();
                        self.store_at(publication, &record, peers);
                    }
                    _ => {}
                }
            }
            QueryResult::PutRecord(result) if last => {
                if let Some(Purpose::Store { publication }) = self.records.queries.remove(&id) {
                    let storers = match result {
                        // All of them.
                        Ok(_) => usize::MAX,
                        Err(PutRecordError::QuorumFailed { success, .. } | PutRecordError::Timeout { success, .. }) => {
                            success.len()
                        }
                    };
                    self.stored(publication, storers > 0);
                }
            }
            QueryResult::GetRecord(result) => {
                if let Some(Purpose::Fetch { lookup, period }) = self.records.queries.get(&id) {
                    let (lookup, period) = (*lookup, *period);
                    if let Ok(GetRecordOk::FoundRecord(found)) = result {
                        self.fetched(lookup, period, &found.record.value);
                    }
                    if last {
                        self.records.queries.remove(&id);
                        self.fetch_ended(lookup);
                    }
                }
            }
            _ => {}
        }
    }
}
