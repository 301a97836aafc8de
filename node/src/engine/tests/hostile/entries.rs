//! Entries that are signed as they should be and lie in everything else.

use covey_api::Message;
use covey_feed::limits::MAX_COUNTER;
use covey_feed::{EntryId, FeedKey, Kind};
use serde_bytes::{ByteArray, ByteBuf};

use super::mallory::{ALICE, Lair, MALLORY, run_frame};
use crate::engine::Protocol;
use crate::engine::records::{channels, feeds};
use crate::engine::wire::payload::{self, Body, MAX_TEXT};

fn said(text: &str) -> Body {
    Body::text(text.to_owned(), None, None, 1_800_000_000_000)
}

fn id_of(message: &Message) -> EntryId {
    EntryId::from_bytes(data_encoding::HEXLOWER.decode(message.id.as_bytes()).unwrap().try_into().unwrap())
}

/// [BODY-1] [BODY-2] [BODY-3] [BODY-4] [NODE-REWRAP]
#[test]
fn entries_that_hold_no_message_are_kept_and_not_shown() {
    let mut lair = Lair::new(1);
    let good = said("a").encode().unwrap();
    let payloads: Vec<Vec<u8>> =
        vec![Vec::new(), vec![0xff; 600], covey_codec::encode(&(9u8, ByteBuf::new(), Vec::<u8>::new())).unwrap()];
    for payload in payloads {
        assert!(lair.push_payload(payload), "valid as an entry");
    }
    type Change = fn(&mut payload::Sealed);
    let changes: [Change; 6] = [
        |sealed| sealed.commitment = Some([7; 32]),
        |sealed| sealed.wraps.clear(),
        |sealed| sealed.wraps.values_mut().for_each(|wrap| *wrap = vec![7; 200]),
        |sealed| sealed.wraps.values_mut().for_each(|wrap| wrap.push(0)),
        |sealed| sealed.ciphertext.clear(),
        |sealed| sealed.ciphertext = vec![1; 20_000],
    ];
    for change in changes {
        let payload = lair.sealed(&good, change);
        assert!(lair.push_payload(payload));
    }
    for body in [&b""[..], b"\xff\xff", &[0x9f; 40], &[0x81; 64]] {
        let payload = lair.sealed(body, |_| ());
        assert!(lair.push_payload(payload));
    }
    assert_eq!(lair.shown(), ["hello", "hello yourself"]);
    assert!(lair.push_body(&said("and a good one")));
    assert_eq!(lair.shown(), ["hello", "hello yourself", "and a good one"]);
    lair.nobody_else_notices();
    lair.world.pass(600_000, 10_000);
    lair.nobody_else_notices();
}

/// [BODY-15]
#[test]
fn a_text_that_its_payload_does_not_commit_to_is_not_shown_to_anybody_who_has_two_devices() {
    let mut lair = Lair::new(23);
    let good = |text: &str| said(text).encode().unwrap();
    // As an older covey writes: shown while there is one device alone.
    let payload = lair.sealed(&good("as of before"), |sealed| sealed.commitment = None);
    assert!(lair.push_payload(payload));
    assert_eq!(lair.shown(), ["hello", "hello yourself", "as of before"]);
    let me = std::sync::Arc::clone(&lair.world.nodes[ALICE].me);
    let phone = covey_pairing::identity::DeviceSecret::from_seed([77; 32]);
    let log = me.key_log.add_device(&me.account, &phone, lair.world.now).unwrap();
    lair.world.adopt(ALICE, &log);
    let payload = lair.sealed(&good("and something else to the phone"), |sealed| sealed.commitment = None);
    assert!(lair.push_payload(payload), "valid as an entry");
    lair.world.pass(120_000, 10_000);
    assert_eq!(lair.shown(), ["hello", "hello yourself", "as of before"]);
    let payload = lair.sealed(&good("the same to both"), |_| ());
    assert!(lair.push_payload(payload));
    assert_eq!(lair.shown(), ["hello", "hello yourself", "as of before", "the same to both"]);
    lair.nobody_else_notices();
}

