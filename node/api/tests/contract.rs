//! The contract as a client sees it: parameters by name, unknown ones refused, errors typed, the document complete.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use covey_api::*;
use futures::StreamExt as _;
use jsonrpsee::{Extensions, RpcModule};
use serde_json::{Value, json};

/// A node that knows one contact and refuses everything else.
#[derive(Default)]
struct Stub {
    locked: AtomicBool,
}

fn refused<T>() -> Result<T, ApiError> {
    Err(ApiError::new(Reason::NotPaired, "You are not paired. Invite them first.")
        .with_data(json!({"state": "pending"})))
}

macro_rules! refuse {
    ($api:ident { $($verb:ident($params:ty) -> $answer:ty),* $(,)? }) => {
        impl $api for Stub {
            $(async fn $verb(&self, _: $params) -> Result<$answer, ApiError> { refused() })*
        }
    };
}

refuse!(NodeApi { status(NodeStatus) -> Status, peers(NodePeers) -> Vec<Peer>, doctor(NodeDoctor) -> Report, shutdown(NodeShutdown) -> Done, lock(NodeLock) -> Done, unlock(NodeUnlock) -> Done });
refuse!(ConfigApi {
    show(ConfigShow) -> Vec<Setting>, set(ConfigSet) -> Setting, reload(ConfigReload) -> ConfigReloaded,
});
refuse!(ChannelApi {
    list(ChannelList) -> Vec<Channel>, show(ChannelShow) -> Channel, archive(ChannelArchive) -> Channel,
    mute(ChannelMute) -> Channel, mark_read(ChannelMarkRead) -> Channel,
});
refuse!(MessageApi { send(MessageSend) -> Sent, edit(MessageEdit) -> Message, list(MessageList) -> Vec<Message>, show(MessageShow) -> Message });
refuse!(GroupApi {
    create(GroupCreate) -> GroupCreated, list(GroupList) -> Vec<Group>, show(GroupShow) -> Group,
    invite(GroupInvite) -> Member, join(GroupJoin) -> Group, accept(GroupAccept) -> Group,
    decline(GroupDecline) -> Group, leave(GroupLeave) -> Group, remove(GroupRemove) -> Member,
    ban(GroupBan) -> Member, unban(GroupUnban) -> Member, role(GroupRole) -> Member,
    rename(GroupRename) -> Group, policy(GroupPolicy) -> Group, ticket(GroupTicket) -> JoinTicket,
    tickets(GroupTickets) -> Vec<JoinTicketInfo>, revoke_ticket(GroupRevokeTicket) -> JoinTicketInfo,
    requests(GroupRequests) -> Vec<JoinRequest>, approve(GroupApprove) -> JoinRequest,
    reject(GroupReject) -> JoinRequest, members(GroupMembers) -> Vec<Member>, doctor(GroupDoctor) -> GroupHealth,
    report(GroupReport) -> MessageProof, verify_report(GroupVerifyReport) -> ProofVerdict,
    delete(GroupDelete) -> Message,
});
refuse!(TokenApi {
    create(TokenCreate) -> TokenCreated, list(TokenList) -> Vec<TokenInfo>, revoke(TokenRevoke) -> TokenInfo,
});
refuse!(DeviceApi {
    list(DeviceList) -> Vec<Device>, show(DeviceShow) -> Device, link(DeviceLink) -> Linking,
    confirm(DeviceConfirm) -> Device, rename(DeviceRename) -> Device, revoke(DeviceRevoke) -> Device,
});
refuse!(KeeperApi {
    serve(KeeperServe) -> KeeperTicket, add(KeeperAdd) -> Keeper, list(KeeperList) -> Vec<Keeper>,
    remove(KeeperRemove) -> Keeper, ask(KeeperAsk) -> Keeper, accept(KeeperAccept) -> Keeper,
    status(KeeperStatus) -> KeeperReport,
});
refuse!(WebApi { open(WebOpen) -> WebAddress });
refuse!(AuditApi { list(AuditList) -> Vec<AuditEntry> });
refuse!(EventsApi { fetch(EventsFetch) -> EventPage, ack(EventsAck) -> Done });
refuse!(PairApi {
    invite(PairInvite) -> Contact, list(PairList) -> Vec<Contact>, show(PairShow) -> Contact,
    accept(PairAccept) -> Contact, accept_renewals(PairAcceptRenewals) -> Vec<Contact>, decline(PairDecline) -> Contact, cancel(PairCancel) -> Contact,
    forget(PairForget) -> Contact, remove(PairRemove) -> Contact, block(PairBlock) -> Contact,
    unblock(PairUnblock) -> Contact, verify(PairVerify) -> Contact, rename(PairRename) -> Contact,
    send(PairSend) -> Sent,
});

