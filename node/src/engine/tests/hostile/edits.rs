//! What edits of a member do who keeps to no rule: nothing to others' messages, and the same on all members to her own, whatever
//! reached whom first.

use covey_api as api;
use covey_feed::EntryId;
use covey_pairing::group::roster::{self, Op};

use super::den::{ALICE, BOB, CAROL, Den, MALLORY, id};
use crate::engine::records::{channels, messages};
use crate::engine::rpc;
use crate::engine::wire::payload::{Body, MAX_TEXT};
use crate::store::{Key, Table};

const AT: u64 = 1_800_000_000_000;

fn said(text: &str) -> Body {
    Body::text(text.to_owned(), None, None, AT)
}

fn edit(of: EntryId, text: &str) -> Body {
    Body::edit(of, text.to_owned(), AT)
}

fn id_of(den: &mut Den, text: &str) -> EntryId {
    let params = api::MessageList { channel: Some(den.group.clone()), ..api::MessageList::default() };
    let all = den.world.call(ALICE, |cx| rpc::message::list(cx, &params)).unwrap();
    let found = all.into_iter().find(|message| message.text == text).unwrap().id;
    EntryId::from_bytes(data_encoding::HEXLOWER.decode(found.as_bytes()).unwrap().try_into().unwrap())
}

/// [BODY-11], [BODY-13]
#[test]
fn an_edit_changes_a_text_of_its_author_and_nothing_else_whatever_came_first() {
    let mut den = Den::silenced(720, ALICE);
    let hello = id_of(&mut den, "hello");
    let (_, lamport) = den.next();
    let own = den.content(1, None, lamport, &said("mine"));
    let first = den.content(2, None, lamport + 3, &edit(id(&own), "mine, changed"));
    let batches = [
        own.clone(),
        den.content(3, None, lamport + 2, &edit(id(&own), "an older change")),
        first.clone(),
        // Of the same logical time: the order of the channel decides.
        den.content(4, None, lamport + 3, &edit(id(&own), "mine, changed elsewhere")),
        den.content(5, None, lamport + 9, &edit(hello, "alice says")),
        den.content(6, None, lamport + 9, &edit(id(&first), "an edit of an edit")),
        den.content(7, None, lamport + 9, &edit(EntryId::from_bytes([9; 32]), "of nothing")),
        den.content(8, None, lamport + 9, &edit(hello, "written again").written_again(hello)),
    ];
    den.show_in_both_orders(&batches);
    for restarted in [false, true] {
        for member in [ALICE, BOB] {
            assert_eq!(den.texts(member), ["hello", "mine, changed elsewhere"], "{member}");
            let found = den.world.verify(member);
            assert!(found.ok, "{:?}", found.problems);
            if !restarted {
                den.world.restart(member);
                den.world.settle();
            }
        }
    }
}

/// [BODY-10]
#[test]
fn an_edit_of_illegal_size_or_without_a_target_is_none() {
    let mut den = Den::silenced(721, ALICE);
    let (_, lamport) = den.next();
    let own = den.content(1, None, lamport, &said("mine"));
    let mut without_target = edit(id(&own), "of what?");
    without_target.reply_to = None;
    let mut without_text = edit(id(&own), "");
    without_text.text = None;
    let bodies = [edit(id(&own), &"x".repeat(MAX_TEXT + 1)), edit(id(&own), ""), without_target, without_text];
    den.show(ALICE, &own);
    for (n, body) in bodies.iter().enumerate() {
        let batch = den.content(2 + n as u64, None, lamport + 1, body);
        den.show(ALICE, &batch);
        den.world.settle();
    }
    assert_eq!(den.texts(ALICE), ["hello", "mine"]);
    let longest = den.content(9, None, lamport + 1, &edit(id(&own), &"x".repeat(MAX_TEXT)));
    den.show(ALICE, &longest);
    den.world.settle();
    assert_eq!(den.texts(ALICE)[1].len(), MAX_TEXT);
    assert!(den.world.verify(ALICE).ok);
}

