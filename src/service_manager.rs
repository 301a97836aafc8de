//! Tells systemd, or another service manager, how the process is: the protocol of sd_notify(3), a line of text in a datagram.
//!
//! The watchdog is fed only while all parts of the node answer the probe of `/readyz`: a process that lives and does nothing
//! is started again. A full disk is told, and no reason to start again.

use std::{
    env,
    ffi::OsStr,
    os::{
        linux::net::SocketAddrExt as _,
        unix::{
            ffi::OsStrExt as _,
            net::{SocketAddr, UnixDatagram},
        },
    },
    process,
    sync::Arc,
    time::Duration,
};

use covey_node::service::Service;
use tracing::warn;

/// The way to the service manager; none if there is none.
pub(crate) struct ServiceManager {
    socket: Option<UnixDatagram>,
    /// The process is ended if the watchdog is not fed for this long.
    watchdog: Option<Duration>,
}

impl ServiceManager {
    /// The one that started this process.
    pub(crate) fn of_process() -> Self {
        let address = env::var_os("NOTIFY_SOCKET").filter(|address| !address.is_empty());
        let socket = address.and_then(|address| match connect(&address) {
            Ok(socket) => Some(socket),
            Err(error) => {
                warn!(%error, "the service manager cannot be told anything");
                None
            }
        });
        let number = |name: &str| env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
        let ours = number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(process::id()));
        let watchdog = number("WATCHDOG_USEC").filter(|wait| ours && *wait > 0).map(Duration::from_micros);
        Self { socket, watchdog }
    }

    /// The node can be used, for the first time or again.
    pub(crate) fn ready(&self) {
        self.say("READY=1\nSTATUS=ready");
    }

    /// The configuration is read again; [`ServiceManager::ready`] ends it.
    pub(crate) fn reloading(&self) {
        self.say("RELOADING=1");
    }

    /// The node ends.
    pub(crate) fn stopping(&self) {
        self.say("STOPPING=1");
    }

    /// Feeds the watchdog while the node answers. Never ends, unless nobody waits for it.
    pub(crate) async fn feed_watchdog(self: Arc<Self>, service: Arc<Service>) {
        let Some(watchdog) = self.watchdog.filter(|_| self.socket.is_some()) else { return };
        // Twice in its time, as the manual advises.
        let mut turns = tokio::time::interval(watchdog / 2);
        loop {
            turns.tick().await;
            let condition = service.condition().await;
            let status =
                condition.ready().err().map_or_else(|| "ready".to_owned(), |trouble| trouble.replace('\n', " "));
            let fed = if condition.alive() { "WATCHDOG=1\n" } else { "" };
            self.say(&format!("{fed}STATUS={status}"));
        }
    }

    fn say(&self, state: &str) {
        // A manager that does not listen is its own trouble.
        let _ = self.socket.as_ref().map(|socket| socket.send(state.as_bytes()));
    }
}

/// A path, or with `@` a name without a file.
fn connect(address: &OsStr) -> std::io::Result<UnixDatagram> {
    let socket = UnixDatagram::unbound()?;
    match address.as_bytes().strip_prefix(b"@") {
        Some(name) => socket.connect_addr(&SocketAddr::from_abstract_name(name)?)?,
        None => socket.connect(address)?,
    }
    // Nobody waits for a manager whose queue is full.
    socket.set_nonblocking(true)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manager_is_reached_by_a_path_and_by_a_name_without_a_file() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("notify");
        let name = format!("covey-test-{}", process::id());
        let by_path = UnixDatagram::bind(&path).expect("binds");
        let abstract_address = SocketAddr::from_abstract_name(&name).expect("an address");
        let by_name = UnixDatagram::bind_addr(&abstract_address).expect("binds");
        for (address, heard) in [(path.into_os_string(), by_path), (format!("@{name}").into(), by_name)] {
            let manager = ServiceManager { socket: connect(&address).ok(), watchdog: None };
            manager.ready();
            let mut text = [0; 64];
            let length = heard.recv(&mut text).expect("a datagram");
            assert_eq!(&text[..length], b"READY=1\nSTATUS=ready");
        }
        assert!(connect(OsStr::new("/nonexistent/notify")).is_err());
    }
}
