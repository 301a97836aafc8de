//! FEED-1, FEED-2: the encoding of headers is frozen, bounded and versioned.

use covey_feed::{
    Entry, FeedId, Header, Kind,
    header::{HeaderError, Position, entry_id, payload_hash},
    limits::{MAX_COUNTER, MAX_HEADER, MAX_PAYLOAD},
};
use proptest::prelude::*;

use crate::common::{Writer, author, channel, feed, header, id};

fn example() -> Header {
    Header {
        feed: FeedId { channel: channel(0x11), author: author(1), incarnation: 2 },
        position: Position { seq: 300, backlink: Some(id(0x22)) },
        lamport: 70_000,
        refs: vec![id(0x33), id(0x44)],
        kind: Kind::Content,
        payload_len: 5,
        payload_hash: payload_hash(b"hello"),
    }
}

/// What version 1 has written since its first day. If this fails, the format changed: give it a new version.
const EXAMPLE: &str = "8b015820111111111111111111111111111111111111111111111111111111111111111158208a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c0219012c582022222222222222222222222222222222222222222222222222222222222222221a0001117082582033333333333333333333333333333333333333333333333333333333333333335820444444444444444444444444444444444444444444444444444444444444444401055820ea8f163db38682925e4491c5e58d4bb3506ef8c14eb78a86e908c5624a67200f";

/// Puts one field out of range.
type Spoil = fn(&mut Header);

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|n| u8::from_str_radix(&text[n..n + 2], 16).unwrap()).collect()
}

#[test]
fn the_header_encoding_of_version_1_is_frozen() {
    assert_eq!(hex(&example().encode()), EXAMPLE);
    assert_eq!(Header::decode(&unhex(EXAMPLE)), Ok(example()));
    assert_eq!(
        hex(entry_id(&unhex(EXAMPLE)).as_bytes()),
        "c0306d5a5ab3663aaf799b9e9d2a24bb31f1d56c30b199c42b483f8d0740457c"
    );
}

#[test]
fn the_largest_header_is_within_its_limit() {
    let mut largest = example();
    largest.feed.incarnation = MAX_COUNTER;
    largest.position.seq = MAX_COUNTER;
    largest.lamport = MAX_COUNTER;
    largest.refs = (0..8).map(id).collect();
    largest.kind = Kind::Other(255);
    largest.payload_len = u32::try_from(MAX_PAYLOAD).unwrap();
    let bytes = largest.encode();
    assert_eq!(bytes.len(), 443);
    assert!(bytes.len() <= MAX_HEADER);
    assert_eq!(Header::decode(&bytes), Ok(largest));
}

#[test]
fn unknown_header_versions_are_refused_whatever_their_shape() {
    let mut bytes = example().encode();
    bytes[1] = 2;
    assert_eq!(Header::decode(&bytes), Err(HeaderError::UnknownVersion(2)));
    assert_eq!(Header::decode(&[0x82, 0x03, 0xf6]), Err(HeaderError::UnknownVersion(3)));
}

#[test]
fn fields_out_of_range_are_refused() {
    let out_of_range: [(&str, Spoil); 7] = [
        ("incarnation", |h| h.feed.incarnation = MAX_COUNTER + 1),
        ("seq", |h| h.position.seq = 0),
        ("seq", |h| h.position.seq = u64::MAX),
        ("lamport", |h| h.lamport = 0),
        ("lamport", |h| h.lamport = MAX_COUNTER + 1),
        ("backlink", |h| h.position.backlink = None),
        ("payload length", |h| h.payload_len = u32::MAX),
    ];
    for (field, spoil) in out_of_range {
        let mut header = example();
        spoil(&mut header);
        assert_eq!(Header::decode(&header.encode()), Err(HeaderError::OutOfRange(field)));
    }
    let first_with_backlink = header(feed(1, 1), 1, Some(id(1)), 1);
    assert_eq!(Header::decode(&first_with_backlink.encode()), Err(HeaderError::OutOfRange("backlink")));
}

#[test]
fn more_refs_than_allowed_are_refused() {
    let mut header = example();
    header.refs = (0..9).map(id).collect();
    assert!(matches!(Header::decode(&header.encode()), Err(HeaderError::Malformed(_))));
}

#[test]
fn kinds_of_later_versions_are_kept() {
    for code in 0..=255u8 {
        assert_eq!(u8::from(Kind::from(code)), code);
    }
}

#[test]
fn a_stored_entry_is_read_back_with_and_without_its_payload() {
    let writer = Writer::new(1, 1).written(&[2]);
    for entry in &writer.entries {
        assert_eq!(Entry::from_stored(&entry.to_stored()).as_ref(), Ok(entry));
        let dropped = entry.clone().without_payload();
        assert_eq!(Entry::from_stored(&dropped.to_stored()), Ok(dropped.clone()));
        assert_eq!(dropped.id(), entry.id());
    }
}

proptest! {
    #[test]
    fn any_damage_to_a_header_changes_its_id(at in any::<prop::sample::Index>(), bit in 0u8..8) {
        // Readers of CBOR accept several encodings of one value: the id is of the bytes, never of the value.
        let good = example().encode();
        let mut bad = good.clone();
        let at = at.index(bad.len());
        bad[at] ^= 1 << bit;
        prop_assert_ne!(entry_id(&good), entry_id(&bad));
        let _ = Header::decode(&bad);
    }

    #[test]
    fn a_damaged_stored_entry_never_gives_another_payload(at in any::<prop::sample::Index>(), bit in 0u8..8) {
        let entry = Writer::new(1, 1).written(&[1]).entries.remove(0);
        let mut bytes = entry.to_stored();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        if let Ok(read) = Entry::from_stored(&bytes) {
            prop_assert!(read.id() != entry.id() || read.payload().is_none() || read.payload() == entry.payload());
        }
    }

    #[test]
    fn arbitrary_bytes_are_no_header_and_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = Header::decode(&bytes);
        let _ = Entry::from_stored(&bytes);
        let _ = covey_feed::RunIn::decode(&bytes);
        let _ = covey_feed::ForkProof::decode(&bytes);
    }
}
