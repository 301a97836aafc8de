//! One throw-away node, and the RPC client that speaks to it: a child process of this very program, or a daemon inside the demo, whose
//! clock can be put ahead.

use std::{path::PathBuf, time::Duration};

use covey_api::{Account, AccountShow, Event, EventsFetch, EventsSubscribe, Request};
use covey_cli::{Failure, Globals, Session};
use covey_node::{
    config::{self, Overrides},
    daemon::{Daemon, Options},
    paths::Paths,
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader},
    process::Child,
    time::{sleep, timeout},
};

use super::{process, stage::refused};
use crate::config::start_failure;

/// How long a node may take to stop before it is killed.
const GRACE: Duration = Duration::from_secs(10);
/// How often is looked whether something has come to be.
const LOOK_AGAIN: Duration = Duration::from_millis(30);
/// So much of its log is told when something went wrong.
const LAST_LINES: usize = 8;

/// Where every node listens: at any port of this machine.
const LISTEN: &str = "/ip4/127.0.0.1/tcp/0";

/// How a node is started.
#[derive(Default)]
pub(super) struct Launch {
    /// Join through this node.
    pub(super) bootstrap: Option<String>,
}

impl Launch {
    /// Joining through a node.
    pub(super) fn through(address: &str) -> Self {
        Self { bootstrap: Some(address.to_owned()) }
    }
}

/// One throw-away node.
pub(super) struct Node {
    name: &'static str,
    pub(super) dir: PathBuf,
    runs: Runs,
    patience: Duration,
    contact: Option<Contact>,
}

/// Where it runs.
enum Runs {
    /// In a process of its own.
    Apart(Child),
    /// In this process.
    Inside(Box<Daemon>),
}

/// What is known once it is ready.
struct Contact {
    session: Session,
    account: Account,
    /// The place in the journal from which on is looked: its end when the process before this one stopped, or when this one was first asked.
    start: String,
}

impl Node {
    /// Starts the process. Nothing of the user's own configuration reaches it.
    pub(super) fn spawn(
        name: &'static str,
        dir: PathBuf,
        launch: &Launch,
        patience: Duration,
    ) -> Result<Self, Failure> {
        let mut command = process::covey(&dir)?;
        command
            .args(["daemon", "--no-mdns", "--no-upnp", "--rpc-listen", "off"])
            .args(["--listen", LISTEN])
            .args(launch.bootstrap.iter().flat_map(|address| ["--bootstrap", address]));
        let child = command.spawn().map_err(|error| refused(format!("cannot start a node: {error}")))?;
        Ok(Self { name, dir, runs: Runs::Apart(child), patience, contact: None })
    }

    /// Starts it inside this process, likewise.
    pub(super) async fn host(
        name: &'static str,
        dir: PathBuf,
        launch: &Launch,
        patience: Duration,
    ) -> Result<Self, Failure> {
        let flags = Overrides::new()
            .set("network.listen", [LISTEN])
            .set_some("network.bootstrap", launch.bootstrap.as_ref().map(|address| [address]))
            .set("network.mdns", false)
            .set("network.upnp", false)
            .set("rpc.listen", "off");
        let paths = Paths::resolve(Some(&process::data_dir(&dir)), None, |_| None);
        let paths = paths.map_err(|error| start_failure(&error.into()))?;
        let config = config::load(paths.config_file(), false, [], &flags);
        let config = config.map_err(|error| start_failure(&error.into()))?;
        let options = Options { paths, config, passphrase: None, flags, log: None };
        let daemon = Box::pin(Daemon::start(options)).await.map_err(|error| start_failure(&error))?;
        Ok(Self { name, dir, runs: Runs::Inside(Box::new(daemon)), patience, contact: None })
    }

    /// Waits for its `ready`, connects, and learns who it is. What has happened `since` that place of the journal is looked through: whom a node
    /// knows it talks to before anybody can ask it anything.
    pub(super) async fn ready(&mut self, since: Option<String>) -> Result<(), Failure> {
        if let Runs::Apart(child) = &mut self.runs {
            until_ready(self.name, child, self.patience).await?;
        }
        let data_dir = Some(process::data_dir(&self.dir));
        let globals = Globals { data_dir, timeout: Some(self.patience), ..Globals::default() };
        let session = Session::connect(&globals).await?;
        let account = session.call(&AccountShow {}).await?;
        let start = match since {
            Some(since) => since,
            None => end_of_journal(&session).await?,
        };
        self.contact = Some(Contact { session, account, start });
        Ok(())
    }

    /// The end of its journal, if it can be asked.
    pub(super) async fn end_of_journal(&self) -> Option<String> {
        end_of_journal(&self.contact.as_ref()?.session).await.ok()
    }

    fn contact(&self) -> Result<&Contact, Failure> {
        self.contact.as_ref().ok_or_else(|| refused(format!("the node of {} is not ready", self.name)))
    }

