//! What types cannot say about settings.

use std::net::SocketAddr;

use covey_overlay::Multiaddr;

use super::{Config, ConfigError, Rpc};

/// Checks the values of a configuration against each other and against what covey supports.
///
/// # Errors
/// [`ConfigError::Value`] for the first setting that makes no sense.
pub fn check(config: &Config) -> Result<(), ConfigError> {
    all(config).into_iter().next().map_or(Ok(()), Err)
}

/// Every setting that makes no sense.
pub(super) fn all(config: &Config) -> Vec<ConfigError> {
    let (network, storage) = (&config.network, &config.storage);
    let checks = [
        addresses("network.listen", &network.listen),
        addresses("network.external", &network.external),
        bootstrap(&network.named_bootstrap()),
        seeds_key(&network.seeds_key),
        positive("network.max_connections", network.max_connections),
        positive("network.max_memory_mib", network.max_memory_mib),
        positive("pairing.max_pending", config.pairing.max_pending),
        config.rpc.address().map(drop),
        positive("rpc.max_connections", config.rpc.max_connections),
        level(&config.log.level),
        positive("storage.cache_mib", storage.cache_mib),
        positive("storage.journal_max_mib", storage.journal_max_mib),
        positive("storage.author_burst_mib", storage.author_burst_mib),
        positive("storage.author_kib_per_second", storage.author_kib_per_second),
        positive("storage.mail_max_mib", storage.mail_max_mib),
        positive("storage.mail_max_accounts", storage.mail_max_accounts),
    ];
    checks.into_iter().filter_map(Result::err).collect()
}

fn bootstrap(named: &[String]) -> Result<(), ConfigError> {
    addresses("network.bootstrap", named).and_then(|()| peers(named))
}

fn seeds_key(text: &str) -> Result<(), ConfigError> {
    if text.is_empty() || crate::network_key::parse(text).is_some() {
        return Ok(());
    }
    bad("network.seeds_key", "must be the 64 hexadecimal characters that `covey seeds key` prints".to_owned())
}

fn peers(bootstrap: &[String]) -> Result<(), ConfigError> {
    match bootstrap.iter().find(|address| !address.contains("/p2p/")) {
        Some(address) => bad("network.bootstrap", format!("\"{address}\" does not end in /p2p/ and a peer id")),
        None => Ok(()),
    }
}

impl Rpc {
    /// The loopback address to listen on, or `None` for "off".
    ///
    /// # Errors
    /// [`ConfigError::Value`] for anything but a loopback address with a port.
    pub fn address(&self) -> Result<Option<SocketAddr>, ConfigError> {
        rpc_address(&self.listen)
    }
}

fn rpc_address(listen: &str) -> Result<Option<SocketAddr>, ConfigError> {
    const KEY: &str = "rpc.listen";
    if listen == "off" {
        return Ok(None);
    }
    let text = listen.replace("localhost:", "127.0.0.1:");
    let Ok(address) = text.parse::<SocketAddr>() else {
        return bad(KEY, format!("\"{listen}\" is no address and port like 127.0.0.1:7420"));
    };
    if address.ip().is_loopback() {
        return Ok(Some(address));
    }
    bad(
        KEY,
        format!(
            "{address} can be reached from other machines, which is not supported; use 127.0.0.1 and a tunnel (ssh -L)"
        ),
    )
}

fn addresses(key: &'static str, list: &[String]) -> Result<(), ConfigError> {
    if let Some(address) = list.iter().find(|address| address.parse::<Multiaddr>().is_err()) {
        return bad(key, format!("\"{address}\" is not a multiaddress; write it like /ip4/192.0.2.1/tcp/7421"));
    }
    Ok(())
}

/// A plain level; a filter of several parts is for the log to read.
fn level(level: &str) -> Result<(), ConfigError> {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    if level.contains([',', '=']) || LEVELS.contains(&level.to_lowercase().as_str()) {
        return Ok(());
    }
    bad("log.level", format!("\"{level}\" is no level; use error, warn, info, debug or trace"))
}

fn positive(key: &'static str, number: u32) -> Result<(), ConfigError> {
    if number == 0 { bad(key, "must be at least 1".to_owned()) } else { Ok(()) }
}

fn bad<T>(key: &'static str, message: String) -> Result<T, ConfigError> {
    Err(ConfigError::Value { key, message })
}
