//! Contacts as keepers: one asks, the other says yes or no. And keepers that do not answer.

use covey_api::{self as api, EventKind, Keeper, KeeperRole, KeeperState, Reason};

use super::{ALICE, BOB, KEEPER, MALLORY, kept, serve, wait};
use crate::engine::keepers::asking;
use crate::engine::outbound::control;
use crate::engine::records::devices;
use crate::engine::records::sessions::Scope;
use crate::engine::rpc;
use crate::engine::tests::world::World;
use crate::engine::wire::control::Control;

/// Alice and Bob are paired, and Alice has asked him.
fn asked(seed: u64) -> World {
    let mut world = World::new(4, seed);
    world.pair(ALICE, BOB);
    ask(&mut world).unwrap();
    world.settle();
    world
}

fn ask(world: &mut World) -> Result<Keeper, api::ApiError> {
    let params = api::KeeperAsk { contact: world.id(BOB), client_id: None };
    world.call(ALICE, |cx| rpc::keeper::ask(cx, &params))
}

fn accept(world: &mut World) -> Result<Keeper, api::ApiError> {
    let params = api::KeeperAccept { contact: world.id(ALICE), limit_mib: Some(8), client_id: None };
    let accepted = world.call(BOB, |cx| rpc::keeper::accept(cx, &params));
    world.settle();
    accepted
}

fn remove(world: &mut World, node: usize, keeper: String) {
    let params = api::KeeperRemove { keeper, client_id: None };
    world.call(node, |cx| rpc::keeper::remove(cx, &params)).unwrap();
    world.settle();
}

fn list(world: &mut World, node: usize) -> Vec<(KeeperRole, KeeperState)> {
    world.call(node, rpc::keeper::list).unwrap().into_iter().map(|keeper| (keeper.role, keeper.state)).collect()
}

/// The states that events of this kind told, in their order.
fn told(world: &mut World, node: usize, kind: EventKind) -> Vec<KeeperState> {
    let params = api::EventsFetch { limit: Some(1_000), ..api::EventsFetch::default() };
    let page = world.call(node, |cx| rpc::events::fetch(cx, &params)).unwrap();
    let events = page.events.into_iter().filter(|event| event.kind == kind.as_str());
    events.map(|event| serde_json::from_value::<Keeper>(event.data).unwrap().state).collect()
}

/// [MAIL-13]
#[test]
fn a_contact_that_was_asked_keeps_mail_once_it_said_yes_and_not_before() {
    let mut world = asked(61);
    assert_eq!(list(&mut world, ALICE), [(KeeperRole::Mine, KeeperState::Asked)]);
    assert_eq!(list(&mut world, BOB), [(KeeperRole::Held, KeeperState::Requested)]);
    assert_eq!(told(&mut world, BOB, EventKind::KeeperRequested), [KeeperState::Requested]);
    world.pass(600_000, 60_000);
    assert_eq!(list(&mut world, ALICE), [(KeeperRole::Mine, KeeperState::Asked)], "nothing happens without a yes");
    accept(&mut world).unwrap();
    assert_eq!(list(&mut world, ALICE), [(KeeperRole::Mine, KeeperState::Keeps)]);
    assert_eq!(list(&mut world, BOB), [(KeeperRole::Held, KeeperState::Keeps)]);
    let shown = world.call(ALICE, rpc::keeper::list).unwrap().remove(0);
    assert_eq!(shown.limit, 8 << 20);
    assert_eq!(told(&mut world, ALICE, EventKind::KeeperChanged), [KeeperState::Keeps]);
    // Mail of a third one waits there.
    world.pair(ALICE, MALLORY);
    world.settle();
    world.stop(ALICE);
    world.write(MALLORY, ALICE, "hello").unwrap();
    wait(&mut world);
    let status = world.call(BOB, rpc::keeper::status).unwrap();
    assert_eq!((status.accounts, status.parcels, status.found_parcels, status.agrees), (1, 1, 1, true));
    world.stop(MALLORY);
    world.restart(ALICE);
    world.settle();
    assert_eq!(world.texts(ALICE, MALLORY), ["hello"]);
    for node in [ALICE, BOB] {
        assert!(world.verify(node).ok, "{:?}", world.verify(node));
    }
}

#[test]
fn a_full_keeper_takes_nobody_more_and_says_yes_to_those_whose_mail_it_keeps() {
    let mut world = asked(67);
    world.nodes[BOB].policy.mail_accounts = 1;
    accept(&mut world).unwrap();
    let keeper = world.call(ALICE, rpc::keeper::list).unwrap().remove(0).keeper;
    remove(&mut world, ALICE, keeper);
    ask(&mut world).unwrap();
    world.pair(MALLORY, BOB);
    let params = api::KeeperAsk { contact: world.id(BOB), client_id: None };
    world.call(MALLORY, |cx| rpc::keeper::ask(cx, &params)).unwrap();
    world.settle();
    let params = api::KeeperAccept { contact: world.id(MALLORY), limit_mib: None, client_id: None };
    let refused = world.call(BOB, |cx| rpc::keeper::accept(cx, &params)).unwrap_err();
    assert_eq!((refused.reason, refused.data), (Reason::LimitReached, serde_json::json!({ "limit": 1 })));
    accept(&mut world).unwrap();
    assert_eq!(list(&mut world, ALICE), [(KeeperRole::Mine, KeeperState::Keeps)]);
}