impl AccountApi for Stub {
    async fn status(&self, _: AccountStatus) -> Result<AccountCondition, ApiError> {
        refused()
    }

    async fn contest(&self, _: AccountContest) -> Result<AccountCondition, ApiError> {
        refused()
    }
    async fn accept(&self, _: AccountAccept) -> Result<AccountCondition, ApiError> {
        refused()
    }

    async fn show(&self, _: AccountShow) -> Result<Account, ApiError> {
        refused()
    }

    /// Answers with what it was asked, so that tests see what arrived.
    async fn ticket(&self, params: AccountTicket) -> Result<Ticket, ApiError> {
        let id = params.client_id().map(ToOwned::to_owned);
        Ok(Ticket { ticket: "covey:me".into(), id, uses: params.uses, expires_at: None })
    }

    async fn tickets(&self, _: AccountTickets) -> Result<Vec<TicketInfo>, ApiError> {
        refused()
    }

    async fn revoke_ticket(&self, _: AccountRevokeTicket) -> Result<TicketInfo, ApiError> {
        refused()
    }

    async fn safety_number(&self, _: AccountSafetyNumber) -> Result<SafetyNumber, ApiError> {
        refused()
    }

    async fn rename(&self, _: AccountRename) -> Result<Account, ApiError> {
        refused()
    }
}

impl EventSource for Stub {
    async fn subscribe(&self, params: EventsSubscribe) -> Result<EventStream, ApiError> {
        if params.from.as_deref() == Some("elsewhere") {
            return Err(ApiError::new(Reason::InvalidCursor, "That cursor is not of this journal."));
        }
        let event = |n: u64| Event {
            cursor: Some(n.to_string()),
            kind: kind::CONTACT.into(),
            at: Time::from_unix_ms(n),
            data: Value::Null,
        };
        Ok(futures::stream::iter((1..=3).map(move |n| Ok(EventText::from(&event(n))))).boxed())
    }
}

impl Api for Stub {
    fn admit(self: Arc<Self>, _: &Extensions, method: &Method) -> Result<Arc<Self>, ApiError> {
        if self.locked.load(Ordering::Relaxed) && method.name != RpcVersion::METHOD {
            return Err(ApiError::new(Reason::Locked, "The node is locked. Give it its passphrase."));
        }
        Ok(self)
    }
}

fn stub() -> (Arc<Stub>, RpcModule<Stub>) {
    let stub = Arc::new(Stub::default());
    (Arc::clone(&stub), module(stub).unwrap())
}

async fn raw(module: &RpcModule<Stub>, method: &str, params: &str) -> Value {
    let params = if params.is_empty() { String::new() } else { format!(",\"params\":{params}") };
    let request = format!("{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"{method}\"{params}}}");
    let (answer, _) = module.raw_json_request(&request, 1).await.unwrap();
    serde_json::from_str(answer.get()).unwrap()
}

