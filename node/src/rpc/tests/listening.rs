//! Where it listens, who may connect there, and what is left when it stops.

use super::*;

#[tokio::test]
async fn only_the_owner_may_use_the_files_and_they_tell_the_truth() {
    let fixture = Fixture::new().await;
    for name in ["rpc.sock", "rpc.cookie", "rpc.json"] {
        let mode = fs::metadata(fixture.path(name)).expect("exists").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let endpoint = Endpoint::read(&fixture.path("rpc.json")).expect("reads");
    assert_eq!(endpoint.url, fixture.server.url());
    assert_eq!(endpoint.url, Some(format!("http://{}", fixture.address)));
    assert_eq!(endpoint.socket, Some(fixture.path("rpc.sock")));
    assert_eq!(endpoint.pid, std::process::id());
}

#[tokio::test]
async fn the_token_is_new_at_each_start_and_gone_after_it() {
    let dir = tempfile::tempdir().expect("temp dir");
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let mut tokens = Vec::new();
    for _ in 0..2 {
        let server =
            serve(module(), options(dir.path()), Probes::default(), access().await, &mut rng).await.expect("starts");
        tokens.push(fs::read_to_string(dir.path().join("rpc.cookie")).expect("reads"));
        server.shutdown().await;
        let left: Vec<_> = fs::read_dir(dir.path()).expect("lists").collect();
        assert!(left.is_empty(), "{left:?}");
    }
    assert_ne!(tokens[0], tokens[1]);
}

#[tokio::test]
async fn shutdown_ends_open_connections() {
    let fixture = Fixture::new().await;
    let client = fixture.socket_client().await;
    let idle = TcpStream::connect(fixture.address).await.expect("connects");
    let address = fixture.address;
    tokio::time::timeout(Duration::from_secs(4), fixture.server.shutdown()).await.expect("does not wait for idlers");
    client.on_disconnect().await;
    assert!(TcpStream::connect(address).await.is_err());
    drop(idle);
}

#[tokio::test]
async fn an_address_for_other_machines_is_refused() {
    let dir = tempfile::tempdir().expect("temp dir");
    for ip in ["0.0.0.0:0", "192.0.2.1:0", "[::]:0"] {
        let mut options = options(dir.path());
        options.listen = Some(ip.parse().expect("an address"));
        let error = start(options, Probes::default()).await.expect_err("refused");
        assert!(matches!(error, ServeError::NotLoopback(_)), "{error}");
    }
}

#[tokio::test]
async fn a_port_in_use_is_named_and_nothing_is_left_behind() {
    let fixture = Fixture::new().await;
    let dir = tempfile::tempdir().expect("temp dir");
    let mut options = options(dir.path());
    options.listen = Some(fixture.address);
    let error = start(options, Probes::default()).await.expect_err("in use");
    assert!(matches!(error, ServeError::AddressInUse(address) if address == fixture.address));
    assert!(error.to_string().contains("--rpc-listen"), "{error}");
    assert!(fs::read_dir(dir.path()).expect("lists").next().is_none());
}

#[tokio::test]
async fn a_socket_that_was_left_behind_is_replaced_and_a_live_one_is_not() {
    let dir = tempfile::tempdir().expect("temp dir");
    let path = dir.path().join("rpc.sock");
    drop(std::os::unix::net::UnixListener::bind(&path).expect("binds"));
    assert!(path.exists());
    let first = start(options(dir.path()), Probes::default()).await.expect("replaces what is stale");
    let error = start(options(dir.path()), Probes::default()).await.expect_err("in use");
    assert!(matches!(error, ServeError::SocketInUse(_)), "{error}");
    assert!(path.exists(), "the live socket stays");
    first.shutdown().await;
    fs::write(&path, "precious").expect("writes");
    let error = start(options(dir.path()), Probes::default()).await.expect_err("no socket");
    assert!(matches!(error, ServeError::NotASocket(_)), "{error}");
    assert_eq!(fs::read_to_string(&path).expect("reads"), "precious");
}

#[tokio::test]
async fn a_socket_path_that_is_too_long_says_so() {
    let dir = tempfile::tempdir().expect("temp dir");
    let mut options = options(dir.path());
    options.socket = Some(dir.path().join("x".repeat(120)));
    let error = start(options, Probes::default()).await.expect_err("too long");
    assert!(matches!(error, ServeError::SocketPathTooLong(_)), "{error}");
}

#[tokio::test]
async fn connections_over_the_limit_are_refused() {
    let fixture = Fixture::with(|options| options.max_connections = 2, Probes::default()).await;
    let idle = [TcpStream::connect(fixture.address).await, TcpStream::connect(fixture.address).await];
    let mut third = TcpStream::connect(fixture.address).await.expect("the kernel accepts");
    let mut refusal = String::new();
    third.read_to_string(&mut refusal).await.expect("reads");
    assert_eq!(status(&refusal), 503, "{refusal}");
    assert!(refusal.contains("\"reason\":\"limit_reached\""), "{refusal}");
    drop(idle);
    let mut answered = false;
    for _ in 0..100 {
        answered = status(&fixture.ask("GET /healthz", &[], "").await) == 200;
        if answered {
            break;
        }
        tokio::task::yield_now().await;
    }
    assert!(answered, "places become free again");
}
