//! The engine's thread over a store with damage in it.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use covey_api::{ApiError, Reason};
use covey_pairing::crypto::secret::Secret;
use covey_pairing::identity::AccountSecret;
use rand::{make_rng, rngs::StdRng};
use rand_core::{Rng, SeedableRng};
use tokio::sync::mpsc;

use super::{EngineHandle, Network, Worker, spawn};
use crate::engine::{Cx, Effect, Input, Me, Policy};
use crate::store::{Batch, Faults, Key, MemoryStore, Store, Table, Tx};
use crate::vault::Vault;

struct Nowhere;

impl Network for Nowhere {
    fn apply(&mut self, _effect: Effect) {}
}

/// Tells of what is published.
struct Published(mpsc::UnboundedSender<()>);

impl Network for Published {
    fn apply(&mut self, effect: Effect) {
        if matches!(effect, Effect::Publish { .. }) {
            let _ = self.0.send(());
        }
    }
}

/// A worker over a fresh account and whatever `also` puts into the store.
fn worker(faults: Faults, also: impl FnOnce(&mut MemoryStore)) -> Worker<MemoryStore, Nowhere> {
    let mut rng: StdRng = make_rng();
    let vault = Vault::new(&Secret::random(&mut rng));
    let mut store = MemoryStore::default();
    let mut tx = Tx::new(&store, &vault);
    let me = Me::create(&mut tx, AccountSecret::generate(&mut rng), 1, &mut rng).unwrap();
    let batch = tx.into_batch(&mut rng).expect("encodes");
    store.apply(batch).unwrap();
    store.flush().unwrap();
    also(&mut store);
    store.set_faults(faults);
    let policy = Policy::default();
    Worker { store, vault, me: Arc::new(me), policy, network: Nowhere, rng, clock: tokio::runtime::Handle::current() }
}

/// An engine over a fresh account in memory, without a network.
pub(crate) fn engine() -> EngineHandle {
    spawn(worker(Faults::default(), |_| {})).unwrap().0
}

fn key() -> Key {
    Key::table(Table::Consumer).raw("damaged")
}

async fn write(engine: &EngineHandle, name: &'static str) -> Result<(), ApiError> {
    let written = engine.call(move |cx| Ok(cx.tx.put(&Key::table(Table::Consumer).raw(name), &7u64)?));
    written.await
}

