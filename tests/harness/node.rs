//! One daemon: a child process, its directories, its log.

use std::{
    env,
    fs::{self, File},
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc,
    thread,
    time::Instant,
};

use serde_json::Value;
use tempfile::TempDir;

use super::{
    Client, PATIENCE, Ran,
    cli::{self, covey},
    eventually,
    journal::Journal,
    texts,
    wait::LOOK_AGAIN,
};

/// So much of a log is shown when a test fails. COVEY_TEST_LOG=debug makes it longer and tell more.
const LAST_LINES: usize = 25;
const LAST_LINES_OF_MUCH: usize = 400;

/// How a node is started, each time.
#[derive(Clone, Debug)]
pub(crate) struct Launch {
    listen: String,
    args: Vec<String>,
    env: Vec<(String, String)>,
    wrapper: Vec<String>,
}

impl Default for Launch {
    fn default() -> Self {
        Self { listen: "/ip4/127.0.0.1/tcp/0".into(), args: Vec::new(), env: Vec::new(), wrapper: Vec::new() }
    }
}

impl Launch {
    pub(crate) fn listen(mut self, address: &str) -> Self {
        address.clone_into(&mut self.listen);
        self
    }

    pub(crate) fn arg(mut self, arg: &str) -> Self {
        self.args.push(arg.to_owned());
        self
    }

    /// Joins the network through another node.
    pub(crate) fn through(self, address: &str) -> Self {
        self.arg("--bootstrap").arg(address)
    }

    /// The daemon is run by another command, for instance a tracer.
    pub(crate) fn run_by(mut self, wrapper: &[&str]) -> Self {
        self.wrapper = wrapper.iter().map(ToString::to_string).collect();
        self
    }

    /// A setting: `pairing.required` becomes `COVEY_PAIRING__REQUIRED`.
    pub(crate) fn set(mut self, key: &str, value: &str) -> Self {
        self.env.push((format!("COVEY_{}", key.replace('.', "__").to_uppercase()), value.to_owned()));
        self
    }
}

/// A node: a daemon that runs or not, and what stays of it in between.
pub(crate) struct Node {
    pub(crate) name: &'static str,
    base: TempDir,
    launch: Launch,
    child: Option<Child>,
    /// The account id, `cv1…`.
    pub(crate) id: String,
    pub(crate) journal: Journal,
}

impl Node {
    /// A fresh node, running and ready.
    pub(crate) fn start(name: &'static str) -> Self {
        Self::launch(name, Launch::default())
    }

    /// The same, started in a certain way.
    pub(crate) fn launch(name: &'static str, launch: Launch) -> Self {
        let mut node = Self::prepare(name, launch);
        node.resume();
        node
    }

    /// A place for a node, where none has run yet.
    pub(crate) fn prepare(name: &'static str, launch: Launch) -> Self {
        let base = tempfile::Builder::new().prefix("covey-").tempdir().expect("a temporary directory");
        fs::create_dir(base.path().join("home")).expect("a directory");
        Self { name, base, launch, child: None, id: String::new(), journal: Journal::default() }
    }

    /// Starts the daemon (again) and waits for its `ready`.
    pub(crate) fn resume(&mut self) {
        assert!(self.child.is_none(), "{} runs already", self.name);
        let log = File::options().create(true).append(true).open(self.log_file()).expect("a log");
        let mut child = self.daemon().stdout(Stdio::piped()).stderr(log).spawn().expect("covey starts");
        let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        self.child = Some(child);
        let (sender, ready) = mpsc::channel();
        thread::spawn(move || {
            // Reads on after `ready`, so that the daemon never writes into a full pipe.
            for line in stdout.lines().map_while(Result::ok) {
                if let Some(id) = line.strip_prefix("ready ") {
                    let _ = sender.send(id.to_owned());
                }
            }
        });
        let id = ready.recv_timeout(PATIENCE);
        self.id = id.unwrap_or_else(|_| panic!("{} did not get ready", self.name));
    }

