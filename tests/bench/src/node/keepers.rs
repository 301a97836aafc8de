//! Keepers: what it costs that a message waits at one, beside a message that waits at its author, and what a full one takes by itself.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use covey_api as api;
use covey_api::Call as _;
use covey_node::{
    db,
    engine::{Cx, Input, Live, Me, PeerKey, Policy, Protocol, crowd, handle, rpc},
    paths::Paths,
    store::{DiskOptions, DurableStore, MemoryStore, Reader, Store as _, Tx},
    vault::{Vault, VaultFiles},
};
use covey_pairing::{
    crypto::secret::Secret,
    identity::AccountSecret,
    keeper::{KeeperFrame, KeeperTicket, SlotEntry, SlotId, SlotToken},
};
use jsonrpsee::{core::client::Subscription, ws_client::WsClient};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use serde_bytes::ByteBuf;

use super::{
    daemon::Daemon,
    talk::{self, Talk},
};

/// Messages that wait: less than a keeper takes of a stranger at once, so that no time passes with waiting.
const LETTERS: usize = 1_000;
/// How often: the system counts processor time in hundredths of a second.
const ROUNDS: usize = 3;
/// What they may cost, beside those that wait at their author.
const AT_MOST: f64 = 2.0;

/// Accounts whose mail a full keeper holds, slots of each, parcels in each.
const OWNERS: usize = 64;
const SLOTS: usize = 5;
const PARCELS: u64 = 64;
/// Bytes that it holds in all.
const HELD: u64 = 1 << 30;
/// What it may have in memory when it has nothing to do, and how long it may take to start.
const MEMORY: u64 = 60 << 20;
const START: Duration = Duration::from_secs(2);
/// After this it has nothing to do any more.
const IDLE: Duration = Duration::from_secs(15);

/// Processor time of messages that were written while their recipient was away: first its author hands them over, then a keeper does, after the
/// author was stopped.
pub async fn compare(covey: &Path) {
    let (mut hal, mut ivy) = (Daemon::start(covey, "hal"), Daemon::start(covey, "ivy"));
    let contact = Talk::begin(&hal, &ivy).await.contact().to_owned();

    let mut direct = Duration::ZERO;
    for round in 1..=ROUNDS {
        let began = hal.processor_time();
        ivy.stop();
        let mut told = Told::begin(&hal).await;
        talk::write(&hal, &contact, LETTERS).await;
        ivy.restart();
        let started = ivy.processor_time();
        talk::catch_up(&ivy, round * LETTERS).await;
        told.until("delivered").await;
        direct += (hal.processor_time() - began) + (ivy.processor_time() - started);
        drop(told);
        // As below: a daemon that was just started computes more.
        hal.stop();
        hal.restart();
    }

    let mut jim = Daemon::start(covey, "jim");
    keep(&jim, &ivy, &hal).await;
    let mut kept = Duration::ZERO;
    for round in ROUNDS + 1..=2 * ROUNDS {
        let (began, before) = (hal.processor_time(), jim.processor_time());
        ivy.stop();
        let mut told = Told::begin(&hal).await;
        talk::write(&hal, &contact, LETTERS).await;
        told.until("kept").await;
        drop(told);
        kept += hal.processor_time() - began;
        hal.stop();
        ivy.restart();
        let started = ivy.processor_time();
        talk::catch_up(&ivy, round * LETTERS).await;
        kept += (jim.processor_time() - before) + (ivy.processor_time() - started);
        hal.restart();
        heard(&hal).await;
    }

    let each = |took: Duration| took.as_secs_f64() * 1e6 / (ROUNDS * LETTERS) as f64;
    let ratio = kept.as_secs_f64() / direct.as_secs_f64();
    println!(
        "{:<46} {:>9.0} µs of all processors   directly {:.0} µs: {ratio:.2}x, at most {AT_MOST:.1}x",
        "a message that waits at a keeper",
        each(kept),
        each(direct),
    );
    [&mut jim, &mut ivy, &mut hal].into_iter().for_each(Daemon::stop);
}

