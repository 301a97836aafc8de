//! Feeds and what synchronises them.

use covey_feed::{Entry, ForkProof, RunIn, run};
use serde_bytes::ByteArray;

use super::{Seeds, encode, named};
use crate::targets::feed::Writer;

/// What is made for a target.
pub(crate) fn of(target: &str) -> Seeds {
    match target {
        "feed_header" => named("header", feed_entries().iter().map(|entry| entry.header_bytes().to_vec())),
        "feed_entry" => named("entry", feed_entries().iter().map(Entry::to_stored)),
        "feed_run" => named("run", runs()),
        "feed_fork" => fork(),
        "feed_sync" => sync(),
        _ => Vec::new(),
    }
}

fn feed_entries() -> Vec<Entry> {
    let writer = Writer::new(1, 1).written(&[1, 2]);
    let dropped = writer.entries[0].clone().without_payload();
    writer.entries.into_iter().chain([dropped]).collect()
}

fn runs() -> Vec<Vec<u8>> {
    let writer = Writer::new(1, 1).written(&[2, 3, 1]);
    let of = |from: usize| run::assemble(writer.entries[from..].iter().cloned(), run::RunLimits::default()).unwrap();
    [0, 2, 5].map(|from| of(from).encode()).to_vec()
}

fn fork() -> Seeds {
    let common = Writer::new(1, 1).written(&[2]);
    let (mut ours, mut theirs) = (common.clone(), common);
    ours.write(&["one story"]);
    let batch = theirs.write(&["another", "story"]);
    let refused = run::verify(&ours.feed, ours.head().as_ref(), RunIn::from(batch.run()), &ours).unwrap_err();
    let run::RunError::Fork(proof) = refused else { panic!("a fork: {refused}") };
    let proof = proof.encode();
    assert!(ForkProof::decode(&proof).is_ok());
    let mut forged = proof.clone();
    *forged.last_mut().unwrap() ^= 1;
    vec![("fork-0".to_owned(), proof), ("bad-forged".to_owned(), forged)]
}

/// Frames of the sync stream to whom [`crate::targets::TARGETS`]' `feed_sync` plays.
fn sync() -> Seeds {
    let (ours, theirs) = (Writer::new(1, 2).written(&[2, 1]), Writer::new(1, 1).written(&[2, 2]));
    let feed = |writer: &Writer| (writer.feed.channel, writer.feed.author, writer.feed.incarnation);
    let head = theirs.head().unwrap();
    let digests = encode(&(1u8, 0u8, [(theirs.feed.channel, ByteArray::new([1; 32]))]));
    let heads = encode(&(1u8, 1u8, (theirs.feed.channel, [(theirs.feed.author, 0u64, head.seq, head.id)])));
    let ahead = encode(&(1u8, 1u8, (theirs.feed.channel, [(ours.feed.author, 0u64, 9u64, head.id)])));
    let want = encode(&(1u8, 2u8, (feed(&ours), 1u64)));
    let run = run::assemble(theirs.entries[2..].iter().cloned(), run::RunLimits::default()).unwrap();
    let run = encode(&(1u8, 3u8, (feed(&theirs), run)));
    let have = encode(&(1u8, 4u8, (ours.feed.channel, [(ours.feed.author, 0u64, 2u64)])));
    let nothing = encode(&(1u8, 5u8, feed(&theirs)));
    let refused = encode(&(1u8, 6u8, ()));
    let later =
        |bytes: &[u8]| [(0x8000 | u16::try_from(bytes.len()).unwrap()).to_le_bytes().as_slice(), bytes].concat();
    let now = |bytes: &[u8]| [u16::try_from(bytes.len()).unwrap().to_le_bytes().as_slice(), bytes].concat();
    let talks = [
        [now(&digests), now(&heads), now(&run)].concat(),
        [now(&want), now(&have)].concat(),
        [now(&ahead), later(&nothing)].concat(),
        [now(&heads), later(&nothing), later(&run), now(&want)].concat(),
    ];
    let third = Writer::new(2, 3).written(&[2, 1]);
    let group = third.feed.channel;
    let claim = || [(third.feed.author, 0u64, 3u64, third.head().unwrap().id)];
    let summary = encode(&(1u8, 7u8, [(group, 9u64, ByteArray::new([1; 32]))]));
    let compare = encode(&(1u8, 8u8, (group, [ByteArray::new([1; 16]), ByteArray::new([2; 16])])));
    let answer = encode(&(1u8, 1u8, (group, claim())));
    let announce = encode(&(1u8, 9u8, (group, claim())));
    let pushed = run::assemble(third.entries[2..].iter().cloned(), run::RunLimits::default()).unwrap();
    let pushed = encode(&(1u8, 3u8, (feed(&third), pushed)));
    let again = encode(&(1u8, 2u8, (feed(&third), 1u64)));
    let (graft, prune) = (encode(&(1u8, 10u8, group)), encode(&(1u8, 11u8, group)));
    let groups = [
        [now(&summary), later(&answer), now(&pushed)].concat(),
        [now(&compare), now(&again)].concat(),
        [now(&prune), now(&announce), later(&pushed), later(&graft)].concat(),
    ];
    let mut seeds = named("talk", talks);
    seeds.extend(named("group", groups));
    seeds.push(("bad-refused".to_owned(), now(&refused)));
    seeds.push(("bad-version".to_owned(), now(&[0x83, 2, 0, 0x80])));
    seeds
}