/// [BODY-5] [BODY-6]
#[test]
fn bodies_over_their_limits_or_of_unknown_kinds_are_not_shown() {
    let mut lair = Lair::new(2);
    let odd = |kind: u16, text: Option<String>| {
        let mut body = said("");
        (body.kind, body.text) = (kind, text);
        body
    };
    for body in [odd(77, Some("from the future".into())), odd(1, Some("x".repeat(MAX_TEXT + 1))), odd(1, None)] {
        assert!(lair.push_body(&body));
    }
    assert_eq!(lair.shown(), ["hello", "hello yourself"]);
    assert!(lair.push_body(&said(&"x".repeat(MAX_TEXT))));
    assert_eq!(lair.shown().len(), 3);
    lair.nobody_else_notices();
}

/// [NODE-AGAIN] Writing again is no way to take something back, nor to stand for what somebody else said.
#[test]
fn what_is_said_to_be_written_again_replaces_nothing_else() {
    let mut lair = Lair::new(21);
    let found = |lair: &mut Lair, text: &str| {
        lair.world.messages(ALICE, MALLORY).into_iter().find(|message| message.text == text).unwrap()
    };
    assert!(lair.push_body(&said("one")));
    let one = id_of(&found(&mut lair, "one"));
    assert!(lair.push_body(&said("another").written_again(one)));
    assert!(lair.push_body(&said("a third").written_again(one)));
    assert_eq!(lair.shown(), ["hello", "hello yourself", "one", "another", "a third"]);
    // The same, word for word: shown once.
    assert!(lair.push_body(&said("one").written_again(one)));
    assert_eq!(lair.shown(), ["hello", "hello yourself", "one", "another", "a third"]);
    for text in ["hello", "hello yourself"] {
        let first = found(&mut lair, text);
        let before = lair.shown().len();
        let body = Body::text(text.to_owned(), None, None, first.sent_at.unix_ms());
        assert!(lair.push_body(&body.written_again(id_of(&first))));
        assert_eq!(lair.shown().len(), before + usize::from(first.own), "{text}");
        let now = found(&mut lair, text);
        assert_eq!((now.own, now.id), (first.own, first.id));
    }
    assert!(lair.world.verify(ALICE).ok);
    lair.nobody_else_notices();
}

/// [BODY-8]
#[test]
fn absurd_times_and_marks_inside_a_body_are_shown_as_suspect_or_ignored() {
    let mut lair = Lair::new(3);
    for (n, at) in [0, 1, u64::MAX, u64::MAX / 2, i64::MAX.unsigned_abs()].into_iter().enumerate() {
        let body = Body::text(format!("at {n}"), Some([9; 32]), Some(at), at);
        assert!(lair.push_body(&body));
    }
    let alice = ByteArray::new(*lair.world.nodes[ALICE].me.device_id().as_bytes());
    let marks = vec![(alice, 0, u64::MAX), (alice, u64::MAX, 1), (ByteArray::new([0; 32]), 0, 1)];
    assert!(lair.push_body(&Body::read(marks, u64::MAX)));
    let many = vec![(alice, 0, u64::MAX); 1_000];
    assert!(lair.push_body(&Body::read(many, 0)));
    let messages = lair.world.messages(ALICE, MALLORY);
    assert_eq!(messages.len(), 7);
    assert!(messages.iter().filter(|message| message.text.starts_with("at ")).all(|message| message.clock_suspect));
    lair.nobody_else_notices();
}

/// [ENTRY-7]
#[test]
fn a_fork_freezes_its_feed_and_nothing_else() {
    let mut lair = Lair::new(4);
    let one = lair.batch(vec![(Kind::Content, b"one".to_vec())]);
    let two = lair.batch(vec![(Kind::Content, b"two".to_vec()), (Kind::Content, b"three".to_vec())]);
    assert!(lair.push(&one));
    assert!(!lair.push(&two), "the other branch is not taken");
    let frozen = |lair: &mut Lair| {
        let (id, key) = (lair.channel, lair.feed(0).key());
        lair.world.look(ALICE, |cx| {
            let channel = channels::by_id(cx.tx, &id).unwrap().unwrap();
            feeds::load(cx.tx, channel.no, &key).unwrap().unwrap().frozen
        })
    };
    assert!(frozen(&mut lair), "the proof is kept");
    let next = lair.batch(vec![(Kind::Content, b"next".to_vec())]);
    assert!(!lair.push(&next), "nothing more is taken");
    lair.nobody_else_notices();
    assert!(frozen(&mut lair), "also after a restart");
    lair.world.write(ALICE, MALLORY, "I saw that").unwrap();
}

