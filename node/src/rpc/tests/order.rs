//! [NODE-ORDER] What arrives on one connection is applied in the order in which it arrived, however fast it comes.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use jsonrpsee::RpcModule;
use rand_chacha::{
    ChaCha20Rng,
    rand_core::{Rng as _, SeedableRng},
};
use serde_json::{Value, json};
use tokio::{
    net::{TcpStream, UnixStream},
    sync::{mpsc, oneshot},
};

use super::{Fixture, raw, status};
use crate::{rpc::Probes, runtime::turn};

/// Stands in for the engine: a bounded queue that is handled in order, and answers that come when they like.
struct Engine {
    queue: mpsc::Sender<(u64, oneshot::Sender<()>)>,
    applied: Arc<Mutex<Vec<u64>>>,
    running: AtomicUsize,
    most_running: AtomicUsize,
}

impl Engine {
    fn new(seed: u64) -> Self {
        let (queue, mut queued) = mpsc::channel::<(u64, oneshot::Sender<()>)>(4);
        let applied = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&applied);
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        tokio::spawn(async move {
            let mut unanswered = Vec::new();
            while let Some((number, reply)) = queued.recv().await {
                log.lock().expect("not poisoned").push(number);
                unanswered.push(reply);
                // As after a flush: several at once, and as fast or slow as it comes.
                if queued.is_empty() || rng.next_u32() % 8 == 0 {
                    for _ in 0..rng.next_u32() % 4 {
                        tokio::task::yield_now().await;
                    }
                    while !unanswered.is_empty() {
                        let reply = unanswered.swap_remove(rng.next_u32() as usize % unanswered.len());
                        let _ = reply.send(());
                    }
                }
            }
        });
        Self { queue, applied, running: AtomicUsize::new(0), most_running: AtomicUsize::new(0) }
    }

    async fn apply(&self, number: u64) -> u64 {
        let running = self.running.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_running.fetch_max(running, Ordering::SeqCst);
        // Some look something up first.
        for _ in 0..number % 3 {
            tokio::task::yield_now().await;
        }
        let (reply, answer) = oneshot::channel();
        self.queue.send((number, reply)).await.expect("the queue lives");
        turn::pass();
        answer.await.expect("is answered");
        self.running.fetch_sub(1, Ordering::SeqCst);
        number
    }
}

async fn fixture(seed: u64) -> (Fixture, Arc<Engine>) {
    let engine = Arc::new(Engine::new(seed));
    let mut module = RpcModule::from_arc(Arc::clone(&engine));
    module
        .register_async_method("test.apply", |params, engine, _| async move {
            engine.apply(params.one::<u64>().unwrap_or(u64::MAX)).await
        })
        .expect("new name");
    module
        .register_async_method("test.other", |_, _, _| async move {
            tokio::task::yield_now().await;
            "looked up"
        })
        .expect("new name");
    module.merge(super::module()).expect("other names");
    (Fixture::serving(module, |_| {}, Probes::default()).await, engine)
}

fn in_order(count: u64) -> Vec<u64> {
    (0..count).collect()
}

