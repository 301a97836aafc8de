//! FEED-3 to FEED-9: building, verifying, assembling.

use covey_feed::{
    Entry, Kind, RunIn,
    limits::{MAX_BATCH_BYTES, MAX_COUNTER, MAX_PAYLOAD},
    run::{BuildError, Builder, Fault, RunError, RunLimits, assemble, build, verify},
    sync::Rejection,
};
use proptest::prelude::*;

use crate::common::{Writer, feed, header, header_run, id, key, raw_run, sign};

#[test]
fn a_batch_carries_one_signature_and_verifies_as_one_run() {
    let mut writer = Writer::new(1, 1);
    let batch = writer.write(&["one", "two", "three"]);
    assert_eq!(batch.entries.iter().filter(|e| e.signature().is_some()).count(), 1);
    let verified = verify(&writer.feed, None, RunIn::from(batch.run()), &()).unwrap();
    assert_eq!(verified.entries(), batch.entries);
    assert_eq!(verified.head(), Some(batch.head));
}

#[test]
fn a_payload_can_bind_to_the_position_it_will_have() {
    let mut writer = Writer::new(1, 1).written(&[1]);
    let mut builder = Builder::new(writer.feed, writer.head().as_ref(), 0, Vec::new()).unwrap();
    let first = builder.position();
    assert_eq!((first.seq, first.backlink), (2, Some(writer.entries[0].id())));
    let id = builder.push(Kind::Content, format!("{}", first.seq).into_bytes()).unwrap();
    assert_eq!((builder.position().seq, builder.position().backlink), (3, Some(id)));
    let batch = builder.finish(|h| sign(&writer.key, h)).unwrap();
    assert_eq!(batch.entries[0].header().position, first);
    writer.entries.extend(batch.entries);
}

#[test]
fn limits_of_a_batch_are_kept_by_its_builder() {
    let writer = Writer::new(1, 1);
    let builder = || Builder::new(writer.feed, None, 0, Vec::new()).unwrap();
    assert_eq!(builder().finish(|_| [0; 64]), Err(BuildError::Empty));
    assert_eq!(
        builder().push(Kind::Content, vec![0; MAX_PAYLOAD + 1]),
        Err(BuildError::PayloadTooLarge(MAX_PAYLOAD + 1))
    );
    assert!(builder().push(Kind::Content, vec![0; MAX_PAYLOAD]).is_ok());
    let mut many = builder();
    (0..64).for_each(|_| {
        many.push(Kind::Ack, Vec::new()).unwrap();
    });
    assert_eq!(many.push(Kind::Ack, Vec::new()), Err(BuildError::TooMany));
    let mut large = builder();
    (0..MAX_BATCH_BYTES / MAX_PAYLOAD).for_each(|_| {
        large.push(Kind::Ack, vec![0; MAX_PAYLOAD]).unwrap();
    });
    let position = large.position();
    assert_eq!(large.push(Kind::Ack, vec![0; MAX_PAYLOAD]), Err(BuildError::TooLarge));
    assert_eq!(large.position(), position, "nothing changed");
    assert!(matches!(Builder::new(writer.feed, None, 0, vec![id(0); 9]), Err(BuildError::TooManyRefs)));
}

#[test]
fn a_feed_at_its_last_position_takes_no_more() {
    let head = covey_feed::Head { seq: MAX_COUNTER, id: id(1), lamport: 1 };
    let built = build(feed(1, 1), Some(&head), 0, Vec::new(), vec![(Kind::Ack, Vec::new())], |_| [0; 64]);
    assert_eq!(built, Err(BuildError::Exhausted));
}

#[test]
fn logical_time_driven_to_its_end_stops_the_clock_not_the_channel() {
    let writer = Writer::new(1, 1);
    let items = vec![(Kind::Ack, Vec::new()), (Kind::Ack, Vec::new())];
    let batch = build(writer.feed, None, MAX_COUNTER, Vec::new(), items, |h| sign(&writer.key, h)).unwrap();
    assert!(batch.entries.iter().all(|e| e.lamport() == MAX_COUNTER));
    let verified = verify(&writer.feed, None, RunIn::from(batch.run()), &()).unwrap();
    assert!(verified.entries()[0].order() < verified.entries()[1].order());
}

