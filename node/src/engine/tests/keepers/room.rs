//! How much a keeper keeps: as its operator and its disk allow, counted from what is there.

use covey_api::{self as api, KeeperState};
use covey_pairing::keeper::{KeeperFrame, Use};
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_bytes::ByteBuf;

use super::{ALICE, BOB, KEEPER, MALLORY, add, kept, lying, serve, slot};
use crate::engine::check;
use crate::engine::tests::world::World;
use crate::engine::{Protocol, tables};
use crate::store::Floors;

/// Somebody with the right token leaves so many parcels of 2,000 bytes. How many were taken.
fn leave(world: &mut World, count: u8) -> usize {
    let (slot, token) = slot(world);
    world.stop(BOB);
    world.puppet = Some(MALLORY);
    world.connect(MALLORY, KEEPER);
    for n in 0..count {
        world.now += 100;
        let parcel = ByteBuf::from(vec![n; 2_000]);
        world.say(KEEPER, Protocol::Keeper, KeeperFrame::Deposit(slot, token.clone(), parcel).encode());
    }
    lying(world).len()
}

/// [KEEP-5]
#[test]
fn a_keeper_takes_no_more_than_a_tenth_of_the_free_disk_and_what_its_operator_allows() {
    let mut world = kept(71);
    world
        .call(KEEPER, |cx| {
            cx.live.free_disk = Some(50_000);
            Ok::<(), api::ApiError>(())
        })
        .unwrap();
    assert_eq!(leave(&mut world, 5), 2, "50,000 bytes are free, and 4,000 would be if nothing lay there");
    let mut world = kept(72);
    world.nodes[KEEPER].policy.mail_bytes = 6_500;
    assert_eq!(leave(&mut world, 5), 3);
}

#[test]
fn a_keeper_keeps_mail_for_so_many_accounts_and_no_more() {
    let mut world = kept(73);
    world.nodes[KEEPER].policy.mail_accounts = 1;
    let ticket = serve(&mut world, &api::KeeperServe::default());
    assert_eq!(add(&mut world, ALICE, &ticket), KeeperState::Refused);
    let again = serve(&mut world, &api::KeeperServe::default());
    assert_eq!(add(&mut world, BOB, &again), KeeperState::Keeps, "whoever is one stays one");
}

/// [MAIL-9]
#[test]
fn what_is_counted_wrong_or_not_whole_is_noticed_and_put_right() {
    let mut world = kept(74);
    assert_eq!(leave(&mut world, 4), 4);
    assert!(world.verify(KEEPER).ok);
    let bob = world.nodes[BOB].account();
    let (first, second) = (lying(&mut world)[0].0, lying(&mut world)[1].1.clone());
    let spoil = |cx: &mut crate::engine::Cx<'_, '_>| -> Result<(), api::ApiError> {
        cx.tx.save(&tables::kept_total(), &Use { parcels: 9, bytes: 9 });
        cx.tx.delete(&tables::kept_bytes(&bob, first));
        cx.tx.delete(&tables::kept_hash(&second.slot, &second.hash));
        Ok(())
    };
    world.call(KEEPER, spoil).unwrap();
    assert_eq!(world.verify(KEEPER).problems.len(), 4);
    world.stop(KEEPER);
    let node = &mut world.nodes[KEEPER];
    let mut rng = StdRng::seed_from_u64(1);
    check::rebuild(&mut node.store, &node.vault, &mut rng, &[], Floors::default(), &mut |_, _, _| {}).unwrap().unwrap();
    let found = world.verify(KEEPER);
    assert!(found.ok, "{found:?}");
    assert_eq!(lying(&mut world).len(), 2);
}
