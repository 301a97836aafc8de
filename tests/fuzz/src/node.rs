//! A whole engine under a stranger and under a hostile contact.

use std::sync::{Arc, OnceLock};

use covey_api as api;
use covey_node::{
    engine::{Cx, Effect, Input, Live, Me, PeerKey, Policy, Protocol, fuzzing, handle, rpc},
    store::{MemoryStore, Store, Tx},
    vault::Vault,
};
use covey_pairing::{crypto::secret::Secret, identity::AccountSecret, parcel};
use rand::{SeedableRng, rngs::StdRng};
use serde_bytes::ByteBuf;

use super::pairing::{NOW, sign_card};

/// Associated data of what two devices tell each other inside their session.
pub const CONTROL_AAD: &[u8] = b"covey control v1\0";

/// An engine and what it stands on. Every input is tried in a transaction that is thrown away.
struct Node {
    me: Arc<Me>,
    policy: Policy,
    store: MemoryStore,
    vault: Vault,
}

impl Node {
    fn new(seed: u8) -> Self {
        let mut rng = StdRng::seed_from_u64(seed.into());
        let vault = Vault::new(&Secret::new([seed; 32]));
        let mut store = MemoryStore::default();
        let mut tx = Tx::new(&store, &vault);
        let account = AccountSecret::from_seed([seed; 32]);
        let me = Me::create(&mut tx, account, NOW, &mut rng).expect("an empty store");
        let batch = tx.into_batch(&mut rng).expect("encodes");
        store.apply(batch).expect("memory");
        let mut policy = Policy { work_bits: 0, ..Policy::default() };
        policy.strangers.work_bits = 0;
        policy.strangers.per_source_per_hour = 1_000;
        Self { me: Arc::new(me), policy, store, vault }
    }

    fn peer(&self) -> PeerKey {
        PeerKey(self.me.device.keys().network)
    }

    /// Runs `run` in a transaction; gives its value, its effects and what it would write.
    fn tried<T>(
        &self,
        live: &mut Live,
        run: impl FnOnce(&mut Cx<'_, '_>) -> T,
    ) -> (T, Vec<Effect>, Option<MemoryStore>) {
        let mut rng = StdRng::seed_from_u64(11);
        let mut tx = Tx::new(&self.store, &self.vault);
        let mut cx = Cx::new(&self.me, &self.policy, live, &mut tx, NOW + 1_000, &mut rng);
        let value = run(&mut cx);
        covey_node::engine::settle(&mut cx).expect("a sound store");
        let effects = std::mem::take(&mut cx.effects);
        if tx.is_unchanged() {
            return (value, effects, None);
        }
        let batch = tx.into_batch(&mut rng).expect("encodes");
        let mut after = self.store.clone();
        after.apply(batch).expect("memory");
        after.flush().expect("memory");
        (value, effects, Some(after))
    }

    /// The same, and keeps what was written.
    fn kept<T>(&mut self, live: &mut Live, run: impl FnOnce(&mut Cx<'_, '_>) -> T) -> (T, Vec<Effect>) {
        let (value, effects, after) = self.tried(live, run);
        if let Some(after) = after {
            self.store = after;
        }
        (value, effects)
    }

    /// Memory right after the start, with an open stream to `peer`.
    fn live(&self, peer: Option<PeerKey>) -> Live {
        let mut live = Live::new(&self.policy);
        let inputs = peer.map(|peer| [Input::Connected { peer }, Input::Opened { peer }]).into_iter().flatten();
        self.tried(&mut live, |cx| {
            handle(Input::Start, cx).expect("a sound store");
            inputs.into_iter().for_each(|input| handle(input, cx).expect("a sound store"));
        });
        live
    }
}

/// Two nodes that are paired, and the frames that made them so.
pub struct Pair {
    alice: Node,
    bob: Node,
    pub frames: Vec<(Protocol, Vec<u8>)>,
}

/// The pair of every target here. Bob is the hostile one.
pub fn pair_of_nodes() -> &'static Pair {
    static PAIR: OnceLock<Pair> = OnceLock::new();
    PAIR.get_or_init(Pair::new)
}

