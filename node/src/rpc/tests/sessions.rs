//! Browsers: signed in once, let in afterwards, also by the next run of the node; and nobody else in their name.

use covey_api::TokenKind;
use serde_json::Value;
use tokio::net::TcpStream;

use super::raw::{self, Frame};
use super::*;

/// What a browser has after it was signed in.
struct Browser {
    cookie: String,
    key: String,
}

impl Fixture {
    fn origin(&self) -> String {
        format!("Origin: http://{}", self.address)
    }

    async fn code(&self) -> String {
        let page = self.access.open_page(&Caller::Cookie).await.expect("has a port");
        let (address, code) = page.url.split_once("/#code=").expect("has a code");
        assert_eq!(address, format!("http://{}", self.address));
        code.to_owned()
    }

    async fn try_sign_in(&self, code: &str) -> String {
        let body = format!(r#"{{"code": "{code}"}}"#);
        self.ask("POST /session", &[&self.origin(), JSON, "User-Agent: Mozilla/5.0 (X11; Linux) Firefox/140.0"], &body)
            .await
    }

    async fn sign_in(&self) -> Browser {
        let answer = self.try_sign_in(&self.code().await).await;
        assert_eq!(status(&answer), 200, "{answer}");
        let (head, body) = answer.split_once("\r\n\r\n").expect("has a body");
        let set = head.lines().find_map(|line| line.strip_prefix("set-cookie: ")).expect("sets a cookie");
        for part in ["; HttpOnly", "; SameSite=Strict", "; Path=/", "; Max-Age=7776000"] {
            assert!(set.contains(part), "{set}");
        }
        assert!(set.starts_with(&format!("covey-{}=", self.address.port())), "each node has its own: {set}");
        let key: Value = serde_json::from_str(body).expect("is JSON");
        let cookie = set.split(';').next().expect("has a value").to_owned();
        Browser { cookie, key: key["key"].as_str().expect("has a key").to_owned() }
    }

    /// The status of a call with this cookie and key and further headers.
    async fn shows(&self, browser: &Browser, further: &[&str]) -> u16 {
        let (cookie, key) = (format!("Cookie: a=b; {}", browser.cookie), format!("X-Covey-Session: {}", browser.key));
        let headers: Vec<&str> = [cookie.as_str(), &key, JSON].into_iter().chain(further.iter().copied()).collect();
        status(&self.ask("POST /rpc", &headers, ECHO).await)
    }

    async fn browser_websocket(
        &self,
        browser: &Browser,
        origin: &str,
    ) -> Result<(raw::Reader<TcpStream>, raw::Writer<TcpStream>), u16> {
        let stream = TcpStream::connect(self.address).await.expect("connects");
        let headers = [
            origin.to_owned(),
            format!("Cookie: {}", browser.cookie),
            format!("Sec-WebSocket-Protocol: covey, session.{}", browser.key),
        ];
        raw::connect(stream, &self.address.to_string(), &headers).await
    }
}

#[tokio::test]
async fn a_code_signs_one_browser_in_and_the_browser_stays_signed_in_over_a_restart() {
    let engine = engine();
    let access = Access::load(engine.clone()).await.expect("reads");
    let fixture = Fixture::over(access, module(), |_| {}, Probes::default()).await;
    let code = fixture.code().await;
    assert_eq!(status(&fixture.try_sign_in(&code).await), 200);
    assert_eq!(status(&fixture.try_sign_in(&code).await), 401, "once");
    assert_eq!(status(&fixture.try_sign_in(&"0".repeat(64)).await), 401);
    let browser = fixture.sign_in().await;
    assert_eq!(fixture.shows(&browser, &[&fixture.origin()]).await, 200);
    let listed = fixture.access.list(false).await.expect("lists");
    assert_eq!((listed[0].kind, listed[0].name.as_str()), (TokenKind::Browser, "Firefox on Linux"));
    let address = fixture.address;
    fixture.server.shutdown().await;

    let access = Access::load(engine).await.expect("reads");
    let again = Fixture::over(access, module(), |options| options.listen = Some(address), Probes::default()).await;
    assert_eq!(again.shows(&browser, &[&again.origin()]).await, 200);
    let (mut reader, mut writer) = again.browser_websocket(&browser, &again.origin()).await.expect("is let in");
    assert!(writer.text(ECHO).await);
    assert_eq!(reader.json().await["result"], "hi");
}

#[tokio::test]
async fn a_cookie_alone_opens_nothing() {
    let fixture = Fixture::new().await;
    let (browser, other) = (fixture.sign_in().await, fixture.sign_in().await);
    let origin = fixture.origin();
    let mixed = Browser { cookie: browser.cookie.clone(), key: other.key };
    let none = Browser { cookie: browser.cookie.clone(), key: String::new() };
    let without_cookie = Browser { cookie: "covey-1=0".into(), key: browser.key.clone() };
    for stolen in [mixed, none, without_cookie] {
        assert_eq!(fixture.shows(&stolen, &[&origin]).await, 401);
        assert_eq!(fixture.browser_websocket(&stolen, &origin).await.err(), Some(401));
    }
    let cookie = format!("Cookie: {}", browser.cookie);
    assert_eq!(status(&fixture.ask("GET /metrics", &[&cookie, &origin], "").await), 401);
    let as_token = format!("Authorization: Bearer {}", browser.key);
    assert_eq!(status(&fixture.ask("POST /rpc", &[&cookie, &as_token, &origin, JSON], ECHO).await), 401);
}

#[tokio::test]
async fn a_signed_in_browser_counts_only_for_our_own_page() {
    let fixture = Fixture::new().await;
    let browser = fixture.sign_in().await;
    let own = fixture.origin();
    let neighbour = format!("Origin: http://127.0.0.1:{}", fixture.address.port() ^ 1);
    assert_eq!(fixture.shows(&browser, &[]).await, 403, "no page is named");
    for origin in ["Origin: http://evil.example", "Origin: null", &neighbour] {
        assert_eq!(fixture.shows(&browser, &[origin]).await, 403, "{origin}");
        assert_eq!(fixture.browser_websocket(&browser, origin).await.err(), Some(403), "{origin}");
        let sign_in = fixture.ask("POST /session", &[origin, JSON], r#"{"code": "0"}"#).await;
        assert_eq!(status(&sign_in), 403, "{origin}");
    }
    assert_eq!(fixture.shows(&browser, &[&own, "Sec-Fetch-Site: cross-site"]).await, 403);
    assert_eq!(fixture.shows(&browser, &[&own, "Sec-Fetch-Site: same-site"]).await, 403);
    assert_eq!(fixture.shows(&browser, &[&own, "Sec-Fetch-Site: same-origin"]).await, 200);
    let by_token =
        fixture.ask("POST /session", &[&format!("Authorization: Bearer {}", fixture.token()), JSON], "{}").await;
    assert_eq!(status(&by_token), 403, "nobody signs in without a page");
}

#[tokio::test]
async fn a_browser_that_is_signed_out_is_out_at_once() {
    let fixture = Fixture::new().await;
    let (browser, other) = (fixture.sign_in().await, fixture.sign_in().await);
    let origin = fixture.origin();
    let (mut reader, _writer) = fixture.browser_websocket(&browser, &origin).await.expect("is let in");
    let (cookie, key) = (format!("Cookie: {}", browser.cookie), format!("X-Covey-Session: {}", browser.key));
    let answer = fixture.ask("DELETE /session", &[&origin, &cookie, &key], "").await;
    assert_eq!(status(&answer), 200);
    assert!(answer.contains("Max-Age=0"), "{answer}");
    let closed = loop {
        match reader.frame().await {
            Frame::Control => {}
            other => break other,
        }
    };
    assert_eq!(closed, Frame::Close(4401));
    assert_eq!(fixture.shows(&browser, &[&origin]).await, 401);
    assert_eq!(fixture.shows(&other, &[&origin]).await, 200);
}

#[tokio::test]
async fn a_sign_in_that_makes_no_sense_is_refused() {
    let fixture = Fixture::new().await;
    let origin = fixture.origin();
    let long = format!(r#"{{"code": "{}"}}"#, "x".repeat(4_096));
    for body in ["", "{", "[]", "null", "{}", r#"{"code": 7}"#, r#"{"code": null, "x": 1}"#, &long] {
        assert_eq!(status(&fixture.ask("POST /session", &[&origin, JSON], body).await), 401, "{body:.30}");
    }
    for line in ["GET /session", "PUT /session"] {
        assert_eq!(status(&fixture.ask(line, &[&origin], "").await), 405, "{line}");
    }
    let operator = format!("Authorization: Bearer {}", fixture.token());
    assert_eq!(status(&fixture.ask("POST /session", &[&origin, &operator, JSON], "{}").await), 200);
}
