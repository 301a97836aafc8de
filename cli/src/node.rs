//! `covey status | peers | doctor | shutdown`: the daemon itself.

use std::{
    fs::{File, TryLockError},
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Args;
use covey_api::{
    CheckState, DeviceList, Done, Exit, NodeDoctor, NodeLock, NodePeers, NodeShutdown, NodeStatus, NodeUnlock,
    PassphraseText, Peer, Reason, Report, Status, TransferPhase,
};

use crate::{Failure, Session, Terminal, display, table::Table, text::clean_line, when};

/// How often to look whether a stopping daemon is gone.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

pub(crate) async fn status(session: &Session, terminal: &mut Terminal) -> Result<(), Failure> {
    let status = session.call(&NodeStatus {}).await?;
    terminal.show(&status, show_status)?;
    if !terminal.json && !status.locked {
        // Who may read the status only need not be told of devices.
        let devices = session.call(&DeviceList {}).await.unwrap_or_default();
        let under_way = devices.iter().filter_map(|device| device.transfer.as_ref());
        for transfer in under_way.filter(|transfer| transfer.phase != TransferPhase::Done) {
            let to =
                if transfer.this { "history".to_owned() } else { format!("history of {}", clean_line(&transfer.name)) };
            let label = terminal.paint.dim(&format!("{to:10}"));
            terminal.line(&format!("{label} {}", crate::device::bar(transfer)))?;
        }
    }
    Ok(())
}

pub(crate) async fn peers(session: &Session, terminal: &mut Terminal) -> Result<(), Failure> {
    let peers = session.call(&NodePeers {}).await?;
    Ok(terminal.show(&peers, show_peers)?)
}

/// What of the doctor's checks to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Part {
    /// Listening, other nodes, and how others reach this one.
    Network,
}

/// The doctor's checks that are about the network; the verdict comes last.
const OF_NETWORK: [&str; 3] = ["listening", "neighbours", "reachability"];

/// Fails with exit code 1 if a check failed.
pub(crate) async fn doctor(session: &Session, terminal: &mut Terminal, part: Option<Part>) -> Result<(), Failure> {
    let mut report = session.call(&NodeDoctor {}).await?;
    if part == Some(Part::Network) {
        report.checks.retain(|check| OF_NETWORK.contains(&check.name.as_str()));
        report.ok = report.checks.iter().all(|check| check.state != CheckState::Fail);
    }
    terminal.show(&report, show_report)?;
    if report.ok { Ok(()) } else { Err(Failure::Told(Exit::Refused)) }
}

/// Arguments of `unlock`.
#[derive(Args, Debug)]
pub struct UnlockArgs {
    /// Read the passphrase from this file, or from stdin (-)
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
}

/// Unlocks the node.
///
/// # Errors
/// The daemon's refusal, or that it does not answer.
pub async fn unlock(session: &Session, terminal: &mut Terminal, passphrase: PassphraseText) -> Result<(), Failure> {
    let done = session.call(&NodeUnlock { passphrase, client_id: session.client_id.clone() }).await?;
    Ok(terminal.show(&done, |t, _| t.line("The node is unlocked."))?)
}

pub(crate) fn no_passphrase() -> Failure {
    Failure::new(Reason::InvalidParams, "There is nobody to ask for the passphrase. Use --passphrase-file FILE.")
}

pub(crate) async fn lock(session: &Session, terminal: &mut Terminal) -> Result<(), Failure> {
    let done = session.call(&NodeLock { client_id: session.client_id.clone() }).await?;
    Ok(terminal.show(&done, |t, _| t.line("The node is locked. Unlock it with `covey unlock`."))?)
}

/// Waits until the daemon has closed the connection and let go of its data, so that another may start.
pub(crate) async fn shutdown(session: &Session, terminal: &mut Terminal) -> Result<(), Failure> {
    // Only to know what to wait for: a daemon that cannot even tell its status can still be stopped.
    let data_dir = session.call(&NodeStatus {}).await.ok().map(|status| PathBuf::from(status.data_dir));
    let done = match session.call(&NodeShutdown { client_id: session.client_id.clone() }).await {
        // It answered a moment ago: a connection that ends now is the answer.
        Err(Failure::Refused(error)) if error.reason == Reason::Unreachable && data_dir.is_some() => Done::OK,
        answer => answer?,
    };
    let going = async {
        session.raw().on_disconnect().await;
        while data_dir.as_deref().is_some_and(is_held) {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    };
    let gone = tokio::time::timeout(session.patience, going).await.is_ok();
    terminal.show(&done, |t, _| t.line(if gone { "The daemon has stopped." } else { "The daemon is stopping." }))?;
    Ok(())
}

/// Does a process on this machine hold the data directory? Without a lock to be seen, none does.
fn is_held(data_dir: &Path) -> bool {
    let Ok(lock) = File::open(data_dir.join("lock")) else { return false };
    matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock))
}

