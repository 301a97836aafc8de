//! [NODE-LATE] What is put before what was read long ago, or opens late, is unread and says so, and nobody is told that it was read before
//! somebody saw it.

use covey_api as api;
use covey_feed::FeedId;
use covey_pairing::group::cipher::{GroupCipher, OwnChain, SenderKeys};

use super::den::{ALICE, BOB, Den, MALLORY};
use crate::engine::records::channels;
use crate::engine::records::devices::DeviceRef;
use crate::engine::records::messages::Message;
use crate::engine::replication::parked;
use crate::engine::sealing::chains;
use crate::engine::wire::payload::{self, Body};
use crate::engine::{Cx, Protocol, rpc, tables};

fn said(text: &str) -> Body {
    Body::text(text.to_owned(), None, None, 1_800_000_000_000)
}

fn channel(den: &mut Den) -> api::Channel {
    let params = api::ChannelShow { channel: den.group.clone() };
    den.world.call(ALICE, |cx| rpc::channel::show(cx, &params)).unwrap()
}

fn messages(den: &mut Den) -> Vec<api::Message> {
    let params = api::MessageList { channel: Some(den.group.clone()), limit: Some(1_000), ..Default::default() };
    den.world.call(ALICE, |cx| rpc::message::list(cx, &params)).unwrap()
}

fn message(den: &mut Den, text: &str) -> api::Message {
    messages(den).into_iter().find(|message| message.text == text).unwrap()
}

fn mark_read(den: &mut Den, up_to: Option<String>) {
    let params = api::ChannelMarkRead { channel: den.group.clone(), up_to, client_id: None };
    den.world.call(ALICE, |cx| rpc::channel::mark_read(cx, &params)).unwrap();
    den.world.settle();
}

/// Up to where alice ever said that she read a feed.
fn receipt(den: &mut Den, feed: FeedId) -> u64 {
    let no = den.no(ALICE);
    let all = den.world.look(ALICE, |cx| cx.tx.scan::<Message>(&tables::messages(no), None, 1_000, false).unwrap());
    let marks = all.into_iter().filter(|(_, message)| message.own && message.body.kind == payload::kind::READ);
    let marks = marks.flat_map(|(_, message)| message.body.read);
    let of = marks
        .filter(|(author, incarnation, _)| **author == *feed.author.as_bytes() && *incarnation == feed.incarnation);
    of.map(|(_, _, seq)| seq).max().unwrap_or(0)
}

fn talked(seed: u64) -> Den {
    let mut den = Den::new(seed);
    let group = den.group.clone();
    for (who, text) in [(MALLORY, "sell all?"), (BOB, "yes")] {
        den.world.say_in(who, &group, text).unwrap();
        den.world.pass(10_000, 500);
    }
    mark_read(&mut den, None);
    assert_eq!(channel(&mut den).unread, 0);
    den
}

#[test]
fn what_is_put_before_what_was_read_is_unread_marked_and_told_to_nobody_until_it_was_seen() {
    let mut den = talked(720);
    den.world.puppet = Some(MALLORY);
    let feed = den.incarnation(1);
    let backdated = den.content(1, None, 0, &said("sell nothing?"));
    den.show(ALICE, &backdated);
    den.world.settle();
    let (newest, inserted) = (message(&mut den, "yes"), message(&mut den, "sell nothing?"));
    assert!(inserted.order_key < newest.order_key, "the order is the same for everybody");
    for restarted in [false, true] {
        if restarted {
            den.world.restart(ALICE);
            den.world.settle();
        }
        let inserted = message(&mut den, "sell nothing?");
        assert_eq!((inserted.state, inserted.late), (api::MessageState::Received, true));
        assert_eq!((channel(&mut den).unread, message(&mut den, "sell all?").late), (1, false));
    }
    // Who read what stands after it, as it was before this one came, did not see it.
    mark_read(&mut den, Some(newest.id));
    assert_eq!((channel(&mut den).unread, receipt(&mut den, feed)), (1, 0));
    let group = den.group.clone();
    den.world.say_in(BOB, &group, "what?").unwrap();
    den.world.connect(ALICE, BOB);
    den.world.pass(10_000, 500);
    assert_eq!(channel(&mut den).unread, 2);
    mark_read(&mut den, Some(inserted.id));
    let inserted = message(&mut den, "sell nothing?");
    assert_eq!((inserted.state, inserted.late), (api::MessageState::Read, true));
    assert_eq!((channel(&mut den).unread, receipt(&mut den, feed)), (1, 1));
    mark_read(&mut den, None);
    assert_eq!(channel(&mut den).unread, 0);
    assert!(den.world.verify(ALICE).ok);
}

#[test]
fn no_receipt_leaves_for_what_is_not_open_yet_and_it_is_unread_when_it_opens() {
    let mut den = talked(721);
    let (group, id, no) = (den.group.clone(), den.channel, den.no(MALLORY));
    den.world.drop.insert(Protocol::Parcel);
    den.world.puppet = Some(MALLORY);
    // Under a new chain, which alice is not given.
    let renew = |cx: &mut Cx<'_, '_>| {
        let channel = channels::by_id(cx.tx, &id).unwrap().unwrap();
        chains::renewed(cx, &channel).unwrap();
        Ok(())
    };
    den.world.call(MALLORY, renew).unwrap();
    let (head, lamport) = den.next();
    let feed = den.incarnation(0);
    let closed = den.content(0, head, lamport, &said("closed"));
    den.show(ALICE, &closed);
    den.world.settle();
    den.world.say_in(BOB, &group, "later").unwrap();
    den.world.pass(10_000, 500);
    mark_read(&mut den, None);
    assert_eq!(receipt(&mut den, feed), head.unwrap().seq, "not the closed one");
    let chain = den.world.look(MALLORY, |cx| {
        let chain: OwnChain = cx.tx.get(&tables::own_chain(no)).unwrap().unwrap();
        SenderKeys::handout(&chain, 0).unwrap()
    });
    let owner =
        DeviceRef { account: den.world.nodes[MALLORY].account(), device: den.world.nodes[MALLORY].me.device_id() };
    let at_alice = den.no(ALICE);
    let learn = |cx: &mut Cx<'_, '_>| {
        assert!(chains::learn(cx, at_alice, owner, &chain).unwrap());
        parked::open(cx, at_alice, &owner.device).unwrap();
        Ok(())
    };
    den.world.call(ALICE, learn).unwrap();
    let opened = message(&mut den, "closed");
    assert_eq!((opened.state, opened.late, channel(&mut den).unread), (api::MessageState::Received, true, 1));
    mark_read(&mut den, None);
    assert_eq!(receipt(&mut den, feed), head.unwrap().seq + 1);
}
