//! `covey status | peers | doctor | shutdown`: the daemon itself.

use std::io;

use covey_api::{Exit, NodeDoctor, NodePeers, NodeShutdown, NodeStatus, Peer, Report, Status};

use crate::{Failure, Session, Terminal, display, table::Table, text::clean_line, when};

pub(crate) async fn status(session: &Session, terminal: &mut Terminal) -> Result<(), Failure> {
    let status = session.call(&NodeStatus {}).await?;
    Ok(terminal.show(&status, show_status)?)
}

pub(crate) async fn peers(session: &Session, terminal: &mut Terminal) -> Result<(), Failure> {
    let peers = session.call(&NodePeers {}).await?;
    Ok(terminal.show(&peers, show_peers)?)
}

/// Fails with exit code 1 if a check failed.
pub(crate) async fn doctor(session: &Session, terminal: &mut Terminal) -> Result<(), Failure> {
    let report = session.call(&NodeDoctor {}).await?;
    terminal.show(&report, show_report)?;
    if report.ok { Ok(()) } else { Err(Failure::Told(Exit::Refused)) }
}

/// Waits until the daemon has closed the connection.
pub(crate) async fn shutdown(session: &Session, terminal: &mut Terminal) -> Result<(), Failure> {
    let done = session.call(&NodeShutdown { client_id: session.client_id.clone() }).await?;
    let gone = tokio::time::timeout(session.patience, session.raw().on_disconnect()).await.is_ok();
    terminal.show(&done, |t, _| t.line(if gone { "The daemon has stopped." } else { "The daemon is stopping." }))?;
    Ok(())
}

fn show_status(t: &mut Terminal, status: &Status) -> io::Result<()> {
    let ready = if status.ready { t.paint.green("ready") } else { t.paint.yellow("not ready, see `covey doctor`") };
    t.line(&format!("covey {} is {ready}", clean_line(&status.version)))?;
    let counts = &status.counts;
    let mut rows = vec![("account", status.account.clone())];
    if !status.name.is_empty() {
        rows.push(("name", status.name.clone()));
    }
    rows.extend(status.addresses.iter().map(|address| ("address", address.clone())));
    let reachable = match status.reachability {
        covey_api::Reachability::Unknown => "not known yet",
        covey_api::Reachability::Public => "from the internet",
        covey_api::Reachability::Private => "through relays and hole punching only",
    };
    let findable = if status.discoverable { "by account id" } else { "by ticket only" };
    rows.extend([
        ("reachable", reachable.to_owned()),
        ("found", findable.to_owned()),
        ("peers", format!("{} connected", status.peers)),
        ("contacts", format!("{} paired, {} ask you, {} asked by you", counts.paired, counts.pending, counts.invited)),
        ("messages", format!("{} unread, {} on their way", counts.unread, counts.outbox)),
        ("data", status.data_dir.clone()),
        ("started", when::relative(status.started_at, t.now())),
    ]);
    for (label, value) in rows {
        let label = t.paint.dim(&format!("{label:10}"));
        t.line(&format!("{label} {}", clean_line(&value)))?;
    }
    if counts.pending > 0 {
        t.hint("Somebody asks to talk to you: `covey pair list --state pending`.")?;
    }
    Ok(())
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
