//! Post-quantum steps between whole engines, sessions of before there were any, and the hybrid seal of parcels.

use covey_api::ContactState;
use covey_pairing::identity::{self, CardContent, CardDevice, DeviceSecret, KeyLog};
use covey_pairing::session::{DeviceSessions, limits};

use super::world::World;
use crate::engine::contacts::cards;
use crate::engine::outbound::control;
use crate::engine::records::devices;
use crate::engine::records::sessions::Scope;
use crate::engine::{Protocol, tables};

const DAY: u64 = 24 * 3_600_000;

fn sessions(world: &mut World, who: usize, of: usize) -> DeviceSessions {
    let device = world.nodes[of].me.device_id();
    world.look(who, |cx| cx.tx.get(&tables::session(&device)).unwrap().unwrap())
}

fn epochs(world: &mut World) -> [u64; 2] {
    [sessions(world, 0, 1).epoch(), sessions(world, 1, 0).epoch()]
}

#[test]
fn a_conversation_makes_steps_and_loses_nothing() {
    let mut world = World::new(2, 901);
    world.pair(0, 1);
    for n in 0..140 {
        world.write(n % 2, 1 - n % 2, &format!("{n}")).unwrap();
        if n % 3 == 0 {
            world.settle();
        }
        if n % 40 == 20 {
            world.restart(n % 2);
            world.settle();
        }
    }
    world.pass(120_000, 5_000);
    assert_eq!(world.texts(0, 1).len(), 140);
    assert_eq!(world.texts(0, 1), world.texts(1, 0));
    let [a, b] = epochs(&mut world);
    assert!(a > 0 && a.abs_diff(b) <= 1, "{a} {b}");
}

/// The state as it was before sessions had post-quantum steps: version 1, and the last field of the ratchet is missing. (Nothing
/// but its numbers stand in it in the first epoch.)
fn of_suite_1(sessions: &DeviceSessions) -> DeviceSessions {
    let mut bytes = covey_codec::encode(sessions).unwrap();
    let find = |bytes: &[u8], what: &[u8]| bytes.windows(what.len()).position(|window| window == what).unwrap();
    let steps = find(&bytes, b"\x61q\xa3\x61e\x00\x61n");
    let at = steps + find(&bytes[steps..], b"\x61w\x1b");
    bytes.drain(steps..at + 3 + 8);
    let ratchet = find(&bytes, b"\x61r\xa6\x61r");
    bytes[ratchet + 2] = 0xa5;
    assert_eq!(bytes[1..4], [0x61, b'v', 2]);
    bytes[3] = 1;
    covey_codec::decode(&bytes, limits::MAX_SESSIONS_BYTES).unwrap()
}

#[test]
fn sessions_of_suite_1_settle_by_a_new_handshake_and_no_message_is_lost() {
    for (seed, apart) in [(902, false), (903, true)] {
        let mut world = World::new(2, seed);
        world.pair(0, 1);
        for n in 0..4 {
            world.write(n % 2, 1 - n % 2, &format!("before {n}")).unwrap();
            world.settle();
        }
        let ids = [sessions(&mut world, 0, 1).active_id(), sessions(&mut world, 1, 0).active_id()];
        for (who, of) in [(0, 1), (1, 0)] {
            let older = of_suite_1(&sessions(&mut world, who, of));
            assert!(older.is_outdated());
            let key = tables::session(&world.nodes[of].me.device_id());
            world.call(who, |cx| Ok(cx.tx.put(&key, &older)?)).unwrap();
            world.restart(who);
        }
        world.settle();
        // Both write before they hear of each other, or in turn.
        if apart {
            world.disconnect(0, 1);
            world.settle();
        }
        for n in 0..6 {
            world.write(n % 2, 1 - n % 2, &format!("after {n}")).unwrap();
            if !apart {
                world.settle();
            }
        }
        world.connect(0, 1);
        world.pass(180_000, 5_000);
        world.write(0, 1, "settled").unwrap();
        world.settle();
        world.write(1, 0, "settled").unwrap();
        world.pass(60_000, 5_000);
        assert_eq!(world.texts(0, 1).len(), 12, "{:?}", world.texts(0, 1));
        assert_eq!(world.texts(0, 1), world.texts(1, 0));
        let [ours, theirs] = [sessions(&mut world, 0, 1), sessions(&mut world, 1, 0)];
        assert!(!ours.is_outdated() && !theirs.is_outdated());
        assert_eq!(ours.active_id(), theirs.active_id());
        assert!(!ids.contains(&ours.active_id()));
    }
}

