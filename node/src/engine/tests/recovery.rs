//! Accounts that are brought back with their words, as their contacts see it. Node 0 is recovered; what becomes of it is node 2,
//! a new machine.

use covey_api as api;
use covey_api::{ContactState, kind};
use covey_pairing::identity::{AccountSecret, ContactCard, Contest, DeviceSecret, KeyLog, Rotation};

use super::node::Node;
use super::world::{World, quick};
use crate::engine::contacts::cards;
use crate::engine::records::devices;
use crate::engine::{Me, rpc};

const HOUR: u64 = 3_600_000;

/// Two who talked; the words of the first.
pub(super) fn talked(seed: u64) -> (World, AccountSecret) {
    let mut world = World::new(2, seed);
    world.pair(0, 1);
    world.write(0, 1, "before").unwrap();
    world.settle();
    let words = world.nodes[0].me.account.clone();
    (world, words)
}

/// The machine of node 0 burns. Its words, on a new machine: node 2.
pub(super) fn recover(world: &mut World, words: &AccountSecret) {
    world.stop(0);
    let log = world.nodes[0].me.key_log.clone();
    add_recovered(world, words, &log, 5);
}

pub(super) fn add_recovered(world: &mut World, words: &AccountSecret, log: &KeyLog, seed: u8) {
    let device = DeviceSecret::from_seed([seed; 32]);
    let plan = Rotation { add: vec![&device], ..Rotation::default() };
    let (log, keys) = log.rotate(words, &plan, world.now).unwrap();
    let me = Me::recovered(words, &keys, device, log, false);
    let node = Node::of(seed.into(), quick(), me);
    world.join(node);
    world.settle();
}

fn events(world: &mut World, node: usize, of: &str) -> usize {
    let params = api::EventsFetch { last: Some(1_000), ..api::EventsFetch::default() };
    let events = world.call(node, |cx| rpc::events::fetch(cx, &params)).unwrap().events;
    events.iter().filter(|event| event.kind == of).count()
}

fn verify(world: &mut World, of: usize, as_seen_by: usize) -> Result<api::Contact, covey_api::ApiError> {
    let theirs = api::AccountSafetyNumber { contact: world.id(1) };
    let number = world.call(as_seen_by, |cx| rpc::account::safety(cx, &theirs)).unwrap().safety_number;
    let params = api::PairVerify { contact: world.id(of), safety_number: number, client_id: None };
    world.call(1, |cx| rpc::pair::verify(cx, &params))
}

#[test]
fn contacts_of_a_recovered_account_ask_to_pair_again_and_one_command_accepts_them_all() {
    let (mut world, words) = talked(80);
    verify(&mut world, 0, 0).unwrap();
    recover(&mut world, &words);
    world.pass(10 * 60_000, 5_000);
    let contact = world.contact(1, 0).unwrap();
    assert_eq!((contact.state, contact.verified, contact.verified_before), (ContactState::Invited, false, true));
    assert!(contact.recovered_at.is_some());
    assert_eq!(events(&mut world, 1, kind::CONTACT_RECOVERED), 1);
    let waiting = api::PairList { renewal: Some(true), ..api::PairList::default() };
    let waiting = world.call(2, |cx| rpc::pair::list(cx, &waiting)).unwrap();
    assert_eq!(waiting.len(), 1);
    assert_eq!(world.call(2, rpc::pair::accept_renewals).unwrap().len(), 1);
    world.settle();
    world.pass(60_000, 5_000);
    assert_eq!((world.state(1, 0), world.state(2, 1)), (Some(ContactState::Paired), Some(ContactState::Paired)));
    world.write(1, 0, "welcome back").unwrap();
    world.settle();
    assert_eq!(world.texts(2, 1), ["welcome back"]);
    let channels = world.call(1, |cx| rpc::channel::list(cx, &api::ChannelList::default())).unwrap();
    assert!(!channels.is_empty(), "what was said before is still there");
    assert!(verify(&mut world, 0, 2).unwrap().verified, "the number of the rotation");
    assert!(world.verify(1).ok, "{:?}", world.verify(1));
}

