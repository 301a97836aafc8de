//! What people do with their nodes, again and again.

use serde_json::Value;

use super::Node;

/// `who` invites `whom` by a ticket that was handed over.
pub(crate) fn invite(who: &Node, whom: &Node) -> Value {
    let ticket = whom.json(&["account", "ticket"]);
    who.json(&["pair", "invite", ticket["ticket"].as_str().expect("a ticket"), "--alias", whom.name])
}

/// Pairs two nodes; each calls the other by its name.
pub(crate) fn befriend(inviter: &Node, invitee: &Node) {
    invite(inviter, invitee);
    invitee.until_contact(&inviter.id, "pending");
    invitee.json(&["pair", "accept", &inviter.id, "--alias", inviter.name]);
    inviter.until_confirmed(&invitee.id);
    invitee.until_confirmed(&inviter.id);
}

/// What a node knows of another account, if it knows anything.
pub(crate) fn contact_of(node: &Node, id: &str) -> Option<Value> {
    let list = node.json(&["pair", "list"]);
    list.as_array().expect("a list").iter().find(|contact| contact["contact"] == id).cloned()
}

/// The texts of a conversation, in its order.
pub(crate) fn texts(node: &Node, with: &str) -> Vec<String> {
    let list = node.json(&["messages", with, "--limit", "1000"]);
    let text = |message: &Value| message["text"].as_str().expect("a text").to_owned();
    list.as_array().expect("a list").iter().map(text).collect()
}

/// Checks that two nodes show the same messages in the same order, once each, and yields the texts.
#[track_caller]
pub(crate) fn same_conversation(one: &Node, other: &Node) -> Vec<String> {
    let shown = |node: &Node, with: &str| -> Vec<(String, String, String)> {
        let list = node.json(&["messages", with, "--limit", "1000"]);
        let field = |message: &Value, name: &str| message[name].as_str().expect("a text").to_owned();
        let fields = |message| (field(message, "order_key"), field(message, "id"), field(message, "text"));
        list.as_array().expect("a list").iter().map(fields).collect()
    };
    let here = shown(one, &other.id);
    assert_eq!(here, shown(other, &one.id), "{} and {} see different conversations", one.name, other.name);
    assert!(here.is_sorted_by(|a, b| a.0 < b.0), "order keys do not order: {here:#?}");
    let mut ids: Vec<_> = here.iter().map(|(_, id, _)| id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), here.len(), "a message is shown twice");
    here.into_iter().map(|(_, _, text)| text).collect()
}
