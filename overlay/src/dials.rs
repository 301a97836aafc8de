//! How often one host is dialled because of what others say. `[NET-DIAL-HOST]`
//!
//! Whoever makes cards can name a third party in each of them. One card then costs the third party few connections,
//! and a thousand cards cost it no more than one. Pure: the time comes from the caller.

use std::collections::{HashMap, HashSet};

use libp2p::Multiaddr;
use tokio::time::Instant;

use crate::{
    address::is_named,
    bucket::{Bucket, Rate},
    familiar::Host,
};

/// Distinct hosts dialled for one peer at a time: two families at home and outside, and its relays. `[NET-DIAL-HOST]`
const HOSTS: usize = 8;
/// Names resolved for one peer at a time. `[NET-DIAL-HOST]`
const NAMES: usize = 2;
/// Dials of one host: a few nodes behind it, each at a few addresses, tried again and again. `[NET-DIAL-HOST]`
const PER_HOST: Rate = Rate { burst: 32, per_second: 0.5 };
/// Hosts remembered; when all of them were dialled lately, others wait.
const REMEMBERED: usize = 4_096;

#[derive(Debug, Default)]
pub(crate) struct Dials {
    hosts: HashMap<Host, Bucket>,
}

impl Dials {
    /// Of a peer's addresses, best first, those to dial now. What names resolve to is asked again.
    pub(crate) fn choose(&mut self, addresses: Vec<Multiaddr>, now: Instant) -> Vec<Multiaddr> {
        let (mut hosts, mut names) = (HashSet::new(), 0);
        let mut passes = |address: &Multiaddr| {
            if is_named(address) {
                names += 1;
                return names <= NAMES;
            }
            // This machine is nobody to be protected.
            let Some(host) = Host::dialed(address) else { return true };
            if !hosts.contains(&host) && hosts.len() >= HOSTS {
                return false;
            }
            hosts.insert(host);
            self.take(host, now)
        };
        addresses.into_iter().filter(|address| passes(address)).collect()
    }

    fn take(&mut self, host: Host, now: Instant) -> bool {
        if !self.hosts.contains_key(&host) && self.hosts.len() >= REMEMBERED {
            self.hosts.retain(|_, bucket| bucket.full_at() > now);
            if self.hosts.len() >= REMEMBERED {
                return false;
            }
        }
        self.hosts.entry(host).or_insert_with(|| Bucket::new(PER_HOST, now)).take(1.0, now)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn addresses(texts: impl IntoIterator<Item = String>) -> Vec<Multiaddr> {
        texts.into_iter().map(|t| t.parse().expect("an address")).collect()
    }

    #[test]
    fn one_card_names_few_hosts() {
        // [NET-DIAL-HOST]
        let named = addresses((0..16).map(|n| format!("/ip4/198.51.100.{n}/tcp/443")));
        assert_eq!(Dials::default().choose(named.clone(), Instant::now()), named[..HOSTS]);
        let names = addresses((0..16).map(|n| format!("/dns4/{n}.example.org/tcp/443")));
        assert_eq!(Dials::default().choose(names.clone(), Instant::now()), names[..NAMES]);
    }

    #[test]
    fn a_thousand_cards_that_name_one_host_cost_it_no_more_than_a_few() {
        // [NET-DIAL-HOST]
        let (mut dials, start) = (Dials::default(), Instant::now());
        let victim = |n: u16| addresses([format!("/ip4/198.51.100.1/tcp/{n}")]);
        assert_eq!((1..=1_000).map(|n| dials.choose(victim(n), start).len()).sum::<usize>(), 32);
        let later = start + Duration::from_secs(10);
        assert_eq!((1..=1_000).map(|n| dials.choose(victim(n), later).len()).sum::<usize>(), 5);
        let circuits = addresses(["/ip4/198.51.100.1/tcp/1/p2p-circuit".to_owned()]);
        assert_eq!(dials.choose(circuits, later), [], "naming it as a relay is no way around");
    }

    #[test]
    fn this_machine_is_not_counted_and_memory_is_bounded() {
        // [NET-DIAL-HOST]
        let (mut dials, now) = (Dials::default(), Instant::now());
        let local = addresses(["/ip4/127.0.0.1/tcp/1".to_owned()]);
        assert_eq!((0..1_000).map(|_| dials.choose(local.clone(), now).len()).sum::<usize>(), 1_000);
        for n in 0..5_000u32 {
            dials.choose(addresses([format!("/ip6/2001:db8:{n:x}::1/tcp/1")]), now);
        }
        assert_eq!(dials.hosts.len(), REMEMBERED);
        assert_eq!(
            dials.choose(addresses(["/ip4/198.51.100.1/tcp/1".to_owned()]), now + Duration::from_secs(60)).len(),
            1
        );
    }
}
