//! [OWN-10] Whatever is decided on two devices of an account, and by a contact, while they hear of each other late or not at all: in the end all
//! three agree.

use covey_api::{self as api, ContactState};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::world::World;
use crate::engine::{Protocol, rpc};

const OURS: [usize; 2] = [0, 1];
const BOB: usize = 2;

const ACTS: usize = 16;

/// As long as the reminder of an invite takes, and the pause between two pacts, in milliseconds.
const HEALING: u64 = 3 * 24 * 3_600_000;

fn seeds() -> std::ops::Range<u64> {
    if std::env::var_os("COVEY_LONG_TESTS").is_some() { 0..400 } else { 24..36 }
}

/// One thing that somebody decides. What is not allowed where they stand is refused.
fn decide(world: &mut World, node: usize, with: usize, what: u32) {
    let contact = world.id(with);
    let state = world.state(node, with);
    match what {
        0..=3 => drop(world.invite(node, with)),
        4..=8 => drop(world.accept(node, with)),
        9 if state == Some(ContactState::Blocked) => {
            drop(world.call(node, |cx| rpc::pair::unblock(cx, &api::PairUnblock { contact, client_id: None })));
        }
        9 => drop(world.call(node, |cx| rpc::pair::block(cx, &api::PairBlock { contact, client_id: None }))),
        10 => {
            let params = api::PairRemove { contact, ..api::PairRemove::default() };
            drop(world.call(node, |cx| rpc::pair::remove(cx, &params)));
        }
        11 => {
            let params = api::PairDecline { contact, ..api::PairDecline::default() };
            drop(world.call(node, |cx| rpc::pair::decline(cx, &params)));
        }
        12 => {
            let params = api::PairCancel { contact, ..api::PairCancel::default() };
            drop(world.call(node, |cx| rpc::pair::cancel(cx, &params)));
        }
        _ => {
            let params = api::PairForget { contact, ..api::PairForget::default() };
            drop(world.call(node, |cx| rpc::pair::forget(cx, &params)));
        }
    }
}

type Seen = Option<(ContactState, bool, Option<String>)>;

fn seen(world: &mut World, node: usize, of: usize) -> Seen {
    world.contact(node, of).map(|contact| (contact.state, contact.confirmed, contact.channel))
}

/// Whether there is a pact, whoever is blocked: the channel of it.
fn pact(seen: &Seen) -> Option<(ContactState, String)> {
    let (state, _, channel) = seen.clone()?;
    Some((state, channel?)).filter(|(state, _)| matches!(state, ContactState::Paired | ContactState::Blocked))
}

fn live(seed: u64) -> Result<(), String> {
    let (mut world, mut rng) = (World::new(3, seed), StdRng::seed_from_u64(seed));
    world.link(0, 1);
    let mut told = Vec::new();
    for _ in 0..ACTS {
        let ours = OURS[rng.random_range(0..2)];
        let (node, with) = if rng.random_range(0..3) == 0 { (BOB, ours) } else { (ours, BOB) };
        match rng.random_range(0..20) {
            0..14 if world.nodes[node].up => {
                let what = rng.random_range(0..14);
                told.push(format!("{node} does {what} with {with}"));
                decide(&mut world, node, with, what);
            }
            14 => world.drop = [Protocol::Pair].into(),
            15 => world.drop = [Protocol::Sync].into(),
            16 => world.drop = [Protocol::Sync, Protocol::Pair].into(),
            17 => world.drop.clear(),
            0..14 => {}
            _ if world.nodes[ours].up => world.stop(ours),
            _ => world.restart(ours),
        }
        match rng.random_range(0..4) {
            0 => _ = world.deliver(rng.random_range(0..12)),
            1 => world.settle(),
            2 => world.pass(120_000, 30_000),
            _ => {}
        }
    }
    world.drop.clear();
    for node in OURS {
        if !world.nodes[node].up {
            world.restart(node);
        }
    }
    world.settle();
    world.pass(HEALING, 1_800_000);
    let [one, other] = OURS.map(|node| seen(&mut world, node, BOB));
    let theirs = seen(&mut world, BOB, 0);
    let is_one = one == other && (pact(&one).map(|it| it.1) == pact(&theirs).map(|it| it.1));
    if is_one { Ok(()) } else { Err(format!("seed {seed}: {one:?}, {other:?}, they: {theirs:?}\n{}", told.join("\n"))) }
}

#[test]
fn whatever_is_decided_on_two_devices_at_once_they_and_the_contact_agree_in_the_end() {
    let wrong: Vec<String> = seeds().filter_map(|seed| live(seed).err()).collect();
    assert!(wrong.is_empty(), "{} seeds\n{}", wrong.len(), wrong.join("\n"));
}