/// The contact lifts its block: it asks the recovered account to pair again, and they are paired.
fn asks_once_unblocked(world: &mut World) {
    let unblock = api::PairUnblock { contact: world.id(0), client_id: None };
    world.call(1, |cx| rpc::pair::unblock(cx, &unblock)).unwrap();
    world.pass(10 * 60_000, 5_000);
    assert_eq!(world.call(2, rpc::pair::accept_renewals).unwrap().len(), 1);
    world.pass(120_000, 5_000);
    assert_eq!((world.state(1, 0), world.state(2, 1)), (Some(ContactState::Paired), Some(ContactState::Paired)));
}

/// Regression: household, seed 19. The recovered account knows nothing of the contact, which took the pact of before for one that stands.
#[test]
fn a_contact_that_blocks_an_account_before_it_asked_it_to_pair_again_asks_once_the_block_is_lifted() {
    let (mut world, words) = talked(97);
    recover(&mut world, &words);
    let (account, card) = (words.id(), world.cards[&words.id()].clone());
    world.call(1, |cx| Ok(cards::learn(cx, &account, &card)?)).unwrap();
    let block = api::PairBlock { contact: world.id(0), client_id: None };
    world.call(1, |cx| rpc::pair::block(cx, &block)).unwrap();
    world.pass(10 * 60_000, 5_000);
    assert_eq!(world.state(2, 1), None, "nothing is sent to it for a minute, and then it is blocked");
    asks_once_unblocked(&mut world);
}

/// Regression: household, seed 11.
#[test]
fn a_contact_that_had_blocked_an_account_when_it_was_recovered_asks_to_pair_again_once_it_lifts_the_block() {
    for hears_while_blocked in [false, true] {
        let (mut world, words) = talked(96);
        let block = api::PairBlock { contact: world.id(0), client_id: None };
        world.call(1, |cx| rpc::pair::block(cx, &block)).unwrap();
        recover(&mut world, &words);
        if hears_while_blocked {
            let (account, card) = (words.id(), world.cards[&words.id()].clone());
            world.call(1, |cx| Ok(cards::learn(cx, &account, &card)?)).unwrap();
        }
        world.pass(10 * 60_000, 5_000);
        assert_eq!(world.state(2, 1), None, "a block tells nothing");
        asks_once_unblocked(&mut world);
        assert_eq!(world.contact(1, 0).unwrap().channel, world.contact(2, 1).unwrap().channel);
    }
}

#[test]
fn nothing_is_sent_to_a_recovered_account_for_a_minute() {
    let (mut world, words) = talked(81);
    recover(&mut world, &words);
    let card = world.cards[&words.id()].clone();
    let (account, peer) = (words.id(), world.nodes[2].peer());
    world.record = Some(Vec::new());
    world.call(1, |cx| Ok(cards::learn(cx, &account, &card)?)).unwrap();
    world.settle();
    world.connect(1, 2);
    world.pass(55_000, 5_000);
    let sent = |world: &World| world.record.as_ref().unwrap().iter().filter(|sent| (sent.0, sent.1) == (1, 2)).count();
    assert_eq!(sent(&world), 0, "an objection comes first, if there is one");
    assert!(world.nodes[1].live.penalties.contains_key(&peer));
    world.pass(60_000, 5_000);
    assert!(sent(&world) > 0);
    assert_eq!(world.state(2, 1), Some(ContactState::Pending));
}

