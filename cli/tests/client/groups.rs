//! `covey group …`: the shapes that programs rely on, what people see, how it ends.

use std::fs;

use crate::mock::{
    ALICE, BOB, Daemon, Fate, ME,
    groups::{CHOIR, LAKE, PROOF, group, member, request},
    message,
};
use covey_api::{GroupEvent, GroupState, JoinRequestState, MemberState, Message, MessageState, Role, kind};
use serde_json::json;

#[tokio::test]
async fn json_shapes_of_groups_are_those_of_the_design() {
    let daemon = Daemon::start().await;
    let created = daemon.run(&["group", "create", "Lake", "--json"]).await;
    assert_eq!(created.json(), json!({"group": LAKE, "channel": LAKE}));

    let list = daemon.run(&["group", "list", "--json"]).await.json();
    let of_design = |group: &serde_json::Value| json!({"group": group["group"], "name": group["name"], "state": group["state"], "role": group["role"], "members": group["members"]});
    assert_eq!(
        of_design(&list[0]),
        json!({"group": LAKE, "name": "Lake", "state": "joined", "role": "owner", "members": 3})
    );
    assert_eq!(
        of_design(&list[1]),
        json!({"group": CHOIR, "name": "Choir", "state": "invited", "role": "member", "members": 3})
    );

    let members = daemon.run(&["group", "members", "Lake", "--json"]).await.json();
    let me = members.as_array().unwrap().iter().find(|member| member["account"] == ME).unwrap();
    assert_eq!((&me["alias"], &me["role"], &me["state"]), (&json!(null), &json!("owner"), &json!("joined")));

    let doctor = daemon.run(&["group", "doctor", "Lake", "--json"]).await;
    assert_eq!((doctor.exit, &doctor.json()["converged"]), (0, &json!(true)));
    assert_eq!(doctor.json()["roster_hash"], "beefbeefbeef");
    assert_eq!(doctor.json()["members"].as_array().map(Vec::len), Some(2));

    let ticket =
        daemon.run(&["group", "ticket", "Lake", "--uses", "5", "--expires", "7d", "--approve", "--json"]).await;
    assert_eq!(
        ticket.json(),
        json!({
            "ticket": "covey-group:lake", "id": "5f1c2a90aa", "group": LAKE, "uses": 5,
            "expires_at": "1970-01-08T00:00:00.000Z", "approve": true, "role": "member",
        })
    );
    let sent = daemon.run(&["send", "Lake", "hi all", "--json"]).await.json();
    assert_eq!((&sent["channel"], &sent["state"]), (&json!(LAKE), &json!("queued")));
}

#[tokio::test]
async fn what_newcomers_become_is_said_in_either_way() {
    let daemon = Daemon::start().await;
    daemon.run(&["group", "create", "News", "--reader-default", "--write", "admin"]).await;
    let asked = daemon.mock.groups(|groups| groups.last_create.clone()).unwrap();
    assert_eq!((asked.newcomers, asked.write, asked.invite), (Some(Role::Reader), Some(Role::Admin), None));
    let ran = daemon.run(&["group", "policy", "Lake", "--invite", "member", "--newcomers", "reader"]).await;
    assert_eq!(ran.out, "In Lake: members invite, admins rename, members write, newcomers are members.\n");
    let asked = daemon.mock.groups(|groups| groups.last_policy.clone()).unwrap();
    assert_eq!((asked.invite, asked.write, asked.newcomers), (Some(Role::Member), None, Some(Role::Reader)));
}