fn show_status(t: &mut Terminal, status: &Status) -> io::Result<()> {
    if status.locked {
        return show_locked(t, status);
    }
    let ready = if status.ready { t.paint.green("ready") } else { t.paint.yellow("not ready, see `covey doctor`") };
    t.line(&format!("covey {} is {ready}", clean_line(&status.version)))?;
    let counts = &status.counts;
    let mut rows = vec![("account", status.account.clone())];
    if !status.name.is_empty() {
        rows.push(("name", status.name.clone()));
    }
    rows.extend(status.addresses.iter().map(|address| ("address", address.clone())));
    let findable = if status.discoverable { "by account id" } else { "by ticket only" };
    rows.extend([
        ("network", status.network.clone()),
        ("found", findable.to_owned()),
        ("peers", format!("{} connected", status.peers)),
        ("contacts", format!("{} paired, {} ask you, {} asked by you", counts.paired, counts.pending, counts.invited)),
        ("messages", format!("{} unread, {} on their way", counts.unread, counts.outbox.saturating_add(counts.queued))),
        ("data", status.data_dir.clone()),
        ("started", when::relative(status.started_at, t.now())),
    ]);
    if !status.backed_up {
        rows.insert(
            0,
            ("backup", "your account is not backed up: covey shutdown, then covey account phrase".to_owned()),
        );
    }
    if let Some(offline) = &status.offline {
        rows.insert(0, ("offline", offline.clone()));
    }
    if let Some(trouble) = &status.trouble {
        rows.insert(0, ("trouble", trouble.clone()));
    }
    for (label, value) in rows {
        let label = t.paint.dim(&format!("{label:10}"));
        t.line(&format!("{label} {}", clean_line(&value)))?;
    }
    if counts.pending > 0 {
        t.hint("Somebody asks to talk to you: `covey pair list --state pending`.")?;
    }
    Ok(())
}

/// A locked node has little to tell.
fn show_locked(t: &mut Terminal, status: &Status) -> io::Result<()> {
    let locked = t.paint.yellow("locked");
    t.line(&format!("covey {} is {locked}", clean_line(&status.version)))?;
    let started = when::relative(status.started_at, t.now());
    for (label, value) in [("account", &status.account), ("data", &status.data_dir), ("started", &started)] {
        let label = t.paint.dim(&format!("{label:10}"));
        t.line(&format!("{label} {}", clean_line(value)))?;
    }
    t.hint("It has no keys in memory and is not connected to anybody. Unlock it: covey unlock")
}

fn show_peers(t: &mut Terminal, peers: &Vec<Peer>) -> io::Result<()> {
    if peers.is_empty() {
        return t.hint("No peers yet. Give the daemon a node to start from: `covey daemon --bootstrap MULTIADDR`.");
    }
    let mut table = Table::new(["PEER", "CONTACT", "ADDRESS", "SINCE", ""]);
    for peer in peers {
        let contact = peer.alias.clone().or_else(|| peer.contact.as_deref().map(|id| display::id(t, id)));
        table.row([
            peer.peer_id.as_str().into(),
            contact.unwrap_or_default().into(),
            peer.address.as_str().into(),
            peer.connected_since.map(|at| when::relative(at, t.now())).unwrap_or_default().into(),
            if peer.relayed { "relayed" } else { "" }.into(),
        ]);
    }
    let table = table.render(t.paint);
    t.line(&table)
}

fn show_report(t: &mut Terminal, report: &Report) -> io::Result<()> {
    for check in &report.checks {
        let state = display::check_state(t.paint, check.state);
        t.line(&format!("{state} {}: {}", clean_line(&check.name), clean_line(&check.message)))?;
        if let Some(advice) = &check.advice {
            t.line(&format!("     {}", clean_line(advice)))?;
        }
    }
    Ok(())
}
