//! Consent between engines: who may talk to whom, whatever is lost or restarted.

use covey_api as api;
use covey_api::{ContactState, Reason};

use super::world::{World, quick};
use crate::engine::{Protocol, rpc};

#[test]
fn two_accounts_pair_by_invite_and_accept() {
    let mut world = World::new(2, 1);
    let invited = world.invite(0, 1).unwrap();
    assert_eq!(invited.state, ContactState::Invited);
    world.settle();
    let pending = world.contact(1, 0).unwrap();
    assert_eq!((pending.state, pending.note.as_deref()), (ContactState::Pending, Some("it is me")));
    assert_eq!(world.write(0, 1, "too early").unwrap_err().reason, Reason::NotPaired);
    world.accept(1, 0).unwrap();
    world.settle();
    for (node, of) in [(0, 1), (1, 0)] {
        let contact = world.contact(node, of).unwrap();
        assert_eq!((contact.state, contact.confirmed, contact.online), (ContactState::Paired, true, true));
    }
}

#[test]
fn an_account_is_invited_by_its_id_alone() {
    let mut world = World::new(2, 2);
    let params = api::PairInvite { to: world.id(1), ..api::PairInvite::default() };
    world.call(0, |cx| rpc::pair::invite(cx, params)).unwrap();
    assert_eq!(world.state(0, 1), Some(ContactState::Invited));
    world.settle();
    assert_eq!(world.state(1, 0), Some(ContactState::Pending));
    world.accept(1, 0).unwrap();
    world.settle();
    assert_eq!(world.state(0, 1), Some(ContactState::Paired));
}

#[test]
fn both_inviting_at_once_pairs_them() {
    for seed in 0..8 {
        let mut world = World::new(2, seed);
        world.invite(0, 1).unwrap();
        world.invite(1, 0).unwrap();
        world.settle();
        world.pass(60_000, 5_000);
        assert_eq!(world.state(0, 1), Some(ContactState::Paired), "seed {seed}");
        assert_eq!(world.state(1, 0), Some(ContactState::Paired), "seed {seed}");
        world.write(0, 1, "hello").unwrap();
        world.settle();
        assert_eq!(world.texts(1, 0), ["hello"], "seed {seed}");
    }
}

#[test]
fn a_declined_inviter_cannot_ask_again() {
    let mut world = World::new(2, 3);
    world.invite(0, 1).unwrap();
    world.settle();
    let params = api::PairDecline { contact: world.id(0), ..api::PairDecline::default() };
    world.call(1, |cx| rpc::pair::decline(cx, &params)).unwrap();
    world.settle();
    assert_eq!(world.state(0, 1), Some(ContactState::Refused));
    world.restart(1);
    world.settle();
    let again = world.invite(0, 1);
    world.settle();
    world.pass(3_600_000, 60_000);
    assert_eq!(world.state(1, 0), Some(ContactState::Declined), "{again:?}");
    let params = api::PairForget { contact: world.id(0), ..api::PairForget::default() };
    world.call(1, |cx| rpc::pair::forget(cx, &params)).unwrap();
    world.pass(3 * 86_400_000, 3_600_000);
    assert_eq!(world.state(1, 0), Some(ContactState::Pending));
}

#[test]
fn a_lost_answer_is_sent_again() {
    let mut world = World::new(2, 4);
    world.invite(0, 1).unwrap();
    world.settle();
    world.drop.insert(Protocol::Pair);
    world.accept(1, 0).unwrap();
    world.settle();
    assert_eq!(world.state(0, 1), Some(ContactState::Invited));
    world.drop.clear();
    world.pass(120_000, 5_000);
    assert_eq!(world.state(0, 1), Some(ContactState::Paired));
    assert!(world.contact(1, 0).unwrap().confirmed);
}

#[test]
fn either_side_may_restart_between_any_two_steps() {
    for restarts in 0..64u32 {
        let mut world = World::new(2, u64::from(restarts) + 10);
        let mut point = 0;
        let mut maybe = |world: &mut World| {
            for node in 0..2 {
                if restarts >> point & 1 == 1 {
                    world.restart(node);
                }
                point += 1;
            }
        };
        world.invite(0, 1).unwrap();
        maybe(&mut world);
        world.settle();
        world.pass(60_000, 20_000);
        maybe(&mut world);
        world.settle();
        world.accept(1, 0).unwrap();
        maybe(&mut world);
        world.settle();
        world.pass(120_000, 30_000);
        for (node, of) in [(0, 1), (1, 0)] {
            let contact = world.contact(node, of).unwrap();
            assert_eq!((contact.state, contact.confirmed), (ContactState::Paired, true), "restarts {restarts:b}");
        }
        world.write(0, 1, "hello").unwrap();
        world.write(1, 0, "hello too").unwrap();
        world.settle();
        world.pass(60_000, 20_000);
        assert_eq!(world.texts(1, 0).len(), 2, "restarts {restarts:b}");
        assert_eq!(world.texts(0, 1), world.texts(1, 0), "restarts {restarts:b}");
    }
}

