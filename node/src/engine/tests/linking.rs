//! The host's side of a link, with a new machine that a test speaks for; names; revoking.

use covey_api::{
    ApiError, Device, DeviceConfirm, DeviceLink, DeviceRename, DeviceRevoke, DeviceShow, DeviceState, Reason,
};
use covey_pairing::link::{Joiner, JoinerEvent, LINK_LIFETIME_MS, LinkFrame, NetworkTag, NewDevice};
use rand::SeedableRng;
use rand::rngs::StdRng;
use std::sync::Arc;

use super::node::Node;
use super::world::World;
use crate::engine::devices::{joining, notice};
use crate::engine::wire::own_log::LogFrame;
use crate::engine::{Me, PeerKey, Protocol, rpc};
use crate::store::{Store, Tx};

const LAPTOP: usize = 0;
const SERVER: usize = 1;
const BOB: usize = 2;

/// A laptop with an account, and a machine that shows a ticket.
struct Lab {
    world: World,
    joiner: Joiner,
    rng: StdRng,
}

impl Lab {
    fn new(seed: u64) -> Self {
        let mut world = World::new(3, seed);
        world.puppet = Some(SERVER);
        let mut rng = StdRng::seed_from_u64(seed);
        let joiner = Self::joiner(&world, &mut rng);
        Self { world, joiner, rng }
    }

    fn joiner(world: &World, rng: &mut StdRng) -> Joiner {
        let device = world.nodes[SERVER].me.device.clone();
        let new =
            NewDevice { device, name: "server".into(), network: None, addresses: vec!["/ip4/192.0.2.2/tcp/1".into()] };
        Joiner::new(new, world.now, rng)
    }

    fn link(&mut self) -> Result<(), ApiError> {
        link(&mut self.world, &self.joiner.ticket().to_string())?;
        self.world.settle();
        Ok(())
    }

    /// Delivers everything both ways; what the new machine makes of it.
    fn pump(&mut self) -> Vec<JoinerEvent> {
        let mut came = Vec::new();
        loop {
            let heard: Vec<_> = std::mem::take(&mut self.world.heard);
            if heard.is_empty() {
                return came;
            }
            for (protocol, bytes) in heard {
                let Some(frame) = LinkFrame::decode(&bytes).ok().filter(|_| protocol == Protocol::Pair) else {
                    continue;
                };
                let (answer, event) = self.joiner.frame(&frame, self.world.now, &mut self.rng);
                came.push(event);
                if let Some(answer) = answer {
                    self.world.say(LAPTOP, Protocol::Pair, answer);
                }
            }
        }
    }

    fn digits(&mut self) -> String {
        self.world.call(LAPTOP, rpc::device::linking).unwrap().unwrap().digits
    }

    fn confirm(&mut self, digits: &str) -> Result<String, ApiError> {
        let params = DeviceConfirm { digits: digits.into(), client_id: None };
        let confirmed = self.world.call(LAPTOP, |cx| rpc::device::confirm(cx, &params))?;
        self.world.settle();
        confirmed
    }

    /// The new machine takes the account over and starts.
    fn take_over(&mut self, came: Vec<JoinerEvent>) {
        let given = came.into_iter().find_map(|event| match event {
            JoinerEvent::HandedOver(given) => Some(given),
            _ => None,
        });
        let done = self.joiner.done(&mut self.rng).unwrap();
        self.world.say(LAPTOP, Protocol::Pair, done);
        let (device, now) = (self.joiner.device().clone(), self.world.now);
        let fresh = Node::new(77, self.world.nodes[SERVER].policy.clone());
        self.world.stop(SERVER);
        self.world.nodes[SERVER] = fresh;
        let node = &mut self.world.nodes[SERVER];
        let mut tx = Tx::new(&node.store, &node.vault);
        let me = joining::adopt(&mut tx, &device, *given.expect("the account"), now).unwrap();
        let batch = tx.into_batch(&mut node.rng).unwrap();
        node.store.apply(batch).unwrap();
        node.me = Arc::new(me);
        self.world.puppet = None;
        self.world.restart(SERVER);
        self.world.settle();
    }
}

fn link(world: &mut World, ticket: &str) -> Result<(), ApiError> {
    let params = DeviceLink { ticket: ticket.into(), ..DeviceLink::default() };
    world.call(LAPTOP, |cx| rpc::device::link(cx, &params, None))
}