    /// As [`Node::resume`], from now on in another way.
    pub(crate) fn resume_as(&mut self, launch: Launch) {
        self.launch = launch;
        self.resume();
    }

    /// The command that runs this node's daemon.
    pub(crate) fn daemon(&self) -> Command {
        let mut command = self.covey();
        if let Some((wrapper, args)) = self.launch.wrapper.split_first() {
            command = Command::new(wrapper);
            command.args(args).arg(cli::binary()).env("HOME", self.home()).stdin(Stdio::null());
            command.arg("--data-dir").arg(self.data());
        }
        command
            .args(["daemon", "--no-mdns", "--no-upnp", "--rpc-listen", "127.0.0.1:0", "--listen"])
            .arg(&self.launch.listen)
            .args(&self.launch.args)
            .envs(env::var_os("COVEY_TEST_LOG").map(|level| ("COVEY_LOG", level)))
            .envs(self.launch.env.iter().map(|(name, value)| (name, value)));
        command
    }

    /// SIGKILL: no goodbye, nothing is flushed.
    pub(crate) fn kill(&mut self) {
        let mut child = self.child.take().expect("runs");
        child.kill().expect("can be killed");
        child.wait().expect("ends");
        self.journal.let_go();
    }

    /// SIGTERM, and waits for the end, which has to be a good one.
    pub(crate) fn stop(&mut self) {
        self.signal("TERM");
        let status = self.ended();
        assert!(status.success(), "{} ended with {status} when asked to", self.name);
    }

    /// Stops and starts again.
    pub(crate) fn restart(&mut self) {
        self.stop();
        self.resume();
    }

    /// Kills and starts again.
    pub(crate) fn crash(&mut self) {
        self.kill();
        self.resume();
    }

    /// Starts a daemon while the one before may still be ending, which has to end well.
    pub(crate) fn succeed(&mut self) {
        let mut before = self.child.take().expect("runs");
        self.journal.let_go();
        self.resume();
        let status =
            eventually(&format!("the daemon before {}'s to end", self.name), || before.try_wait().expect("a child"));
        assert!(status.success(), "{status}");
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: &str) {
        let pid = self.child.as_ref().expect("runs").id().to_string();
        let sent = Command::new("kill").args(["-s", signal, &pid]).status().expect("kill runs");
        assert!(sent.success());
    }

