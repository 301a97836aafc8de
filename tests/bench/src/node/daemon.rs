//! One daemon: a process, its directory, what the system says of it.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use jsonrpsee::ws_client::{HeaderMap, HeaderValue, WsClient, WsClientBuilder};
use serde::Deserialize;
use tempfile::TempDir;

/// Larger than any page.
const MAX_RESPONSE: u32 = 64 << 20;

/// On this machine only.
pub const LOCAL: [&str; 2] = ["--listen", "/ip4/127.0.0.1/tcp/0"];

pub struct Daemon {
    covey: PathBuf,
    home: TempDir,
    child: Option<Child>,
}

/// `rpc.json`.
#[derive(Deserialize)]
struct Endpoint {
    url: String,
}

impl Daemon {
    pub fn start(covey: &Path, name: &str) -> Self {
        let mut daemon = Self::without_account(covey, name);
        daemon.restart();
        daemon
    }

    /// A directory for one that has no account yet.
    pub fn without_account(covey: &Path, name: &str) -> Self {
        let home = tempfile::Builder::new().prefix(name).tempdir().expect("a directory");
        Self { covey: covey.to_owned(), home, child: None }
    }

    /// A command in its directory.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.covey);
        command.env_clear().env("HOME", self.home.path()).arg("--data-dir").arg(self.data());
        command.env("COVEY_NETWORK__MDNS", "false").env("COVEY_NETWORK__UPNP", "false");
        command
    }

    /// Until it says that it is ready.
    pub fn restart(&mut self) -> Duration {
        let began = Instant::now();
        let mut command = self.command();
        command.args(["daemon", "--rpc-listen", "127.0.0.1:0"]).args(LOCAL);
        let log = fs::File::options().create(true).append(true).open(self.home.path().join("log")).expect("a log");
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().expect("covey starts");
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let ready = lines.by_ref().map_while(Result::ok).any(|line| line.starts_with("ready "));
        assert!(ready, "it gets ready");
        let took = began.elapsed();
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        self.child = Some(child);
        took
    }

    pub fn stop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        let told = Command::new("kill").arg(child.id().to_string()).status();
        assert!(told.is_ok_and(|status| status.success()), "it can be stopped");
        assert!(child.wait().is_ok_and(|status| status.success()), "it ends well");
    }

    /// Waits until it ends by itself.
    pub fn wait(&mut self) {
        let status = self.child.take().map(|mut child| child.wait());
        assert!(status.is_some_and(|status| status.is_ok()), "it ran");
    }

    /// Its data directory.
    pub fn data(&self) -> PathBuf {
        self.home.path().join("data")
    }

    pub async fn client(&self) -> WsClient {
        let endpoint = fs::read(self.data().join("rpc.json")).expect("it runs");
        let endpoint: Endpoint = serde_json::from_slice(&endpoint).expect("an endpoint");
        let token = fs::read_to_string(self.data().join("rpc.cookie")).expect("a token");
        let mut bearer = HeaderValue::try_from(format!("Bearer {}", token.trim())).expect("plain text");
        bearer.set_sensitive(true);
        let url = format!("{}/rpc", endpoint.url.replacen("http", "ws", 1));
        WsClientBuilder::default()
            .set_headers(HeaderMap::from_iter([("authorization".parse().expect("a name"), bearer)]))
            .max_response_size(MAX_RESPONSE)
            .max_concurrent_requests(4 * super::WINDOW)
            .max_buffer_capacity_per_subscription(1 << 20)
            .build(url)
            .await
            .expect("it answers")
    }

    fn pid(&self) -> u32 {
        self.child.as_ref().expect("runs").id()
    }

    /// What it has in memory, in bytes.
    pub fn memory(&self) -> u64 {
        let statm = fs::read_to_string(format!("/proc/{}/statm", self.pid())).expect("Linux");
        let pages =
            statm.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok()).expect("resident pages");
        pages * rustix::param::page_size() as u64
    }

    /// What it has computed so far.
    pub fn processor_time(&self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid())).expect("Linux");
        let ticks = stat.rsplit(')').next().expect("a name").split_whitespace().skip(11).take(2);
        let ticks: u64 = ticks.filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
        Duration::from_millis(1_000 * ticks / rustix::param::clock_ticks_per_second())
    }

    /// Bytes on disk.
    pub fn disk(&self) -> u64 {
        size(&self.data())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.stop();
    }
}

fn size(path: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    let entries = fs::read_dir(path).into_iter().flatten().filter_map(Result::ok);
    let each = entries.map(|entry| match entry.metadata() {
        Ok(data) if data.is_dir() => size(&entry.path()),
        Ok(data) => 512 * data.blocks(),
        Err(_) => 0,
    });
    each.sum()
}
