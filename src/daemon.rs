//! `covey daemon`: from flags to a running node, and to its end.

use std::{io, sync::Arc};

use clap::Args;
use covey_api::Exit;
use covey_cli::{Failure, Globals, Terminal};
use covey_node::{
    config::{LogFormat, Overrides},
    daemon::{Daemon, Options, StartError, Started},
};
use serde_json::json;
use tracing::{error, info, warn};

use crate::{
    config::{self, start_failure},
    logging,
    service_manager::ServiceManager,
    signals::{Signals, Wish},
    unlock::Unlock,
};

/// Arguments of `daemon`.
#[derive(Args, Debug)]
#[command(
    long_about = "Run your node\n\nOn its first start it makes your account; it asks nothing and needs no configuration. When it can be \
                  used it prints a line that begins with `ready`. Ctrl-C or `covey shutdown` stops it.\n\n\
                  SIGHUP makes it read its configuration again, or stops it when its terminal was closed; SIGUSR1 makes it log its status.",
    after_help = "Examples:\n  covey daemon\n  covey daemon --data-dir ./alice --rpc-listen 127.0.0.1:0\n  \
                  covey daemon --bootstrap /dns4/home.example.org/tcp/7421/p2p/12D3KooW…"
)]
pub(crate) struct DaemonArgs {
    /// Listen here for other nodes (repeatable) [default: any port, TCP and QUIC]
    #[arg(long, value_name = "MULTIADDR")]
    listen: Vec<String>,
    /// Join the network through this node (repeatable); it ends in /p2p/ and a peer id
    #[arg(long, value_name = "MULTIADDR")]
    bootstrap: Vec<String>,
    /// Where clients connect; port 0 takes any, `off` leaves the Unix socket [default: 127.0.0.1:7420]
    #[arg(long, value_name = "ADDR:PORT")]
    rpc_listen: Option<String>,
    /// Do not look for nodes on the local network
    #[arg(long)]
    no_mdns: bool,
    /// Do not ask the router to forward ports
    #[arg(long)]
    no_upnp: bool,
    /// Carry connections of nodes that cannot reach each other
    #[arg(long)]
    relay_server: bool,
    #[command(flatten)]
    unlock: Unlock,
}

impl DaemonArgs {
    /// The settings that the flags override.
    fn overrides(&self) -> Overrides {
        let given = |list: &[String]| (!list.is_empty()).then(|| list.to_vec());
        Overrides::new()
            .set_some("network.listen", given(&self.listen))
            .set_some("network.bootstrap", given(&self.bootstrap))
            .set_some("rpc.listen", self.rpc_listen.as_ref())
            .set_some("network.mdns", self.no_mdns.then_some(false))
            .set_some("network.upnp", self.no_upnp.then_some(false))
            .set_some("network.relay_server", self.relay_server.then_some(true))
    }

    pub(crate) async fn run(self, globals: &Globals, terminal: &mut Terminal) -> Result<(), Failure> {
        // Before signals are listened for: Ctrl-C ends the question.
        let typed = self.unlock.typed(config::resolve(globals)?.data_dir())?;
        let mut signals = Signals::new()?;
        let flags = self.overrides();
        let (paths, config) = config::load(globals, &flags)?;
        let log = logging::start(globals, &config.log)?;
        let json = config.log.format == LogFormat::Json;
        // They would stand between the lines of the log.
        terminal.quiet |= json;
        let manager = Arc::new(ServiceManager::of_process());
        let run = async {
            let passphrase = if typed.is_some() { typed } else { self.unlock.given()? };
            let options = Options { paths, config, passphrase, flags, log };
            Box::pin(live(options, terminal, &mut signals, &manager)).await
        };
        match run.await {
            Err(failure) if json => {
                error!("{failure}");
                Err(Failure::Told(failure.exit()))
            }
            ended => ended,
        }
    }
}

/// Runs a node until it is asked to end.
async fn live(
    options: Options,
    terminal: &mut Terminal,
    signals: &mut Signals,
    manager: &Arc<ServiceManager>,
) -> Result<(), Failure> {
    let mut starting = Box::pin(Daemon::start(options));
    let mut reload = false;
    let daemon = loop {
        tokio::select! {
            started = &mut starting => break started.map_err(|error| start_failure(&error))?,
            wish = signals.next() => match wish {
                Wish::Stop => return Ok(()),
                // The configuration was read before: it may be another one now.
                Wish::Reload => reload = true,
                Wish::Report => info!("starting"),
            },
        }
    };
    // The node runs whether or not somebody reads this.
    if let Err(error) = announce(terminal, daemon.started()) {
        warn!(%error, "cannot write to standard output");
    }
    manager.ready();
    let watchdog = tokio::spawn(Arc::clone(manager).feed_watchdog(Arc::clone(daemon.service())));
    loop {
        let wish = if std::mem::take(&mut reload) {
            Wish::Reload
        } else {
            tokio::select! {
                () = daemon.stop_requested() => break,
                wish = signals.next() => wish,
            }
        };
        let service = Arc::clone(daemon.service());
        match wish {
            Wish::Stop => break,
            // On tasks of their own: a busy node must not be deaf to the next signal. The log tells how it went.
            Wish::Reload => {
                let manager = Arc::clone(manager);
                drop(tokio::spawn(async move {
                    manager.reloading();
                    let _told = service.settings.reload().await;
                    manager.ready();
                }));
            }
            Wish::Report => drop(tokio::spawn(async move { service.log_status().await })),
        }
    }
    watchdog.abort();
    manager.stopping();
    let revoked = daemon.is_revoked().then(|| StartError::Revoked { dir: daemon.started().data_dir.clone().into() });
    tokio::select! {
        () = Box::pin(daemon.stop()) => revoked.map_or(Ok(()), |error| Err(start_failure(&error))),
        () = signals.stop_again() => Err(Failure::Ended {
            exit: Exit::Refused,
            sentence: "stopped in a hurry; what was acknowledged is safe".into(),
        }),
    }
}

/// Tells who, where and how to go on; the line `ready` comes last.
fn announce(terminal: &mut Terminal, started: &Started) -> io::Result<()> {
    let Started { account, peer_id, addresses, ticket, data_dir, browser_url, new_account, knows_nobody } = started;
    if terminal.json {
        return terminal.ndjson(&json!({
            "ready": true,
            "account": account,
            "peer_id": peer_id.to_string(),
            "addresses": addresses,
            "ticket": ticket,
            "data_dir": data_dir,
            "new_account": new_account,
        }));
    }
    if *new_account {
        terminal.line("This is your first start: an account was made for you.")?;
    }
    terminal.line(&format!("account  {account}"))?;
    terminal.line(&format!("data     {data_dir}"))?;
    for address in addresses {
        terminal.line(&format!("address  {address}"))?;
    }
    terminal.line(&format!("ticket   {ticket}"))?;
    // It holds the operator's token: for eyes, not for log files.
    if let Some(url) = browser_url.as_ref().filter(|_| terminal.interactive) {
        terminal.line(&format!("browser  {url}"))?;
    }
    if *new_account {
        terminal.hint(
            "Keep the words of `covey account phrase` (after stopping the daemon): they bring your account back.",
        )?;
    }
    if *knows_nobody {
        terminal.hint(
            "No seed is known: only nodes on the local network are found. Name one with --bootstrap, or take a list with `covey seeds add`.",
        )?;
    }
    terminal
        .hint("In another terminal: `covey account ticket` to be invited, `covey pair list`, `covey tail --follow`.")?;
    terminal.line(&format!("ready {account}"))
}