/// Until all that a node has written is delivered, as it knows.
async fn heard(daemon: &Daemon) {
    let client = daemon.client().await;
    let newest = api::MessageList { limit: Some(1), ..api::MessageList::default() };
    talk::patiently("the word of what was delivered", async {
        loop {
            let listed = client.call(&newest).await.expect("it answers");
            if listed.iter().all(|message| message.state == api::MessageState::Delivered) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
}

/// What becomes of what a node writes.
struct Told {
    _client: WsClient,
    events: Subscription<api::Event>,
}

impl Told {
    async fn begin(daemon: &Daemon) -> Self {
        let client = daemon.client().await;
        let events = api::subscribe(&client, &api::EventsSubscribe::default()).await.expect("events");
        Self { _client: client, events }
    }

    /// Until all that was written has come so far.
    async fn until(&mut self, state: &str) {
        talk::patiently(state, async {
            let mut missing = LETTERS;
            while missing > 0 {
                let event = self.events.next().await.expect("the daemon runs").expect("an event");
                missing -= usize::from(event.kind == "message.changed" && event.data["state"] == state);
            }
        })
        .await;
    }
}

/// The mail of `owner` is kept from now on, and `contact` knows.
async fn keep(keeper: &Daemon, owner: &Daemon, contact: &Daemon) {
    let client = contact.client().await;
    let mut events = api::subscribe(&client, &api::EventsSubscribe::default()).await.expect("events");
    let ticket = keeper.client().await.call(&api::KeeperServe::default()).await.expect("a ticket").ticket;
    let added = owner.client().await.call(&api::KeeperAdd { ticket, client_id: None }).await.expect("it is added");
    assert_eq!(added.state, api::KeeperState::Keeps);
    talk::patiently("the keeper is known", async {
        loop {
            let contacts = client.call(&api::PairList::default()).await.expect("it answers");
            if contacts.iter().any(|contact| contact.keepers == 1) {
                break;
            }
            // Something happens, or some time passes.
            drop(tokio::time::timeout(Duration::from_millis(200), events.next()).await);
        }
    })
    .await;
}

/// A keeper with as much as it may hold: how long it takes to start, and what it has in memory then.
pub async fn full(covey: &Path) {
    let mut keeper = Daemon::start(covey, "kim");
    keeper.stop();
    fill(&keeper);
    let took = keeper.restart();
    tokio::time::sleep(IDLE).await;
    let memory = keeper.memory();
    println!(
        "{:<46} {took:>9.2?}   {OWNERS} accounts, {} MiB on disk; at most {START:?}",
        "start of a full keeper",
        keeper.disk() >> 20,
    );
    println!("{:<46} {:>9} MiB   at most {} MiB", "a full keeper, idle", memory >> 20, MEMORY >> 20);
    keeper.stop();
}

/// Leaves what contacts would have left, while no daemon has the database, by the engine's own way.
fn fill(keeper: &Daemon) {
    let mut rng = StdRng::seed_from_u64(1);
    let data = keeper.data();
    let paths = Paths::from_process(Some(&data), None).expect("a directory");
    let vault = VaultFiles::new(&data).open(None).expect("a vault");
    let opened = db::open(&db::places(&paths), DiskOptions::default(), &vault, &mut rng).expect("a database");
    let me = Arc::new(Me::load(&Reader::new(&opened.store, &vault)).expect("a sound store").expect("an account"));
    let policy = Policy::default();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis() as u64;
    let mut engine = Engine { store: opened.store, vault, me, live: Live::new(&policy), policy, rng, now };
    let len = usize::try_from(HELD / (OWNERS * SLOTS) as u64 / PARCELS).expect("short");
    for owner in 0..OWNERS {
        let (peer, card) = somebody(owner as u64, now);
        let ticket = engine.run(|cx| rpc::keeper::serve(cx, &api::KeeperServe::default())).expect("a ticket");
        let ticket: KeeperTicket = ticket.ticket.parse().expect("a ticket");
        let mut slots = Vec::new();
        for _ in 0..SLOTS {
            slots.push((SlotId::random(&mut engine.rng), SlotToken::random(&mut engine.rng)));
        }
        let listed = slots.iter().map(|(id, token)| SlotEntry(*id, token.hash(), 1)).collect();
        engine.hear(peer, &KeeperFrame::Hello(Some(ticket.secret), ByteBuf::from(card)));
        engine.hear(peer, &KeeperFrame::Slots(1, listed));
        for (id, token) in slots {
            for _ in 0..PARCELS {
                let mut parcel = vec![0; len];
                engine.rng.fill_bytes(&mut parcel);
                // Nobody leaves more in a second.
                engine.now += 1_000;
                engine.hear(peer, &KeeperFrame::Deposit(id, token.clone(), ByteBuf::from(parcel)));
            }
        }
    }
    let held = engine.run(rpc::keeper::list).expect("it is sound");
    let bytes: u64 = held.iter().map(|one| one.used).sum();
    assert!(held.len() == OWNERS && bytes > HELD / 100 * 99, "{} accounts, {bytes} bytes", held.len());
}

/// The engine of a node whose daemon is stopped.
struct Engine {
    store: DurableStore,
    vault: Vault,
    me: Arc<Me>,
    live: Live,
    policy: Policy,
    rng: StdRng,
    now: u64,
}

impl Engine {
    fn hear(&mut self, peer: PeerKey, frame: &KeeperFrame) {
        let (protocol, frame) = (Protocol::Keeper, frame.encode());
        self.run(|cx| handle(Input::Frame { peer, protocol, source: None, frame }, cx)).expect("a sound store");
    }

    fn run<T, E>(&mut self, run: impl FnOnce(&mut Cx<'_, '_>) -> Result<T, E>) -> Result<T, E> {
        let mut tx = Tx::new(&self.store, &self.vault);
        let value = run(&mut Cx::new(&self.me, &self.policy, &mut self.live, &mut tx, self.now, &mut self.rng))?;
        let batch = tx.into_batch(&mut self.rng).expect("it encodes");
        self.store.apply(batch).expect("room on the disk");
        self.store.flush().expect("room on the disk");
        Ok(value)
    }
}

/// The peer and the card of an account that is nowhere else.
fn somebody(seed: u64, now: u64) -> (PeerKey, Vec<u8>) {
    let mut rng = StdRng::seed_from_u64(1_000 + seed);
    let (mut store, vault, policy) = (MemoryStore::new(), Vault::new(&Secret::random(&mut rng)), Policy::default());
    let mut tx = Tx::new(&store, &vault);
    let me = Me::create(&mut tx, AccountSecret::generate(&mut rng), now, &mut rng).expect("a store");
    store.apply(tx.into_batch(&mut rng).expect("it encodes")).expect("memory");
    let (me, mut live, mut tx) = (Arc::new(me), Live::new(&policy), Tx::new(&store, &vault));
    let card = crowd::card(&mut Cx::new(&me, &policy, &mut live, &mut tx, now, &mut rng)).expect("a card");
    (PeerKey(me.device.keys().network), card)
}
