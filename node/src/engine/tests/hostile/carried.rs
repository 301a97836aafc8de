//! Parcels that members keep and pass on for each other.

use covey_pairing::ids::DeviceId;
use serde_bytes::ByteBuf;

use super::super::world;
use super::den::{ALICE, BOB, CAROL, Den, MALLORY};
use crate::engine::records::parcels;
use crate::engine::{Cx, Protocol, rpc, tables};

/// [PARCEL-4] [PARCEL-6]
#[test]
fn parcels_to_keep_have_a_quota_that_is_free_again_when_they_arrived() {
    let mut den = Den::new(608);
    den.world.stop(BOB);
    den.world.puppet = Some(MALLORY);
    let bob = den.world.nodes[BOB].me.device_id();
    let kept = |den: &mut Den| den.world.look(ALICE, |cx| cx.tx.keys(&tables::custody_for(&bob)).unwrap().len());
    let mut numbers = 0u64..;
    let mut keep = |den: &mut Den, count: usize, size: usize| {
        for number in numbers.by_ref().take(count) {
            let frame = std::collections::BTreeMap::from([("k", (bob, number, ByteBuf::from(vec![7; size])))]);
            den.world.say(ALICE, Protocol::Parcel, covey_codec::encode(&(1u8, frame)).unwrap());
        }
    };
    let waiting = kept(&mut den);
    keep(&mut den, 200, 90_000);
    let (bytes, most) = (8 * 1024 * 1024, 128);
    assert!(kept(&mut den) - waiting <= bytes / 90_000, "not more than 8 MiB");
    keep(&mut den, 200, 100);
    assert!(kept(&mut den) - waiting <= most);
    den.world.restart(BOB);
    den.world.settle();
    den.world.pass(30_000, 1_000);
    assert_eq!(kept(&mut den), 0, "bob has them, and says so");
    den.world.stop(BOB);
    keep(&mut den, 5, 100);
    assert!(kept(&mut den) >= 5, "there is room again");
    den.world.restart(BOB);
    den.world.settle();
    den.nobody_notices(&[ALICE, BOB, CAROL]);
}

/// So many bytes are free on Alice's disk.
fn set_free(den: &mut Den, bytes: u64) {
    let set = |cx: &mut Cx<'_, '_>| {
        cx.live.free_disk = Some(bytes);
        Ok(())
    };
    den.world.call(ALICE, set).unwrap();
}

/// [PARCEL-6] [KEEP-5]
#[test]
fn what_is_kept_for_members_takes_no_more_of_the_disk_than_mail_may_and_is_told() {
    let mut den = Den::new(614);
    den.world.stop(BOB);
    den.world.puppet = Some(MALLORY);
    let bob = den.world.nodes[BOB].me.device_id();
    let free = 60_000;
    set_free(&mut den, free);
    let keep = |den: &mut Den, numbers: std::ops::Range<u64>| {
        for number in numbers {
            let frame = std::collections::BTreeMap::from([("k", (bob, number, ByteBuf::from(vec![7; 1_000])))]);
            den.world.say(ALICE, Protocol::Parcel, covey_codec::encode(&(1u8, frame)).unwrap());
        }
    };
    keep(&mut den, 0..50);
    let full = den.world.call(ALICE, rpc::keeper::status).unwrap();
    assert!(full.agrees && full.group_used <= (free + full.group_used) / 10, "{full:?}");
    assert!(full.group_used > 3_000, "{full:?}");
    set_free(&mut den, 1 << 30);
    den.world.nodes[ALICE].policy.mail_bytes = full.group_used + 2_500;
    keep(&mut den, 50..100);
    let more = den.world.call(ALICE, rpc::keeper::status).unwrap();
    assert_eq!((more.agrees, more.group_parcels), (true, full.group_parcels + 2));
    den.world.restart(BOB);
    den.world.settle();
    den.world.pass(30_000, 1_000);
    let after = den.world.call(ALICE, rpc::keeper::status).unwrap();
    assert_eq!((after.agrees, after.group_parcels, after.group_used), (true, 0, 0));
    den.nobody_notices(&[ALICE, BOB, CAROL]);
}

/// [PARCEL-6]
#[test]
fn who_is_connected_gets_parcels_also_when_there_is_no_room_to_keep_them() {
    let mut den = Den::new(613);
    den.world.stop(BOB);
    den.world.puppet = Some(MALLORY);
    let [bob, carol] = [BOB, CAROL].map(|node| den.world.nodes[node].me.device_id());
    den.world.record = Some(Vec::new());
    for number in 0..200u64 {
        let (to, sealed) = if number < 199 { (bob, vec![7; 100]) } else { (carol, vec![9; 100]) };
        let frame = std::collections::BTreeMap::from([("k", (to, number, ByteBuf::from(sealed)))]);
        den.world.say(ALICE, Protocol::Parcel, covey_codec::encode(&(1u8, frame)).unwrap());
    }
    let sent = den.world.record.take().unwrap();
    let brought = |(from, to, protocol, frame): &world::Sent| {
        (*from, *to, *protocol) == (ALICE, CAROL, Protocol::Parcel) && frame.windows(100).any(|part| part == [9; 100])
    };
    assert!(sent.iter().any(brought));
    den.world.restart(BOB);
    den.world.settle();
    den.nobody_notices(&[ALICE, BOB, CAROL]);
}

/// [PARCEL-2] [PARCEL-3] [PARCEL-6]
#[test]
fn parcels_passed_on_in_the_name_of_another_take_no_place_from_their_own() {
    let mut den = Den::new(612);
    den.world.stop(BOB);
    den.world.puppet = Some(MALLORY);
    let [bob, carol] = [BOB, CAROL].map(|node| den.world.nodes[node].me.device_id());
    let kept = |den: &mut Den| den.world.look(ALICE, |cx| cx.tx.keys(&tables::custody_for(&bob)).unwrap().len());
    let before = kept(&mut den);
    for number in 1_000..1_700u64 {
        let passed = (carol, bob, number, ByteBuf::from(vec![7; 100]), Vec::<DeviceId>::new());
        let frame = std::collections::BTreeMap::from([("t", passed)]);
        den.world.say(ALICE, Protocol::Parcel, covey_codec::encode(&(1u8, frame)).unwrap());
    }
    assert_eq!(kept(&mut den) - before, 512, "what mallory passes on is charged to her");
    // Also under a number that mallory took first.
    for number in [1_000, 5_000u64] {
        let frame = std::collections::BTreeMap::from([("k", (bob, number, ByteBuf::from(vec![8; 200])))]);
        den.world.replay(CAROL, ALICE, Protocol::Parcel, covey_codec::encode(&(1u8, frame)).unwrap());
        den.world.settle();
        let size = den.world.look(ALICE, |cx| {
            let kept = cx.tx.get::<parcels::Kept>(&tables::custody(&bob, &carol, number)).unwrap();
            kept.map(|kept| kept.sealed.len())
        });
        assert_eq!(size, Some(200));
    }
    den.world.restart(BOB);
    den.world.settle();
    den.nobody_notices(&[ALICE, BOB, CAROL]);
}