    /// Waits for the daemon's end.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        let mut child = self.child.take().expect("runs");
        let status = eventually(&format!("{} to end", self.name), || child.try_wait().expect("a child"));
        self.journal.let_go();
        status
    }

    /// The binary as this node's user runs it.
    pub(crate) fn covey(&self) -> Command {
        let mut command = covey(&self.home());
        command.arg("--data-dir").arg(self.data());
        command
    }

    /// Runs a client command to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        self.run_with(args, "")
    }

    /// The same with something on stdin.
    pub(crate) fn run_with(&self, args: &[&str], stdin: &str) -> Ran {
        let mut command = self.covey();
        command.args(["--timeout", &PATIENCE.as_secs().to_string()]);
        cli::run(command, args, stdin)
    }

    /// What a client command answers with `--json`.
    #[track_caller]
    pub(crate) fn json(&self, args: &[&str]) -> Value {
        self.run(&[&["--json"], args].concat()).json()
    }

    /// The sentence with which a client command ends with this exit code.
    #[track_caller]
    pub(crate) fn refused(&self, args: &[&str], code: i32) -> String {
        self.run(args).sentence(code)
    }

    /// The stable reason with which a client command is refused.
    #[track_caller]
    pub(crate) fn reason(&self, args: &[&str]) -> String {
        let ran = self.run(&[&["--json"], args].concat());
        assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{ran:?}");
        let told: Value = serde_json::from_str(&ran.stderr).unwrap_or_else(|error| panic!("{error}: {ran:?}"));
        told["error"]["reason"].as_str().expect("a reason").to_owned()
    }

    /// A JSON-RPC client that may go to other threads.
    pub(crate) fn client(&self) -> Client {
        Client { data: self.data() }
    }

    /// Searches the journal from its beginning, waiting for more.
    #[track_caller]
    pub(crate) fn search<T>(&self, what: &str, found: impl FnMut(&[Value]) -> Option<T>) -> T {
        match self.journal.search(|| self.covey(), found) {
            Ok(found) => found,
            Err(why) => panic!("{} waited for {what}: {why}", self.name),
        }
    }

    /// Waits for an event; those that were are found too. Yields its `data`.
    #[track_caller]
    pub(crate) fn event(&self, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        self.search(what, |events| events.iter().find(|event| is(event)).map(|event| event["data"].clone()))
    }

    /// Waits until the newest state of a contact in the journal is this one.
    #[track_caller]
    pub(crate) fn until_contact(&self, id: &str, state: &str) -> Value {
        self.search(&format!("a contact that is {state}"), |events| {
            let newest = events.iter().rev().find(|event| event["kind"] == "contact" && event["data"]["contact"] == id);
            newest.filter(|event| event["data"]["state"] == state).map(|event| event["data"].clone())
        })
    }

    /// Waits until both sides know that they are paired.
    #[track_caller]
    pub(crate) fn until_confirmed(&self, id: &str) -> Value {
        self.search("a confirmed contact", |events| {
            let newest = events.iter().rev().find(|event| event["kind"] == "contact" && event["data"]["contact"] == id);
            newest
                .filter(|event| event["data"]["state"] == "paired" && event["data"]["confirmed"] == true)
                .map(|event| event["data"].clone())
        })
    }

    /// Waits for a message of somebody else.
    #[track_caller]
    pub(crate) fn until_received(&self, text: &str) -> Value {
        self.event(&format!("\"{text}\""), |event| event["kind"] == "message.received" && event["data"]["text"] == text)
    }

    /// Waits until an own message has come so far.
    #[track_caller]
    pub(crate) fn until_state(&self, id: &Value, state: &str) -> Value {
        self.event(&format!("a message that is {state}"), |event| {
            event["kind"] == "message.changed" && event["data"]["id"] == *id && event["data"]["state"] == state
        })
    }

    /// Waits until a conversation has so many messages. For what is found again without being told anew.
    #[track_caller]
    pub(crate) fn until_shows(&self, with: &str, messages: usize) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let shown = texts(self, with);
            if shown.len() == messages {
                return;
            }
            assert!(Instant::now() < deadline, "{} does not show {messages} messages but {shown:#?}", self.name);
            thread::sleep(LOOK_AGAIN);
        }
    }

    /// The journal is not the one it was: begins anew with it.
    pub(crate) fn forget_journal(&mut self) {
        self.journal = Journal::default();
    }

    /// An address of this node with its peer id.
    pub(crate) fn address(&self) -> String {
        let account = self.json(&["account", "show"]);
        account["addresses"][0].as_str().expect("listens somewhere").to_owned()
    }

    /// The port it listens on for other nodes.
    pub(crate) fn port(&self) -> u16 {
        let address = self.address();
        address.split('/').nth(4).and_then(|port| port.parse().ok()).expect("an address with a port")
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.base.path().join("data")
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.base.path().join("home")
    }

    /// A place for other files of the test.
    pub(crate) fn base(&self) -> &Path {
        self.base.path()
    }

    /// Everything it has logged so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    fn log_file(&self) -> PathBuf {
        self.base.path().join("log")
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        self.journal.let_go();
        if thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            let wanted = if env::var_os("COVEY_TEST_LOG").is_some() { LAST_LINES_OF_MUCH } else { LAST_LINES };
            let last = &lines[lines.len().saturating_sub(wanted)..];
            eprintln!("--- log of {} ({} lines):\n{}", self.name, lines.len(), last.join("\n"));
        }
    }
}