/// [MAIL-13]
#[test]
fn who_is_declined_is_told_and_asks_nobody_again_for_a_week() {
    let mut world = asked(62);
    let alice = world.id(ALICE);
    remove(&mut world, BOB, alice);
    assert_eq!(list(&mut world, ALICE), [(KeeperRole::Mine, KeeperState::Refused)]);
    assert!(list(&mut world, BOB).is_empty());
    ask(&mut world).unwrap();
    world.settle();
    assert_eq!(list(&mut world, ALICE), [(KeeperRole::Mine, KeeperState::Refused)], "he is not asked");
    assert_eq!(told(&mut world, BOB, EventKind::KeeperRequested).len(), 1);
    world.pass(8 * 24 * 3_600_000, 12 * 3_600_000);
    ask(&mut world).unwrap();
    world.settle();
    assert_eq!(list(&mut world, BOB), [(KeeperRole::Held, KeeperState::Requested)]);
    // Taken back, it is a question no more.
    let bob = world.id(BOB);
    remove(&mut world, ALICE, bob);
    assert!(list(&mut world, BOB).is_empty() && list(&mut world, ALICE).is_empty());
    assert_eq!(accept(&mut world).unwrap_err().reason, Reason::NoSuchKeeper);
}

/// [MAIL-13] Mail of hers may still lie there when she asks anew; a no to that ends nothing that was agreed before.
#[test]
fn who_asks_again_after_taking_a_keeper_away_waits_for_an_answer_like_anybody_else() {
    let mut world = asked(65);
    accept(&mut world).unwrap();
    let keeper = world.call(ALICE, rpc::keeper::list).unwrap().remove(0).keeper;
    remove(&mut world, ALICE, keeper);
    ask(&mut world).unwrap();
    world.settle();
    let held = (KeeperRole::Held, KeeperState::Keeps);
    assert_eq!(list(&mut world, BOB), [held, (KeeperRole::Held, KeeperState::Requested)]);
    let alice = world.id(ALICE);
    remove(&mut world, BOB, alice.clone());
    assert_eq!(list(&mut world, BOB), [held]);
    assert_eq!(list(&mut world, ALICE), [(KeeperRole::Mine, KeeperState::Refused)]);
    remove(&mut world, BOB, alice);
    assert!(list(&mut world, BOB).is_empty());
}

/// [MAIL-13]
#[test]
fn a_node_that_offers_nothing_says_no_by_itself() {
    let mut world = World::new(4, 63);
    world.pair(ALICE, BOB);
    world.nodes[BOB].policy.keeps_for_contacts = false;
    ask(&mut world).unwrap();
    world.settle();
    assert_eq!(list(&mut world, ALICE), [(KeeperRole::Mine, KeeperState::Refused)]);
    assert!(list(&mut world, BOB).is_empty() && told(&mut world, BOB, EventKind::KeeperRequested).is_empty());
}

/// [MAIL-13] A contact sends our mail to nobody else, and makes itself a keeper of nobody who did not ask.
#[test]
fn a_ticket_that_nobody_asked_for_or_of_another_node_counts_for_nothing() {
    let mut world = asked(64);
    let foreign = serve(&mut world, &api::KeeperServe::default());
    let alice = world.nodes[ALICE].account();
    let say = |world: &mut World, ticket: &str| {
        let answer = Control::KeeperAnswer(Some(ticket.to_owned()));
        world
            .call(BOB, |cx| {
                let device = devices::devices(cx.tx, &alice)?.remove(0);
                Ok(control::tell(cx, Scope::Pair, &alice, &device, &answer, false)?)
            })
            .unwrap();
        world.settle();
    };
    for ticket in [foreign.as_str(), "covey-keeper:aaaa", ""] {
        say(&mut world, ticket);
        assert_eq!(list(&mut world, ALICE), [(KeeperRole::Mine, KeeperState::Refused)]);
    }
    let bob = world.id(BOB);
    remove(&mut world, ALICE, bob);
    let own = world.call(BOB, |cx| rpc::keeper::serve(cx, &api::KeeperServe::default())).unwrap().ticket;
    say(&mut world, &own);
    assert!(list(&mut world, ALICE).is_empty(), "she asked for nothing");
    // Who is no contact asks in vain.
    let stranger =
        devices::DeviceRef { account: world.nodes[MALLORY].account(), device: world.nodes[MALLORY].me.device_id() };
    world.call(BOB, |cx| Ok(asking::wanted(cx, stranger, true)?)).unwrap();
    assert!(list(&mut world, BOB).is_empty());
}

/// [MAIL-14]
#[test]
fn a_keeper_that_does_not_answer_for_an_hour_is_told_of_once_and_so_is_its_return() {
    let mut world = kept(65);
    assert_eq!(told(&mut world, BOB, EventKind::KeeperChanged), [KeeperState::Keeps]);
    // Connected for a day without a word: nothing is wrong.
    world.pass(24 * 3_600_000, 600_000);
    world.stop(KEEPER);
    world.pass(50 * 60_000, 60_000);
    assert_eq!(list(&mut world, BOB), [(KeeperRole::Mine, KeeperState::Keeps)]);
    world.pass(20 * 60_000, 60_000);
    assert_eq!(list(&mut world, BOB), [(KeeperRole::Mine, KeeperState::Unreached)]);
    world.pass(5 * 3_600_000, 600_000);
    world.restart(KEEPER);
    world.settle();
    assert_eq!(list(&mut world, BOB), [(KeeperRole::Mine, KeeperState::Keeps)]);
    let told = told(&mut world, BOB, EventKind::KeeperChanged);
    assert_eq!(told, [KeeperState::Keeps, KeeperState::Unreached, KeeperState::Keeps]);
}
