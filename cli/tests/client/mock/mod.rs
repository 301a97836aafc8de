//! A daemon made of a few vectors: enough behaviour for the commands to show theirs.

mod account;
mod devices;
mod events;
pub mod groups;
mod keepers;
mod messages;
mod node;
mod pairs;
mod serve;

use std::{
    path::Path,
    sync::{Arc, Mutex, MutexGuard},
};

use covey_api::*;
use jsonrpsee::server::ServerHandle;
use tokio::sync::watch;

use groups::Groups;
pub use messages::message;
pub use pairs::contact;
pub use serve::{Daemon, TOKEN, Tree, run_at};

pub const ME: &str = "cv1me00000000000";
pub const ALICE: &str = "cv1alice0000000";
pub const ALAN: &str = "cv1alan00000000";
pub const BOB: &str = "cv1bob000000000";

pub struct Mock {
    state: Mutex<State>,
    journal: Mutex<watch::Sender<Vec<Event>>>,
}

struct State {
    contacts: Vec<Contact>,
    messages: Vec<Message>,
    /// What becomes of the next message sent.
    fate: Fate,
    acked: Vec<(String, String)>,
    healthy: bool,
    locked: bool,
    claims: Vec<(String, String)>,
    groups: Groups,
    data_dir: String,
    stop: Option<ServerHandle>,
}

#[derive(Clone, Copy)]
pub enum Fate {
    Delivered,
    Failed,
    Stuck,
}

pub fn at(second: u64) -> Time {
    Time::from_unix_ms(second * 1000)
}

impl Mock {
    pub fn new() -> Arc<Self> {
        let contacts = vec![
            contact(ALICE, Some("alice"), ContactState::Paired),
            contact(ALAN, Some("alan"), ContactState::Declined),
            contact(BOB, None, ContactState::Pending),
        ];
        let messages = vec![message("aaaaaaaa1111", ALICE, "hello\x1b[31m you", MessageState::Received)];
        let state = State {
            contacts,
            messages,
            fate: Fate::Delivered,
            acked: vec![],
            healthy: true,
            locked: false,
            claims: vec![],
            groups: Groups::default(),
            data_dir: "/data".into(),
            stop: None,
        };
        Arc::new(Self { state: Mutex::new(state), journal: Mutex::new(watch::Sender::new(vec![])) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// One more contact.
    pub fn add(&self, contact: Contact) {
        self.state().contacts.push(contact);
    }

    /// Somebody calls themselves so; nobody else is called that.
    pub fn claim(&self, name: &str, id: &str) {
        self.state().claims.push((name.to_owned(), id.to_owned()));
    }

    pub fn set_fate(&self, fate: Fate) {
        self.state().fate = fate;
    }

    /// Lets `shutdown` close all connections.
    pub fn allow_stop(&self, data_dir: &Path, stop: ServerHandle) {
        let mut state = self.state();
        state.data_dir = data_dir.display().to_string();
        state.stop = Some(stop);
    }

    pub fn make_ill(&self) {
        self.state().healthy = false;
    }

    /// Looks at what the groups are made of, or changes it.
    pub fn groups<T>(&self, look: impl FnOnce(&mut Groups) -> T) -> T {
        look(&mut self.state().groups)
    }

    pub fn acked(&self) -> Vec<(String, String)> {
        self.state().acked.clone()
    }
}

impl Api for Mock {}
