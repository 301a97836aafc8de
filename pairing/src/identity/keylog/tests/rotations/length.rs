//! [KEYLOG-11] How long a log becomes: older rotations are folded, and of all there is a limit.

use super::*;
use crate::identity::{CARD_MAX, CardContent, CardDevice};

/// [KEYLOG-11]
#[test]
fn older_rotations_are_folded_and_the_newest_is_not() {
    let (first, keys) = log(1).rotate(&account(), &only(&device(50)), NOW).expect("by the owner");
    let (second, _) = first.rotate(&keys, &only(&device(51)), NOW).expect("by the owner");
    assert_eq!(second.ops().len(), 3);
    assert_eq!(tampered(&second, |ops| ops[1] = first.ops()[1].clone()), Err(KeyLogError::Folding(2)));
    assert_eq!(tampered(&second, |ops| ops[2] = ops[2].folded()), Err(KeyLogError::Folding(2)));
    assert_eq!(tampered(&first, |ops| ops[1] = ops[1].folded()), Err(KeyLogError::Folding(1)));
    let tail = first.add_device(&keys, &device(60), NOW).expect("room");
    assert_eq!(tampered(&tail, |ops| ops.push(second.ops()[2].clone())), Err(KeyLogError::Folding(3)));
    assert_eq!(tampered(&tail, |ops| ops[1] = ops[1].folded()), Err(KeyLogError::Folding(1)));
    // What stood between root and rotation is not shown any more.
    let shown = tampered(&first, |ops| ops.insert(1, log(1).ops()[1].clone()));
    assert_eq!(shown, Err(KeyLogError::Folding(2)));
    assert_eq!(tampered(&second, |ops| ops.swap(1, 2)), Err(KeyLogError::Chain(1)));
    assert_eq!(tampered(&second, |ops| drop(ops.remove(1))), Err(KeyLogError::Chain(1)));
}

/// [KEYLOG-11]
#[test]
fn a_thirty_third_rotation_is_refused() {
    let (mut log, mut keys) = (log(1), account());
    for n in 0..32 {
        let device = device(n + 100);
        (log, keys) = log.rotate(&keys, &only(&device), NOW).expect("one of 32");
    }
    assert_eq!(log.rotate(&keys, &only(&device(50)), NOW).map(|_| ()), Err(KeyLogError::TooManyRotations));
    let forged = Forger::new(&log).verify();
    assert_eq!(forged, Err(KeyLogError::TooManyRotations));
}

/// [KEYLOG-11] [CARD-4]
#[test]
fn a_card_has_room_for_all_rotations_eight_devices_and_operations_since() {
    let (mut log, mut keys) = (log(1), account());
    for n in 0..31 {
        let device = device(n + 100);
        (log, keys) = log.rotate(&keys, &only(&device), NOW).expect("one of 32");
    }
    let devices: Vec<DeviceSecret> = (0..8).map(|n| device(n + 150)).collect();
    let plan = Rotation { add: devices.iter().collect(), ..Rotation::default() };
    (log, keys) = log.rotate(&keys, &plan, NOW).expect("the last");
    for gone in &devices[5..] {
        log = log.revoke_device(&keys, gone.id(), Vec::new(), NOW).expect("active");
    }
    let bytes = covey_codec::encode(&log).expect("encodes").len();
    assert!(bytes < 9_500, "{bytes}");
    let card_device = |device: &DeviceSecret| CardDevice {
        device: device.id(),
        addresses: vec!["/ip4/192.0.2.1/udp/4001/quic-v1".into(); 4],
        prekeys: serde_bytes::ByteBuf::from(vec![7; 1400]),
        seq: 1,
    };
    let content = CardContent {
        sequence: 1,
        issued_at: NOW,
        expires_at: NOW + 1,
        name: "n".repeat(64),
        devices: devices[..1].iter().map(card_device).collect(),
        custodians: Vec::new(),
        kem: Some(keys.kem_key().hash()),
        log,
    };
    let card = crate::identity::sign(&content, &devices[0]).expect("fits");
    assert!(card.len() <= CARD_MAX);
}

/// [KEYLOG-11]
#[test]
fn operations_are_counted_since_the_newest_rotation() {
    let (mut log, mut keys) = (log(1), account());
    for first in [100, 140] {
        (log, keys) = log.rotate(&keys, &only(&device(50)), NOW).expect("by the owner");
        for n in 0..32 {
            log = log.add_device(&keys, &device(n + first), NOW).expect("room");
            log = log.revoke_device(&keys, device(n + first).id(), Vec::new(), NOW).expect("active");
        }
        assert_eq!(log.add_device(&keys, &device(1), NOW), Err(KeyLogError::TooLong));
    }
}