#[tokio::test]
async fn the_commands_of_groups_say_what_was_done_and_what_comes_next() {
    let daemon = Daemon::start().await;
    for (line, out, err) in [
        (
            "group create Lake",
            "The group Lake (1a4e000000000) was created; you are its owner.",
            "covey group invite Lake CONTACT",
        ),
        ("group list", "1 person asks to join", "covey group accept Choir"),
        ("group show Lake", "owner", ""),
        (
            "group invite Lake alice --role admin",
            "The invite to alice is on its way.",
            "covey group members Lake --state invited",
        ),
        ("group join covey-group:direct", "You are in Choir, with 2 others.", "covey send Choir"),
        ("group join covey-group:ask --note hi", "You asked to join Choir.", "has to approve it"),
        ("group accept Choir", "You are in Choir", "covey send Choir"),
        ("group decline Choir", "You declined to join Choir.", ""),
        ("group leave Lake --transfer-to alice", "You left Lake", ""),
        ("group remove Lake alice", "alice is removed.", "from now on"),
        ("group ban Lake alice", "alice is banned", ""),
        ("group unban Lake alice", "alice is not banned any more.", "an invite or a ticket"),
        ("group role Lake alice reader --invisible true", "alice is now a reader, hidden from readers.", ""),
        ("group rename Lake Pond", "The group is now called Pond.", ""),
        ("group ticket Lake", "covey-group:lake", "covey group join TICKET"),
        ("group ticket Lake --list", "2/5", ""),
        ("group ticket Lake --revoke 5f1c", "Ticket 5f1c2a90 is revoked; 2 people joined with it and stay.", ""),
        ("group tickets Lake", "needed", ""),
        ("group revoke-ticket Lake 5f1c", "is revoked", ""),
        ("group requests", "\"Bob\"", "covey group approve 1a4e000000000 cv1bob0000000"),
        ("group approve Lake cv1bob", "\"Bob\" (cv1bob0000000) was let into Lake.", ""),
        ("group reject Lake cv1bob", "was not let into Lake.", ""),
        ("group delete Lake aaaa", "Message aaaaaaaa is deleted", "cannot be unread"),
        ("send Lake hello", "to Lake, waiting to be delivered", ""),
        ("messages --channel Lake", ": hello", ""),
        ("messages Lake", ": hello", ""),
        ("channel show Lake", "group", ""),
        ("channel mute Lake", "The group Lake is muted.", ""),
    ] {
        let words: Vec<&str> = line.split(' ').collect();
        let ran = daemon.run(&words).await;
        assert_eq!(ran.exit, 0, "{line}: {}", ran.err);
        assert!(ran.out.contains(out), "{line}: {}", ran.out);
        assert!(ran.err.contains(err), "{line}: {}", ran.err);
        assert!(!ran.out.contains('\x1b'), "{line}: {:?}", ran.out);
    }
}

#[tokio::test]
async fn refusals_of_groups_end_with_exit_code_1_and_say_what_to_do() {
    let daemon = Daemon::start().await;
    for (line, reason, says) in [
        ("group show Sea", "no_such_group", "covey group list"),
        ("group remove Lake mallory", "not_a_member", "covey group members"),
        ("group remove Lake king", "not_allowed", "the right to remove them"),
        ("group invite Lake alan", "banned", "covey group unban"),
        ("group join covey-group:full", "group_full", "10000 members"),
        ("group join rubbish", "bad_group_ticket", "covey-group:"),
        ("group leave Lake", "last_owner", "--transfer-to"),
        ("group approve Lake cv1zoe", "no_such_request", "covey group requests"),
    ] {
        let words: Vec<&str> = line.split(' ').collect();
        let ran = daemon.run(&words).await;
        assert_eq!((ran.exit, ran.out.as_str()), (1, ""), "{line}: {ran:?}");
        assert!(ran.err.starts_with("error: ") && ran.err.contains(says), "{line}: {}", ran.err);
        let json = daemon.run(&[words.as_slice(), &["--json"]].concat()).await;
        let error: serde_json::Value = serde_json::from_str(&json.err).unwrap();
        assert_eq!(error["error"]["reason"], reason, "{line}");
    }
    let missing = daemon.run(&["group", "remove", "Lake", "king", "--json"]).await;
    let error: serde_json::Value = serde_json::from_str(&missing.err).unwrap();
    assert_eq!(error["error"]["data"]["right"], "remove");
}

