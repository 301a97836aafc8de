//! The server as its clients and its attackers meet it: raw HTTP, WebSockets, the Unix socket, the files.

mod listening;
mod order;
mod raw;
mod sessions;
mod tokens;

use std::{
    fs,
    net::SocketAddr,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use futures::{FutureExt as _, future};
use jsonrpsee::{
    RpcModule,
    core::{
        client::{ClientT, Subscription, SubscriptionClientT},
        server::Methods,
    },
    rpc_params,
    ws_client::{HeaderMap, HeaderValue, WsClient, WsClientBuilder},
};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UnixStream},
};

use super::{Cookie, Endpoint, Probes, ServeError, Server, ServerOptions, serve};
use crate::access::{Access, Caller};
use crate::runtime::tests::engine;

/// A server in a directory of its own.
struct Fixture {
    dir: tempfile::TempDir,
    server: Server,
    address: SocketAddr,
    access: Arc<Access>,
}

async fn access() -> Arc<Access> {
    Access::load(engine()).await.expect("reads")
}

fn module() -> RpcModule<()> {
    let mut module = RpcModule::new(());
    module.register_method("test.echo", |params, (), _| params.one::<String>()).expect("new name");
    module
        .register_method("test.caller", |_, (), extensions| format!("{:?}", extensions.get::<Caller>()))
        .expect("new name");
    module
        .register_subscription("test.count", "test.number", "test.stop", |params, pending, _, _| async move {
            let count: u32 = params.one()?;
            let sink = pending.accept().await?;
            for number in 0..count {
                let number = serde_json::value::to_raw_value(&number)?;
                sink.send(number).await?;
            }
            Ok(())
        })
        .expect("new name");
    module
}

fn options(dir: &Path) -> ServerOptions {
    ServerOptions {
        listen: Some(SocketAddr::from(([127, 0, 0, 1], 0))),
        socket: Some(dir.join("rpc.sock")),
        cookie: dir.join("rpc.cookie"),
        endpoint: dir.join("rpc.json"),
        max_connections: 16,
    }
}

async fn start(options: ServerOptions, probes: Probes) -> Result<Server, ServeError> {
    serve(module(), options, probes, access().await, &mut ChaCha20Rng::seed_from_u64(1)).await
}

impl Fixture {
    async fn new() -> Self {
        Self::with(|_| {}, Probes::default()).await
    }

    async fn with(change: impl FnOnce(&mut ServerOptions), probes: Probes) -> Self {
        Self::serving(module(), change, probes).await
    }

    async fn serving(methods: impl Into<Methods>, change: impl FnOnce(&mut ServerOptions), probes: Probes) -> Self {
        Self::over(access().await, methods, change, probes).await
    }

    async fn over(
        access: Arc<Access>,
        methods: impl Into<Methods>,
        change: impl FnOnce(&mut ServerOptions),
        probes: Probes,
    ) -> Self {
        let dir = tempfile::tempdir().expect("temp dir");
        let mut options = options(dir.path());
        change(&mut options);
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let server = serve(methods, options, probes, Arc::clone(&access), &mut rng).await.expect("starts");
        let address = server.address().expect("has a port");
        Self { dir, server, address, access }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn token(&self) -> String {
        Cookie::read(&self.path("rpc.cookie")).expect("reads").expose().to_owned()
    }

    /// Sends a request with this Host and the given further lines, and returns the head of the answer.
    async fn ask(&self, line: &str, headers: &[&str], body: &str) -> String {
        let host = format!("Host: {}", self.address);
        let headers: Vec<_> = [host.as_str()].into_iter().chain(headers.iter().copied()).collect();
        self.raw(line, &headers, body).await
    }

    async fn raw(&self, line: &str, headers: &[&str], body: &str) -> String {
        let mut stream = TcpStream::connect(self.address).await.expect("connects");
        let headers: String = headers.iter().map(|h| format!("{h}\r\n")).collect();
        let request =
            format!("{line} HTTP/1.1\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len());
        // A refusal may come before the whole of a long body was read.
        let _ = stream.write_all(request.as_bytes()).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    }

    async fn call(&self, headers: &[&str], body: &str) -> String {
        let bearer = format!("Authorization: Bearer {}", self.token());
        let headers: Vec<_> = [bearer.as_str()].into_iter().chain(headers.iter().copied()).collect();
        self.ask("POST /rpc", &headers, body).await
    }

    async fn socket_client(&self) -> WsClient {
        let stream = UnixStream::connect(self.path("rpc.sock")).await.expect("connects");
        WsClientBuilder::new().build_with_stream("ws://localhost/rpc", stream).await.expect("handshake")
    }

    fn websocket(&self, name: &'static str, value: &str) -> impl Future<Output = Result<WsClient, String>> {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_str(value).expect("a header"));
        let url = format!("ws://{}/rpc", self.address);
        async move { WsClientBuilder::new().set_headers(headers).build(url).await.map_err(|e| e.to_string()) }
    }
}

fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0)
}