fn refused(world: &mut World, ticket: &str) -> Reason {
    link(world, ticket).unwrap_err().reason
}

fn list(world: &mut World, node: usize) -> Vec<Device> {
    world.call(node, rpc::device::list).unwrap()
}

fn names(world: &mut World, node: usize) -> Vec<(String, DeviceState)> {
    list(world, node).into_iter().map(|device| (device.name, device.state)).collect()
}

fn revoke(world: &mut World, node: usize, device: &str) -> Result<Device, ApiError> {
    let params = DeviceRevoke { device: device.into(), client_id: None };
    world.call(node, |cx| rpc::device::revoke(cx, &params))
}

#[test]
fn a_new_machine_is_linked_by_its_ticket_and_the_digits_it_shows() {
    let mut lab = Lab::new(1);
    lab.world.pair(LAPTOP, BOB);
    lab.link().unwrap();
    let came = lab.pump();
    assert_eq!(lab.joiner.digits().unwrap().to_string(), lab.digits());
    assert!(!came.contains(&JoinerEvent::Confirmed));
    assert_eq!(list(&mut lab.world, LAPTOP).len(), 1, "nobody is added before the digits were typed");
    let digits = lab.digits();
    let id = lab.confirm(&digits).unwrap();
    let came = lab.pump();
    let rename = DeviceRename { device: "this".into(), name: "laptop".into(), client_id: None };
    lab.world.call(LAPTOP, |cx| rpc::device::rename(cx, &rename)).unwrap();
    lab.take_over(came);
    let shown = lab.world.call(LAPTOP, |cx| rpc::device::linked(cx, &id)).unwrap().unwrap();
    assert!(shown.seen.is_some() && shown.name == "server");
    let both = [("laptop", DeviceState::Active), ("server", DeviceState::Active)].map(|(n, s)| (n.to_owned(), s));
    assert_eq!(names(&mut lab.world, LAPTOP), both);
    assert_eq!(list(&mut lab.world, SERVER).len(), 2);
    lab.world.pass(120_000, 30_000);
    assert!(lab.world.is_open(LAPTOP, SERVER) && lab.world.is_open(SERVER, LAPTOP), "they know where the other is");
    assert!(!lab.world.nodes[SERVER].me.account.is_holder());
    for node in [LAPTOP, SERVER] {
        assert!(lab.world.verify(node).ok, "{:?}", lab.world.verify(node));
    }
}

/// [LINK-7]
#[test]
fn wrong_digits_are_counted_although_the_call_is_refused() {
    let mut lab = Lab::new(2);
    lab.link().unwrap();
    lab.pump();
    let right = lab.digits();
    let wrong = if right == "000000" { "000001" } else { "000000" };
    assert_eq!(lab.confirm(wrong).unwrap_err().reason, Reason::WrongDigits);
    assert_eq!(lab.confirm("12345").unwrap_err().reason, Reason::InvalidParams);
    lab.world.restart(LAPTOP);
    lab.world.settle();
    assert_eq!(lab.confirm(wrong).unwrap_err().data["left"], 1);
    assert_eq!(lab.confirm(wrong).unwrap_err().reason, Reason::LinkEnded);
    assert_eq!(lab.confirm(&right).unwrap_err().reason, Reason::LinkEnded);
    assert!(matches!(lab.pump().last(), Some(JoinerEvent::Ended(_))));
    assert_eq!(refused(&mut lab.world, &lab.joiner.ticket().to_string()), Reason::LinkEnded);
    assert_eq!(list(&mut lab.world, LAPTOP).len(), 1);
}

/// [LINK-10]
#[test]
fn a_link_goes_on_when_the_host_was_killed_and_frames_were_lost() {
    let mut lab = Lab::new(3);
    lab.link().unwrap();
    lab.world.heard.clear();
    lab.world.restart(LAPTOP);
    lab.world.pass(9_000, 3_000);
    lab.pump();
    let digits = lab.digits();
    lab.world.restart(LAPTOP);
    lab.world.settle();
    let id = lab.confirm(&digits).unwrap();
    let came = lab.pump();
    assert!(came.iter().any(|event| matches!(event, JoinerEvent::HandedOver(_))));
    // It is lost there; the host was killed, and gives it again.
    lab.world.restart(LAPTOP);
    lab.world.pass(6_000, 3_000);
    let came = lab.pump();
    assert_eq!(lab.world.call(LAPTOP, |cx| rpc::device::linked(cx, &id)).unwrap(), None);
    assert_eq!(list(&mut lab.world, LAPTOP)[1].seen, None, "it was added and never came");
    lab.take_over(came);
    assert!(lab.world.call(LAPTOP, |cx| rpc::device::linked(cx, &id)).unwrap().is_some());
}

