//! Tokens over a real engine: what they allow, how they end, what is written down.

use covey_api::{
    ApiError, AuditCaller, AuditEntry, AuditList, EventsAck, EventsSubscribe, MAX_TOKEN_LIFE, MessageList, MessageSend,
    Method, PairAccept, Reason, Scope, TOKEN_WRITES_PER_SECOND, TokenCreate, TokenCreated, TokenRevoke, TokenState,
    methods,
};
use std::sync::Arc;

use super::{Access, Caller};
use crate::engine::rpc;
use crate::engine::tokens::{self, Token};
use crate::runtime::EngineHandle;
use crate::runtime::tests::engine;

fn wanted(name: &str, scopes: &[Scope]) -> TokenCreate {
    TokenCreate { name: name.into(), scopes: scopes.to_vec(), ..TokenCreate::default() }
}

async fn make(access: &Arc<Access>, name: &str, scopes: &[Scope]) -> Caller {
    let made = access.create(&Caller::Cookie, wanted(name, scopes)).await.expect("is made");
    access.holder(&made.token.expect("is shown")).expect("is known")
}

async fn revoke(access: &Arc<Access>, name: &str) -> Result<TokenState, Reason> {
    let revoke = TokenRevoke { token: name.into(), client_id: None };
    access.revoke(&Caller::Cookie, revoke).await.map(|token| token.state).map_err(|error| error.reason)
}

async fn stored(engine: &EngineHandle) -> Vec<Token> {
    engine.call(|cx| rpc::token::list(cx, true)).await.expect("reads")
}

async fn audit(access: &Access, engine: &EngineHandle) -> Vec<AuditEntry> {
    access.write_down(u64::MAX).await;
    engine.call(|cx| rpc::audit::list(cx, &AuditList::default())).await.expect("reads")
}

fn reason<T>(result: Result<T, ApiError>) -> Option<Reason> {
    result.err().map(|error| error.reason)
}

#[tokio::test]
async fn only_the_hash_of_a_token_is_stored_also_for_a_repeated_client_id() {
    let engine = engine();
    let access = Access::load(engine.clone()).await.expect("reads");
    let create = TokenCreate { client_id: Some("once".into()), ..wanted("bot", &[Scope::Read]) };
    let TokenCreated { token, info } = access.create(&Caller::Cookie, create.clone()).await.expect("is made");
    let token = token.expect("is shown");
    let again = access.create(&Caller::Cookie, create).await.expect("is answered");
    assert_eq!((again.token, &again.info), (None, &info));
    let stored = stored(&engine).await;
    assert_eq!((stored.len(), *stored[0].hash), (1, tokens::hash(&token)));
    let texts = [serde_json::to_string(&stored).expect("is plain"), serde_json::to_string(&info).expect("is plain")];
    assert!(texts.iter().all(|text| !text.contains(&token[4..])), "{texts:?}");
}

#[tokio::test]
async fn wrong_expired_and_revoked_tokens_get_their_own_reasons_also_after_a_restart() {
    let engine = engine();
    let access = Access::load(engine.clone()).await.expect("reads");
    let token = access.create(&Caller::Cookie, wanted("bot", &[Scope::Read])).await.expect("is made").token;
    let token = token.expect("is shown");
    let short = TokenCreate { expires_in: Some(60), ..wanted("short", &[Scope::Read]) };
    let short = access.create(&Caller::Cookie, short).await.expect("is made").token.expect("is shown");
    assert!(access.holder(&token).is_ok() && access.holder(&short).is_ok());
    assert_eq!(reason(access.holder("")), Some(Reason::Unauthorized));
    assert_eq!(reason(access.holder(&token.replace("cvt_", "cvt_0"))), Some(Reason::Unauthorized));
    let holder = access.holder(&token).expect("is known");
    assert_eq!(revoke(&access, "bot").await, Ok(TokenState::Revoked));
    let mut ended = stored(&engine).await.into_iter().find(|token| token.name == "short").expect("is there");
    ended.expires_at = Some(1);
    engine.call(move |cx| tokens::replace(cx, &ended)).await.expect("is written");
    let restarted = Access::load(engine).await.expect("reads");
    for access in [&access, &restarted] {
        assert_eq!(reason(access.holder(&token)), Some(Reason::TokenRevoked));
    }
    assert_eq!(reason(restarted.holder(&short)), Some(Reason::TokenExpired));
    let read = Method::of::<MessageList>("");
    assert_eq!(reason(access.admit(&holder, &read)), Some(Reason::TokenRevoked), "who was in already is out");
    assert_eq!(restarted.list(false).await.expect("lists"), []);
    assert_eq!(restarted.list(true).await.expect("lists").len(), 2);
}

