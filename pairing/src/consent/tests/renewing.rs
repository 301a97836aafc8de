//! [PAIR-85] The account of a contact was recovered on a machine that knows no pact.

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use super::harness::*;
use crate::consent::{ConsentError, Input, Relationship, Slot, State};
use crate::identity::DeviceSecret;

/// Alice's machine burnt: the new one knows of nobody.
fn burnt() -> World {
    let mut world = World::paired();
    world.now += DAY;
    world.alice.r = Relationship::new(world.bob.id());
    world
}

#[test]
fn a_renewal_ends_the_pact_asks_for_another_and_says_what_it_is() {
    let mut world = burnt();
    let before = world.bob.r.pair_secret().expect("paired").channel_id();
    let renew = world.renew_input(Bob);
    let effects = world.run(Bob, renew);
    assert_eq!(kinds(&effects), ["unpaired", "paired -> invited", "send Invite"]);
    world.pass(Bob, Slot::Invite);
    assert!(world.alice.r.request().expect("pending").renewal);
    world.run(Alice, Input::Accept);
    world.settle();
    world.assert_paired();
    assert_ne!(world.bob.r.pair_secret().expect("paired").channel_id(), before);
}

#[test]
fn an_ordinary_invite_does_not_say_that_it_is_a_renewal() {
    let mut world = World::new();
    world.invite(Bob).expect("allowed");
    world.pass(Bob, Slot::Invite);
    assert!(!world.alice.r.request().expect("pending").renewal);
}

#[test]
fn the_recovered_account_can_decline_a_renewal_as_any_invite() {
    let mut world = burnt();
    let renew = world.renew_input(Bob);
    world.run(Bob, renew);
    world.pass(Bob, Slot::Invite);
    world.run(Alice, Input::Decline);
    world.settle();
    assert_eq!(world.states(), (State::Declined, State::Refused));
}

#[test]
fn a_blocked_contact_is_not_asked_to_pair_again() {
    let mut world = burnt();
    world.run(Bob, Input::Block);
    let renew = world.renew_input(Bob);
    assert!(matches!(world.step(Bob, renew), Err(ConsentError::NotAllowed { .. })));
}

/// [PAIR-88] The invite waited for bob while alice's account was recovered: whoever has her machine of before made it, or has its keys.
#[test]
fn an_invite_of_a_device_that_the_account_has_no_more_is_not_accepted_when_that_is_known() {
    let mut world = World::pending();
    let before = world.bob.r.log().cloned().expect("her log came with the invite");
    let (account, other) = (world.alice.account.clone(), DeviceSecret::generate(&mut ChaCha20Rng::seed_from_u64(5)));
    let log = before.add_device(&account, &other, world.now).expect("a second device");
    let gone = world.alice.device.id();
    let log = log.revoke_device(&account, gone, Vec::new(), world.now).expect("revoked by the second");
    world.bob.r.set_log(Some(log));
    let before = world.bob.r.clone();
    assert_eq!(world.step(Bob, Input::Accept), Err(ConsentError::InviterGone));
    assert_eq!(world.bob.r, before);
    world.run(Bob, Input::Decline);
    assert_eq!(world.state(Bob), State::Declined);
}
