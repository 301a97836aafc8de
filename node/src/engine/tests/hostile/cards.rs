//! Contact cards of a contact who claims to be more than one account.

use covey_pairing::identity::{
    self, AccountSecret, CardContent, CardDevice, ContactCard, DeviceSecret, KeyLog, Rotation,
};
use serde_bytes::ByteBuf;

use super::mallory::{ALICE, BOB, Content, Lair, MALLORY};
use crate::engine::Cx;
use crate::engine::contacts::cards;
use crate::engine::records::devices;

/// Mallory's own card as alice has it, opened.
fn stored(lair: &mut Lair, of: usize) -> (u64, usize, Vec<u8>) {
    let account = lair.world.nodes[of].account();
    lair.world.look(ALICE, |cx| {
        let card = devices::card(cx.tx, &account).unwrap().unwrap();
        (card.sequence, card.devices.len(), card.signed.into_vec())
    })
}

fn content(lair: &mut Lair) -> CardContent {
    let (_, _, bytes) = stored(lair, MALLORY);
    let now = lair.world.now;
    ContactCard::open(&bytes, now).unwrap().content().clone()
}

fn give(lair: &mut Lair, card: Vec<u8>) {
    lair.parcel(&Content::Card(ByteBuf::from(card)));
}

/// [HANDED-1]
#[test]
fn a_card_is_taken_only_of_its_own_account_newer_and_on_the_same_history() {
    let mut lair = Lair::new(30);
    let before = (stored(&mut lair, MALLORY), stored(&mut lair, BOB));
    let bobs = before.1.2.clone();
    give(&mut lair, bobs);
    let device = lair.world.nodes[MALLORY].me.device.clone();
    let account: AccountSecret = lair.world.nodes[MALLORY].me.account.clone();
    let mut older = content(&mut lair);
    (older.sequence, older.devices[0].seq) = (0, 0);
    give(&mut lair, identity::sign(&older, &device).unwrap());
    let mut forked = content(&mut lair);
    forked.sequence += 10;
    forked.log = KeyLog::create(&account, 5).add_device(&account, &device, 6).unwrap();
    give(&mut lair, identity::sign(&forked, &device).unwrap());
    let mut stranger = content(&mut lair);
    let other = AccountSecret::from_seed([7; 32]);
    stranger.log = KeyLog::create(&other, 5).add_device(&other, &device, 6).unwrap();
    stranger.sequence += 20;
    give(&mut lair, identity::sign(&stranger, &device).unwrap());
    let mut expired = content(&mut lair);
    expired.sequence += 30;
    expired.expires_at = lair.world.now - 1;
    give(&mut lair, identity::sign(&expired, &device).unwrap());
    assert_eq!((stored(&mut lair, MALLORY), stored(&mut lair, BOB)), before);
    let mut good = content(&mut lair);
    good.sequence += 1;
    give(&mut lair, identity::sign(&good, &device).unwrap());
    assert_eq!(stored(&mut lair, MALLORY).0, good.sequence);
    lair.nobody_else_notices();
}

/// [HANDED-1] [CARD-5]
#[test]
fn a_card_of_a_rotated_account_takes_the_place_of_those_of_before_and_a_second_rotation_freezes_it() {
    let mut lair = Lair::new(33);
    let me = &lair.world.nodes[MALLORY].me;
    let (account, old, id) = (me.account.clone(), me.device.clone(), me.account_id());
    let before = content(&mut lair);
    let (fresh, thief) = (DeviceSecret::from_seed([50; 32]), DeviceSecret::from_seed([66; 32]));
    let (log, _) = before.log.rotate(&account, &Rotation { add: vec![&fresh], ..Rotation::default() }, 7).unwrap();
    let devices = vec![CardDevice { device: fresh.id(), addresses: Vec::new(), prekeys: ByteBuf::new(), seq: 0 }];
    let rotated = CardContent { sequence: 1, log, devices, ..before.clone() };
    let mut stolen = before.clone();
    stolen.sequence += 10;
    stolen.log = before.log.add_device(&account, &thief, 8).unwrap();
    let mut twice = before.clone();
    let (log, _) = before.log.rotate(&account, &Rotation { add: vec![&thief], ..Rotation::default() }, 9).unwrap();
    (twice.sequence, twice.log, twice.devices) = (before.sequence + 20, log, Vec::new());
    let cards = [(rotated, &fresh), (stolen, &old), (twice, &thief)];
    let cards = cards.map(|(content, signer)| identity::sign(&content, signer).unwrap());
    assert!(before.sequence > 1);
    lair.world.look(ALICE, |cx| {
        let after = |cx: &mut Cx<'_, '_>, card: &[u8]| {
            assert!(cards::learn(cx, &id, card).unwrap());
            let known = devices::card(cx.tx, &id).unwrap().unwrap();
            let listed: Vec<_> = known.devices.iter().map(|device| device.id).collect();
            (known.sequence, listed)
        };
        for card in [&cards[0], &cards[1], &cards[0]] {
            assert_eq!(after(cx, card), (1, vec![fresh.id()]));
        }
        for card in [&cards[2], &cards[0], &cards[1]] {
            assert_eq!(after(cx, card), (1, vec![]), "nothing of it counts, whatever comes later");
        }
    });
}

#[test]
fn a_card_with_the_highest_sequence_and_absurd_addresses_is_taken_and_harms_nobody() {
    let mut lair = Lair::new(31);
    let device = lair.world.nodes[MALLORY].me.device.clone();
    let mut last = content(&mut lair);
    last.sequence = u64::MAX;
    last.name = "bob".into();
    last.devices[0].addresses = vec!["/not an address".into(), "x".repeat(256)];
    last.devices[0].prekeys = ByteBuf::from(vec![0xff; 900]);
    give(&mut lair, identity::sign(&last, &device).unwrap());
    assert_eq!(stored(&mut lair, MALLORY).0, u64::MAX);
    lair.world.write(ALICE, MALLORY, "still there?").unwrap();
    lair.nobody_else_notices();
}

/// [HANDED-2]
#[test]
fn a_device_that_another_account_also_lists_keeps_its_sessions_with_that_account() {
    // Bob's device agreed to belong to mallory's account too, and then mallory drops it.
    let mut lair = Lair::new(32);
    let account = lair.world.nodes[MALLORY].me.account.clone();
    let (mallorys, bobs): (DeviceSecret, DeviceSecret) =
        (lair.world.nodes[MALLORY].me.device.clone(), lair.world.nodes[BOB].me.device.clone());
    let base = content(&mut lair);
    let mut both = base.clone();
    both.sequence += 1;
    both.log = base.log.add_device(&account, &bobs, 7).unwrap();
    both.devices.push(CardDevice { device: bobs.id(), addresses: Vec::new(), prekeys: ByteBuf::new(), seq: 0 });
    give(&mut lair, identity::sign(&both, &mallorys).unwrap());
    assert_eq!(stored(&mut lair, MALLORY).1, 1, "a peer of another account is left out");
    let mut dropped = both.clone();
    dropped.sequence += 1;
    dropped.devices.pop();
    give(&mut lair, identity::sign(&dropped, &mallorys).unwrap());
    lair.nobody_else_notices();
}
