//! What a new device does not take. [LINK-12]

use super::*;
use crate::identity::Rotation;

fn opened(pair: &Pair, hand_over: &HandOver) -> Result<(), HandOverError> {
    let own = pair.joiner.device().keys();
    HandOver::open(&hand_over.encode(), &own, &pair.account.id(), NOW).map(|_| ())
}

fn added() -> Pair {
    let mut pair = Pair::new();
    pair.add();
    pair
}

#[test]
fn keys_of_a_holder_come_with_the_key_that_signs_and_never_with_the_seed() {
    let pair = added();
    let holder = HandOver { account: pair.account.clone(), ..pair.hand_over() };
    let own = pair.joiner.device().keys();
    let taken = HandOver::open(&holder.encode(), &own, &pair.account.id(), NOW).expect("in order");
    assert!(taken.account.is_holder() && taken.account.is_sealed());
    assert!(!holder.encode().windows(32).any(|window| window == [1; 32]), "the seed");
}

#[test]
fn an_account_that_does_not_fit_together_is_not_taken() {
    let pair = added();
    let good = pair.hand_over();
    assert_eq!(opened(&pair, &good), Ok(()));
    let (other, stranger) = (AccountSecret::from_seed([50; 32]), DeviceSecret::from_seed([51; 32]));
    let nobody = NamedDevice { device: stranger.id(), name: "desk".into(), holder: true };
    let foreign = KeyLog::create(&other, NOW).add_device(&other, &stranger, NOW).expect("room");
    let cases = [
        (HandOver { log: foreign.clone(), ..good.clone() }, HandOverError::Account, "the log of another account"),
        (HandOver { account: other.plain(), ..good.clone() }, HandOverError::Account, "the keys of another account"),
        (
            HandOver { cards: vec![card(&foreign, &other, &stranger)], ..good.clone() },
            HandOverError::Account,
            "the card of another account",
        ),
        (
            HandOver { account: pair.account.after_rotations(1).expect("seed").plain(), ..good.clone() },
            HandOverError::Keys,
            "the keys of after a rotation",
        ),
        (HandOver { cards: Vec::new(), ..good.clone() }, HandOverError::NoCard, "no card"),
        (
            HandOver { cards: vec![card(&pair.log, &other, &pair.laptop)], ..good.clone() },
            HandOverError::Keys,
            "a card with another KEM key",
        ),
        (HandOver { name: "\u{1b}[2J".into(), ..good.clone() }, HandOverError::Name, "a name for a terminal"),
        (HandOver { devices: good.devices[..1].to_vec(), ..good.clone() }, HandOverError::Name, "no name"),
        (HandOver { devices: vec![nobody], ..good.clone() }, HandOverError::Name, "a device that is none"),
    ];
    for (hand_over, error, what) in cases {
        assert_eq!(opened(&pair, &hand_over), Err(error), "{what}");
    }
}

#[test]
fn a_log_without_this_device_or_that_ended_it_is_not_taken() {
    let pair = added();
    let good = pair.hand_over();
    let id = pair.joiner.device().id();
    let revoked = pair.log.revoke_device(&pair.account, id, Vec::new(), NOW).expect("active");
    assert_eq!(opened(&pair, &HandOver { log: revoked, ..good.clone() }), Err(HandOverError::NotListed));
    let before = KeyLog::create(&pair.account, NOW).add_device(&pair.account, &pair.laptop, NOW).expect("room");
    assert_eq!(opened(&pair, &HandOver { log: before, ..good }), Err(HandOverError::NotListed));
}

#[test]
fn a_log_that_was_rotated_comes_with_the_keys_of_after() {
    let mut pair = added();
    let keep = vec![pair.laptop.id(), pair.joiner.device().id()];
    let plan = Rotation { keep, ..Rotation::default() };
    let (log, keys) = pair.log.rotate(&pair.account, &plan, NOW).expect("by the owner");
    let old_keys = pair.hand_over();
    (pair.log, pair.account) = (log, keys);
    assert_eq!(opened(&pair, &pair.hand_over()), Ok(()));
    let mixed = HandOver { log: pair.log.clone(), ..old_keys };
    assert_eq!(opened(&pair, &mixed), Err(HandOverError::Keys));
}

/// [LINK-11]
#[test]
fn a_joiner_that_is_handed_something_wrong_ends_the_link() {
    let mut pair = added();
    pair.log = KeyLog::create(&pair.account, NOW).add_device(&pair.account, &pair.laptop, NOW).expect("room");
    let (event, host) = pair.step();
    assert_eq!(event, JoinerEvent::Wrong(HandOverError::NotListed));
    assert_eq!(host, Some(HostEvent::Ended(End::HandOver)));
}

/// [LINK-11]
#[test]
fn a_flipped_bit_in_the_hand_over_changes_nothing() {
    let mut pair = added();
    let bytes = pair.outgoing();
    for at in (0..bytes.len()).step_by(7) {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        let Ok(frame) = LinkFrame::decode(&changed) else { continue };
        let (answer, event) = pair.joiner.frame(&frame, NOW, &mut pair.rng);
        assert_eq!((answer, event), (None, JoinerEvent::Nothing), "byte {at}");
    }
    assert!(matches!(pair.at_joiner(&bytes).1, JoinerEvent::HandedOver(_)));
}

#[test]
fn cards_for_which_there_is_no_room_are_left_out() {
    let pair = added();
    let first = card(&pair.log, &pair.account, &pair.laptop);
    let hand_over = HandOver { cards: vec![vec![0; 30_000]; 3], ..pair.hand_over() };
    assert!(hand_over.encode().len() <= 60 * 1024);
    let with = HandOver { cards: vec![first.clone(); 20], ..pair.hand_over() };
    let own = pair.joiner.device().keys();
    let taken = HandOver::open(&with.encode(), &own, &pair.account.id(), NOW).expect("in order");
    assert_eq!(taken.cards, vec![first; 8]);
}