    /// Its account, addresses and names.
    pub(super) fn account(&self) -> Result<&Account, Failure> {
        self.contact().map(|contact| &contact.account)
    }

    /// An address to reach it at, with its peer id.
    pub(super) fn address(&self) -> Result<String, Failure> {
        let account = self.account()?;
        let address = account.addresses.iter().find(|address| address.contains("/tcp/"));
        let address = address.ok_or_else(|| refused(format!("the node of {} listens nowhere", self.name)))?;
        let bare = address.split("/p2p/").next().unwrap_or(address);
        Ok(format!("{bare}/p2p/{}", account.peer_id))
    }

    /// Asks its daemon, as any client would.
    pub(super) async fn call<R: Request>(&self, request: &R) -> Result<R::Answer, Failure> {
        self.contact()?.session.call(request).await
    }

    /// Goes through what has happened since it started, or stopped before that, and on, until something is `found`.
    pub(super) async fn until<T>(&self, what: &str, mut found: impl FnMut(&Event) -> Option<T>) -> Result<T, Failure> {
        let contact = self.contact()?;
        let search = async {
            let request = EventsSubscribe { from: Some(contact.start.clone()), ..EventsSubscribe::default() };
            let mut events = contact.session.subscribe(&request).await?;
            while let Some(Ok(event)) = events.next().await {
                if let Some(found) = found(&event) {
                    return Ok(found);
                }
            }
            Err(refused(format!("the node of {} went away", self.name)))
        };
        timeout(self.patience, search).await.map_err(|_| self.late(what))?
    }

    /// Asks again until the answer has something.
    pub(super) async fn ask_until<R: Request, T>(
        &self,
        what: &str,
        request: &R,
        mut found: impl FnMut(&R::Answer) -> Option<T>,
    ) -> Result<T, Failure> {
        let asking = async {
            loop {
                if let Some(found) = found(&self.call(request).await?) {
                    return Ok(found);
                }
                sleep(LOOK_AGAIN).await;
            }
        };
        timeout(self.patience, asking).await.map_err(|_| self.late(what))?
    }

    fn late(&self, what: &str) -> Failure {
        late(self.name, what, self.patience)
    }

    /// Waits for a node that stops by itself, and yields the exit code of its process.
    pub(super) async fn ended(mut self) -> Result<Option<i32>, Failure> {
        let (name, patience) = (self.name, self.patience);
        let Runs::Apart(child) = &mut self.runs else { return Ok(None) };
        match timeout(patience, child.wait()).await {
            Ok(Ok(status)) => Ok(status.code()),
            Ok(Err(error)) => Err(refused(format!("cannot wait for the node of {name}: {error}"))),
            Err(_) => Err(late(name, "stop", patience)),
        }
    }

    /// Stops it: politely, then for sure.
    pub(super) async fn stop(self) {
        let mut child = match self.runs {
            Runs::Inside(daemon) => return Box::pin(daemon.stop()).await,
            Runs::Apart(child) => child,
        };
        if let Some(contact) = &self.contact {
            let asked = contact.session.call(&covey_api::NodeShutdown::default()).await;
            if asked.is_ok() && timeout(GRACE, child.wait()).await.is_ok() {
                return;
            }
        }
        let _ = child.kill().await;
    }

    /// The end of its log.
    pub(super) fn last_words(&self) -> String {
        let last = process::last_lines(&self.dir, LAST_LINES);
        last.iter().map(|line| format!("{}: {line}\n", self.name)).collect()
    }
}

async fn end_of_journal(session: &Session) -> Result<String, Failure> {
    Ok(session.call(&EventsFetch { last: Some(0), ..EventsFetch::default() }).await?.cursor)
}

/// Waits for the line `ready` of a process.
async fn until_ready(name: &str, child: &mut Child, patience: Duration) -> Result<(), Failure> {
    let stdout = child.stdout.take().ok_or_else(|| refused("a node has no output".into()))?;
    let mut lines = BufReader::new(stdout).lines();
    let until_ready = async {
        while let Ok(Some(line)) = lines.next_line().await {
            if line.starts_with("ready") {
                return true;
            }
        }
        false
    };
    match timeout(patience, until_ready).await {
        Ok(true) => {}
        Ok(false) => return Err(refused(format!("the node of {name} ended instead of getting ready"))),
        Err(_) => return Err(late(name, "get ready", patience)),
    }
    // It goes on writing into nothing rather than into a full pipe.
    tokio::spawn(async move {
        let mut rest = Vec::new();
        lines.into_inner().read_to_end(&mut rest).await
    });
    Ok(())
}

pub(super) fn late(name: &str, what: &str, patience: Duration) -> Failure {
    Failure::Ended {
        exit: covey_api::Exit::TimedOut,
        sentence: format!(
            "{name} waited {} s to {what}; is the machine very busy? Allow more with --timeout",
            patience.as_secs()
        ),
    }
}
