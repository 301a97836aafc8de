//! What is made of the cards that were found, and which devices stay.

use super::search::newer;
use super::*;

const NOW: u64 = 1_800_000_000_000;

fn words() -> AccountSecret {
    AccountSecret::from_seed([1; 32])
}

fn device(n: u8) -> DeviceSecret {
    DeviceSecret::from_seed([n; 32])
}

/// An account with two devices.
fn log() -> KeyLog {
    let log = KeyLog::create(&words(), NOW);
    [10, 11].into_iter().fold(log, |log, n| log.add_device(&words(), &device(n), NOW).expect("room"))
}

fn rotated(by: u8) -> KeyLog {
    let fresh = device(by);
    log().rotate(&words(), &Rotation { add: vec![&fresh], ..Rotation::default() }, NOW).expect("its words").0
}

#[test]
fn the_longest_log_is_recovered_and_two_recoveries_end_it() {
    let account = words().id().to_string();
    let longest = newer(Some(log()), &rotated(20), &account).expect("it outranks");
    assert_eq!(longest, rotated(20));
    assert_eq!(newer(Some(longest), &log(), &account).expect("older"), rotated(20));
    let contested = newer(Some(rotated(20)), &rotated(21), &account).expect_err("rotated twice");
    assert!(contested.to_string().contains("make another account and tell your contacts in person"), "{contested}");
    assert_eq!(contested.exit(), Exit::Refused);
}

#[test]
fn a_device_to_keep_is_named_by_its_id_or_the_beginning_of_it() {
    let found = Found { words: words(), log: log(), newest: Newest::default() };
    let id = device(11).id();
    let text = id.to_string();
    for name in [text.as_str(), &text[..12]] {
        assert_eq!(found.device(name).expect("one of them"), id);
    }
    for name in ["", "cvd1", &text[..7], "server", &device(12).id().to_string()] {
        let refused = found.device(name).expect_err("none of them").to_string();
        assert!(refused.contains(&device(10).id().fmt_short()) && refused.contains(&id.fmt_short()), "{refused}");
    }
    assert_eq!((found.devices(), found.devices_without(&[id])), (vec![1, 2], vec![1]));
}
