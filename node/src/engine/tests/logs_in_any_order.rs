//! [KEYLOG-14] What a node keeps of the account of a contact follows from what it was shown, not from the order in which it came: the same
//! property as that of `covey_pairing::identity::KnownLog`, for cards, contests, the store and the devices that may connect.

use covey_pairing::identity::{
    AccountSecret, CardContent, CardDevice, ContactCard, Contest, DeviceSecret, KeyLog, Rotation, sign,
};
use covey_pairing::ids::{AccountId, DeviceId};
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use serde_bytes::ByteBuf;

use super::world::World;
use crate::engine::Cx;
use crate::engine::contacts::{cards, logs};
use crate::engine::records::devices;

/// Subsets and orders that are tried.
const TRIES: usize = 100;

/// Something that reaches a contact.
#[derive(Clone)]
enum Shown {
    Card(Vec<u8>),
    Contest(Box<Contest>),
}

/// What it has made of all of it: whether the account counts, its devices, those that may connect.
#[derive(Debug, PartialEq, Eq)]
struct Kept {
    contested: bool,
    in_force: Option<[u8; 32]>,
    devices: Vec<DeviceId>,
}

fn device(n: u8) -> DeviceSecret {
    DeviceSecret::from_seed([n; 32])
}

/// A card with this log, signed by one of its devices, which names them all.
fn card(log: &KeyLog, content: &CardContent, signer: &DeviceSecret) -> Shown {
    let at = |of: &covey_pairing::identity::Device| CardDevice {
        device: of.keys.id,
        addresses: vec![format!("/ip4/192.0.2.{}/tcp/9", of.number)],
        prekeys: ByteBuf::new(),
        seq: 1,
    };
    let content = CardContent { log: log.clone(), devices: log.active().map(at).collect(), ..content.clone() };
    Shown::Card(sign(&content, signer).unwrap())
}

/// What owner, thief of the node and thief of the words say of one account.
fn everything(
    words: &AccountSecret,
    log: &KeyLog,
    content: &CardContent,
    first: &DeviceSecret,
    now: u64,
) -> Vec<Shown> {
    let (second, fresh, later, thief) = (device(20), device(50), device(51), device(66));
    let added = log.add_device(words, &second, now).unwrap();
    let revoked = added.revoke_device(words, second.id(), Vec::new(), now).unwrap();
    let forked = log.add_device(words, &thief, now).unwrap();
    let plan = Rotation { keep: vec![first.id()], add: vec![&fresh], ..Rotation::default() };
    let (rotated, keys) = revoked.rotate(words, &plan, now).unwrap();
    let on = rotated.add_device(&keys, &later, now).unwrap();
    let (twice, _) = on.rotate(words, &Rotation { add: vec![&device(52)], ..Rotation::default() }, now).unwrap();
    let (other, _) = added.rotate(words, &Rotation { add: vec![&thief], ..Rotation::default() }, now).unwrap();
    let forged = KeyLog::create(words, now + 1).add_device(words, &thief, now).unwrap();
    vec![
        card(&added, content, &second),
        card(&revoked, content, first),
        card(&forked, content, &thief),
        card(&rotated, content, &fresh),
        card(&on, content, &later),
        card(&twice, content, &device(52)),
        card(&other, content, &thief),
        card(&forged, content, &thief),
        Shown::Contest(Box::new(Contest::sign(&revoked, &rotated, first).unwrap())),
    ]
}

fn show(cx: &mut Cx<'_, '_>, account: &AccountId, shown: &[Shown]) -> Kept {
    for one in shown {
        cx.now += 1_000;
        match one {
            Shown::Card(card) => drop(cards::learn(cx, account, card).unwrap()),
            Shown::Contest(contest) => logs::contested(cx, account, contest).unwrap(),
        }
    }
    let kept = devices::card(cx.tx, account).unwrap().unwrap();
    let in_force = kept.known().unwrap().in_force().map(|log| log.head());
    let mut devices: Vec<DeviceId> = kept.devices.iter().map(|device| device.id).collect();
    devices.sort();
    Kept { contested: kept.is_contested(), in_force, devices }
}

#[test]
fn contacts_that_were_shown_the_same_of_an_account_keep_the_same_of_it_in_whatever_order_it_came() {
    let mut world = World::new(2, 95);
    world.pair(0, 1);
    let own = world.card(0);
    let content = ContactCard::open(&own, world.now).unwrap().content().clone();
    let me = world.nodes[0].me.clone();
    let (account, log) = (me.account_id(), me.key_log.clone());
    let all = everything(&me.account, &log, &content, &me.device, world.now);
    let mut rng = StdRng::seed_from_u64(95);
    let (mut contested, mut sound) = (0, 0);
    for _ in 0..TRIES {
        let mut shown: Vec<(usize, Shown)> =
            all.iter().cloned().enumerate().filter(|_| rng.random_range(0..3) > 0).collect();
        let kept = |world: &mut World, shown: &[(usize, Shown)]| {
            let shown: Vec<Shown> = shown.iter().map(|(_, one)| one.clone()).collect();
            world.look(1, |cx| show(cx, &account, &shown))
        };
        let one = kept(&mut world, &shown);
        shown.shuffle(&mut rng);
        let order: Vec<usize> = shown.iter().map(|(at, _)| *at).collect();
        assert_eq!(kept(&mut world, &shown), one, "{order:?}");
        // Everything once more changes nothing.
        let again = [shown.clone(), shown].concat();
        assert_eq!(kept(&mut world, &again), one, "{order:?}, twice");
        contested += usize::from(one.contested);
        sound += usize::from(!one.contested);
    }
    assert!(contested > 5 && sound > 5, "{contested} and {sound}");
}