/// [ENTRY-4]
#[test]
fn withheld_payloads_gaps_and_foreign_signatures_are_refused() {
    let mut lair = Lair::new(5);
    let before = lair.head;
    let batch = lair.batch(vec![(Kind::Content, vec![1; 64]), (Kind::Content, vec![2; 64])]);
    let headers: Vec<ByteBuf> = batch.entries.iter().map(|entry| ByteBuf::from(entry.header_bytes())).collect();
    let signature = batch.entries[1].signature().copied().unwrap();
    let first = batch.entries[0].seq();
    let whole = vec![Some(ByteBuf::from(vec![1; 64])), Some(ByteBuf::from(vec![2; 64]))];
    let feed = batch.feed();
    let runs = [
        // Payloads withheld, swapped, of a wrong length.
        run_frame(feed, &(1u8, first, &headers, vec![None::<ByteBuf>; 2], signature)),
        run_frame(feed, &(1u8, first, &headers, vec![whole[1].clone(), whole[0].clone()], signature)),
        run_frame(feed, &(1u8, first, &headers, vec![whole[0].clone(), Some(ByteBuf::from(vec![2; 65]))], signature)),
        // A gap, a run that claims another place, another feed or more payloads than headers.
        run_frame(feed, &(1u8, first + 1, &headers[1..], &whole[1..], signature)),
        run_frame(feed, &(1u8, MAX_COUNTER, &headers, &whole, signature)),
        run_frame(lair.feed(5), &(1u8, first, &headers, &whole, signature)),
        run_frame(feed, &(1u8, first, &headers[..1], &whole, signature)),
        // A signature of another header.
        run_frame(feed, &(1u8, first, &headers[..1], &whole[..1], signature)),
    ];
    for frame in runs {
        lair.world.say(ALICE, Protocol::Sync, frame);
        assert_eq!(lair.head_at_alice(feed), before);
        // Some of these close the stream for a while.
        lair.world.pass(65_000, 5_000);
    }
    lair.nobody_else_notices();
}

/// [ENTRY-5]
#[test]
fn absurd_logical_times_are_refused() {
    let mut lair = Lair::new(6);
    for lamport in [lair.lamport + (1 << 20) + 1, 1 << 40, MAX_COUNTER - 1, MAX_COUNTER] {
        let batch = lair.batch_at(lair.feed(0), lair.head.as_ref(), lamport, vec![(Kind::Content, b"late".to_vec())]);
        assert!(!lair.push(&batch), "{lamport}");
        lair.world.pass(65_000, 5_000);
    }
    lair.world.write(ALICE, MALLORY, "still possible").unwrap();
    lair.nobody_else_notices();
}

/// [ENTRY-3]
#[test]
fn incarnations_without_end_are_not_kept() {
    let mut lair = Lair::new(7);
    let mut taken = 0;
    for incarnation in 1..=100 {
        let batch = lair.batch_at(lair.feed(incarnation), None, 0, vec![(Kind::Content, vec![0; 8])]);
        taken += usize::from(lair.push(&batch));
        if incarnation % 10 == 0 {
            lair.world.pass(65_000, 5_000);
        }
    }
    assert!((1..feeds::MAX_INCARNATIONS).contains(&taken), "{taken}");
    let author = lair.feed(0).author;
    let id = lair.channel;
    let kept = lair.world.look(ALICE, |cx| {
        let channel = channels::by_id(cx.tx, &id).unwrap().unwrap();
        feeds::all(cx.tx, channel.no).unwrap().iter().filter(|feed| feed.key.author == author).count()
    });
    assert_eq!(kept, feeds::MAX_INCARNATIONS);
    lair.world.write(ALICE, MALLORY, "enough").unwrap();
    lair.nobody_else_notices();
}