#[tokio::test]
async fn a_scope_covers_its_methods_and_no_others() {
    let access = Access::load(engine()).await.expect("reads");
    for scope in Scope::ALL {
        let caller = make(&access, scope.as_str(), &[scope]).await;
        for method in methods() {
            let covered = method.scope.is_none_or(|needs| needs == scope);
            match access.admit(&caller, &method) {
                // More calls than a token may make in a second.
                Err(error) if covered => assert_eq!(error.reason, Reason::LimitReached, "{}", method.name),
                Err(error) => {
                    assert_eq!(error.reason, Reason::NotAllowed, "{}", method.name);
                    assert_eq!(error.data["scopes"], serde_json::json!([scope]));
                }
                Ok(()) => assert!(covered, "{} with {scope}", method.name),
            }
            assert!(
                access.admit(&Caller::Cookie, &method).is_ok()
                    && access.admit(&Caller::Socket { uid: 0 }, &method).is_ok()
            );
        }
    }
}

#[tokio::test]
async fn a_token_that_changes_too_much_too_fast_is_told_when_to_go_on() {
    let access = Access::load(engine()).await.expect("reads");
    let (busy, other) = (make(&access, "busy", &Scope::ALL).await, make(&access, "other", &Scope::ALL).await);
    let write = Method::of::<MessageSend>("");
    let many = TOKEN_WRITES_PER_SECOND * 100;
    let refused = (0..many).find_map(|_| access.admit(&busy, &write).err()).expect("is refused at some time");
    assert_eq!(refused.reason, Reason::LimitReached);
    assert_eq!(refused.data["limit"], TOKEN_WRITES_PER_SECOND);
    assert!(refused.data["retry_after_ms"].as_u64().is_some_and(|ms| ms <= 100), "{}", refused.data);
    assert!(access.admit(&busy, &Method::of::<MessageList>("")).is_ok(), "reading goes on");
    assert!(access.admit(&busy, &Method::of::<EventsAck>("")).is_ok(), "and what was read can be acknowledged");
    assert!(access.admit(&other, &write).is_ok(), "nobody else is slowed");
    assert!((0..many).all(|_| access.admit(&Caller::Cookie, &write).is_ok()), "the operator is not limited");
}

#[tokio::test]
async fn nobody_gives_away_more_than_they_have() {
    let access = Access::load(engine()).await.expect("reads");
    let own = TokenCreate { expires_in: Some(3_600), ..wanted("manager", &[Scope::Admin, Scope::Read]) };
    let own = access.create(&Caller::Cookie, own).await.expect("is made");
    let manager = access.holder(&own.token.expect("is shown")).expect("is known");
    let more = access.create(&manager, wanted("more", &[Scope::Read, Scope::Send])).await;
    assert_eq!(reason(more), Some(Reason::NotAllowed));
    let longer = TokenCreate { expires_in: Some(7_200), ..wanted("longer", &[Scope::Read]) };
    for create in [longer, wanted("for ever", &[Scope::Read])] {
        let made = access.create(&manager, create).await.expect("is made");
        assert_eq!(made.info.expires_at, own.info.expires_at);
    }
}

