//! Ways to members that are no neighbours: a parcel goes along the graph of neighbours, which everybody can compute from
//! the roster, to a neighbour of its recipient. Who passes it on learns what a custodian learns.

use std::collections::{BTreeMap, BTreeSet};

use covey_feed::{Author, ChannelId, spread};
use covey_pairing::ids::DeviceId;
use rand_core::Rng;

use super::rosters::{get, get_mut};
use super::standing;
use crate::engine::{Cx, PeerKey};

/// Most members that pass a parcel on.
pub(in crate::engine) const MAX_WAY: usize = 6;
/// Ways are looked for anew after this time, in milliseconds: the roster and the connections change.
const FRESH: u64 = 60_000;
/// Pairs looked at when ways are looked for: bounds the time it takes. In groups of thousands not all are found.
const MAX_PAIRS: usize = 2_000_000;
/// Ends of ways remembered for each member.
const ENDS: usize = 3;

/// Ways from here, as found at some time.
#[derive(Debug)]
pub(in crate::engine) struct Ways {
    at: u64,
    /// For each device some that are neighbours of it and nearer to us; none for our own neighbours.
    before: BTreeMap<DeviceId, Vec<DeviceId>>,
}

impl Ways {
    /// Looks for ways from connected neighbours of ours to `all`, breadth first.
    fn find(channel: &ChannelId, first: Vec<DeviceId>, all: &[DeviceId], size: usize, at: u64) -> Self {
        let author = |device: &DeviceId| Author::from_bytes(*device.as_bytes());
        let mut before: BTreeMap<DeviceId, Vec<DeviceId>> = first.iter().map(|device| (*device, Vec::new())).collect();
        let mut level = first;
        let mut pairs = 0;
        for _ in 1..MAX_WAY {
            let nearer: BTreeSet<DeviceId> = before.keys().copied().collect();
            let far: Vec<&DeviceId> = all.iter().filter(|device| !nearer.contains(device)).collect();
            for via in &level {
                if far.is_empty() || pairs > MAX_PAIRS {
                    return Self { at, before };
                }
                pairs += far.len();
                for device in &far {
                    if spread::is_edge(channel, &author(via), &author(device), size) {
                        let ends = before.entry(**device).or_default();
                        if ends.len() < ENDS {
                            ends.push(*via);
                        }
                    }
                }
            }
            level = before.keys().filter(|device| !nearer.contains(device)).copied().collect();
        }
        Self { at, before }
    }

    /// A way to `to`: who passes it on, the first of them connected to us. Another one for another `draw`.
    fn way(&self, to: &DeviceId, draw: usize) -> Option<Vec<DeviceId>> {
        let one = |of: &[DeviceId]| (!of.is_empty()).then(|| of[draw % of.len()]);
        let mut at = one(self.before.get(to)?)?;
        let mut way = vec![at];
        while let Some(nearer) = one(self.before.get(&at)?) {
            at = nearer;
            way.push(at);
            if way.len() > MAX_WAY {
                return None;
            }
        }
        way.reverse();
        Some(way)
    }
}

/// Up to `most` ways to a member's device that is not connected: the peer that is given the parcel, and who passes it on
/// from there.
pub(in crate::engine) fn to(cx: &mut Cx<'_, '_>, no: u64, to: &DeviceId, most: usize) -> Vec<(PeerKey, Vec<DeviceId>)> {
    let now = cx.now;
    let Some(group) = get(cx, no) else { return Vec::new() };
    if group.ways.as_ref().is_none_or(|ways| ways.at.abs_diff(now) > FRESH) {
        let me = cx.me.device_id();
        let is_on = |device: &DeviceId| group.roster.by_device(device).is_some();
        let open = cx.live.opened.iter().filter_map(|peer| cx.live.contacts.get(peer)).map(|at| at.device);
        let first: Vec<DeviceId> = open.filter(is_on).collect();
        let all = group.roster.members(None).flat_map(|(_, member)| member.devices.iter().copied());
        let all: Vec<DeviceId> = all.filter(|device| *device != me).collect();
        let channel = standing::channel_id(&group.id);
        let ways = Ways::find(&channel, first, &all, group.size(), now);
        if let Some(group) = get_mut(cx, no) {
            group.ways = Some(ways);
        }
    }
    // Not always the same: some of those who should pass it on may be gone.
    let draw = usize::from(cx.rng.next_u32().to_le_bytes()[0]);
    let Some(ways) = get(cx, no).and_then(|group| group.ways.as_ref()) else { return Vec::new() };
    let found: BTreeSet<Vec<DeviceId>> = (draw..draw + ENDS).filter_map(|draw| ways.way(to, draw)).collect();
    let connected = found.into_iter().filter_map(|way| {
        let (first, rest) = way.split_first()?;
        Some((super::connected_peer(cx, first)?, rest.to_vec()))
    });
    connected.take(most).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_member_of_a_thousand_is_found_over_neighbours_only() {
        let devices: Vec<DeviceId> =
            (0..1_000_u32).map(|n| DeviceId::from_bytes(*blake3::hash(&n.to_be_bytes()).as_bytes())).collect();
        let channel = ChannelId::from_bytes([7; 32]);
        let author = |device: &DeviceId| Author::from_bytes(*device.as_bytes());
        let is_edge = |a: &DeviceId, b: &DeviceId| spread::is_edge(&channel, &author(a), &author(b), devices.len());
        let (me, others) = devices.split_first().expect("a thousand");
        let first: Vec<DeviceId> = others.iter().filter(|other| is_edge(me, other)).copied().collect();
        let ways = Ways::find(&channel, first.clone(), others, devices.len(), 0);
        for to in others.iter().filter(|other| !first.contains(other)) {
            let way = ways.way(to, 0).expect("a way");
            assert!(way.len() <= 4 && is_edge(me, &way[0]), "{way:?}");
            let whole = [way.as_slice(), &[*to]].concat();
            assert!(whole.windows(2).all(|two| is_edge(&two[0], &two[1])));
        }
    }
}
