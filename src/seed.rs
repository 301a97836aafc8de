//! `covey seed`: a node without an account, through which others meet.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use covey_api::Exit;
use covey_cli::{Failure, Globals, Terminal};
use covey_node::{
    config::{Config, LogFormat},
    seed::{Multiaddr, Options, Seed},
};
use serde_json::json;

use crate::{
    config::{self, start_failure},
    logging,
    seeds::key_of,
    service_manager::ServiceManager,
    signals::{Signals, Wish},
};

/// Arguments of `seed`.
#[derive(Args, Debug)]
#[command(
    long_about = "Run a seed: a node without an account, through which others meet\n\nIt routes, relays ciphertext for nodes that cannot \
                  connect directly, and remembers peers. Others join through the addresses that it prints, with --bootstrap or in a \
                  signed list (`covey seeds`). It listens by TCP and QUIC on ports 7421 and 443, where that is allowed.",
    after_help = "Examples:\n  covey seed --data-dir /var/lib/covey-seed\n  covey seed --data-dir ./seed --metrics 127.0.0.1:9421\n  \
                  covey seed --data-dir ./seed --key-file network.key --external /dns4/seed.example.org/tcp/7421"
)]
pub(crate) struct SeedArgs {
    /// Listen here (repeatable) [default: TCP and QUIC, IPv4 and IPv6, ports 7421 and 443]
    #[arg(long, value_name = "MULTIADDR")]
    listen: Vec<Multiaddr>,
    /// Where others reach it, if it cannot know that (repeatable)
    #[arg(long, value_name = "MULTIADDR")]
    external: Vec<Multiaddr>,
    /// Another seed of the network (repeatable); it ends in /p2p/ and a peer id
    #[arg(long, value_name = "MULTIADDR")]
    bootstrap: Vec<Multiaddr>,
    /// The key of a private network
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// Pass on seed lists of this key: 64 hexadecimal characters
    #[arg(long, value_name = "KEY", value_parser = key_of)]
    seeds_key: Option<[u8; 32]>,
    /// Answer Prometheus here
    #[arg(long, value_name = "ADDR:PORT")]
    metrics: Option<SocketAddr>,
}

impl SeedArgs {
    pub(crate) async fn run(self, globals: &Globals, terminal: &mut Terminal) -> Result<(), Failure> {
        let mut signals = Signals::new()?;
        let log = Config::default().log;
        terminal.quiet |= log.format == LogFormat::Json;
        let _switch = logging::start(globals, &log)?;
        let Self { listen, external, bootstrap, key_file, seeds_key, metrics } = self;
        let paths = config::resolve(globals)?;
        if paths.initialised_file().exists() {
            let sentence = format!(
                "{} has an account; give the seed a directory of its own with --data-dir",
                paths.data_dir().display()
            );
            return Err(Failure::Ended { exit: Exit::Refused, sentence });
        }
        let options = Options { paths, listen, external, bootstrap, key_file, seeds_key, metrics };
        let seed = Seed::start(options).await.map_err(|error| start_failure(&error))?;
        announce(terminal, &seed)?;
        let manager = ServiceManager::of_process();
        manager.ready();
        loop {
            match signals.next().await {
                Wish::Stop => break,
                Wish::Reload => {}
                Wish::Report => seed.log_status().await,
            }
        }
        manager.stopping();
        seed.stop().await;
        Ok(())
    }
}

fn announce(terminal: &mut Terminal, seed: &Seed) -> Result<(), Failure> {
    if terminal.json {
        let addresses: Vec<String> = seed.addresses().iter().map(ToString::to_string).collect();
        let line = json!({ "ready": true, "peer_id": seed.peer_id().to_string(), "addresses": addresses, "users": seed.users() });
        return Ok(terminal.ndjson(&line)?);
    }
    for address in seed.addresses() {
        terminal.line(&format!("address  {address}"))?;
    }
    terminal.line(&format!("room     for {} users at a time", seed.users()))?;
    Ok(terminal.line(&format!("ready {}", seed.peer_id()))?)
}