/// [LINK-6]
#[test]
fn what_is_not_a_usable_link_is_refused_each_in_its_words() {
    let mut lab = Lab::new(4);
    let ticket = lab.joiner.ticket().to_string();
    let world = &mut lab.world;
    assert_eq!(refused(world, "covey:abc"), Reason::BadLink);
    assert_eq!(refused(world, &ticket[..ticket.len() - 5]), Reason::BadLink);
    let mut own = lab.joiner.ticket().clone();
    own.device = world.nodes[LAPTOP].me.device.keys();
    assert_eq!(refused(world, &own.to_string()), Reason::OwnDevice);
    let mut foreign = lab.joiner.ticket().clone();
    foreign.network = Some(NetworkTag::of(&[9; 32]));
    assert_eq!(refused(world, &foreign.to_string()), Reason::BadLink);
    world.pair(LAPTOP, BOB);
    let mut bobs = lab.joiner.ticket().clone();
    bobs.device.network = lab.world.nodes[BOB].me.device.keys().network;
    let world = &mut lab.world;
    assert_eq!(refused(world, &bobs.to_string()), Reason::BadLink);
    world.now += LINK_LIFETIME_MS;
    assert_eq!(refused(world, &ticket), Reason::LinkEnded);
}

#[test]
fn a_ninth_device_is_refused_before_anything_is_sent() {
    let mut world = World::new(9, 5);
    for node in 1..8 {
        world.link(LAPTOP, node);
    }
    let mut rng = StdRng::seed_from_u64(5);
    let device = world.nodes[8].me.device.clone();
    let new = NewDevice { device, name: "ninth".into(), network: None, addresses: Vec::new() };
    let joiner = Joiner::new(new, world.now, &mut rng);
    assert_eq!(refused(&mut world, &joiner.ticket().to_string()), Reason::LimitReached);
    assert_eq!(list(&mut world, LAPTOP).len(), 8);
}

/// [KEYLOG-16]
#[test]
fn a_plain_device_neither_links_nor_revokes() {
    let mut lab = Lab::new(6);
    let me = Arc::clone(&lab.world.nodes[LAPTOP].me);
    let plain = Me { account: me.account.plain(), ..Me::clone(&me) };
    lab.world.call(LAPTOP, |cx| Ok(cx.become_now(plain)?)).unwrap();
    assert_eq!(lab.link().unwrap_err().reason, Reason::NotHolder);
    let mut world = World::new(2, 6);
    world.link(LAPTOP, SERVER);
    let me = Arc::clone(&world.nodes[SERVER].me);
    let plain = Me { account: me.account.plain(), ..Me::clone(&me) };
    world.call(SERVER, |cx| Ok(cx.become_now(plain)?)).unwrap();
    assert_eq!(revoke(&mut world, SERVER, "device 1").unwrap_err().reason, Reason::NotHolder);
}

/// [OWNLOG-1] [OWNLOG-3]
#[test]
fn a_revoked_device_is_told_at_once_or_when_it_comes_back_and_ends() {
    for away in [false, true] {
        let mut world = World::new(3, 7);
        world.link(LAPTOP, SERVER);
        world.pass(120_000, 30_000);
        let digits = world.nodes[SERVER].me.device_id();
        if away {
            world.stop(SERVER);
        }
        let ended = revoke(&mut world, LAPTOP, "device 2").unwrap();
        assert_eq!((ended.state, ended.device), (DeviceState::Revoked, digits.to_string()));
        world.settle();
        if away {
            assert!(world.nodes[SERVER].me.key_log.is_active(&digits), "it has not heard of it");
            world.restart(SERVER);
            world.settle();
            world.pass(60_000, 30_000);
        }
        assert!(!world.nodes[SERVER].up, "away: {away}");
        assert!(!world.nodes[SERVER].me.key_log.is_active(&digits));
        assert_eq!(revoke(&mut world, LAPTOP, "device 2").unwrap_err().reason, Reason::DeviceRevoked);
        assert!(world.verify(LAPTOP).ok, "{:?}", world.verify(LAPTOP));
    }
}

