//! Ways to members that are no neighbours: a parcel goes along the graph of neighbours, which everybody can compute from
//! the roster, to a neighbour of its recipient. Who passes it on learns what a custodian learns.

use std::collections::BTreeSet;

use covey_pairing::ids::DeviceId;
use rand::seq::SliceRandom;

use crate::engine::live::groups::{Group, Neighbours};
use crate::engine::{Cx, PeerKey};

/// Most members that pass a parcel on, beside the first.
pub(in crate::engine) const MAX_WAY: usize = 6;

/// Connected members from whom ways with one more step are looked for. In a group of ten thousand most ways need none.
const TRIES: usize = 8;

/// A way: who is given the parcel, and who passes it on from there.
type Way = (DeviceId, Vec<DeviceId>);

/// Up to `most` ways to a member's device that is not connected, each with the peer that is its beginning. No member is on
/// two of them, and others are drawn the next time: some of those who should pass it on may be gone.
pub(in crate::engine) fn to(cx: &mut Cx<'_, '_>, no: u64, to: &DeviceId, most: usize) -> Vec<(PeerKey, Vec<DeviceId>)> {
    let me = cx.me.device_id();
    let Some(group) = cx.live.groups.by_no.get(&no) else { return Vec::new() };
    let open = cx.live.opened.iter().filter_map(|peer| Some((cx.live.contacts.get(peer)?.device, *peer)));
    let open: Vec<(DeviceId, PeerKey)> =
        open.filter(|(device, _)| device != to && group.roster.by_device(device).is_some()).collect();
    if open.is_empty() {
        return Vec::new();
    }
    let map = Map::of(group, &me);
    let mut first: Vec<DeviceId> = open.iter().map(|(device, _)| *device).collect();
    let mut last: Vec<DeviceId> = map.neighbours(to).collect();
    first.shuffle(cx.rng);
    last.shuffle(cx.rng);
    let peer = |device: &DeviceId| open.iter().find(|(open, _)| open == device).map(|(_, peer)| *peer);
    let ways = map.ways(&first, &last, to, most);
    ways.into_iter().filter_map(|(first, rest)| Some((peer(&first)?, rest))).collect()
}

/// The graph of a group's devices without us.
struct Map {
    graph: Neighbours,
    others: Vec<DeviceId>,
}

impl Map {
    fn of(group: &Group, me: &DeviceId) -> Self {
        let devices = group.roster.members(None).flat_map(|(_, member)| member.devices.iter().copied());
        Self { graph: group.graph(group.size()), others: devices.filter(|device| device != me).collect() }
    }

    fn neighbours(&self, of: &DeviceId) -> impl Iterator<Item = DeviceId> {
        self.others.iter().filter(move |other| self.graph.is_edge(of, other)).copied()
    }

    /// Ways that begin with one of `first` and end with one of `last`, the neighbours of `to`: the shortest first.
    fn ways(&self, first: &[DeviceId], last: &[DeviceId], to: &DeviceId, most: usize) -> Vec<Way> {
        let mut used = BTreeSet::from([*to]);
        let both = first.iter().filter(|device| last.contains(device)).take(most);
        let mut found: Vec<Way> = both.map(|device| (*device, Vec::new())).collect();
        used.extend(found.iter().map(|(device, _)| *device));
        for (begin, beyond) in
            first.iter().map(|begin| (begin, false)).chain(first.iter().take(TRIES).map(|b| (b, true)))
        {
            if found.len() >= most {
                break;
            }
            if used.contains(begin) {
                continue;
            }
            let free = |device: &&DeviceId| *device != begin && !used.contains(device);
            let end = |from: &DeviceId| last.iter().filter(free).find(|end| self.graph.is_edge(from, end)).copied();
            let rest = if beyond {
                let middle = self.neighbours(begin).filter(|middle| free(&middle));
                middle.filter_map(|middle| Some(vec![middle, end(&middle).filter(|end| *end != middle)?])).next()
            } else {
                end(begin).map(|end| vec![end])
            };
            if let Some(rest) = rest {
                used.insert(*begin);
                used.extend(rest.iter().copied());
                found.push((*begin, rest));
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(members: u32, longest: usize) {
        let device = |n: u32| DeviceId::from_bytes(*blake3::hash(&n.to_be_bytes()).as_bytes());
        let graph = Neighbours::new(&covey_pairing::ids::GroupId::from_bytes([7; 32]), members as usize);
        let map = Map { graph, others: (1..members).map(device).collect() };
        let me = device(0);
        let first: Vec<DeviceId> = map.neighbours(&me).collect();
        for to in map.others.iter().filter(|other| !first.contains(other)).step_by(members as usize / 100) {
            let last: Vec<DeviceId> = map.neighbours(to).collect();
            let ways = map.ways(&first, &last, to, 2);
            assert_eq!(ways.len(), 2, "two ways to everybody");
            let mut all = BTreeSet::new();
            for (begin, rest) in ways {
                let whole = [&[me, begin], rest.as_slice(), &[*to]].concat();
                assert!(
                    rest.len() <= longest && whole.windows(2).all(|two| map.graph.is_edge(&two[0], &two[1])),
                    "{whole:?}"
                );
                assert!(std::iter::once(begin).chain(rest).all(|device| all.insert(device)), "nobody is on both");
            }
        }
    }

    #[test]
    fn every_member_of_a_thousand_is_found_over_neighbours_only_on_two_ways() {
        check(1_000, 1);
    }

    #[test]
    fn every_member_of_ten_thousand_is_found_likewise() {
        check(10_000, 2);
    }
}