/// [ENTRY-1] [ENTRY-2]
#[test]
fn entries_of_devices_that_are_not_the_contacts_are_refused() {
    let mut lair = Lair::new(8);
    let bobs = covey_feed::Author::from_bytes(*lair.world.nodes[super::mallory::BOB].me.device_id().as_bytes());
    let key = FeedKey { author: bobs, incarnation: 0 };
    let feed = covey_feed::FeedId::new(lair.channel, key);
    let device = lair.world.nodes[super::mallory::BOB].me.device.clone();
    let sign = |header: &[u8]| device.signing().sign(covey_pairing::crypto::sign::Context::FeedEntry, header);
    let batch = covey_feed::run::build(feed, None, 0, Vec::new(), vec![(Kind::Content, vec![1])], sign).unwrap();
    assert!(!lair.push(&batch), "bob is no member of this channel, even with his signature");
    lair.nobody_else_notices();
}

/// A hundred thousand with `COVEY_LONG_TESTS`.
#[test]
fn ten_thousand_entries_at_once_are_taken_in_order_or_not_at_all() {
    let mut lair = Lair::new(9);
    let first = lair.head.unwrap().seq;
    let batches = if std::env::var_os("COVEY_LONG_TESTS").is_some() { 1_600 } else { 160 };
    for _ in 0..batches {
        let items = (0..63u8).map(|n| (Kind::Content, vec![n; 4])).collect();
        let batch = lair.batch(items);
        if !lair.push(&batch) {
            break;
        }
    }
    let head = lair.head.unwrap().seq;
    assert_eq!(lair.head_at_alice(lair.feed(0)).unwrap().seq, head);
    assert!(head > first);
    assert_eq!(lair.shown(), ["hello", "hello yourself"]);
    lair.nobody_else_notices();
}

#[test]
fn frames_that_are_none_close_the_stream_for_a_while_and_the_contact_may_come_back() {
    let mut lair = Lair::new(10);
    let mut nested = vec![0x81; 5_000];
    nested.push(0);
    let feed = lair.feed(0);
    let frames = [
        Vec::new(),
        vec![0xff; 100],
        nested,
        covey_codec::encode(&(2u8, 0u8, 0u8)).unwrap(),
        vec![0; 1024 * 1024 + 1],
        // Acknowledges what alice never wrote.
        covey_codec::encode(&(1u8, 4u8, (feed.channel, [(feed.author, 0u64, MAX_COUNTER)]))).unwrap(),
    ];
    for frame in frames {
        lair.world.say(ALICE, Protocol::Sync, frame);
        assert_eq!(lair.world.nodes[ALICE].live.penalties.len(), 1);
        let batch = lair.batch(vec![(Kind::Content, b"shut out".to_vec())]);
        assert!(!lair.push(&batch));
        lair.nobody_else_notices();
        lair.world.pass(65_000, 5_000);
        assert!(lair.world.nodes[ALICE].live.penalties.is_empty());
    }
    assert!(lair.push_body(&said("sorry")));
    assert_eq!(lair.shown().last().map(String::as_str), Some("sorry"));
}

#[test]
fn claims_of_more_than_there_is_are_asked_for_a_few_times_and_then_left() {
    let mut lair = Lair::new(11);
    let feed = lair.feed(0);
    let id = ByteArray::new([7u8; 32]);
    let frame = covey_codec::encode(&(1u8, 1u8, (feed.channel, [(feed.author, 0u64, MAX_COUNTER, id)]))).unwrap();
    for _ in 0..20 {
        lair.world.say(ALICE, Protocol::Sync, frame.clone());
    }
    lair.world.heard.clear();
    lair.world.pass(1_800_000, 5_000);
    let asked = lair.world.heard.iter().filter(|(protocol, _)| *protocol == Protocol::Sync).count();
    assert!(asked < 120, "{asked} frames in half an hour");
    lair.nobody_else_notices();
}