#[test]
fn several_batches_verify_under_the_newest_signature() {
    let writer = Writer::new(1, 1).written(&[3, 2, 4]);
    let run = assemble(writer.entries.clone(), RunLimits::default()).unwrap();
    assert_eq!((run.first(), run.last()), (1, 9));
    let verified = verify(&writer.feed, None, run.into(), &()).unwrap();
    let signed: Vec<u64> = verified.entries().iter().filter(|e| e.signature().is_some()).map(Entry::seq).collect();
    assert_eq!(signed, [9]);
}

#[test]
fn a_run_without_a_valid_newest_signature_is_refused() {
    let writer = Writer::new(1, 1).written(&[3]);
    let other_context = ed25519_dalek::Signer::sign(&writer.key, writer.entries[2].header_bytes()).to_bytes();
    let other_author = sign(&key(2), writer.entries[2].header_bytes());
    let of_another_entry = *writer.entries[2].signature().unwrap().as_bytes();
    for (entries, signature) in [(3, [0; 64]), (3, other_context), (3, other_author), (2, of_another_entry)] {
        let run = raw_run(1, &writer.entries[..entries], signature);
        let refused = verify(&writer.feed, None, run, &()).unwrap_err();
        assert_eq!((&refused, refused.fault()), (&RunError::BadSignature, Fault::Peer));
    }
}

#[test]
fn an_unsigned_tail_is_neither_assembled_nor_accepted() {
    let mut writer = Writer::new(1, 1).written(&[2]);
    let next = header(writer.feed, 3, Some(writer.entries[1].id()), 10).encode();
    let mut headers: Vec<Vec<u8>> = writer.entries.iter().map(|e| e.header_bytes().to_vec()).collect();
    headers.push(next);
    let signature = *writer.entries[1].signature().unwrap().as_bytes();
    assert_eq!(verify(&writer.feed, None, header_run(1, &headers, signature), &()), Err(RunError::BadSignature));

    writer.write(&["a", "b"]);
    let cut = assemble(writer.entries[..3].to_vec(), RunLimits::default()).unwrap();
    assert_eq!(cut.last(), 2, "ends at the signature");
    assert_eq!(assemble(writer.entries[2..3].to_vec(), RunLimits::default()), None);
}

#[test]
fn a_gap_is_named_and_nobodys_fault() {
    let writer = Writer::new(1, 1).written(&[2, 2]);
    let gap = verify(&writer.feed, None, writer.run_in(3, 4), &()).unwrap_err();
    assert_eq!(gap, RunError::Gap { have: 0, first: 3 });
    assert_eq!((gap.fault(), gap.rejection()), (Fault::None, Rejection::Busy));
    let head = writer.entries[0].head();
    let by_one = verify(&writer.feed, Some(&head), writer.run_in(3, 4), &writer);
    assert_eq!(by_one, Err(RunError::Gap { have: 1, first: 3 }));
}

#[test]
fn a_run_that_overlaps_what_we_have_adds_only_the_rest() {
    let writer = Writer::new(1, 1).written(&[5, 5]);
    let head = writer.entries[6].head();
    let verified = verify(&writer.feed, Some(&head), writer.run_in(3, 10), &()).unwrap();
    assert_eq!((verified.skipped(), verified.entries().len()), (5, 3));
    let ids = |entries: &[Entry]| entries.iter().map(Entry::id).collect::<Vec<_>>();
    assert_eq!(ids(verified.entries()), ids(&writer.entries[7..]));

    let within = verify(&writer.feed, Some(&head), writer.run_in(2, 4), &writer).unwrap();
    assert_eq!((within.skipped(), within.entries().len(), within.head()), (3, 0, None));
}

#[test]
fn an_overlap_that_our_store_cannot_answer_for_is_our_fault() {
    let writer = Writer::new(1, 1).written(&[5]);
    let head = writer.head().unwrap();
    let lost = verify(&writer.feed, Some(&head), writer.run_in(2, 4), &()).unwrap_err();
    assert_eq!((lost.fault(), lost.rejection()), (Fault::Store, Rejection::Busy));
}

