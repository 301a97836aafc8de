//! How others reach this node, in one sentence with one thing to do: the verdict of `doctor network` and of `status`.
//!
//! Pure: made from what the overlay counts and has proven.

use covey_api::{Check, CheckState, Network, Time};
use covey_overlay::{Bootstrap, Multiaddr, Nat, Status};

use super::check;

/// The verdict as a check of the doctor.
pub(super) fn reached(overlay: &Status) -> Check {
    let Verdict { state, said, advice } = verdict(overlay);
    check("reachability", state, said, advice.as_deref())
}

/// The verdict as `node.status` has it.
pub(super) fn sentence(overlay: &Status) -> String {
    verdict(overlay).said
}

struct Verdict {
    state: CheckState,
    said: String,
    advice: Option<String>,
}

impl Verdict {
    fn ok(said: impl Into<String>) -> Self {
        Self { state: CheckState::Ok, said: said.into(), advice: None }
    }

    fn new(state: CheckState, said: impl Into<String>, advice: &str) -> Self {
        Self { state, said: said.into(), advice: Some(advice.to_owned()) }
    }
}

fn verdict(overlay: &Status) -> Verdict {
    match overlay.nat {
        Nat::Public => Verdict::ok(public(overlay)),
        _ if overlay.is_relay => Verdict::ok(format!(
            "a relay for others ({} given so far): its addresses are taken as reachable, untested",
            super::count(overlay.places_given, "place")
        )),
        _ if !overlay.places.is_empty() => {
            let relays: Vec<String> = overlay.places.iter().map(short).collect();
            Verdict::ok(format!("{}, through {}", behind(overlay), relays.join(" and ")))
        }
        Nat::Unknown | Nat::Local if super::on_this_machine_only(overlay) => Verdict::new(
            CheckState::Warn,
            "reachable from this machine only: the node listens on loopback only",
            "to be reached by others, set network.listen in the configuration or start without --listen",
        ),
        Nat::Local => Verdict::ok("reachable from the local network; not tested from the internet yet"),
        Nat::Unknown if overlay.peers == 0 => Verdict {
            state: CheckState::Warn,
            said: format!("unreachable because {}", why_alone(overlay)),
            advice: Some(advice_alone(overlay).to_owned()),
        },
        Nat::Unknown => Verdict::ok("not known yet: other nodes are trying to reach this one"),
        Nat::Private if overlay.relays == 0 => Verdict::new(
            CheckState::Fail,
            "unreachable because nobody outside could reach this node, and no relay is known",
            "forward a listening port in your router, or name a node that runs --relay-server with --bootstrap",
        ),
        Nat::Private => Verdict::new(
            CheckState::Fail,
            format!(
                "unreachable because nobody outside could reach this node, and none of {} gave it a place",
                super::count(overlay.relays, "known relay")
            ),
            "forward a listening port in your router, or see whether network.relay_use forbids relays",
        ),
    }
}

/// Why a reachable node is reachable.
fn public(overlay: &Status) -> &'static str {
    let direct = || overlay.external.iter().map(ToString::to_string).filter(|text| !text.contains("/p2p-circuit"));
    let of = |family: &str| direct().any(|text| text.starts_with(family));
    let listens = |family: &str| overlay.listen.iter().any(|at| at.to_string().starts_with(family));
    if overlay.forwarded {
        "public by UPnP: the router forwards a port to this node"
    } else if of("/ip6/") && !of("/ip4/") && !of("/dns") && listens("/ip4/") {
        "public over IPv6 only: who has no IPv6 reaches this node through relays or is dialled by it"
    } else {
        "public: reachable from the internet"
    }
}

/// What is between this node and the internet.
fn behind(overlay: &Status) -> String {
    let what = if overlay.translated { "NAT" } else { "a firewall" };
    let holes = match (overlay.web_only, overlay.ports_kept) {
        (true, _) => "not punchable: it lets out connections to port 443 only",
        (false, false) => "not punchable: it takes another port for each connection",
        (false, true) => "punchable",
    };
    format!("behind {what}, {holes}")
}

/// `12D3KooWAc5z (45.1.0.2)`: enough to tell relays apart.
fn short(place: &Multiaddr) -> String {
    let text = place.to_string();
    let parts: Vec<&str> = text.split('/').collect();
    let host = parts.get(2).copied().unwrap_or_default();
    let peer: String = parts.last().map(|id| id.chars().take(12).collect()).unwrap_or_default();
    format!("{peer} ({host})")
}

/// Since when and why this node is connected to nobody, if so.
pub(super) fn offline(overlay: &Status) -> Option<String> {
    overlay.alone_since.map(|since| offline_since(overlay, since))
}

fn offline_since(overlay: &Status, since: u64) -> String {
    let since = Time::from_unix_ms(since);
    format!("not connected to anybody since {since}, because {}", why_alone(overlay))
}

/// What the event says of a node that is connected to nobody since then, or to somebody again.
pub(super) fn network(overlay: &Status, alone_since: Option<u64>, now: u64) -> Network {
    Network {
        online: alone_since.is_none(),
        since: Time::from_unix_ms(alone_since.unwrap_or(now)),
        offline: alone_since.map(|since| offline_since(overlay, since)),
    }
}

fn why_alone(overlay: &Status) -> String {
    let beyond = overlay.listen.iter().any(|at| !super::is_loopback(at));
    if !beyond && !overlay.listen.is_empty() && overlay.bootstrap.is_empty() {
        return "the node listens on loopback only and knows no other node".to_owned();
    }
    // Nodes on this machine need none.
    if !beyond && !overlay.bootstrap.iter().any(|seed| seed.addresses.iter().any(super::is_loopback)) {
        return "this machine has no network".to_owned();
    }
    match overlay.bootstrap.as_slice() {
        [] => "no other node is known, and none announces itself on the local network".to_owned(),
        seeds => {
            let told: Vec<String> = seeds.iter().take(3).map(unreached).collect();
            told.join("; ")
        }
    }
}

/// What to do if no other node is known.
pub(super) const MEET: &str = "start with --bootstrap MULTIADDR, or on a network where another node announces itself";

fn advice_alone(overlay: &Status) -> &'static str {
    if overlay.bootstrap.is_empty() {
        MEET
    } else {
        "see that this machine is online, that the bootstrap nodes run, and that their addresses are right"
    }
}

/// What came of connecting to a bootstrap node.
pub(super) fn unreached(seed: &Bootstrap) -> String {
    let address = seed.addresses.first().map(ToString::to_string).unwrap_or_default();
    let trouble = seed.trouble.as_deref().unwrap_or("no answer yet");
    format!("bootstrap node {address}/p2p/{}: {trouble}", seed.peer)
}