#[tokio::test]
async fn parameters_are_passed_by_name_and_may_be_left_out() {
    let (_, module) = stub();
    let answer = raw(&module, "account.ticket", r#"{"uses": 3, "client_id": "x"}"#).await;
    assert_eq!(answer["result"], json!({"ticket": "covey:me", "uses": 3, "id": "x"}));
    for nothing in ["", "{}", "[]", "null"] {
        let answer = raw(&module, "account.ticket", nothing).await;
        assert_eq!(answer["result"], json!({"ticket": "covey:me"}), "{nothing}");
    }
}

#[tokio::test]
async fn wrong_parameters_are_an_error_that_names_them() {
    let (_, module) = stub();
    for (method, params, says) in [
        ("account.ticket", r#"{"usess": 3}"#, "usess"),
        ("account.ticket", r#"{"uses": "three"}"#, "three"),
        ("account.ticket", r#"{"uses": 1, "uses": 2}"#, "uses"),
        ("account.ticket", "[3]", "by name"),
        ("account.ticket", "7", "by name"),
        ("pair.accept", "{}", "contact"),
        ("pair.list", r#"{"state": "engaged"}"#, "engaged"),
        ("group.create", "{}", "name"),
        ("group.role", r#"{"group": "lake", "member": "bob"}"#, "role"),
        ("group.role", r#"{"group": "lake", "member": "bob", "role": "king"}"#, "king"),
        ("group.policy", r#"{"group": "lake", "invites": "member"}"#, "invites"),
        ("node.status", r#"{"x": 1}"#, "x"),
        ("rpc.spec", r#"{"x": 1}"#, "x"),
        ("events.subscribe", r#"{"form": "1"}"#, "form"),
    ] {
        let answer = raw(&module, method, params).await;
        let message = answer["error"]["message"].as_str().unwrap_or_default();
        assert_eq!(answer["error"]["code"], -32602, "{method} {params}: {answer}");
        assert_eq!(answer["error"]["data"]["reason"], "invalid_params", "{answer}");
        assert!(message.contains(says), "{message}");
    }
}

#[tokio::test]
async fn a_refusal_carries_code_reason_sentence_and_details() {
    let (_, module) = stub();
    let answer = raw(&module, "message.send", r#"{"to": "bob", "text": "hi"}"#).await;
    assert_eq!(
        answer["error"],
        json!({
            "code": 1,
            "message": "You are not paired. Invite them first.",
            "data": {"reason": "not_paired", "details": {"state": "pending"}},
        })
    );
}

#[tokio::test]
async fn every_call_asks_for_permission_first() {
    let (stub, module) = stub();
    stub.locked.store(true, Ordering::Relaxed);
    for method in methods() {
        let answer = raw(&module, method.name, "").await;
        if method.name == RpcVersion::METHOD {
            assert_eq!(answer["result"]["api"], API_VERSION);
        } else {
            assert_eq!(answer["error"]["data"]["reason"], "locked", "{}: {answer}", method.name);
        }
    }
}

#[tokio::test]
async fn a_subscription_delivers_events_in_order() {
    let (_, module) = stub();
    let params = jsonrpsee::core::params::ObjectParams::new();
    let mut events = module.subscribe_unbounded("events.subscribe", params).await.unwrap();
    for n in 1..=3 {
        let (event, _) = events.next::<Event>().await.unwrap().unwrap();
        assert_eq!(event.cursor, Some(n.to_string()));
    }
}

#[tokio::test]
async fn a_subscription_that_cannot_begin_is_an_error() {
    let (_, module) = stub();
    let answer = raw(&module, "events.subscribe", r#"{"from": "elsewhere"}"#).await;
    assert_eq!(answer["error"]["data"]["reason"], "invalid_cursor");
}

#[test]
fn the_document_describes_exactly_the_methods_that_are_served() {
    let (_, module) = stub();
    let document = openrpc();
    let mut described: Vec<&str> =
        document["methods"].as_array().unwrap().iter().map(|method| method["name"].as_str().unwrap()).collect();
    let mut served: Vec<&str> = module.method_names().collect();
    described.sort_unstable();
    served.sort_unstable();
    assert_eq!(described, served);
}

#[test]
fn the_document_is_complete_and_all_its_references_lead_somewhere() {
    let document = openrpc();
    for method in document["methods"].as_array().unwrap() {
        let name = method["name"].as_str().unwrap();
        assert!(method["summary"].as_str().is_some_and(|summary| summary.ends_with('.')), "{name}: {method}");
        let params = method["params"].as_array().unwrap();
        for param in params {
            assert!(param["schema"]["description"].is_string(), "{name}: {param}");
        }
        let has_key = params.iter().any(|param| param["name"] == "client_id");
        assert_eq!(method["x-changes"] == true, has_key, "{name}");
    }
    let text = document.to_string();
    for reference in text.split("\"$ref\":\"#").skip(1) {
        let pointer = reference.split('"').next().unwrap();
        assert!(document.pointer(pointer).is_some(), "{pointer}");
    }
}

#[test]
fn a_request_knows_its_method_and_whether_it_changes_anything() {
    let accept = PairAccept { contact: "bob".into(), ..PairAccept::default() };
    assert_eq!((PairAccept::METHOD, PairAccept::CHANGES, accept.client_id()), ("pair.accept", true, None));
    assert_eq!((PairList::METHOD, PairList::CHANGES), ("pair.list", false));
    assert_eq!((PairList::SCOPE, PairAccept::SCOPE), (Some(Scope::Read), Some(Scope::Pair)));
    assert_eq!((MessageSend::SCOPE, MessageSend::IN_CHANNEL), (Some(Scope::Send), true));
}

#[test]
fn a_scope_that_only_reads_covers_no_method_that_changes_anything() {
    for method in methods().iter().filter(|method| method.changes && method.name != EventsAck::METHOD) {
        assert!(!matches!(method.scope, None | Some(Scope::Read | Scope::Metrics)), "{}", method.name);
    }
}