#[test]
fn a_run_of_another_feed_channel_or_position_is_refused() {
    let writer = Writer::new(1, 1).written(&[3]);
    let entries = &writer.entries;
    let signature = *entries[2].signature().unwrap().as_bytes();
    for feed in [feed(2, 1), covey_feed::FeedId { incarnation: 1, ..writer.feed }] {
        let refused = verify(&feed, None, raw_run(1, entries, signature), &()).unwrap_err();
        assert_eq!(refused, RunError::Misplaced { seq: 3 });
    }
    let head = covey_feed::Head { seq: 1, id: id(9), lamport: 1 };
    let shifted = verify(&writer.feed, Some(&head), raw_run(2, entries, signature), &()).unwrap_err();
    assert_eq!(shifted, RunError::Misplaced { seq: 4 });
}

#[test]
fn a_payload_exchanged_by_the_peer_is_refused_and_a_dropped_one_is_named() {
    let writer = Writer::new(1, 1).written(&[3]);
    let swapped = Writer::new(1, 2).written(&[3]);
    let signature = *writer.entries[2].signature().unwrap().as_bytes();
    let headers: Vec<Vec<u8>> = writer.entries.iter().map(|e| e.header_bytes().to_vec()).collect();
    let without = verify(&writer.feed, None, header_run(1, &headers, signature), &()).unwrap();
    assert_eq!(without.withheld().collect::<Vec<_>>(), [1, 2, 3]);

    let mut entries = writer.entries.clone();
    entries[1] = entries[1].clone().without_payload();
    let partly = verify(&writer.feed, None, raw_run(1, &entries, signature), &()).unwrap();
    assert_eq!(partly.withheld().collect::<Vec<_>>(), [2]);

    type Raw<'a> = (u8, u64, Vec<&'a serde_bytes::Bytes>, Vec<&'a serde_bytes::Bytes>, covey_feed::Signature);
    let headers = headers.iter().map(|h| serde_bytes::Bytes::new(h)).collect();
    let mut payloads: Vec<_> = swapped.entries.iter().map(|e| serde_bytes::Bytes::new(e.payload().unwrap())).collect();
    payloads[1] = serde_bytes::Bytes::new(b"batch 0 entry X");
    let raw: Raw<'_> = (1, 1, headers, payloads, covey_feed::Signature::from_bytes(signature));
    let run = RunIn::decode(&covey_codec::encode(&raw).unwrap()).unwrap();
    let refused = verify(&writer.feed, None, run, &()).unwrap_err();
    assert_eq!((&refused, refused.fault()), (&RunError::WrongPayload { seq: 2 }, Fault::Peer));
}

#[test]
fn a_header_that_lies_about_the_length_of_its_payload_matches_none() {
    let mut lying = header(feed(1, 1), 1, None, 1);
    assert!(lying.matches(b""));
    lying.payload_len = 1;
    assert!(!lying.matches(b""));
}

#[test]
fn a_broken_link_inside_a_run_is_the_peers_fault() {
    let writer = Writer::new(1, 1).written(&[3]);
    let mut headers: Vec<Vec<u8>> = writer.entries.iter().map(|e| e.header_bytes().to_vec()).collect();
    headers[1] = header(writer.feed, 2, Some(id(5)), 2).encode();
    let signature = *writer.entries[2].signature().unwrap().as_bytes();
    let refused = verify(&writer.feed, None, header_run(1, &headers, signature), &()).unwrap_err();
    assert_eq!((&refused, refused.fault()), (&RunError::BrokenChain { seq: 2 }, Fault::Peer));
}

#[test]
fn logical_time_must_grow_along_the_feed() {
    let key = key(1);
    let feed = feed(1, 1);
    for second in [1, 5] {
        let first = header(feed, 1, None, 5).encode();
        let next = header(feed, 2, Some(covey_feed::header::entry_id(&first)), second).encode();
        let run = header_run(1, &[first, next.clone()], sign(&key, &next));
        let refused = verify(&feed, None, run, &()).unwrap_err();
        assert_eq!((&refused, refused.fault()), (&RunError::Lamport { seq: 2 }, Fault::Author));
    }
    let head = covey_feed::Head { seq: 1, id: id(1), lamport: 7 };
    let next = header(feed, 2, Some(id(1)), 7).encode();
    let run = header_run(2, std::slice::from_ref(&next), sign(&key, &next));
    assert_eq!(verify(&feed, Some(&head), run, &()), Err(RunError::Lamport { seq: 2 }));
}