impl Pair {
    fn new() -> Self {
        let mut pair = Self { alice: Node::new(1), bob: Node::new(2), frames: Vec::new() };
        let mut lives = [pair.alice.live(None), pair.bob.live(None)];
        let peers = [pair.alice.peer(), pair.bob.peer()];
        let mut flights: Vec<(usize, Input)> = Vec::new();
        let addresses = vec!["/ip4/192.0.2.1/tcp/4001".to_owned()];
        for to in [0, 1] {
            flights.push((to, Input::Addresses(addresses.clone())));
            flights.push((to, Input::Connected { peer: peers[1 - to] }));
        }
        pair.settle(&mut lives, &mut flights);
        let ticket = pair.bob.kept(&mut lives[1], |cx| rpc::account::ticket(cx, &api::AccountTicket::default())).0;
        let to = ticket.expect("a ticket").ticket;
        let (_, effects) = pair.alice.kept(&mut lives[0], |cx| {
            let params = api::PairInvite { to, note: Some("it is me".into()), ..api::PairInvite::default() };
            rpc::pair::invite(cx, params).expect("may invite")
        });
        pair.carry(0, effects, &mut flights);
        pair.settle(&mut lives, &mut flights);
        let contact = pair.alice.me.account_id().to_string();
        let (_, effects) = pair.bob.kept(&mut lives[1], |cx| {
            rpc::pair::accept(cx, &api::PairAccept { contact, ..api::PairAccept::default() }).expect("may accept")
        });
        pair.carry(1, effects, &mut flights);
        pair.settle(&mut lives, &mut flights);
        for node in [0, 1] {
            flights.push((node, Input::Opened { peer: peers[1 - node] }));
        }
        pair.settle(&mut lives, &mut flights);
        for node in [0, 1] {
            let (from, to) = if node == 0 { (&mut pair.alice, 2) } else { (&mut pair.bob, 1) };
            let to = AccountSecret::from_seed([to; 32]).id().to_string();
            let params = api::MessageSend { to, text: "hello".into(), ..api::MessageSend::default() };
            let (sent, effects) = from.kept(&mut lives[node], |cx| rpc::message::send(cx, params));
            sent.expect("they are paired");
            pair.carry(node, effects, &mut flights);
            pair.settle(&mut lives, &mut flights);
        }
        pair
    }

    fn carry(&mut self, from: usize, effects: Vec<Effect>, flights: &mut Vec<(usize, Input)>) {
        for effect in effects {
            if let Effect::Send { protocol, frame, .. } = effect {
                self.frames.push((protocol, frame.clone()));
                let peer = if from == 0 { self.alice.peer() } else { self.bob.peer() };
                flights.push((1 - from, Input::Frame { peer, protocol, source: None, frame }));
            }
        }
    }

    fn settle(&mut self, lives: &mut [Live; 2], flights: &mut Vec<(usize, Input)>) {
        while !flights.is_empty() {
            let (to, input) = flights.remove(0);
            let node = if to == 0 { &mut self.alice } else { &mut self.bob };
            let (handled, effects) = node.kept(&mut lives[to], |cx| handle(input, cx));
            handled.expect("a sound store");
            self.carry(to, effects, flights);
        }
    }

    /// What alice does with an input: never an error, never more than a bounded answer. Then clients look at it.
    fn takes(&self, input: Input, connected: bool) -> bool {
        let mut live = self.alice.live(connected.then(|| self.bob.peer()));
        let (handled, effects, after) = self.alice.tried(&mut live, |cx| handle(input, cx));
        handled.expect("hostile input is dealt with inside");
        assert!(effects.len() < 1_000, "one input causes endless work");
        let Some(store) = after else { return false };
        let mine = &self.alice;
        let then = Node {
            me: Arc::clone(&mine.me),
            policy: mine.policy.clone(),
            store,
            vault: Vault::new(&Secret::new([1; 32])),
        };
        then.tried(&mut live, |cx| {
            let all = api::MessageList { limit: Some(1_000), ..api::MessageList::default() };
            rpc::message::list(cx, &all).expect("messages can be shown");
            rpc::pair::list(cx, &api::PairList::default()).expect("contacts can be shown");
            handle(Input::Tick, cx).expect("time passes");
            handle(Input::Start, cx).expect("it starts again");
        });
        true
    }

    /// Bob's own card.
    pub fn card(&self) -> Vec<u8> {
        let mut live = Live::new(&self.bob.policy);
        self.bob.tried(&mut live, fuzzing::own_card).0.expect("a sound store")
    }

    /// The devices of alice and bob.
    pub fn devices(&self) -> [covey_pairing::ids::DeviceId; 2] {
        [self.alice.me.device_id(), self.bob.me.device_id()]
    }

    /// The feed that bob writes.
    pub fn feed(&self) -> covey_feed::FeedId {
        let to = self.alice.me.account_id();
        let mut live = Live::new(&self.bob.policy);
        let (made, _, _) = self.bob.tried(&mut live, |cx| fuzzing::entry(cx, &to, fuzzing::Content::Payload(b"x")));
        made.ok().flatten().expect("they are paired").0
    }

    /// A frame that bob sends to alice.
    fn sends(&self, protocol: Protocol, frame: Vec<u8>) -> bool {
        self.takes(Input::Frame { peer: self.bob.peer(), protocol, source: None, frame }, true)
    }

