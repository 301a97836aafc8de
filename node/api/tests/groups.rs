//! The shapes of groups that clients rely on: golden JSON, the methods, the reasons.
#![allow(missing_docs, clippy::unwrap_used)]

use covey_api::*;
use serde_json::{Value, json};

fn group() -> Group {
    Group {
        group: "6bd1".into(),
        channel: "6bd1".into(),
        name: "Lake".into(),
        state: GroupState::Joined,
        role: Some(Role::Owner),
        members: 3,
        since: Time::from_unix_ms(0),
        founder: Some("cv1a".into()),
        by: None,
        by_name: None,
        by_alias: None,
        note: None,
        expires_at: None,
        policy: Policy::default(),
        requests: 0,
        roster_hash: Some("beef".into()),
    }
}

fn member() -> Member {
    Member {
        account: "cv1b".into(),
        alias: Some("bob".into()),
        name: None,
        role: Role::Reader,
        state: MemberState::Banned,
        invisible: true,
        own: false,
        since: Time::from_unix_ms(0),
        online: false,
    }
}

fn golden_group() -> Value {
    json!({
        "group": "6bd1", "channel": "6bd1", "name": "Lake", "state": "joined", "role": "owner", "members": 3,
        "since": "1970-01-01T00:00:00.000Z", "founder": "cv1a", "by": null, "by_name": null, "by_alias": null, "note": null,
        "expires_at": null, "requests": 0, "roster_hash": "beef",
        "policy": {
            "invite": "admin", "rename": "admin", "write": "member", "newcomers": "member",
            "newcomers_invisible": false, "approve": false,
        },
    })
}

fn golden_member() -> Value {
    json!({
        "account": "cv1b", "alias": "bob", "name": null, "role": "reader", "state": "banned", "invisible": true,
        "own": false, "since": "1970-01-01T00:00:00.000Z", "online": false,
    })
}

#[test]
fn groups_and_members_have_the_shape_that_was_promised() {
    assert_eq!(serde_json::to_value(group()).unwrap(), golden_group());
    assert_eq!(serde_json::to_value(member()).unwrap(), golden_member());
}

#[test]
fn an_event_is_the_group_and_whom_it_is_about_and_survives_the_wire() {
    let event = GroupEvent {
        group: group(),
        member: Some(member()),
        actor: Some("cv1a".into()),
        actor_name: None,
        actor_alias: None,
    };
    let wire = serde_json::to_value(&event).unwrap();
    let mut golden = golden_group();
    golden["member"] = golden_member();
    golden["actor"] = json!("cv1a");
    assert_eq!(wire, golden);
    assert_eq!(serde_json::from_value::<GroupEvent>(wire.clone()).unwrap(), event);
    assert_eq!(serde_json::from_value::<Group>(wire).unwrap(), group(), "whoever knows groups can read the event");
}

#[test]
fn the_greater_right_comes_first() {
    let mut roles = [Role::Reader, Role::Owner, Role::Member, Role::Admin];
    roles.sort();
    assert_eq!(roles, [Role::Owner, Role::Admin, Role::Member, Role::Reader]);
}

#[test]
fn the_document_has_the_methods_of_groups_and_who_changes_what() {
    let document = openrpc();
    let names = |changes: bool| -> Vec<&str> {
        let methods = document["methods"].as_array().unwrap().iter();
        let wanted = methods.filter(|method| method["x-changes"] == changes);
        wanted.filter_map(|method| method["name"].as_str()?.strip_prefix("group.")).collect()
    };
    assert_eq!(
        names(true),
        [
            "create",
            "invite",
            "join",
            "accept",
            "decline",
            "leave",
            "remove",
            "ban",
            "unban",
            "role",
            "rename",
            "policy",
            "ticket",
            "revoke_ticket",
            "approve",
            "reject",
            "delete",
        ]
    );
    assert_eq!(names(false), ["list", "show", "tickets", "requests", "members", "doctor", "report", "verify_report"]);
}

#[test]
fn the_reasons_of_groups_are_in_the_document_with_exit_code_1() {
    let document = openrpc();
    let reasons = document["x-errors"]["reasons"].as_array().unwrap();
    for reason in [
        "no_such_group",
        "ambiguous_group",
        "not_a_member",
        "ambiguous_member",
        "already_member",
        "banned",
        "group_full",
        "group_closed",
        "group_left",
        "last_owner",
        "bad_group_ticket",
        "no_such_request",
        "not_allowed",
    ] {
        let known = reasons.iter().find(|known| known["reason"] == reason);
        assert_eq!(known.map(|known| &known["exit"]), Some(&json!(1)), "{reason}");
    }
}

#[test]
fn a_page_of_members_fits_the_longest_answer() {
    let long = Member {
        account: format!("cv1{}", "q".repeat(60)),
        alias: Some("\u{1f426}".repeat(16)),
        name: Some("\u{1f426}".repeat(64)),
        ..member()
    };
    let page = vec![long; MAX_MEMBERS_PAGE as usize];
    let bytes = serde_json::to_vec(&page).unwrap().len();
    assert!(bytes < MAX_BODY as usize, "{bytes} bytes");
}