/// The next card of a node, with this list of devices.
fn next_card(world: &mut World, node: usize, seen_by: usize, log: &KeyLog) -> Vec<u8> {
    let (account, device) = (world.nodes[node].account(), world.nodes[node].me.device.clone());
    let now = world.now;
    let known = world.look(seen_by, |cx| devices::card(cx.tx, &account).unwrap().unwrap());
    let listed = &known.devices[0];
    let content = CardContent {
        sequence: known.sequence + 1,
        issued_at: now,
        expires_at: now + 1_000_000_000,
        name: "alice".into(),
        log: log.clone(),
        devices: vec![CardDevice {
            device: device.id(),
            addresses: listed.addresses.clone(),
            prekeys: listed.bundle.clone(),
            seq: 0,
        }],
        custodians: Vec::new(),
        kem: None,
    };
    identity::sign(&content, &device).unwrap()
}

/// [CTRL-8]
#[test]
fn the_session_with_a_contact_heals_at_once_when_a_device_of_theirs_is_revoked() {
    let mut world = World::new(2, 904);
    world.pair(0, 1);
    for n in 0..4 {
        world.write(n % 2, 1 - n % 2, "hello").unwrap();
        world.settle();
    }
    assert_eq!(epochs(&mut world), [0, 0]);
    let account = world.nodes[0].me.account.clone();
    let phone = DeviceSecret::from_seed([68; 32]);
    let with_phone = world.nodes[0].me.key_log.add_device(&account, &phone, 5).unwrap();
    let without = with_phone.revoke_device(&account, phone.id(), Vec::new(), 6).unwrap();
    let id = account.id();
    let learn = |world: &mut World, log: &KeyLog| {
        let card = next_card(world, 0, 1, log);
        world.call(1, |cx| Ok(cards::learn(cx, &id, &card)?)).unwrap();
        world.settle();
        world.pass(5_000, 500);
    };
    learn(&mut world, &with_phone);
    assert_eq!(epochs(&mut world), [0, 0], "another device is no reason");
    learn(&mut world, &without);
    assert_eq!(epochs(&mut world), [1, 1], "without a word said");
    world.write(0, 1, "and it goes on").unwrap();
    world.settle();
    assert_eq!(world.texts(1, 0).last().map(String::as_str), Some("and it goes on"));
    assert_eq!(world.state(1, 0), Some(ContactState::Paired));
}

/// [CTRL-8] [ROTATE-7]
#[test]
fn the_chain_of_a_group_is_renewed_after_a_step_that_a_revocation_caused() {
    let mut world = World::new(3, 905);
    let group = world.group_of(&[0, 1, 2], "lake");
    for node in [0, 1, 2] {
        world.say_in(node, &group, "hello").unwrap();
        world.pass(5_000, 500);
    }
    let no = world.look(0, |cx| *cx.live.groups.by_no.keys().next().unwrap());
    let (account, device) = (world.nodes[1].account(), world.nodes[1].me.device_id());
    let key_id = |world: &mut World| {
        world.look(0, |cx| {
            let chain: covey_pairing::group::cipher::OwnChain = cx.tx.get(&tables::own_chain(no)).unwrap().unwrap();
            chain.chain().unwrap().key_id()
        })
    };
    let epoch = |world: &mut World| {
        let sessions: DeviceSessions =
            world.look(0, |cx| cx.tx.get(&tables::group_session(no, &device)).unwrap().unwrap());
        sessions.epoch()
    };
    let (before, stepped) = (key_id(&mut world), epoch(&mut world));
    world.call(0, |cx| Ok(control::heal(cx, Scope::Group(no), &account)?)).unwrap();
    world.settle();
    assert!(epoch(&mut world) > stepped, "first the pair of devices");
    world.say_in(0, &group, "soon").unwrap();
    assert_eq!(key_id(&mut world), before, "several such share one rotation");
    world.pass(31_000, 1_000);
    world.say_in(0, &group, "under a new chain").unwrap();
    assert_ne!(key_id(&mut world), before, "then the chain");
    world.pass(10_000, 500);
    for node in [1, 2] {
        let texts = world.texts_in(node, &group);
        assert_eq!(texts.last().map(String::as_str), Some("under a new chain"), "{texts:?}");
    }
}

