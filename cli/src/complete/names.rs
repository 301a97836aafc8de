//! Names for an argument: which kind it takes, and those that the daemon knows.

use covey_api::{
    ConfigShow, Contact, ContactState, DeviceList, DeviceState, EventKind, Group, GroupList, GroupMembers,
    GroupRequests, GroupState, MemberState, PairList, Role, Scope, TokenList, names,
};

use super::{Candidate, tree::Wanted};
use crate::{
    Failure, Globals, Session,
    display::{self, group_handle_unquoted, handle_unquoted},
    text::{clean_words, short_id},
};

/// What an argument names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// Contacts in one of these states.
    Contacts(&'static [ContactState]),
    /// Groups to which we stand like this.
    Groups(&'static [GroupState]),
    /// Whoever can be written to.
    Conversations,
    /// Members of the group of that name.
    Members(String, Option<MemberState>),
    /// Those who ask to join the group of that name.
    Requests(String),
    Tokens,
    Devices,
    Settings,
}

const ANYBODY: &[ContactState] = &[
    ContactState::Paired,
    ContactState::Pending,
    ContactState::Invited,
    ContactState::Declined,
    ContactState::Refused,
    ContactState::Expired,
    ContactState::Cancelled,
    ContactState::Blocked,
    ContactState::Removed,
];
const ENDED: &[ContactState] = &[
    ContactState::Declined,
    ContactState::Refused,
    ContactState::Expired,
    ContactState::Cancelled,
    ContactState::Removed,
];
const ANY_GROUP: &[GroupState] = &[
    GroupState::Joined,
    GroupState::Invited,
    GroupState::Requested,
    GroupState::Left,
    GroupState::Removed,
    GroupState::Declined,
];

/// What can stand for the argument `id` of the command `path`, after these positions.
pub(super) fn of(path: &[&str], id: &str, positions: &[String]) -> Wanted {
    let group = || positions.first().cloned().unwrap_or_default();
    let what = match (path, id) {
        (["pair", "accept" | "decline"], "contact") => What::Contacts(&[ContactState::Pending]),
        (["pair", "cancel"], "contact") => What::Contacts(&[ContactState::Invited]),
        (["pair", "forget"], "contact") => What::Contacts(ENDED),
        (["pair", "unblock"], "contact") => What::Contacts(&[ContactState::Blocked]),
        (["pair", "show" | "block" | "rename"], "contact") => What::Contacts(ANYBODY),
        (["pair", _] | ["tail"] | ["account", _] | ["group", "invite"], "contact") => {
            What::Contacts(&[ContactState::Paired])
        }
        (["send"], "to") | (["messages" | "tail"], "contact" | "channel") | (["channel", _], "channel") => {
            What::Conversations
        }
        (["token", "create"], "channel") => What::Conversations,
        (["group", "accept"], "group") => What::Groups(&[GroupState::Invited]),
        (["group", "decline"], "group") => What::Groups(&[GroupState::Invited, GroupState::Requested]),
        (["group", "show"], "group") => What::Groups(ANY_GROUP),
        (["group", _], "group") => What::Groups(&[GroupState::Joined]),
        (["group", "unban"], "member") => What::Members(group(), Some(MemberState::Banned)),
        (["group", _], "member" | "transfer_to") => What::Members(group(), None),
        (["group", "approve" | "reject"], "account") => What::Requests(group()),
        (["token", "revoke"], "token") => What::Tokens,
        (["device", "show" | "rename" | "revoke"], "device") => What::Devices,
        (["config", "set" | "show"], "key") => What::Settings,
        _ => return Wanted::Words(words(path, id)),
    };
    Wanted::Named(what)
}

/// Words of the contract.
fn words(path: &[&str], id: &str) -> Vec<Candidate> {
    let roles = || vec![Role::Owner, Role::Admin, Role::Member, Role::Reader].into_iter().map(display::word).collect();
    let words: Vec<String> = match (path, id) {
        (["pair", "list"], "state") => ANYBODY.iter().map(display::word).collect(),
        (["group", "list"], "state") => ANY_GROUP.iter().map(display::word).collect(),
        (["group", "members"], "state") => {
            let all = [MemberState::Joined, MemberState::Invited, MemberState::Left, MemberState::Removed];
            all.iter().chain([&MemberState::Banned]).map(display::word).collect()
        }
        (["group", _], "role" | "invite" | "rename" | "write" | "newcomers") => roles(),
        (["tail"], "kind") => EventKind::ALL.iter().map(|kind| kind.as_str().to_owned()).collect(),
        (["token", "create"], "scope") => Scope::ALL.iter().map(|scope| scope.as_str().to_owned()).collect(),
        _ => Vec::new(),
    };
    words.into_iter().map(|word| Candidate { word, about: String::new() }).collect()
}

/// Those that the daemon knows.
pub(super) async fn ask(globals: &Globals, what: &What) -> Result<Vec<Candidate>, Failure> {
    let session = Session::connect(globals).await?;
    match what {
        What::Contacts(states) => contacts(&session, states).await,
        What::Groups(states) => groups(&session, states).await,
        What::Conversations => {
            let mut found = contacts(&session, &[ContactState::Paired]).await?;
            found.extend(groups(&session, &[GroupState::Joined]).await?);
            Ok(found)
        }
        What::Members(group, state) => {
            let list = GroupMembers { group: group.clone(), state: *state, ..GroupMembers::default() };
            let members = session.call(&list).await?;
            let others = members.into_iter().filter(|member| !member.own);
            Ok(others
                .map(|member| named(member.alias.as_deref(), member.name.as_deref(), &member.account, ""))
                .collect())
        }
        What::Requests(group) => {
            let requests = session.call(&GroupRequests { group: Some(group.clone()) }).await?;
            let asking = requests.into_iter().map(|request| {
                let note = request.note.as_deref().unwrap_or_default();
                named(request.alias.as_deref(), request.name.as_deref(), &request.account, note)
            });
            Ok(asking.collect())
        }
        What::Tokens => {
            let tokens = session.call(&TokenList { all: false }).await?;
            Ok(tokens.into_iter().map(|token| Candidate { word: token.name, about: String::new() }).collect())
        }
        What::Devices => {
            let devices = session.call(&DeviceList {}).await?;
            let known = devices.into_iter().filter(|device| device.state != DeviceState::Revoked);
            let about = |this| if this { "this device" } else { "" };
            Ok(known.map(|one| Candidate { word: one.name, about: about(one.this).into() }).collect())
        }
        What::Settings => {
            let settings = session.call(&ConfigShow { key: None }).await?;
            let live = |live| if live { "can change while the daemon runs" } else { "" };
            Ok(settings.into_iter().map(|one| Candidate { word: one.key, about: live(one.live).into() }).collect())
        }
    }
}

async fn contacts(session: &Session, states: &[ContactState]) -> Result<Vec<Candidate>, Failure> {
    let all = session.call(&PairList::default()).await?;
    let fitting = all.into_iter().filter(|contact| states.contains(&contact.state));
    Ok(fitting.map(|contact: Contact| Candidate { word: handle_unquoted(&contact), about: about(&contact) }).collect())
}

fn about(contact: &Contact) -> String {
    let state = display::word(contact.state);
    match (&contact.alias, &contact.name, &contact.note) {
        (None, Some(name), Some(note)) if !note.is_empty() => clean_words(&format!("{state}: \"{name}\", \"{note}\"")),
        (None, Some(name), _) => clean_words(&format!("{state}: \"{name}\"")),
        _ => state,
    }
}

async fn groups(session: &Session, states: &[GroupState]) -> Result<Vec<Candidate>, Failure> {
    let all = session.call(&GroupList { state: None }).await?;
    let fitting: Vec<Group> = all.into_iter().filter(|group| states.contains(&group.state)).collect();
    let is_unique = |group: &Group| {
        let folded = group.name.trim().to_lowercase();
        fitting.iter().filter(|other| other.name.trim().to_lowercase() == folded).count() == 1
    };
    let candidate = |group: &Group| {
        let members = display::count(group.members.into(), "member", "members");
        let about = format!("{} group, {members}", display::word(group.state));
        match is_unique(group) {
            true => Candidate { word: group_handle_unquoted(group), about },
            // By their ids the daemon tells them apart.
            false => Candidate {
                word: crate::text::short_group(&group.group),
                about: format!("{}, {about}", clean_words(&group.name)),
            },
        }
    };
    Ok(fitting.iter().map(candidate).collect())
}

/// Our name for an account, or the start of its id with what it calls itself.
fn named(alias: Option<&str>, name: Option<&str>, account: &str, note: &str) -> Candidate {
    if let Some(alias) = alias.and_then(|alias| names::name(alias).ok()) {
        return Candidate { word: alias.to_owned(), about: clean_words(note) };
    }
    let name = name.map(|name| format!("\"{name}\" ")).unwrap_or_default();
    Candidate { word: short_id(account), about: clean_words(&format!("{name}{note}")) }
}
