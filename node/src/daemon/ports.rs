//! The ports that the system gave us last time: taken again, so that addresses that contacts remember stay true.

use std::collections::BTreeMap;

use covey_api::ApiError;
use covey_overlay::Multiaddr;
use serde::{Deserialize, Serialize};

use crate::engine::EngineError;
use crate::runtime::EngineHandle;
use crate::store::{Key, Table, Tx};

/// For each configured address with port 0 the address with the port that was given.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ports(BTreeMap<String, String>);

fn key() -> Key {
    Key::table(Table::Meta).raw("listen ports")
}

/// The ports of last time.
pub(super) fn load(tx: &Tx<'_>) -> Result<Ports, EngineError> {
    Ok(tx.get(&key())?.unwrap_or_default())
}

/// Keeps the ports for next time, where there is no engine yet.
pub(super) fn save(tx: &mut Tx<'_>, ports: &Ports) -> Result<(), EngineError> {
    Ok(tx.put(&key(), ports)?)
}

/// Keeps the ports for next time.
pub(super) async fn remember(engine: &EngineHandle, ports: Ports) -> Result<(), ApiError> {
    engine
        .call(move |cx| {
            if cx.tx.get::<Ports>(&key())?.as_ref() != Some(&ports) {
                cx.tx.put(&key(), &ports)?;
            }
            Ok(())
        })
        .await
}

impl Ports {
    /// The configured addresses with the ports of last time in place of 0.
    pub(super) fn apply(&self, wanted: &[Multiaddr]) -> Vec<Multiaddr> {
        let known = |address: &Multiaddr| self.0.get(&address.to_string()).and_then(|text| text.parse().ok());
        wanted.iter().map(|address| known(address).unwrap_or_else(|| address.clone())).collect()
    }

    /// What the system gave for each configured address with port 0.
    pub(super) fn of(wanted: &[Multiaddr], bound: &[Multiaddr]) -> Self {
        let mut ports = BTreeMap::new();
        for address in wanted {
            let text = address.to_string();
            let Some(given) = bound.iter().find_map(|bound| port_of(&text, &bound.to_string())) else { continue };
            ports.insert(text, given);
        }
        Self(ports)
    }
}

/// `wanted` with the port of `bound`, if both are of the same transport and `wanted` left the port open.
fn port_of(wanted: &str, bound: &str) -> Option<String> {
    let wanted: Vec<&str> = wanted.split('/').collect();
    let bound: Vec<&str> = bound.split('/').collect();
    // "", family, host, transport, port, ...
    let open = wanted.get(4) == Some(&"0");
    let same = [1, 3].iter().all(|at| wanted.get(*at) == bound.get(*at)) && wanted.get(5) == bound.get(5);
    if !open || !same {
        return None;
    }
    let mut given = wanted.clone();
    *given.get_mut(4)? = bound.get(4)?;
    Some(given.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(texts: &[&str]) -> Vec<Multiaddr> {
        texts.iter().map(|text| text.parse().expect("a multiaddress")).collect()
    }

    #[test]
    fn a_given_port_is_asked_for_again() {
        let wanted = addresses(&["/ip4/0.0.0.0/tcp/0", "/ip4/0.0.0.0/udp/0/quic-v1", "/ip4/127.0.0.1/tcp/7421"]);
        let bound =
            addresses(&["/ip4/127.0.0.1/tcp/4001", "/ip4/127.0.0.1/udp/4002/quic-v1", "/ip4/127.0.0.1/tcp/7421"]);
        let ports = Ports::of(&wanted, &bound);
        assert_eq!(
            ports.apply(&wanted),
            addresses(&["/ip4/0.0.0.0/tcp/4001", "/ip4/0.0.0.0/udp/4002/quic-v1", "/ip4/127.0.0.1/tcp/7421"])
        );
    }

    #[test]
    fn another_configuration_is_not_bent_by_old_ports() {
        let ports = Ports::of(&addresses(&["/ip4/0.0.0.0/tcp/0"]), &addresses(&["/ip4/127.0.0.1/tcp/4001"]));
        let other = addresses(&["/ip6/::/tcp/0"]);
        assert_eq!(ports.apply(&other), other);
    }
}
