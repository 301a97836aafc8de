//! A thief has a machine of an account and goes on with it, while the account was recovered with its words. Node 0 is the stolen machine, node 1 a
//! contact; the new machine comes last.

use covey_api::ContactState;
use covey_pairing::identity::{ContactCard, DeviceSecret};

use super::node::Node;
use super::recovery::{add_recovered, recover, talked};
use super::world::{World, quick};
use crate::engine::records::devices;

/// [WITNESS-5] The machine was stolen and runs on: the new one knows no contact, and a contact that looked for the account only when nobody of
/// it is connected would never hear of the recovery.
#[test]
fn a_contact_that_is_connected_to_a_stolen_machine_finds_out_that_the_account_was_recovered() {
    let (mut world, words) = talked(89);
    let log = world.nodes[0].me.key_log.clone();
    add_recovered(&mut world, &words, &log, 5);
    for _ in 0..16 {
        // A thief who connects anew wins nothing by it.
        world.pass(30 * 60_000, 60_000);
        world.disconnect(0, 1);
        world.settle();
        world.connect(0, 1);
        world.settle();
    }
    let contact = world.contact(1, 0).unwrap();
    assert!(contact.recovered_at.is_some() && contact.state == ContactState::Invited, "{contact:?}");
    let thief = world.nodes[0].peer();
    assert!(!world.nodes[1].live.opened.contains(&thief));
}

/// Attack (e): a thief of the operational key floods the account's old place in the DHT, with numbers that nobody exceeds.
#[test]
fn whoever_floods_the_old_place_of_an_account_with_cards_hides_no_recovery_that_stands_beside_them() {
    let (mut world, words) = talked(90);
    let (own, log, account) = (world.card(0), world.nodes[0].me.key_log.clone(), words.id());
    let content = ContactCard::open(&own, world.now).unwrap().content().clone();
    let forged: Vec<Vec<u8>> = (60u8..66)
        .map(|seed| {
            let thief = DeviceSecret::from_seed([seed; 32]);
            let log = log.add_device(&words.sealed(), &thief, world.now).unwrap();
            let sequence = u64::MAX - u64::from(seed);
            let content =
                covey_pairing::identity::CardContent { log, devices: Vec::new(), sequence, ..content.clone() };
            covey_pairing::identity::sign(&content, &thief).unwrap()
        })
        .collect();
    world.stop(0);
    let found = |world: &mut World, cards: Vec<Vec<u8>>| {
        world.call(1, |cx| Ok(crate::engine::handle(crate::engine::Input::Found { account, cards }, cx)?)).unwrap();
        world.settle();
    };
    found(&mut world, forged.clone());
    let devices = |world: &mut World| world.look(1, |cx| devices::devices(cx.tx, &account).unwrap());
    assert!(
        devices(&mut world).iter().all(|device| device.id == world.nodes[0].me.device_id()),
        "they contradict each other"
    );
    add_recovered(&mut world, &words, &log, 5);
    let own = world.card(2);
    found(&mut world, forged.iter().cloned().chain([own]).collect());
    let contact = world.contact(1, 0).unwrap();
    assert!(contact.recovered_at.is_some() && !contact.contested);
    let recovered = world.nodes[2].me.device_id();
    assert_eq!(devices(&mut world).iter().map(|device| device.id).collect::<Vec<_>>(), [recovered]);
    found(&mut world, forged);
    assert_eq!(devices(&mut world).len(), 1, "nothing that went before counts any more");
}

/// [WITNESS-5] The same of a contact that was connected all the time when it paired with the recovered account, for the sake of a group.
#[test]
fn a_contact_that_paired_while_it_was_connected_finds_out_as_well() {
    let (mut world, words) = talked(91);
    let carol = world.nodes.len();
    world.join(Node::new(91, quick()));
    world.pair(0, carol);
    let group = world.create_group(1, "garden");
    world.invite_to(1, &group, 0).unwrap();
    world.accept_group(0, &group).unwrap();
    world.bring_in(1, &group, carol);
    recover(&mut world, &words);
    let new = world.nodes.len() - 1;
    world.pass(10 * 60_000, 5_000);
    world.accept(new, carol).unwrap();
    world.pass(10 * 60_000, 5_000);
    assert!(world.is_open(1, new) && world.contact(1, 0).unwrap().state == ContactState::Invited, "for the group");
    world.accept(new, 1).unwrap();
    world.pass(10 * 60_000, 60_000);
    assert_eq!(world.contact(1, 0).unwrap().state, ContactState::Paired);
    let log = world.nodes[new].me.key_log.clone();
    add_recovered(&mut world, &words, &log, 6);
    world.pass(8 * 60 * 60_000, 60_000);
    let contact = world.contact(1, 0).unwrap();
    assert_eq!(contact.state, ContactState::Invited, "{contact:?}");
    let thief = world.nodes[new].peer();
    assert!(!world.nodes[1].live.opened.contains(&thief));
}