/// [OWNLOG-2] [OWNLOG-3]
#[test]
fn strangers_and_forged_logs_end_no_device() {
    let mut world = World::new(3, 8);
    world.link(LAPTOP, SERVER);
    let me = Arc::clone(&world.nodes[LAPTOP].me);
    let server = world.nodes[SERVER].me.device_id();
    let revoked = me.key_log.revoke_device(&me.account, server, Vec::new(), 9).unwrap();
    let peer = |world: &World, node: usize| world.nodes[node].peer();
    let shown = |world: &mut World, from: PeerKey, ops: Vec<_>| {
        world.look(SERVER, |cx| {
            notice::frame(cx, from, LogFrame::Log(ops)).unwrap();
            (cx.me.key_log.is_active(&server), cx.effects.len())
        })
    };
    let (laptop, bob) = (peer(&world, LAPTOP), peer(&world, BOB));
    assert_eq!(shown(&mut world, bob, revoked.ops().to_vec()), (true, 0), "of a stranger");
    let mut forged = revoked.ops().to_vec();
    forged.swap(1, 2);
    assert_eq!(shown(&mut world, laptop, forged), (true, 0), "a log that is none");
    let other = Arc::clone(&world.nodes[BOB].me);
    assert_eq!(shown(&mut world, laptop, other.key_log.ops().to_vec()), (true, 0), "of another account");
    let asked = world.look(SERVER, |cx| {
        notice::frame(cx, bob, LogFrame::Head([0; 32])).unwrap();
        cx.effects.len()
    });
    assert_eq!(asked, 0, "a stranger is not answered");
    assert!(!shown(&mut world, laptop, revoked.ops().to_vec()).0);
}

#[test]
fn a_device_does_not_revoke_itself_and_names_are_of_one_device() {
    let mut world = World::new(3, 9);
    world.link(LAPTOP, SERVER);
    assert_eq!(revoke(&mut world, LAPTOP, "this").unwrap_err().reason, Reason::OwnDevice);
    assert_eq!(revoke(&mut world, LAPTOP, "phone").unwrap_err().reason, Reason::NoSuchDevice);
    let rename = |world: &mut World, device: &str, name: &str| {
        let params = DeviceRename { device: device.into(), name: name.into(), client_id: None };
        world.call(LAPTOP, |cx| rpc::device::rename(cx, &params))
    };
    assert_eq!(rename(&mut world, "device 2", "server").unwrap().name, "server");
    assert_eq!(rename(&mut world, "this", "Server").unwrap_err().reason, Reason::AliasTaken);
    assert_eq!(rename(&mut world, "this", " ").unwrap_err().reason, Reason::InvalidParams);
    let id = list(&mut world, LAPTOP)[1].device.clone();
    for text in ["SERVER", &id, &id[..14]] {
        let params = DeviceShow { device: text.into() };
        assert_eq!(world.call(LAPTOP, |cx| rpc::device::show(cx, &params)).unwrap().name, "server");
    }
    // What was said of it is there after a restart, and as long as it is away.
    world.stop(SERVER);
    world.restart(LAPTOP);
    world.pass(91 * 24 * 3_600_000, 7 * 24 * 3_600_000);
    assert_eq!(names(&mut world, LAPTOP)[1], ("server".to_owned(), DeviceState::Dormant));
}

/// [DEVICE-5]
#[test]
fn a_revocation_ends_the_feeds_of_a_device_where_they_are_known_to_end() {
    let mut world = World::new(3, 10);
    world.link(LAPTOP, SERVER);
    world.pair(LAPTOP, BOB);
    revoke(&mut world, LAPTOP, "device 2").unwrap();
    let server = world.nodes[SERVER].me.device_id();
    let end = world.nodes[LAPTOP].me.key_log.revocation(&server).unwrap().clone();
    let known = world.look(LAPTOP, |cx| {
        let mut known = Vec::new();
        for channel in crate::engine::records::channels::all(cx.tx).unwrap() {
            for feed in crate::engine::records::feeds::all(cx.tx, channel.no).unwrap() {
                let head = feed.head.filter(|_| feed.key.author.as_bytes() == server.as_bytes());
                known.extend(head.map(|head| (*channel.id.as_bytes(), feed.key.incarnation, head.seq)));
            }
        }
        known
    });
    let listed: Vec<_> = end.cutoffs.iter().map(|cut| (cut.channel, cut.incarnation, cut.seq)).collect();
    assert_eq!(listed, known);
}
