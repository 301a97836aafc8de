//! A machine that waits to become a device of somebody's account: `covey init --link` as a child process.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    process::{Child, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
};

use serde_json::Value;

use super::{Launch, Node, PATIENCE, eventually};

/// A new machine that shows a link, and its digits when somebody connects.
pub(crate) struct NewMachine {
    pub(crate) node: Node,
    child: Child,
    told: Receiver<Value>,
    /// `covey-link:…`
    pub(crate) ticket: String,
}

impl NewMachine {
    /// It waits to be linked.
    pub(crate) fn start(name: &'static str) -> Self {
        Self::on(Node::prepare(name, Launch::default()))
    }

    /// The same in directories that are there already.
    pub(crate) fn on(node: Node) -> Self {
        let mut command = node.covey();
        command.args(["--json", "init", "--link", "--name", node.name, "--listen", "/ip4/127.0.0.1/tcp/0"]);
        command.env("COVEY_NETWORK__MDNS", "false").env("COVEY_NETWORK__UPNP", "false").stdin(Stdio::null());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("covey starts");
        let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let (sender, told) = mpsc::channel();
        thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let _ = sender.send(serde_json::from_str(&line).expect("every line is JSON"));
            }
        });
        let mut machine = Self { node, child, told, ticket: String::new() };
        machine.ticket = machine.next()["link"].as_str().expect("a link").to_owned();
        machine
    }

    /// What it tells next.
    #[track_caller]
    pub(crate) fn next(&self) -> Value {
        self.told.recv_timeout(PATIENCE).unwrap_or_else(|error| panic!("{} tells nothing: {error}", self.node.name))
    }

    /// The digits that it shows.
    #[track_caller]
    pub(crate) fn digits(&self) -> String {
        self.next()["digits"].as_str().expect("six digits").to_owned()
    }

    /// Kills it.
    pub(crate) fn kill(mut self) -> Node {
        self.child.kill().expect("can be killed");
        self.child.wait().expect("ends");
        self.node
    }

    /// Waits for its end, with what it has to say on stderr.
    pub(crate) fn ended(mut self) -> (Node, i32, String) {
        let status = eventually("the new machine to end", || self.child.try_wait().expect("a child"));
        let mut said = String::new();
        self.child.stderr.take().expect("a pipe").read_to_string(&mut said).expect("text");
        (self.node, status.code().expect("no signal"), said)
    }
}

/// Makes a new machine a device of a node's account, and starts its daemon.
pub(crate) fn link(host: &Node, name: &'static str, args: &[&str]) -> Node {
    link_on(host, Node::prepare(name, Launch::default()), args)
}

/// The same with directories that are there already.
pub(crate) fn link_on(host: &Node, node: Node, args: &[&str]) -> Node {
    let machine = NewMachine::on(node);
    let shown = host.json(&[&["device", "link", &machine.ticket], args].concat());
    let digits = machine.digits();
    assert_eq!(shown["digits"], digits.as_str());
    host.json(&["device", "confirm", &digits]);
    let (mut node, code, said) = machine.ended();
    assert_eq!((code, said.as_str()), (0, ""));
    node.resume();
    node
}