    /// The frame that pushes an entry of bob's to alice.
    pub fn pushed(&self, content: fuzzing::Content<'_>) -> Option<Vec<u8>> {
        let to = self.alice.me.account_id();
        let mut live = Live::new(&self.bob.policy);
        let (made, _, _) = self.bob.tried(&mut live, |cx| fuzzing::entry(cx, &to, content));
        let (feed, run) = made.ok()??;
        let frame = (1u8, 3u8, ((feed.channel, feed.author, feed.incarnation), run));
        Some(covey_codec::encode(&frame).expect("plain data"))
    }

    fn writes(&self, content: fuzzing::Content<'_>) -> bool {
        let Some(frame) = self.pushed(content) else { return false };
        assert!(self.sends(Protocol::Sync, frame), "a valid entry is kept, whatever is in it");
        true
    }

    fn parcels(&self, content: &[u8]) -> bool {
        let device = self.alice.me.device.keys();
        let prologue = [b"covey parcel v1\0".as_slice(), device.id.as_bytes()].concat();
        let mut rng = StdRng::seed_from_u64(3);
        let Ok(sealed) = parcel::seal(self.bob.me.device.dh(), &device.dh, None, &prologue, content, &mut rng) else {
            return false;
        };
        let frame = (1u8, Tagged::<ByteBuf>::Parcel(1, ByteBuf::from(sealed)));
        self.sends(Protocol::Parcel, covey_codec::encode(&frame).expect("plain data"))
    }
}

#[derive(serde::Serialize)]
enum Tagged<T> {
    #[serde(rename = "p")]
    Parcel(u64, ByteBuf),
    #[serde(rename = "s")]
    Session(T),
}

/// A frame of the consent handshake. First byte: 0 from a stranger, else from a contact's device.
pub fn pair(bytes: &[u8]) -> bool {
    let Some((mode, frame)) = bytes.split_first() else { return false };
    let pair = pair_of_nodes();
    let peer = if mode & 1 == 0 { PeerKey([7; 32]) } else { pair.bob.peer() };
    let source = Some([192, 0, 2, 9].into());
    pair.takes(Input::Frame { peer, protocol: Protocol::Pair, source, frame: frame.to_vec() }, mode & 1 == 1)
}

/// A frame of the sync stream of a contact, and of a stranger that got through the gate.
pub fn sync(bytes: &[u8]) -> bool {
    let pair = pair_of_nodes();
    let peer = PeerKey([7; 32]);
    for protocol in [Protocol::Sync, Protocol::Parcel] {
        let nothing = pair.takes(Input::Frame { peer, protocol, source: None, frame: bytes.to_vec() }, false);
        assert!(!nothing, "a stranger changes nothing");
    }
    pair.sends(Protocol::Sync, bytes.to_vec())
}

/// The payload of a contact's entry.
pub fn payload(bytes: &[u8]) -> bool {
    pair_of_nodes().writes(fuzzing::Content::Payload(bytes))
}

/// The body of a contact's entry.
pub fn body(bytes: &[u8]) -> bool {
    pair_of_nodes().writes(fuzzing::Content::Body(bytes))
}

/// A parcel of a contact. First byte: 0 the frame, else the content, which is sealed first.
pub fn parcel(bytes: &[u8]) -> bool {
    let Some((mode, bytes)) = bytes.split_first() else { return false };
    let pair = pair_of_nodes();
    if mode & 1 == 0 { pair.sends(Protocol::Parcel, bytes.to_vec()) } else { pair.parcels(bytes) }
}

/// What a contact's device says inside its session.
pub fn control(bytes: &[u8]) -> bool {
    let pair = pair_of_nodes();
    let to = pair.alice.me.account_id();
    let mut live = Live::new(&pair.bob.policy);
    let (sealed, _, _) = pair.bob.tried(&mut live, |cx| fuzzing::envelope(cx, &to, bytes, CONTROL_AAD));
    let Ok(Some(envelope)) = sealed else { return false };
    let content = covey_codec::encode(&(1u8, Tagged::Session(ByteBuf::from(envelope)))).expect("plain data");
    assert!(pair.parcels(&content), "the session moved on");
    true
}

/// What another device of one's own account puts into a chunk of history; it may be stolen.
pub fn transfer(bytes: &[u8]) -> bool {
    let pair = pair_of_nodes();
    let contact = pair.bob.me.account_id();
    let mut live = pair.alice.live(None);
    let (counts, _, _) = pair.alice.tried(&mut live, |cx| fuzzing::history(cx, &contact, bytes));
    counts.expect("a sound store")
}

/// A card that was looked up. First byte: 0 as it comes, else its content is signed first.
pub fn card(bytes: &[u8]) -> bool {
    let Some((mode, bytes)) = bytes.split_first() else { return false };
    let pair = pair_of_nodes();
    let card = if mode & 1 == 0 { bytes.to_vec() } else { sign_card(&pair.bob.me.device, bytes) };
    let account = pair.bob.me.account_id();
    pair.takes(Input::Found { account, cards: vec![card] }, true)
}