#[test]
fn a_ref_to_something_not_in_the_past_is_void_and_the_entry_is_taken() {
    let known = Writer::new(1, 1).written(&[4]);
    let key = key(2);
    let mut claim = header(feed(1, 2), 1, None, 3);
    claim.refs = vec![known.entries[0].id(), known.entries[2].id(), known.entries[3].id(), id(7)];
    let bytes = claim.encode();
    let run = header_run(1, std::slice::from_ref(&bytes), sign(&key, &bytes));
    let verified = verify(&feed(1, 2), None, run, &known).unwrap();
    assert_eq!(verified.void_refs(), [(1, known.entries[2].id()), (1, known.entries[3].id())]);
}

#[test]
fn misshapen_runs_are_refused_before_anything_is_hashed() {
    type Raw = (u8, u64, Vec<serde_bytes::ByteBuf>, Vec<Option<serde_bytes::ByteBuf>>, covey_feed::Signature);
    let signature = covey_feed::Signature::from_bytes([0; 64]);
    let run = |first: u64, headers: usize, payloads: Vec<Option<serde_bytes::ByteBuf>>| {
        let raw: Raw = (1, first, vec![serde_bytes::ByteBuf::new(); headers], payloads, signature);
        RunIn::decode(&covey_codec::encode(&raw).unwrap())
    };
    let big = || Some(serde_bytes::ByteBuf::from(vec![0; 400_000]));
    for misshapen in [
        run(1, 0, Vec::new()),
        run(1, 2, vec![None]),
        run(0, 1, vec![None]),
        run(u64::MAX, 2, vec![None, None]),
        run(MAX_COUNTER, 2, vec![None, None]),
        run(1, 2, vec![big(), big()]),
    ] {
        let refused = verify(&feed(1, 1), None, misshapen.unwrap(), &());
        assert!(matches!(refused, Err(RunError::Shape(_))), "{refused:?}");
    }
    assert!(run(1, 257, vec![None; 257]).is_err(), "over the limit of a run");
    let other_version: Raw = (2, 1, Vec::new(), Vec::new(), signature);
    assert!(matches!(
        RunIn::decode(&covey_codec::encode(&other_version).unwrap()),
        Err(covey_feed::run::RunDecodeError::UnknownVersion(2))
    ));
}

#[test]
fn a_run_is_cut_where_the_store_has_lost_entries() {
    let writer = Writer::new(1, 1).written(&[1, 1, 1, 1, 1]);
    let mut entries = writer.entries;
    entries.remove(2);
    assert_eq!(assemble(entries, RunLimits::default()).unwrap().last(), 2);
}

proptest! {
    #[test]
    fn every_stored_range_can_be_served_again_after_any_number_of_hops(
        batches in prop::collection::vec(1usize..=64, 1..12),
        hops in prop::collection::vec(prop::collection::vec(1usize..400, 1..4), 1..4),
    ) {
        // Each hop fetches the feed in its own way: from positions it happens to have reached, in limited runs.
        let author = Writer::new(1, 1).written(&batches);
        let mut source = author.entries.clone();
        for limits in hops {
            let mut store: Vec<Entry> = Vec::new();
            let mut limits = limits.into_iter().cycle();
            while store.len() < source.len() {
                let limit = RunLimits { entries: limits.next().unwrap(), ..RunLimits::default() };
                let rest = || source[store.len()..].iter().cloned();
                let run = assemble(rest(), limit).or_else(|| assemble(rest(), RunLimits::default()));
                let head = store.last().map(Entry::head);
                let run = run.expect("every range can be served");
                store.extend(verify(&author.feed, head.as_ref(), run.into(), &()).unwrap().into_entries());
            }
            source = store;
        }
        let ids = |entries: &[Entry]| entries.iter().map(Entry::id).collect::<Vec<_>>();
        prop_assert_eq!(ids(&source), ids(&author.entries));
    }

    #[test]
    fn any_damage_to_a_run_is_refused_or_harmless(at in any::<prop::sample::Index>(), bit in 0u8..8) {
        let writer = Writer::new(1, 1).written(&[3, 3]);
        let mut bytes = assemble(writer.entries.clone(), RunLimits::default()).unwrap().encode();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        if let Ok(run) = RunIn::decode(&bytes)
            && let Ok(verified) = verify(&writer.feed, None, run, &()) {
            let ids: Vec<_> = verified.entries().iter().map(Entry::id).collect();
            let truth: Vec<_> = writer.entries.iter().map(Entry::id).collect();
            prop_assert_eq!(ids, truth);
        }
    }
}
