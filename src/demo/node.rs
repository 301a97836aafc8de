//! One throw-away node: a child process of this very program, and the RPC client that speaks to it.

use std::{
    env, fs,
    fs::File,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use covey_api::{Account, AccountShow, Event, EventsFetch, EventsSubscribe, Request};
use covey_cli::{Failure, Globals, Session};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader},
    process::{Child, Command},
    time::{sleep, timeout},
};

use super::stage::refused;

/// How long a node may take to stop before it is killed.
const GRACE: Duration = Duration::from_secs(10);
/// How often is looked whether something has come to be.
const LOOK_AGAIN: Duration = Duration::from_millis(30);
/// So much of its log is told when something went wrong.
const LAST_LINES: usize = 8;

/// How a node is started.
#[derive(Default)]
pub(super) struct Launch {
    /// Listen on this port of 127.0.0.1; 0 is any.
    pub(super) port: u16,
    /// Join through this node.
    pub(super) bootstrap: Option<String>,
}

/// One throw-away node.
pub(super) struct Node {
    name: &'static str,
    pub(super) dir: PathBuf,
    child: Child,
    patience: Duration,
    contact: Option<Contact>,
}

/// What is known once it is ready.
struct Contact {
    session: Session,
    account: Account,
    /// The journal's end at the start of this process.
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
        let program = env::current_exe().map_err(|error| refused(format!("cannot find my own program: {error}")))?;
        fs::create_dir_all(&dir).map_err(|error| refused(format!("cannot use {}: {error}", dir.display())))?;
        let log = File::options().create(true).append(true).open(log_file(&dir));
        let log = log.map_err(|error| refused(format!("cannot write to {}: {error}", dir.display())))?;
        let mut command = Command::new(program);
        command
            .args(["daemon", "--no-mdns", "--no-upnp", "--rpc-listen", "off"])
            .args(["--listen", &format!("/ip4/127.0.0.1/tcp/{}", launch.port)])
            .arg("--data-dir")
            .arg(dir.join("data"))
            .args(launch.bootstrap.iter().flat_map(|address| ["--bootstrap", address]))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            // Ctrl-C is for the demo, which then ends its nodes in order.
            .process_group(0)
            .kill_on_drop(true);
        for (variable, _) in env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("COVEY_")) {
            command.env_remove(variable);
        }
        command.env_remove("CREDENTIALS_DIRECTORY");
        let child = command.spawn().map_err(|error| refused(format!("cannot start a node: {error}")))?;
        Ok(Self { name, dir, child, patience, contact: None })
    }

    /// Waits for its `ready`, connects, and learns who it is.
    pub(super) async fn ready(&mut self) -> Result<(), Failure> {
        let stdout = self.child.stdout.take().ok_or_else(|| refused("a node has no output".into()))?;
        let mut lines = BufReader::new(stdout).lines();
        let until_ready = async {
            while let Ok(Some(line)) = lines.next_line().await {
                if line.starts_with("ready") {
                    return true;
                }
            }
            false
        };
        match timeout(self.patience, until_ready).await {
            Ok(true) => {}
            Ok(false) => return Err(refused(format!("the node of {} ended instead of getting ready", self.name))),
            Err(_) => return Err(self.late("get ready")),
        }
        // It goes on writing into nothing rather than into a full pipe.
        tokio::spawn(async move {
            let mut rest = Vec::new();
            lines.into_inner().read_to_end(&mut rest).await
        });
        let globals =
            Globals { data_dir: Some(self.dir.join("data")), timeout: Some(self.patience), ..Globals::default() };
        let session = Session::connect(&globals).await?;
        let account = session.call(&AccountShow {}).await?;
        let start = session.call(&EventsFetch { last: Some(0), ..EventsFetch::default() }).await?.cursor;
        self.contact = Some(Contact { session, account, start });
        Ok(())
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

    /// Goes through what has happened since it started, and on, until something is `found`.
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
        Failure::Ended {
            exit: covey_api::Exit::TimedOut,
            sentence: format!(
                "{} waited {} s to {what}; is the machine very busy? Allow more with --timeout",
                self.name,
                self.patience.as_secs()
            ),
        }
    }

    /// Stops it: politely, then for sure.
    pub(super) async fn stop(mut self) {
        if let Some(contact) = &self.contact {
            let asked = contact.session.call(&covey_api::NodeShutdown::default()).await;
            if asked.is_ok() && timeout(GRACE, self.child.wait()).await.is_ok() {
                return;
            }
        }
        let _ = self.child.kill().await;
    }

    /// The end of its log.
    pub(super) fn last_words(&self) -> String {
        let log = fs::read_to_string(log_file(&self.dir)).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        let last = &lines[lines.len().saturating_sub(LAST_LINES)..];
        last.iter().map(|line| format!("{}: {line}\n", self.name)).collect()
    }
}

fn log_file(dir: &Path) -> PathBuf {
    dir.join("log")
}