#[tokio::test]
async fn an_ambiguous_member_or_group_lists_the_candidates() {
    let daemon = Daemon::start().await;
    let ran = daemon.run(&["group", "ban", "Lake", "somebody"]).await;
    assert!(ran.err.contains(&ALICE[..13]) && ran.err.contains("Bob") && ran.err.contains(&BOB[..13]), "{}", ran.err);
    let ran = daemon.run(&["group", "show", "twice"]).await;
    assert!(ran.err.contains(&LAKE[..13]) && ran.err.contains(&CHOIR[..13]), "{}", ran.err);
}

#[tokio::test]
async fn members_of_a_crowd_come_in_pages_and_are_all_shown() {
    let daemon = Daemon::start().await;
    daemon.mock.groups(|groups| groups.crowd = 2_500);
    let members = daemon.run(&["group", "members", "Lake", "--json"]).await.json();
    let mut accounts: Vec<&str> =
        members.as_array().unwrap().iter().map(|member| member["account"].as_str().unwrap()).collect();
    assert_eq!(accounts.len(), 2_503);
    accounts.dedup();
    assert_eq!(accounts.len(), 2_503);

    daemon.mock.groups(|groups| groups.crowd = 997);
    assert_eq!(daemon.run(&["group", "members", "Lake", "--json"]).await.json().as_array().map(Vec::len), Some(1_000));

    daemon.mock.groups(|groups| groups.crowd = 0);
    let people = daemon.run(&["group", "members", "Lake"]).await.out;
    let order: Vec<&str> = people.lines().skip(1).filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(order, ["you", "alice", "\"Evil"], "{people}");
}

#[tokio::test]
async fn the_doctor_of_a_group_fails_when_members_differ() {
    let daemon = Daemon::start().await;
    let well = daemon.run(&["group", "doctor", "Lake"]).await;
    assert_eq!(well.exit, 0);
    assert!(well.out.contains("All is the same on the 1 device"), "{}", well.out);
    assert!(well.out.contains("not reached") && well.out.contains("1 does not count"), "{}", well.out);

    daemon.mock.groups(|groups| groups.diverged = true);
    let ill = daemon.run(&["group", "doctor", "Lake"]).await;
    assert_eq!(ill.exit, 1);
    assert!(ill.out.contains("they lack operation 3 of ours"), "{}", ill.out);
    let json = daemon.run(&["group", "doctor", "Lake", "--json"]).await;
    assert_eq!((json.exit, &json.json()["converged"]), (1, &json!(false)));
}

#[tokio::test]
async fn a_proof_goes_through_a_file_and_back() {
    let daemon = Daemon::start().await;
    let file = daemon.dir.path().join("proof.txt");
    let path = file.to_str().unwrap();
    let made = daemon.run(&["group", "report", "Lake", "aaaa", "--out", path]).await;
    assert_eq!(made.exit, 0, "{}", made.err);
    assert_eq!(fs::read_to_string(&file).unwrap(), format!("{PROOF}\n"));

    let checked = daemon.run(&["group", "report", "--verify", path]).await;
    assert_eq!(checked.exit, 0, "{}", checked.err);
    assert!(checked.out.contains("valid: alice") && checked.out.contains("rude \u{fffd}[2J words"), "{}", checked.out);

    // What --json printed, and a mail around it, will do too.
    let json = daemon.run(&["group", "report", "Lake", "aaaa", "--json"]).await.out;
    let from_stdin = ["group", "report", "--verify", "-", "--json"];
    assert_eq!(daemon.run_with(&from_stdin, &json).await.json()["valid"], true);
    assert_eq!(daemon.run_with(&from_stdin, &format!("Look:\n  {PROOF}\nBye")).await.json()["valid"], true);
}