async fn read(engine: &EngineHandle, key: Key) -> Result<Option<u64>, ApiError> {
    engine.call(move |cx| Ok(cx.tx.get(&key)?)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_record_fails_who_reads_it_and_nobody_else() {
    let worker = worker(Faults::default(), |store| {
        let mut batch = Batch::new();
        batch.put([&[Table::Consumer.byte()][..], b"damaged"].concat(), vec![1; 80]);
        // The start itself meets this one.
        batch.put([Table::Contact.byte(); 17].to_vec(), vec![1; 80]);
        store.apply(batch).unwrap();
        store.flush().unwrap();
    });
    let (engine, thread) = spawn(worker).unwrap();
    for _ in 0..3 {
        let error = read(&engine, key()).await.unwrap_err();
        assert_eq!(error.reason, Reason::Corrupt);
        assert!(error.message.contains("0x41") && error.message.contains("covey db"), "{error}");
        write(&engine, "whole").await.unwrap();
        assert_eq!(read(&engine, Key::table(Table::Consumer).raw("whole")).await.unwrap(), Some(7));
    }
    let contacts = engine.call(|cx| crate::engine::rpc::pair::list(cx, &covey_api::PairList::default()));
    assert_eq!(contacts.await.unwrap().len(), 0, "the others are listed");
    engine.input(Input::Stop).await.unwrap();
    tokio::task::spawn_blocking(move || thread.join().unwrap()).await.unwrap();
}

/// Two virtual machines that were resumed from one snapshot of memory.
#[tokio::test(flavor = "multi_thread")]
async fn two_copies_of_a_running_node_draw_different_randomness() {
    let mut drawn = Vec::new();
    for _ in 0..2 {
        let mut copy = worker(Faults::default(), |_| {});
        copy.rng = StdRng::seed_from_u64(1);
        let (engine, thread) = spawn(copy).unwrap();
        drawn.push(engine.call(|cx| Ok(cx.rng.next_u64())).await.unwrap());
        engine.input(Input::Stop).await.unwrap();
        tokio::task::spawn_blocking(move || thread.join().unwrap()).await.unwrap();
    }
    assert_ne!(drawn[0], drawn[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_steady_stream_of_inputs_does_not_keep_time_from_passing() {
    let (published, mut heard) = mpsc::unbounded_channel();
    let Worker { store, vault, me, policy, rng, clock, .. } = worker(Faults::default(), |_| {});
    let network = Published(published);
    let (engine, thread) = spawn(Worker { store, vault, me, policy, network, rng, clock }).unwrap();
    // What is due at the start is done although something always comes before the engine has waited for it.
    let end = Instant::now() + Duration::from_secs(20);
    while heard.try_recv().is_err() {
        assert!(Instant::now() < end, "no time has passed");
        read(&engine, Key::table(Table::Consumer).raw("nothing")).await.unwrap();
    }
    engine.input(Input::Stop).await.unwrap();
    tokio::task::spawn_blocking(move || thread.join().unwrap()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flush_that_fails_acknowledges_nothing_and_the_next_one_does() {
    let (engine, thread) = spawn(worker(Faults { fail_flush: Some(4), ..Faults::default() }, |_| {})).unwrap();
    let mut refused = 0;
    for _ in 0..6 {
        refused += usize::from(write(&engine, "name").await.is_err());
    }
    assert_eq!(refused, 1, "the one whose flush failed");
    engine.input(Input::Stop).await.unwrap();
    tokio::task::spawn_blocking(move || thread.join().unwrap()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_command_that_is_refused_nothing_stays_while_those_before_and_after_it_in_one_group_do() {
    let (engine, thread) = spawn(worker(Faults::default(), |_| {})).unwrap();
    let (go, wait) = std::sync::mpsc::channel();
    let name = |name: &'static str| Key::table(Table::Consumer).raw(name);
    let held = engine.call(move |_| wait.recv().map_err(|error| ApiError::invalid_params(error.to_string())));
    let refused = engine.call(move |cx| {
        cx.tx.put(&name("one"), &8u64)?;
        cx.tx.save(&name("two"), &8u64);
        Err::<(), _>(ApiError::invalid_params("no"))
    });
    let after = engine.call(move |cx| Ok((cx.tx.get::<u64>(&name("one"))?, cx.tx.load::<u64>(&name("two"))?)));
    // They are asked in this order, all before the first one may end.
    let (held, before, refused, seen, _) = tokio::join!(held, write(&engine, "one"), refused, after, async {
        tokio::task::yield_now().await;
        go.send(()).unwrap();
    });
    held.unwrap();
    before.unwrap();
    assert_eq!(refused.unwrap_err().message, "no");
    assert_eq!(seen.unwrap(), (Some(7), None));
    assert_eq!(read(&engine, name("one")).await.unwrap(), Some(7));
    assert_eq!(read(&engine, name("two")).await.unwrap(), None);
    engine.input(Input::Stop).await.unwrap();
    tokio::task::spawn_blocking(move || thread.join().unwrap()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_the_node_is_changes_with_a_command_that_is_kept_and_with_no_other() {
    let (engine, thread) = spawn(worker(Faults { fail_flush: Some(4), ..Faults::default() }, |_| {})).unwrap();
    let say = |backed_up: bool| {
        move |cx: &mut Cx<'_, '_>| -> Result<(), ApiError> {
            let me = Me { backed_up, ..Me::clone(&cx.me) };
            cx.become_now(me)?;
            assert_eq!(cx.me.backed_up, backed_up, "at once");
            Ok(())
        }
    };
    // In memory, and as it is stored.
    let is_backed_up = || {
        engine.call(|cx| {
            let stored = Me::load(cx.tx)?.is_some_and(|me| me.backed_up);
            assert_eq!(cx.me.backed_up, stored, "memory is not ahead of the store");
            Ok(stored)
        })
    };
    let refused = move |cx: &mut Cx<'_, '_>| say(true)(cx).and_then(|()| Err::<(), _>(ApiError::invalid_params("no")));
    engine.call(refused).await.expect_err("refused");
    assert!(!is_backed_up().await.unwrap(), "of a command that is refused nothing stays");
    let mut lost = 0;
    for turn in 0..6 {
        let backed_up = turn % 2 == 0;
        match engine.call(say(backed_up)).await {
            Ok(()) => assert_eq!(is_backed_up().await.unwrap(), backed_up),
            Err(_) => lost += usize::from(is_backed_up().await.is_ok()),
        }
    }
    assert_eq!(lost, 1, "the one whose flush failed");
    engine.input(Input::Stop).await.unwrap();
    tokio::task::spawn_blocking(move || thread.join().unwrap()).await.unwrap();
}