/// [KEYLOG-17] Attack (d) of the design.
#[test]
fn an_account_that_is_rotated_twice_is_frozen_until_people_compare_and_then_counts_again() {
    let (mut world, words) = talked(82);
    let log = world.nodes[0].me.key_log.clone();
    recover(&mut world, &words);
    world.pass(HOUR, 60_000);
    world.call(2, rpc::pair::accept_renewals).unwrap();
    world.settle();
    world.pass(120_000, 5_000);
    assert_eq!(world.state(1, 0), Some(ContactState::Paired));
    // A thief of the words, from the log of before.
    let thief = DeviceSecret::from_seed([66; 32]);
    let plan = Rotation { add: vec![&thief], ..Rotation::default() };
    let (stolen, _) = log.rotate(&words, &plan, world.now).unwrap();
    let own = world.look(2, |cx| crate::engine::card::own(cx).unwrap());
    let content = ContactCard::open(&own, world.now).unwrap().content().clone();
    let content = covey_pairing::identity::CardContent { log: stolen, devices: Vec::new(), ..content };
    let card = covey_pairing::identity::sign(&content, &thief).unwrap();
    let account = words.id();
    world.call(1, |cx| Ok(cards::learn(cx, &account, &card)?)).unwrap();
    world.settle();
    let contact = world.contact(1, 0).unwrap();
    assert!(contact.contested && !contact.online);
    let refused = world.write(1, 0, "are you you?").unwrap_err();
    assert!(refused.message.contains("contested") && refused.message.contains("covey pair verify"), "{refused}");
    // What the true one says does not arrive either.
    world.write(2, 1, "it is me").unwrap();
    world.pass(120_000, 10_000);
    assert!(!world.texts(1, 0).contains(&"it is me".to_owned()));
    // Face to face.
    let contact = verify(&mut world, 0, 2).unwrap();
    assert!(contact.verified && !contact.contested);
    world.settle();
    world.pass(HOUR, 60_000);
    world.call(2, rpc::pair::accept_renewals).unwrap();
    world.settle();
    world.pass(120_000, 5_000);
    world.write(1, 0, "good").unwrap();
    world.settle();
    assert_eq!(world.texts(2, 1).last().map(String::as_str), Some("good"));
    // The thief's card changes nothing any more.
    world.call(1, |cx| Ok(cards::learn(cx, &account, &card)?)).unwrap();
    assert!(!world.contact(1, 0).unwrap().contested);
}

/// Attack (b): the log of before, replayed to who saw the rotation.
#[test]
fn a_card_of_before_the_recovery_brings_no_device_back() {
    let (mut world, words) = talked(83);
    let before = world.look(0, |cx| crate::engine::card::own(cx).unwrap());
    recover(&mut world, &words);
    world.pass(10 * 60_000, 5_000);
    let (account, old) = (words.id(), world.nodes[0].me.device_id());
    world.call(1, |cx| Ok(cards::learn(cx, &account, &before)?)).unwrap();
    let known = world.look(1, |cx| devices::devices(cx.tx, &account).unwrap());
    assert!(known.iter().all(|device| device.id != old));
    assert!(!world.contact(1, 0).unwrap().contested);
}

#[test]
fn a_device_of_before_that_objects_freezes_the_account() {
    let (mut world, words) = talked(84);
    let (log, old) = (world.nodes[0].me.key_log.clone(), world.nodes[0].me.device.clone());
    recover(&mut world, &words);
    world.pass(10 * 60_000, 5_000);
    let contest = Contest::sign(&log, &world.nodes[2].me.key_log, &old).unwrap();
    let account = words.id();
    world.call(1, |cx| Ok(crate::engine::contacts::logs::contested(cx, &account, &contest)?)).unwrap();
    assert!(world.contact(1, 0).unwrap().contested);
}