#[test]
fn a_removed_contact_is_removed_on_both_sides_and_can_come_back_by_consent() {
    let mut world = World::new(2, 5);
    world.pair(0, 1);
    world.write(0, 1, "before").unwrap();
    world.settle();
    let params = api::PairRemove { contact: world.id(1), ..api::PairRemove::default() };
    world.call(0, |cx| rpc::pair::remove(cx, &params)).unwrap();
    world.settle();
    world.pass(60_000, 20_000);
    assert_eq!(world.state(0, 1), Some(ContactState::Removed));
    assert_eq!(world.state(1, 0), Some(ContactState::Removed));
    assert_eq!(world.write(1, 0, "still there?").unwrap_err().reason, Reason::NotPaired);
    world.pair(1, 0);
    world.write(1, 0, "after").unwrap();
    world.settle();
    assert_eq!(world.texts(0, 1), ["after"]);
}

#[test]
fn a_blocked_account_is_not_heard() {
    let mut world = World::new(2, 6);
    let params = api::PairBlock { contact: world.id(0), ..api::PairBlock::default() };
    world.call(1, |cx| rpc::pair::block(cx, &params)).unwrap();
    world.invite(0, 1).unwrap();
    world.settle();
    world.pass(3_600_000, 60_000);
    assert_eq!(world.state(1, 0), Some(ContactState::Blocked));
    assert_eq!(world.state(0, 1), Some(ContactState::Invited), "the inviter learns nothing");
}

#[test]
fn a_cancelled_invite_disappears() {
    let mut world = World::new(2, 7);
    world.invite(0, 1).unwrap();
    world.settle();
    let params = api::PairCancel { contact: world.id(1), ..api::PairCancel::default() };
    world.call(0, |cx| rpc::pair::cancel(cx, &params)).unwrap();
    world.settle();
    world.pass(60_000, 20_000);
    assert_eq!(world.state(1, 0), Some(ContactState::Cancelled));
    assert_eq!(world.accept(1, 0).unwrap_err().reason, Reason::WrongState);
}

#[test]
fn an_invite_expires_on_both_sides() {
    let mut world = World::new(2, 8);
    world.invite(0, 1).unwrap();
    world.settle();
    world.pass(15 * 86_400_000, 6 * 3_600_000);
    assert_eq!(world.state(0, 1), Some(ContactState::Expired));
    assert_eq!(world.state(1, 0), Some(ContactState::Expired));
}

#[test]
fn in_open_mode_a_stranger_arrives_among_the_requests_and_never_in_the_inbox() {
    let mut open = quick();
    open.pairing_required = false;
    let mut world = World::with_policies(&[quick(), open], 9);
    world.invite(0, 1).unwrap();
    world.settle();
    assert_eq!(world.state(0, 1), Some(ContactState::Paired));
    world.write(0, 1, "hello stranger").unwrap();
    world.settle();
    assert_eq!(world.state(1, 0), Some(ContactState::Pending));
    let inbox = world.call(1, |cx| rpc::message::list(cx, &api::MessageList::default())).unwrap();
    assert_eq!(inbox, []);
    let requests = api::ChannelList { requests: true, archived: false };
    let requests = world.call(1, |cx| rpc::channel::list(cx, &requests)).unwrap();
    assert_eq!(requests.len(), 1);
    assert_eq!(world.texts(1, 0), ["hello stranger"]);
    world.accept(1, 0).unwrap();
    let inbox = world.call(1, |cx| rpc::message::list(cx, &api::MessageList::default())).unwrap();
    assert_eq!(inbox.len(), 1);
}

#[test]
fn an_inviter_who_left_right_after_asking_gets_the_answer() {
    let mut world = World::new(2, 20);
    world.invite(0, 1).unwrap();
    world.settle();
    world.disconnect(0, 1);
    world.settle();
    world.accept(1, 0).unwrap();
    world.settle();
    assert_eq!(world.state(0, 1), Some(ContactState::Paired));
}