#[tokio::test]
async fn bad_parameters_of_tokens_are_refused_with_what_is_wrong() {
    let access = Access::load(engine()).await.expect("reads");
    make(&access, "Weather", &[Scope::Read]).await;
    let cases = [
        (wanted("", &[Scope::Read]), Reason::InvalidParams),
        (wanted("-x", &[Scope::Read]), Reason::InvalidParams),
        (wanted(&"x".repeat(65), &[Scope::Read]), Reason::InvalidParams),
        (wanted("a\nb", &[Scope::Read]), Reason::InvalidParams),
        (wanted("none", &[]), Reason::InvalidParams),
        (TokenCreate { expires_in: Some(0), ..wanted("none", &[Scope::Read]) }, Reason::InvalidParams),
        (TokenCreate { expires_in: Some(MAX_TOKEN_LIFE + 1), ..wanted("long", &[Scope::Read]) }, Reason::InvalidParams),
        (TokenCreate { channels: Some(vec![]), ..wanted("nowhere", &[Scope::Read]) }, Reason::InvalidParams),
        (TokenCreate { channels: Some(vec!["bob".into()]), ..wanted("bob", &[Scope::Read]) }, Reason::NoSuchChannel),
        (wanted("weather", &[Scope::Read]), Reason::TokenNameTaken),
    ];
    for (create, expected) in cases {
        let name = create.name.clone();
        assert_eq!(reason(access.create(&Caller::Cookie, create).await), Some(expected), "{name:?}");
    }
    assert_eq!(revoke(&access, "nobody").await, Err(Reason::NoSuchToken));
    assert_eq!(revoke(&access, "weather").await, Ok(TokenState::Revoked));
    make(&access, "weather", &[Scope::Read]).await;
}

#[tokio::test]
async fn changes_and_refusals_are_in_the_audit_log_with_the_token() {
    let engine = engine();
    let access = Access::load(engine.clone()).await.expect("reads");
    let bot = make(&access, "bot", &[Scope::Read]).await;
    for _ in 0..3 {
        let refused = access.admit(&bot, &Method::of::<PairAccept>(""));
        assert_eq!(reason(refused), Some(Reason::NotAllowed));
    }
    access.nobody_refused("/rpc", Reason::Unauthorized);
    assert!(access.admit(&bot, &Method::of::<EventsSubscribe>("")).is_ok(), "reading is not written down");
    let socket = Caller::Socket { uid: 7 };
    access.change(&socket, "message.send", |_| Ok(())).await.expect("is made");
    let failed = access.change(&socket, "pair.accept", |_| Err::<(), _>(ApiError::new(Reason::NoSuchContact, "None.")));
    assert!(failed.await.is_err());
    let log = audit(&access, &engine).await;
    let has = |caller, method: &str, reason, count| {
        log.iter().any(|entry| {
            (entry.caller, entry.method.as_str(), entry.reason, entry.count) == (caller, method, reason, count)
        })
    };
    assert!(has(AuditCaller::Cookie, "token.create", None, 1), "{log:#?}");
    assert!(has(AuditCaller::Token, "pair.accept", Some(Reason::NotAllowed), 3), "{log:#?}");
    assert!(has(AuditCaller::Nobody, "/rpc", Some(Reason::Unauthorized), 1), "{log:#?}");
    assert!(has(AuditCaller::Socket, "message.send", None, 1), "{log:#?}");
    assert!(has(AuditCaller::Socket, "pair.accept", Some(Reason::NoSuchContact), 1), "{log:#?}");
    assert_eq!(log.len(), 5, "{log:#?}");
    let named = log.iter().find(|entry| entry.caller == AuditCaller::Token).and_then(|entry| entry.token_name.clone());
    assert_eq!(named.as_deref(), Some("bot"));
}

#[tokio::test]
async fn the_last_use_of_a_token_is_shown() {
    let access = Access::load(engine()).await.expect("reads");
    access.create(&Caller::Cookie, wanted("unused", &[Scope::Read])).await.expect("is made");
    make(&access, "used", &[Scope::Read]).await;
    let listed = access.list(false).await.expect("lists");
    let used = |name: &str| listed.iter().any(|token| token.name == name && token.last_used_at.is_some());
    assert_eq!((used("used"), used("unused")), (true, false));
}