/// [ROTATE-3] No device of a recovered account is on the rosters to take the ones of before off them; members who know of the recovery need none.
#[test]
fn a_stolen_device_of_a_recovered_account_reads_nothing_new_in_groups_of_members_who_know() {
    let mut world = World::new(2, 92);
    let words = world.nodes[0].me.account.clone();
    let group = world.group_of(&[1, 0], "garden");
    world.say_in(1, &group, "before").unwrap();
    assert_eq!(world.texts_in(0, &group), ["before"]);
    let log = world.nodes[0].me.key_log.clone();
    add_recovered(&mut world, &words, &log, 5);
    let (account, card) = (words.id(), world.card(2));
    world.call(1, |cx| Ok(cards::learn(cx, &account, &card)?)).unwrap();
    world.settle();
    world.pass(60_000, 5_000);
    world.say_in(1, &group, "after").unwrap();
    // However it got hold of what was said.
    let entries = world.look(1, |cx| {
        let channel = crate::engine::names::channel(cx, &group, crate::engine::names::pick::Purpose::Read).unwrap();
        let feed = crate::engine::records::feeds::all(cx.tx, channel.no)
            .unwrap()
            .into_iter()
            .find(|feed| feed.key.author == cx.me.author())
            .unwrap();
        (1..=feed.head.unwrap().seq)
            .filter_map(|seq| crate::engine::records::feeds::entry(cx.tx, feed.fid, seq).unwrap())
            .collect::<Vec<_>>()
    });
    let last = entries.last().unwrap().clone();
    let opened = world.look(0, |cx| {
        let channel = crate::engine::names::channel(cx, &group, crate::engine::names::pick::Purpose::Read).unwrap();
        let author = covey_pairing::ids::DeviceId::from_bytes(*last.header().feed.author.as_bytes());
        let mut reader = crate::engine::sealing::chains::Reader::new(cx, &channel, &author).unwrap();
        let place = crate::engine::wire::payload::aad_of(channel.id, &last);
        reader.open(last.payload().unwrap(), &place).is_ok()
    });
    assert!(!opened, "the chain is another one");
    assert_eq!(world.texts_in(0, &group), ["before"]);
}

/// [KEYLOG-13] By the contact's own clock, from when it first saw the recovery itself.
#[test]
fn an_objection_that_comes_after_72_hours_changes_nothing() {
    for (late, contested) in [(-60_000, true), (60_000, false)] {
        let (mut world, words) = talked(91);
        let (log, old) = (world.nodes[0].me.key_log.clone(), world.nodes[0].me.device.clone());
        recover(&mut world, &words);
        // Nobody tells the contact for a week.
        world.now += 7 * 24 * HOUR;
        let (account, card) = (words.id(), world.card(2));
        world.call(1, |cx| Ok(cards::learn(cx, &account, &card)?)).unwrap();
        let first = world.contact(1, 0).unwrap().recovered_at.unwrap();
        assert_eq!(first.unix_ms(), world.now);
        world.now = (world.now + 72 * HOUR).saturating_add_signed(late);
        let contest = Contest::sign(&log, &world.nodes[2].me.key_log, &old).unwrap();
        let frame = crate::engine::wire::contest::encode(&contest.to_bytes());
        let taken = world.call(1, |cx| Ok(crate::engine::inbound::contests::frame(cx, &frame)?));
        assert!(taken.unwrap(), "it is an objection");
        assert_eq!(world.contact(1, 0).unwrap().contested, contested, "{late}");
    }
}

fn condition(world: &mut World, node: usize) -> api::AccountCondition {
    world.call(node, rpc::account::status).unwrap()
}