/// [BODY-12]
#[test]
fn what_a_removed_member_edits_is_not_shown_also_where_it_came_before_the_removal() {
    let mut den = Den::silenced(722, ALICE);
    let (head, lamport) = den.next();
    let own = den.content(0, head, lamport, &said("mine"));
    for member in [ALICE, BOB, CAROL] {
        den.show(member, &own);
    }
    den.world.settle();
    den.world.pass(5_000, 500);
    den.world.disconnect(ALICE, BOB);
    den.world.disconnect(BOB, CAROL);
    let late =
        den.content(0, own.entries.last().map(covey_feed::Entry::head), lamport + 1, &edit(id(&own), "too late"));
    den.show(BOB, &late);
    den.world.settle();
    assert_eq!(den.texts(BOB), ["hello", "mine"].map(|text| text.replace("mine", "too late")));
    let group = den.group.clone();
    den.world.remove_from(ALICE, &group, MALLORY).unwrap();
    den.show(CAROL, &late);
    den.world.settle();
    den.world.connect(ALICE, BOB);
    den.world.connect(BOB, CAROL);
    den.world.pass(20_000, 500);
    for member in [ALICE, BOB, CAROL] {
        assert_eq!(den.texts(member), ["hello", "mine"], "{member}");
        let found = den.world.verify(member);
        assert!(found.ok, "{member}: {:?}", found.problems);
    }
    den.assert_alike(&[ALICE, BOB, CAROL]);
}

fn delete(den: &mut Den, entry: EntryId) {
    let entry = roster::EntryId::from_bytes(*entry.as_bytes());
    let device = den.world.nodes[MALLORY].me.device_id();
    let channel = den.channel;
    den.world
        .call(ALICE, |cx| {
            let mut channel = channels::by_id(cx.tx, &channel)?.unwrap();
            crate::engine::group::ops::write(cx, &mut channel, Op::Delete { entry, device })
        })
        .unwrap();
    den.world.settle();
}

/// [BODY-14]
#[test]
fn a_deleted_message_takes_its_edits_with_it_those_too_that_come_later() {
    let mut den = Den::silenced(723, ALICE);
    let (_, lamport) = den.next();
    let rude = den.content(1, None, lamport, &said("rude one"));
    let ruder = den.content(2, None, lamport + 1, &edit(id(&rude), "rude two"));
    let rudest = den.content(3, None, lamport + 2, &edit(id(&rude), "rude three"));
    den.world.stop(CAROL);
    den.show(ALICE, &rude);
    den.show(ALICE, &ruder);
    den.world.settle();
    assert_eq!(den.texts(ALICE), ["hello", "rude two"]);
    // Bob has an edit whose message did not come yet.
    den.world.disconnect(ALICE, BOB);
    den.show(BOB, &ruder);
    den.world.settle();
    delete(&mut den, id(&rude));
    den.show(ALICE, &rudest);
    den.world.settle();
    den.world.connect(ALICE, BOB);
    den.world.pass(10_000, 500);
    den.show(BOB, &rudest);
    den.show(BOB, &rude);
    den.world.pass(5_000, 500);
    for member in [ALICE, BOB] {
        assert_eq!(den.texts(member), ["hello"], "{member}");
        let node = &den.world.nodes[member];
        let rows: Vec<Vec<u8>> =
            node.store.rows().iter().filter_map(|(key, sealed)| node.vault.open(key, sealed).ok()).collect();
        let holds = |text: &str| rows.iter().any(|row| row.windows(text.len()).any(|part| part == text.as_bytes()));
        assert!(holds("hello") && !holds("rude"), "{member}: no text is left");
        let keys = den.world.look(member, |cx| {
            let all = cx.tx.scan::<messages::Message>(&Key::table(Table::Order), None, 100, false).unwrap();
            all.iter()
                .filter(|(_, of)| of.body.is_deleted())
                .filter(|(_, of)| *of.content_key.expose() != [0; 32])
                .count()
        });
        assert_eq!(keys, 0, "{member}: no key is left");
        let found = den.world.verify(member);
        assert!(found.ok, "{member}: {:?}", found.problems);
    }
}

#[test]
fn hundreds_of_edits_of_one_message_cost_what_they_are_and_one_is_shown() {
    let mut den = Den::silenced(724, ALICE);
    let (_, lamport) = den.next();
    let own = den.content(1, None, lamport, &said("mine"));
    den.show(ALICE, &own);
    let mut head = None;
    for n in 0..300u64 {
        let batch = den.content(2, head, lamport + 1 + n, &edit(id(&own), &format!("change {n}")));
        head = batch.entries.last().map(covey_feed::Entry::head);
        den.show(ALICE, &batch);
        den.world.settle();
    }
    assert_eq!(den.texts(ALICE), ["hello", "change 299"]);
    delete(&mut den, id(&own));
    assert_eq!(den.texts(ALICE), ["hello"]);
    assert!(den.world.verify(ALICE).ok);
}
