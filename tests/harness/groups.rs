//! What people do in groups, again and again.

use serde_json::{Value, json};

use super::{Node, befriend, eventually};

impl Node {
    /// Waits until this node stands so to a group.
    #[track_caller]
    pub(crate) fn until_group(&self, group: &str, state: &str) -> Value {
        eventually(&format!("{} to see the group as {state}", self.name), || {
            let list = self.ask("group.list", &json!({"state": state}));
            list.as_array().expect("a list").iter().find(|known| known["group"] == group).cloned()
        })
    }

    /// Waits until this node knows so many members, invited ones not counted.
    #[track_caller]
    pub(crate) fn until_members(&self, group: &str, count: usize) {
        eventually(&format!("{} to see {count} members", self.name), || {
            let list = self.ask("group.members", &json!({"group": group, "state": "joined"}));
            (list.as_array().expect("a list").len() == count).then_some(())
        });
    }

    /// Waits until this node reads a text in a group. Yields the message.
    #[track_caller]
    pub(crate) fn until_reads(&self, group: &str, text: &str) -> Value {
        eventually(&format!("{} to read \"{text}\"", self.name), || {
            let list = self.ask("message.list", &json!({"channel": group, "limit": 1000}));
            list.as_array().expect("a list").iter().find(|message| message["text"] == text).cloned()
        })
    }

    /// What this node knows of a member.
    #[track_caller]
    pub(crate) fn member(&self, group: &str, id: &str) -> Option<Value> {
        for state in ["joined", "invited", "left", "removed", "banned"] {
            let list = self.json(&["group", "members", group, "--state", state]);
            if let Some(found) = list.as_array().expect("a list").iter().find(|member| member["account"] == id) {
                return Some(found.clone());
            }
        }
        None
    }

    /// Waits until this node sees a member in a role.
    #[track_caller]
    pub(crate) fn until_role(&self, group: &str, id: &str, role: &str) {
        eventually(&format!("{} to see the role {role}", self.name), || {
            let list = self.ask("group.members", &json!({"group": group}));
            let found = list.as_array().expect("a list").iter().any(|one| one["account"] == id && one["role"] == role);
            found.then_some(())
        });
    }

    /// One call that has to be answered.
    #[track_caller]
    fn ask(&self, method: &str, params: &Value) -> Value {
        self.client().call(method, params).unwrap_or_else(|refused| panic!("{}: {method}: {refused:?}", self.name))
    }
}

/// A group's id as text.
pub(crate) fn make_group(owner: &Node, name: &str) -> String {
    owner.json(&["group", "create", name])["group"].as_str().expect("an id").to_owned()
}

/// A contact is invited into a group and says yes.
#[track_caller]
pub(crate) fn bring_in(inviter: &Node, group: &str, friend: &Node) {
    inviter.json(&["group", "invite", group, friend.name]);
    friend.until_group(group, "invited");
    friend.json(&["group", "accept", group]);
    friend.until_group(group, "joined");
}

/// The owner makes a group called Lake, and all the others come in by invite. Yields its id when all know all.
#[track_caller]
pub(crate) fn lake_of(owner: &Node, others: &[&Node]) -> String {
    let group = make_group(owner, "Lake");
    for other in others {
        befriend(owner, other);
        bring_in(owner, &group, other);
    }
    for node in others.iter().chain([&owner]) {
        node.until_members(&group, others.len() + 1);
    }
    group
}

/// Writes in a group, and waits until all of `readers` read it. Yields the message's id.
#[track_caller]
pub(crate) fn say_to_all(author: &Node, group: &str, text: &str, readers: &[&Node]) -> String {
    let sent = author.json(&["send", group, text]);
    for reader in readers {
        reader.until_reads(group, text);
    }
    sent["id"].as_str().expect("an id").to_owned()
}

/// Checks that nodes show the same messages of a group in the same order, once each, and yields the texts.
#[track_caller]
pub(crate) fn same_group(nodes: &[&Node], group: &str) -> Vec<String> {
    let shown = |node: &Node| -> Vec<[String; 4]> {
        let list = node.json(&["messages", "--channel", group, "--limit", "1000"]);
        let field = |message: &Value, name: &str| message[name].as_str().expect("a text").to_owned();
        let fields = |message: &Value| ["order_key", "id", "author", "text"].map(|name| field(message, name));
        list.as_array().expect("a list").iter().map(fields).collect()
    };
    let first = shown(nodes[0]);
    for other in &nodes[1..] {
        assert_eq!(first, shown(other), "{} and {} see different conversations", nodes[0].name, other.name);
    }
    assert!(first.is_sorted_by(|a, b| a[0] < b[0]), "order keys do not order: {first:#?}");
    let mut ids: Vec<_> = first.iter().map(|[_, id, ..]| id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), first.len(), "a message is shown twice");
    first.into_iter().map(|[.., text]| text).collect()
}

/// Waits until the doctor of each of these nodes says that all know the same.
#[track_caller]
pub(crate) fn until_converged(nodes: &[&Node], group: &str) {
    for node in nodes {
        eventually(&format!("{} to find all members to know the same", node.name), || {
            let health = node.ask("group.doctor", &json!({"group": group}));
            (health["converged"] == true).then_some(())
        });
    }
}