/// [WITNESS-1] [WITNESS-2] [WITNESS-3]
#[test]
fn an_owner_learns_from_the_next_contact_that_a_thief_of_its_keys_added_a_device() {
    let (mut world, words) = talked(85);
    assert!(condition(&mut world, 0).second_history.is_none());
    let own = world.look(0, |cx| crate::engine::card::own(cx).unwrap());
    let content = ContactCard::open(&own, world.now).unwrap().content().clone();
    let thief = DeviceSecret::from_seed([66; 32]);
    let log = world.nodes[0].me.key_log.add_device(&words, &thief, world.now).unwrap();
    let sequence = content.sequence + 1;
    let content = covey_pairing::identity::CardContent { log, devices: Vec::new(), sequence, ..content };
    let card = covey_pairing::identity::sign(&content, &thief).unwrap();
    let account = words.id();
    world.call(1, |cx| Ok(cards::learn(cx, &account, &card)?)).unwrap();
    world.settle();
    world.disconnect(0, 1);
    world.settle();
    world.connect(0, 1);
    world.settle();
    let second = condition(&mut world, 0).second_history.expect("an alarm");
    assert_eq!((second.what, second.contact), (api::SecondHistoryKind::Longer, world.id(1)));
    assert_eq!(events(&mut world, 0, kind::ACCOUNT_SECOND_HISTORY), 1);
    world.disconnect(0, 1);
    world.settle();
    world.connect(0, 1);
    world.settle();
    assert_eq!(events(&mut world, 0, kind::ACCOUNT_SECOND_HISTORY), 1, "told once");
}

/// [WITNESS-3] A contact can make up what it likes.
#[test]
fn a_contact_that_claims_another_history_without_one_alarms_nobody() {
    let (mut world, _) = talked(86);
    let junk =
        crate::engine::wire::parcel::encode(crate::engine::wire::parcel::Frame::Head(99, [7; 32].into())).unwrap();
    world.puppet = Some(1);
    world.say(0, crate::engine::Protocol::Parcel, junk);
    let other = KeyLog::create(&AccountSecret::from_seed([9; 32]), 5);
    for ops in [Vec::new(), other.ops().to_vec()] {
        let ops = covey_codec::encode(&ops).unwrap();
        let frame = crate::engine::wire::parcel::Frame::Log(ops.into());
        let frame = crate::engine::wire::parcel::encode(frame).unwrap();
        world.say(0, crate::engine::Protocol::Parcel, frame);
    }
    assert!(world.heard.iter().any(|(protocol, _)| *protocol == crate::engine::Protocol::Parcel), "it is asked");
    world.puppet = None;
    assert!(condition(&mut world, 0).second_history.is_none());
}

/// [WITNESS-4] The words were stolen: the account's machine hears of it from the contact who shuts it out, and objects.
#[test]
fn the_old_machine_hears_of_a_recovery_and_its_objection_freezes_the_account() {
    let (mut world, words) = talked(87);
    let log = world.nodes[0].me.key_log.clone();
    let refused = world.call(0, rpc::account::contest).unwrap_err();
    assert!(refused.message.contains("nothing to object to"), "{refused}");
    add_recovered(&mut world, &words, &log, 5);
    let (account, card) = (words.id(), world.card(2));
    world.call(1, |cx| Ok(cards::learn(cx, &account, &card)?)).unwrap();
    world.settle();
    let second = condition(&mut world, 0).second_history.expect("an alarm");
    assert_eq!((second.what, second.contact), (api::SecondHistoryKind::Recovered, world.id(1)));
    assert!(!world.contact(1, 0).unwrap().contested);
    assert!(world.call(0, rpc::account::contest).unwrap().objected);
    world.settle();
    assert!(world.contact(1, 0).unwrap().contested);
    world.pass(10 * 60_000, 60_000);
    let waiting = world.call(2, |cx| rpc::pair::list(cx, &api::PairList::default())).unwrap();
    assert!(waiting.is_empty(), "nothing was sent to whoever has the words: {waiting:?}");
}

/// [WITNESS-4]
#[test]
fn a_node_that_knows_nobody_finds_out_from_the_network_that_its_account_was_recovered() {
    let mut world = World::new(1, 88);
    let words = world.nodes[0].me.account.clone();
    let log = world.nodes[0].me.key_log.clone();
    add_recovered(&mut world, &words, &log, 5);
    let card = world.card(2 - 1);
    world.cards.insert(words.id(), card);
    world.pass(3 * HOUR, HOUR);
    assert_eq!(condition(&mut world, 0).second_history.unwrap().what, api::SecondHistoryKind::Recovered);
}