/// [CTRL-8]: whoever asks for turns without end gets as many answers as a step has turns.
#[test]
fn a_call_for_turns_ends_by_itself() {
    let mut world = World::new(2, 907);
    world.pair(0, 1);
    for n in 0..2 {
        world.write(n, 1 - n, "hello").unwrap();
        world.settle();
    }
    let account = world.nodes[1].account();
    world.record = Some(Vec::new());
    for _ in 0..3 {
        world.call(0, |cx| Ok(control::heal(cx, Scope::Pair, &account)?)).unwrap();
    }
    world.settle();
    let frames = world.record.take().unwrap();
    let parcels = frames.iter().filter(|(_, _, protocol, _)| *protocol == Protocol::Parcel).count();
    assert!(parcels <= 3 * 5 * 2, "five messages and their acknowledgements each: {parcels}");
    let [a, b] = epochs(&mut world);
    assert!(a > 0 && a == b);
}

/// [SESS-26]
#[test]
fn a_key_that_nobody_answers_is_erased_after_a_month_also_if_nothing_is_said() {
    let mut world = World::new(2, 908);
    world.pair(0, 1);
    for n in 0..2 {
        world.write(n, 1 - n, "hello").unwrap();
        world.settle();
    }
    world.stop(1);
    world.settle();
    let account = world.nodes[1].account();
    world.call(0, |cx| Ok(control::heal(cx, Scope::Pair, &account)?)).unwrap();
    world.write(0, 1, "are you there?").unwrap();
    let size = |world: &mut World| covey_codec::encode(&sessions(world, 0, 1)).unwrap().len();
    let offered = size(&mut world);
    world.pass(29 * DAY, DAY / 2);
    assert_eq!(size(&mut world), offered);
    world.pass(3 * DAY, DAY / 2);
    assert!(size(&mut world) <= offered - 64, "the key has 64 bytes");
}

/// [PAR-6]
#[test]
fn parcels_to_contacts_and_members_have_the_hybrid_seal() {
    let mut world = World::new(2, 906);
    world.record = Some(Vec::new());
    let group = world.group_of(&[0, 1], "lake");
    world.say_in(0, &group, "hello").unwrap();
    world.say_in(1, &group, "hello").unwrap();
    world.pass(10_000, 500);
    let frames = world.record.take().unwrap();
    let parcels = frames.iter().filter(|(_, _, protocol, _)| *protocol == Protocol::Parcel);
    let versions: Vec<u8> = parcels
        .filter_map(|(_, _, _, frame)| {
            #[derive(serde::Deserialize)]
            enum Parcel {
                #[serde(rename = "p")]
                Parcel(serde::de::IgnoredAny, serde_bytes::ByteBuf),
            }
            let (_, Parcel::Parcel(_, sealed)) = covey_codec::decode::<(u8, Parcel)>(frame, 1 << 17).ok()?;
            sealed.first().copied()
        })
        .collect();
    assert!(!versions.is_empty() && versions.iter().all(|version| *version == 2), "{versions:?}");
    assert_eq!(world.texts_in(1, &group).len(), 2);
}