/// Sends `count` calls without waiting for an answer, while another task reads.
async fn pipeline<S>(stream: S, host: &str, headers: &[String], count: u64) -> Vec<Value>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let (mut reader, mut writer) = raw::connect(stream, host, headers).await.expect("upgrades");
    let sending = tokio::spawn(async move {
        for number in 0..count {
            let method = if number % 7 == 6 { "test.other" } else { "test.apply" };
            let id = usize::try_from(number).expect("fits");
            assert!(writer.call(id, method, &format!("[{number}]")).await);
        }
        writer
    });
    let mut answers = Vec::new();
    for _ in 0..count {
        answers.push(reader.json().await);
    }
    drop(sending.await);
    answers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn requests_of_one_connection_are_applied_in_the_order_they_arrived() {
    const COUNT: u64 = 5_000;
    let expected: Vec<u64> = in_order(COUNT).into_iter().filter(|number| number % 7 != 6).collect();
    for seed in 0..4 {
        let (fixture, engine) = fixture(seed).await;
        let bearer = vec![format!("Authorization: Bearer {}", fixture.token())];
        let answers = if seed % 2 == 0 {
            let stream = TcpStream::connect(fixture.address).await.expect("connects");
            pipeline(stream, &fixture.address.to_string(), &bearer, COUNT).await
        } else {
            let stream = UnixStream::connect(fixture.path("rpc.sock")).await.expect("connects");
            pipeline(stream, "localhost", &[], COUNT).await
        };
        assert_eq!(*engine.applied.lock().expect("not poisoned"), expected, "seed {seed}");
        let mut ids: Vec<u64> = answers.iter().filter_map(|answer| answer["id"].as_u64()).collect();
        ids.sort_unstable();
        assert_eq!(ids, in_order(COUNT), "seed {seed}: each is answered once");
        let most = engine.most_running.load(Ordering::SeqCst);
        assert!(most > 1, "seed {seed}: they share flushes");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_batch_is_applied_and_answered_in_its_order() {
    let (fixture, engine) = fixture(9).await;
    let calls: Vec<Value> =
        (0..64).map(|n| json!({"jsonrpc": "2.0", "id": n, "method": "test.apply", "params": [n]})).collect();
    let answer =
        fixture.call(&["Content-Type: application/json"], &serde_json::to_string(&calls).expect("is JSON")).await;
    assert_eq!(status(&answer), 200);
    let body = answer.split("\r\n\r\n").nth(1).expect("has a body");
    let answers: Vec<Value> = serde_json::from_str(body).expect("is JSON");
    let ids: Vec<u64> = answers.iter().filter_map(|answer| answer["id"].as_u64()).collect();
    assert_eq!(ids, in_order(64));
    assert_eq!(*engine.applied.lock().expect("not poisoned"), in_order(64));
    assert!(engine.most_running.load(Ordering::SeqCst) > 1, "they share flushes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_client_that_sends_100_000_requests_and_reads_later_is_slowed_and_not_disordered() {
    const COUNT: u64 = 100_000;
    let (fixture, engine) = fixture(5).await;
    let stream = UnixStream::connect(fixture.path("rpc.sock")).await.expect("connects");
    let (mut reader, mut writer) = raw::connect(stream, "localhost", &[]).await.expect("upgrades");
    for number in 0..COUNT {
        let id = usize::try_from(number).expect("fits");
        assert!(writer.call(id, "test.apply", &format!("[{number}]")).await);
    }
    for _ in 0..COUNT {
        assert!(reader.json().await["result"].is_u64());
    }
    assert_eq!(*engine.applied.lock().expect("not poisoned"), in_order(COUNT));
    let most = engine.most_running.load(Ordering::SeqCst);
    assert!(most <= 256, "{most} were under way at once");
}

#[tokio::test]
async fn what_cannot_be_read_is_answered_with_a_reason_and_the_connection_goes_on() {
    let (fixture, _engine) = fixture(6).await;
    let stream = UnixStream::connect(fixture.path("rpc.sock")).await.expect("connects");
    let (mut reader, mut writer) = raw::connect(stream, "localhost", &[]).await.expect("upgrades");
    let long = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"test.apply","params":["{}"]}}"#, "x".repeat(1 << 20));
    let batch = format!("[{}]", vec![r#"{"jsonrpc":"2.0","id":1,"method":"test.other"}"#; 65].join(","));
    let subscribe = r#"[{"jsonrpc":"2.0","id":1,"method":"test.count","params":[1]}]"#;
    for (text, code, reason) in [
        (long.as_str(), 1, "too_long"),
        ("hello", -32_700, "invalid_request"),
        ("", -32_700, "invalid_request"),
        ("[]", -32_600, "invalid_request"),
        (r#"{"id":3}"#, -32_600, "invalid_request"),
        (r#"{"jsonrpc":"1.0","id":3,"method":"test.other"}"#, -32_600, "invalid_request"),
        (r#"{"jsonrpc":"2.0","id":3,"method":"test.none"}"#, -32_601, "method_not_found"),
        (batch.as_str(), 1, "limit_reached"),
    ] {
        assert!(writer.text(text).await);
        let answer = reader.json().await;
        let shown: String = text.chars().take(60).collect();
        assert_eq!(answer["error"]["code"], code, "{shown}: {answer}");
        assert_eq!(answer["error"]["data"]["reason"], reason, "{shown}: {answer}");
    }
    assert!(writer.text(subscribe).await);
    assert_eq!(reader.json().await[0]["error"]["data"]["reason"], "invalid_request", "not in a batch");
    assert!(writer.text(r#"{"jsonrpc":"2.0","method":"test.apply","params":[1]}"#).await, "a notification");
    assert!(writer.call(7, "test.apply", "[7]").await);
    assert_eq!(
        reader.json().await,
        json!({"jsonrpc": "2.0", "id": 7, "result": 7}),
        "the notification is not answered"
    );
    let huge = "x".repeat((4 << 20) + 1);
    writer.text(&huge).await;
    assert!(matches!(reader.frame().await, raw::Frame::Close(_) | raw::Frame::End));
}
