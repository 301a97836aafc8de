//! Tokens at the door: who is let in, who is not and why, and what a revocation does to whoever is in already.

#![allow(clippy::panic)]

use covey_api::{Reason, Scope, TokenCreate, TokenRevoke};
use serde_json::Value;
use tokio::net::TcpStream;

use super::raw::{self, Frame};
use super::*;

impl Fixture {
    async fn token_for(&self, scopes: &[Scope]) -> String {
        let create = TokenCreate { name: format!("{scopes:?}"), scopes: scopes.to_vec(), ..TokenCreate::default() };
        self.access.create(&Caller::Cookie, create).await.expect("is made").token.expect("is shown")
    }

    async fn revoke(&self, scopes: &[Scope]) {
        let revoke = TokenRevoke { token: format!("{scopes:?}"), client_id: None };
        self.access.revoke(&Caller::Cookie, revoke).await.expect("is revoked");
    }

    async fn with_token(&self, token: &str, line: &str) -> String {
        self.ask(line, &[&format!("Authorization: Bearer {token}"), JSON], ECHO).await
    }
}

fn reason(answer: &str) -> String {
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    let body: Value = serde_json::from_str(body).expect("is JSON");
    body["error"]["data"]["reason"].as_str().expect("has a reason").to_owned()
}

#[tokio::test]
async fn every_refusal_at_the_door_has_a_reason() {
    let fixture = Fixture::new().await;
    let foreign = "Origin: http://evil.example";
    assert_eq!(reason(&fixture.ask("POST /rpc", &[JSON], ECHO).await), "unauthorized");
    assert_eq!(reason(&fixture.with_token("cvt_0000", "POST /rpc").await), "unauthorized");
    assert_eq!(reason(&fixture.call(&[JSON, foreign], ECHO).await), "foreign_origin");
    assert_eq!(reason(&fixture.raw("POST /rpc", &["Host: evil.example", JSON], ECHO).await), "foreign_origin");
    let token = fixture.token_for(&[Scope::Read]).await;
    assert_eq!(status(&fixture.with_token(&token, "POST /rpc").await), 200);
    fixture.revoke(&[Scope::Read]).await;
    let revoked = fixture.with_token(&token, "POST /rpc").await;
    assert_eq!((status(&revoked), reason(&revoked)), (401, "token_revoked".to_owned()));
}

#[tokio::test]
async fn metrics_are_for_tokens_with_that_scope() {
    let fixture = Fixture::new().await;
    let metrics = fixture.token_for(&[Scope::Metrics]).await;
    let everything_else = fixture.token_for(&[Scope::Read, Scope::Admin]).await;
    assert_eq!(status(&fixture.with_token(&metrics, "GET /metrics").await), 200);
    let refused = fixture.with_token(&everything_else, "GET /metrics").await;
    assert_eq!((status(&refused), reason(&refused)), (403, "not_allowed".to_owned()));
    assert_eq!(status(&fixture.with_token(&fixture.token(), "GET /metrics").await), 200);
}

#[tokio::test]
async fn a_revoked_token_ends_its_open_connections_and_no_others() {
    let fixture = Fixture::new().await;
    let (token, other) = (fixture.token_for(&[Scope::Read]).await, fixture.token_for(&[Scope::Send]).await);
    let connect = async |token: &str| {
        let stream = TcpStream::connect(fixture.address).await.expect("connects");
        let host = fixture.address.to_string();
        raw::connect(stream, &host, &[format!("Authorization: Bearer {token}")]).await.expect("is let in")
    };
    let (mut reader, mut writer) = connect(&token).await;
    let (mut stays, mut goes_on) = connect(&other).await;
    assert!(writer.text(ECHO).await);
    assert_eq!(reader.json().await["result"], "hi");
    fixture.revoke(&[Scope::Read]).await;
    let closed = loop {
        match reader.frame().await {
            Frame::Control => {}
            other => break other,
        }
    };
    assert_eq!(closed, Frame::Close(4401));
    assert!(goes_on.text(ECHO).await);
    assert_eq!(stays.json().await["result"], "hi");
}

#[tokio::test]
async fn a_token_that_expires_ends_its_open_connections() {
    let fixture = Fixture::new().await;
    for life in [1, 2, 4, 8, 16] {
        let name = format!("for {life} seconds");
        let create = TokenCreate { name, scopes: vec![Scope::Read], expires_in: Some(life), ..TokenCreate::default() };
        let made = fixture.access.create(&Caller::Cookie, create).await.expect("is made");
        let stream = TcpStream::connect(fixture.address).await.expect("connects");
        let bearer = format!("Authorization: Bearer {}", made.token.expect("is shown"));
        // On a machine with much else to do it may have expired already.
        let connected = raw::connect(stream, &fixture.address.to_string(), &[bearer]).await;
        let Ok((mut reader, _writer)) = connected else { continue };
        let closed = loop {
            match reader.frame().await {
                Frame::Control => {}
                other => break other,
            }
        };
        assert_eq!(closed, Frame::Close(4401));
        return;
    }
    panic!("never came in");
}

#[tokio::test]
async fn the_token_in_the_cookie_file_needs_no_entry_in_the_list() {
    let fixture = Fixture::new().await;
    assert_eq!(fixture.access.list(true).await.expect("lists"), []);
    assert_eq!(status(&fixture.call(&[JSON], ECHO).await), 200);
    let wrong = fixture.access.holder(&fixture.token()).expect_err("is not one of these tokens");
    assert_eq!(wrong.reason, Reason::Unauthorized);
}