#[tokio::test]
async fn a_proof_that_is_none_ends_with_an_error() {
    let daemon = Daemon::start().await;
    let forged = daemon.run_with(&["group", "report", "--verify", "-"], "covey-proof:forged").await;
    assert_eq!(forged.exit, 1);
    assert!(forged.out.contains("not valid: The signature is not the author's."), "{}", forged.out);
    for (line, stdin) in [
        (vec!["group", "report", "--verify", "-"], "no proof here"),
        (vec!["group", "report", "--verify", "/does/not/exist"], ""),
        (vec!["group", "report", "Lake", "aaaa", "--out", "/does/not/exist"], ""),
        (vec!["group", "report", "Lake"], ""),
        (vec!["group", "report", "Lake", "aaaa", "--verify", "-"], ""),
        (vec!["group", "role", "Lake", "alice", "king"], ""),
        (vec!["group", "list", "--state", "asleep"], ""),
        (vec!["group", "ticket", "Lake", "--list", "--uses", "3"], ""),
        (vec!["group", "ticket", "Lake", "--uses", "0"], ""),
        (vec!["group", "create"], ""),
        (vec!["group", "create", "Lake", "--reader-default", "--newcomers", "member"], ""),
    ] {
        let ran = daemon.run_with(&line, stdin).await;
        assert_eq!(ran.exit, 2, "{line:?}: {ran:?}");
        assert!(!ran.err.is_empty());
    }
}

#[tokio::test]
async fn tail_tells_what_happens_in_groups() {
    let daemon = Daemon::start().await;
    let lake = || group(LAKE, "Lake", GroupState::Joined);
    let about = |member| GroupEvent {
        group: lake(),
        member: Some(member),
        actor: Some(ALICE.into()),
        actor_name: Some("alice".into()),
        actor_alias: Some("alice".into()),
    };
    let bob = |role, state| member(BOB, Some("bob"), role, state);
    daemon.mock.happen(kind::GROUP_INVITED, group(CHOIR, "Choir", GroupState::Invited));
    daemon.mock.happen(kind::GROUP_REQUEST, request(JoinRequestState::Waiting));
    daemon.mock.happen(kind::GROUP_REQUEST, request(JoinRequestState::Approved));
    daemon.mock.happen(kind::GROUP_JOINED, about(bob(Role::Member, MemberState::Joined)));
    daemon.mock.happen(kind::GROUP_CHANGED, about(bob(Role::Admin, MemberState::Joined)));
    // Told a second time, and about the group: its name, its rules, and nothing that people see.
    daemon.mock.happen(kind::GROUP_CHANGED, about(bob(Role::Admin, MemberState::Joined)));
    let mut pond = GroupEvent { member: None, ..about(bob(Role::Admin, MemberState::Joined)) };
    pond.group.name = "Pond".into();
    daemon.mock.happen(kind::GROUP_CHANGED, &pond);
    pond.group.policy.write = Role::Admin;
    daemon.mock.happen(kind::GROUP_CHANGED, &pond);
    daemon.mock.happen(kind::GROUP_CHANGED, &pond);
    daemon.mock.happen(kind::GROUP_LEFT, about(bob(Role::Admin, MemberState::Left)));
    daemon.mock.happen(kind::GROUP_REMOVED, about(member(ME, None, Role::Member, MemberState::Banned)));
    daemon.mock.happen(kind::MESSAGE_RECEIVED, message("m1", ALICE, "bye", MessageState::Received));
    let to_all = Message { channel: LAKE.into(), ..message("m2", ALICE, "to all", MessageState::Received) };
    daemon.mock.happen(kind::MESSAGE_RECEIVED, &to_all);
    daemon.mock.happen(kind::MESSAGE_CHANGED, Message { deleted: true, text: String::new(), ..to_all });
    let told = daemon.run(&["tail", "-n", "50"]).await.out;
    assert_eq!(told.matches("made an admin").count(), 1, "nothing is told twice: {told}");
    assert_eq!(told.matches("the rules of").count(), 1, "{told}");
    for says in [
        "* alice invites you to Choir: \"sing \u{fffd}[2J along\" (covey group accept Choir, or decline)",
        "asks to join Lake: \"from the \u{fffd}[2J lake\" (covey group approve 1a4e000000000 cv1bob0000000, or reject)",
        "* \"Bob\" (cv1bob0000000) was let into Lake",
        "* bob joined Lake",
        "* bob was made an admin of Lake by alice",
        "* Lake was renamed to Pond by alice",
        "* the rules of Pond were changed by alice",
        "* bob left Lake",
        "* you were banned from Lake by alice",
        "alice → me: bye",
        "Lake alice: to all",
        "* a message of alice in Lake was deleted",
    ] {
        assert!(told.contains(says), "{says} in {told}");
    }
}