const JSON: &str = "Content-Type: application/json";
const ECHO: &str = r#"{"jsonrpc":"2.0","id":1,"method":"test.echo","params":["hi"]}"#;

#[tokio::test]
async fn a_call_with_the_token_is_answered() {
    let fixture = Fixture::new().await;
    let answer = fixture.call(&[JSON], ECHO).await;
    assert_eq!(status(&answer), 200);
    assert!(answer.contains(r#""result":"hi""#), "{answer}");
    let caller = fixture.call(&[JSON], &ECHO.replace("echo", "caller")).await;
    assert!(caller.contains("Some(Cookie)"), "{caller}");
}

#[tokio::test]
async fn a_call_without_the_token_or_with_another_is_refused() {
    let fixture = Fixture::new().await;
    let other = format!("Authorization: Bearer {}", "0".repeat(64));
    for headers in [vec![JSON], vec![JSON, "Authorization: Bearer "], vec![JSON, &other]] {
        let answer = fixture.ask("POST /rpc", &headers, ECHO).await;
        assert_eq!(status(&answer), 401, "{answer}");
        assert!(answer.to_lowercase().contains("www-authenticate: bearer"), "{answer}");
        assert!(!answer.contains("hi"), "{answer}");
    }
    assert_eq!(status(&fixture.ask("GET /metrics", &[], "").await), 401);
}

#[tokio::test]
async fn a_name_that_was_rebound_to_this_machine_gets_nothing() {
    let fixture = Fixture::new().await;
    let bearer = format!("Authorization: Bearer {}", fixture.token());
    let port = fixture.address.port();
    let foreign = format!("Host: evil.example:{port}");
    let own = format!("Host: 127.0.0.1:{port}");
    for path in ["POST /rpc", "GET /", "GET /healthz", "GET /metrics", "GET /no-such-file"] {
        for headers in [vec![foreign.as_str()], vec!["Host: 127.0.0.1"], vec![], vec![own.as_str(), &foreign]] {
            let headers: Vec<_> = headers.into_iter().chain([bearer.as_str(), JSON]).collect();
            let answer = fixture.raw(path, &headers, ECHO).await;
            assert!(matches!(status(&answer), 400 | 403), "{path} {headers:?}: {answer}");
        }
    }
    let absolute = format!("POST http://evil.example:{port}/rpc");
    assert_eq!(status(&fixture.raw(&absolute, &[&own, &bearer, JSON], ECHO).await), 403);
}

#[tokio::test]
async fn every_own_name_of_the_server_is_accepted() {
    let fixture = Fixture::new().await;
    for name in ["127.0.0.1", "localhost", "[::1]"] {
        let host = format!("Host: {name}:{}", fixture.address.port());
        assert_eq!(status(&fixture.raw("GET /healthz", &[&host], "").await), 200, "{name}");
    }
}

#[tokio::test]
async fn pages_of_other_origins_get_nothing() {
    let fixture = Fixture::new().await;
    let own = format!("Origin: http://localhost:{}", fixture.address.port());
    assert_eq!(status(&fixture.call(&[JSON, &own], ECHO).await), 200);
    let tls = own.replace("http:", "https:");
    for origin in ["Origin: http://evil.example", "Origin: null", "Origin: http://localhost", &tls] {
        assert_eq!(status(&fixture.call(&[JSON, origin], ECHO).await), 403, "{origin}");
        assert_eq!(status(&fixture.call(&[JSON, &own, origin], ECHO).await), 403, "{origin} beside our own");
    }
    let refused = fixture.websocket("origin", "http://evil.example").await;
    assert!(refused.is_err());
}

#[tokio::test]
async fn a_form_of_another_site_cannot_pass_for_a_call() {
    let fixture = Fixture::new().await;
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"] {
        let answer = fixture.call(&[&format!("Content-Type: {kind}")], ECHO).await;
        assert_eq!(status(&answer), 415, "{kind}: {answer}");
    }
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused() {
    let fixture = Fixture::new().await;
    let long = ECHO.replace("hi", &"x".repeat(1 << 20));
    assert_eq!(status(&fixture.call(&[JSON], &long).await), 413);
    let fits = ECHO.replace("hi", &"x".repeat((1 << 20) - 200));
    assert_eq!(status(&fixture.call(&[JSON], &fits).await), 200);
}

#[tokio::test]
async fn a_request_that_is_no_call_is_refused() {
    let fixture = Fixture::new().await;
    let bearer = format!("Authorization: Bearer {}", fixture.token());
    for line in ["GET /rpc", "PUT /rpc", "DELETE /rpc", "OPTIONS /rpc"] {
        assert_eq!(status(&fixture.ask(line, &[&bearer], "").await), 405, "{line}");
    }
    for body in ["", "{", "[]", "null", &"[".repeat(10_000)] {
        let answer = fixture.call(&[JSON], body).await;
        assert!(answer.contains("\"error\""), "{body:.20}: {answer}");
    }
}

#[tokio::test]
async fn a_websocket_may_carry_the_token_in_a_header_or_a_subprotocol() {
    let fixture = Fixture::new().await;
    let token = fixture.token();
    for (name, value) in
        [("authorization", format!("Bearer {token}")), ("sec-websocket-protocol", format!("covey, bearer.{token}"))]
    {
        let mut stream = TcpStream::connect(fixture.address).await.expect("connects");
        let request = format!(
            "GET /rpc HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{name}: {value}\r\n\r\n",
            fixture.address
        );
        stream.write_all(request.as_bytes()).await.expect("sends");
        let mut answer = vec![0; 1_024];
        let len = stream.read(&mut answer).await.expect("reads");
        let answer = String::from_utf8_lossy(&answer[..len]).to_lowercase();
        assert_eq!(status(&answer), 101, "{answer}");
        let accepted = answer.contains("sec-websocket-protocol: covey\r\n");
        assert_eq!(accepted, name == "sec-websocket-protocol", "{answer}");
        assert!(!answer.contains(&token), "the token must not come back");
    }
    for (name, value) in [("sec-websocket-protocol", "covey, bearer.0000"), ("sec-websocket-protocol", "covey")] {
        assert!(fixture.websocket(name, value).await.is_err(), "{value}");
    }
    let client = fixture.websocket("authorization", &format!("Bearer {token}")).await.expect("connects");
    let echo: String = client.request("test.echo", rpc_params!["hi"]).await.expect("answers");
    assert_eq!(echo, "hi");
}

#[tokio::test]
async fn the_socket_needs_no_token_and_knows_its_caller() {
    let fixture = Fixture::new().await;
    let client = fixture.socket_client().await;
    let caller: String = client.request("test.caller", rpc_params![]).await.expect("answers");
    assert_eq!(caller, format!("Some(Socket {{ uid: {} }})", crate::files::effective_uid()));
}

#[tokio::test]
async fn a_subscription_delivers_more_than_a_buffer_holds() {
    let fixture = Fixture::new().await;
    let stream = UnixStream::connect(fixture.path("rpc.sock")).await.expect("connects");
    let client = WsClientBuilder::new()
        .max_buffer_capacity_per_subscription(40_000)
        .build_with_stream("ws://localhost/rpc", stream)
        .await
        .expect("handshake");
    let mut numbers: Subscription<u32> =
        client.subscribe("test.count", rpc_params![20_000], "test.stop").await.expect("subscribes");
    for expected in 0..20_000 {
        let number = numbers.next().await.expect("goes on").expect("a number");
        assert_eq!(number, expected);
    }
}

#[tokio::test]
async fn the_probes_say_what_the_node_says() {
    let probes = Probes {
        ready: Arc::new(|| future::ready(Err("the disk is full".to_owned())).boxed()),
        metrics: Arc::new(|| future::ready("covey_up 1\n".to_owned()).boxed()),
    };
    let fixture = Fixture::with(|_| {}, probes).await;
    let ready = fixture.ask("GET /readyz", &[], "").await;
    assert_eq!(status(&ready), 503);
    assert!(ready.ends_with("the disk is full\n"), "{ready}");
    assert_eq!(status(&fixture.ask("GET /healthz", &[], "").await), 200);
    let bearer = format!("Authorization: Bearer {}", fixture.token());
    assert!(fixture.ask("GET /metrics", &[&bearer], "").await.ends_with("covey_up 1\n"));
}

#[tokio::test]
async fn the_page_comes_with_a_policy_and_nothing_outside_of_it() {
    let fixture = Fixture::new().await;
    let page = fixture.ask("GET /", &[], "").await;
    assert_eq!(status(&page), 200);
    assert!(page.contains("<title>covey"), "{page}");
    let head = page.to_lowercase();
    for part in ["content-type: text/html", "default-src 'none'", "frame-ancestors 'none'", "nosniff", "no-referrer"] {
        assert!(head.contains(part), "{part}: {head}");
    }
    assert!(!head.contains("access-control-allow-origin"), "no page of another site may read this");
    let etag = page.lines().find_map(|line| line.strip_prefix("etag: ")).expect("has a tag");
    assert_eq!(status(&fixture.ask("GET /", &[&format!("If-None-Match: {etag}")], "").await), 304);
    for path in ["/no-such-file", "/../Cargo.toml", "/%2e%2e/Cargo.toml", "//etc/passwd", "/web/index.html"] {
        assert_eq!(status(&fixture.ask(&format!("GET {path}"), &[], "").await), 404, "{path}");
    }
    assert_eq!(status(&fixture.ask("POST /", &[], "").await), 405);
}

/// People decide about invites by it.
#[test]
fn the_page_shows_fifty_bits_of_an_account() {
    let words = include_str!("../../web/js/words.js");
    let length = words.split("id.slice(0, ").nth(1).and_then(|rest| rest.split(')').next());
    let length: usize = length.and_then(|length| length.parse().ok()).expect("the length of a short id");
    assert!(length >= "cv1".len() + 10, "ten characters of five bits each, not {length} in all");
}