#[tokio::test]
async fn of_a_message_in_a_large_group_counts_are_told_and_some_who_lack_it() {
    let daemon = Daemon::start().await;
    daemon.mock.set_fate(Fate::Stuck);
    let id = daemon.run(&["send", "Lake", "hi", "--json"]).await.json()["id"].as_str().unwrap().to_owned();
    let shown = daemon.run(&["message", "show", &id]).await.out;
    assert!(shown.contains("delivered to 75 of 120, read by 30"), "{shown}");
    assert!(shown.contains("carol, cv1x0000") && shown.contains("25 more"), "{shown}");
    let json = daemon.run(&["message", "show", &id, "--json"]).await.json();
    assert_eq!(json["delivery_summary"]["missing"].as_array().map(Vec::len), Some(20));
    assert!(json.get("deliveries").is_none() && json.get("deleted").is_none());
    let channel = daemon.run(&["channel", "show", "Lake", "--json"]).await.json();
    assert_eq!((&channel["group"], &channel["members"], &channel["role"]), (&json!(LAKE), &json!(3), &json!("owner")));
    let direct = daemon.run(&["channel", "show", "alice", "--json"]).await.json();
    assert!(direct.get("group").is_none() && direct.get("members").is_none() && direct.get("role").is_none());
}

#[test]
fn the_event_of_a_group_has_the_shape_that_show_returns() {
    let event = GroupEvent {
        group: group(LAKE, "Lake", GroupState::Joined),
        member: None,
        actor: None,
        actor_name: None,
        actor_alias: None,
    };
    assert_eq!(serde_json::to_value(&event).unwrap(), serde_json::to_value(&event.group).unwrap());
}

#[tokio::test]
async fn who_comes_is_told_as_that_and_reading_is_told_once() {
    let daemon = Daemon::start().await;
    let event = |member, at| GroupEvent {
        group: covey_api::Group { since: at, ..group(LAKE, "Lake", GroupState::Joined) },
        member,
        actor: None,
        actor_name: None,
        actor_alias: None,
    };
    let invited = member(ALICE, Some("alice"), Role::Member, MemberState::Invited);
    let joined = member(ALICE, Some("alice"), Role::Member, MemberState::Joined);
    let admin = member(ALICE, Some("alice"), Role::Admin, MemberState::Joined);
    for member in [invited, joined, admin] {
        daemon.mock.happen(kind::GROUP_CHANGED, event(Some(member), crate::mock::at(0)));
    }
    let read = Message { channel: LAKE.into(), ..message("m1", ME, "hello", MessageState::Read) };
    for _ in 0..2 {
        daemon.mock.happen(kind::MESSAGE_CHANGED, &read);
    }
    let tail = daemon.run(&["tail"]).await.out;
    let told: Vec<&str> = tail.lines().map(|line| line.split_once(" * ").unwrap().1).collect();
    assert_eq!(
        told,
        ["alice was invited to Lake", "alice joined Lake", "alice was made an admin of Lake", "read in Lake: hello"]
    );
}
