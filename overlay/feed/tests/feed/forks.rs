//! FEED-10, FEED-11: an author that writes two things at one position is caught, with proof.

use covey_feed::{
    Entry, ForkProof, RunIn,
    fork::{ForkProofError, SignedChain},
    limits::MAX_FORK_PROOF,
    run::{Known, RunError, verify},
    sync::Rejection,
};
use proptest::prelude::*;

use crate::common::{Writer, header, key, sign};

fn proof(ours: &Writer, run: RunIn) -> ForkProof {
    let error = verify(&ours.feed, ours.head().as_ref(), run, ours).unwrap_err();
    assert_eq!(error.rejection(), Rejection::Fork);
    let RunError::Fork(proof) = error else { panic!("{error:?}") };
    *proof
}

fn chain(entries: &[Entry], key: &ed25519_dalek::SigningKey) -> SignedChain {
    let headers: Vec<Vec<u8>> = entries.iter().map(|e| e.header_bytes().to_vec()).collect();
    let signature = covey_feed::Signature::from_bytes(sign(key, headers.last().unwrap()));
    SignedChain { headers, signature }
}

proptest! {
    #[test]
    fn a_fork_is_proven_wherever_it_is_and_however_it_is_met(
        common in prop::collection::vec(1usize..5, 0..4),
        ours in prop::collection::vec(1usize..5, 1..4),
        theirs in prop::collection::vec(1usize..5, 1..4),
        from in any::<prop::sample::Index>(),
        to in any::<prop::sample::Index>(),
    ) {
        let base = Writer::new(1, 1).written(&common);
        let at = base.entries.len() + 1;
        let mut mine = base.clone();
        mine.write(&["mine"]);
        let mine = mine.written(&ours);
        let mut other = base;
        other.write(&["not mine"]);
        let other = other.written(&theirs);
        // Any run that we could be sent: it begins within reach of our head and reaches the fork.
        let first = 1 + from.index(other.entries.len().min(mine.entries.len() + 1));
        let last = first.max(at) + to.index(other.entries.len() + 1 - first.max(at));
        let proof = proof(&mine, other.run_in(first, last));
        let forked = proof.verify().unwrap();
        prop_assert_eq!(forked.feed, mine.feed);
        prop_assert!(forked.seq >= at as u64);
        prop_assert!(first > at + 1 || forked.seq == at as u64);
        prop_assert_eq!(ForkProof::decode(&proof.encode()), Ok(proof));
    }

    /// Each half has one history; whatever run is met first, and whoever is told.
    #[test]
    fn halves_that_tell_each_other_what_they_found_come_to_where_the_histories_parted(
        common in prop::collection::vec(1usize..5, 0..4),
        batch in 1usize..64,
        lengths in [1usize..700, 1usize..700],
        run in 1usize..200,
        first in any::<prop::sample::Index>(),
    ) {
        let base = Writer::new(1, 1).written(&common);
        let at = base.entries.len() + 1;
        let grown = |text: &str, length: usize| {
            let mut writer = base.clone();
            writer.write(&[text]);
            writer.written(&vec![batch; length.div_ceil(batch)])
        };
        let (mine, other) = (grown("mine", lengths[0]), grown("not mine", lengths[1]));
        let first = at + first.index(other.entries.len().min(mine.entries.len() + 1) + 1 - at);
        let mut found = proof(&mine, other.run_in(first, other.entries.len().min(first + run)));
        let mut turns = 0;
        // Until neither half finds anything new in what the other says.
        for side in [&other, &mine].into_iter().cycle() {
            let before = found.verify().unwrap().seq;
            let (better, forked) = found.lowered(|seq| side.entry(&side.feed, seq)).unwrap();
            prop_assert_eq!(better.verify(), Ok(forked));
            prop_assert!(better.encode().len() <= MAX_FORK_PROOF);
            found = better;
            turns = if forked.seq < before { 0 } else { turns + 1 };
            if turns == 2 {
                break;
            }
        }
        let forked = found.verify().unwrap();
        prop_assert_eq!((forked.seq, forked.settled), (at as u64, true));
    }

    #[test]
    fn nothing_an_honest_author_wrote_proves_a_fork(
        batches in prop::collection::vec(1usize..5, 1..6),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 4),
    ) {
        let writer = Writer::new(1, 1).written(&batches);
        let range = |a: usize, b: usize| {
            let (a, b) = (cuts[a].index(writer.entries.len()), cuts[b].index(writer.entries.len()));
            chain(&writer.entries[a.min(b)..=a.max(b)], &writer.key)
        };
        let proof = ForkProof::new(range(0, 1), range(2, 3));
        prop_assert!(proof.verify().is_err());
    }

    #[test]
    fn a_damaged_proof_proves_nothing_else(at in any::<prop::sample::Index>(), bit in 0u8..8) {
        let base = Writer::new(1, 1).written(&[2]);
        let (mut mine, mut other) = (base.clone(), base);
        mine.write(&["mine"]);
        other.write(&["not mine"]);
        let good = proof(&mine, other.run_in(2, 3));
        let mut bytes = good.encode();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        if let Ok(forked) = ForkProof::decode(&bytes).and_then(|proof| proof.verify()) {
            prop_assert_eq!(Ok(forked), good.verify());
        }
    }
}

#[test]
fn a_branch_whose_logical_time_is_behind_ours_is_still_a_fork() {
    // Found by the simulation of engines: an old copy that wrote on met a contact who had more of the other branch.
    let base = Writer::new(1, 1).written(&[1]);
    let other = base.clone().written(&[3]);
    let mut mine = base;
    let items = vec![(covey_feed::Kind::Content, b"mine".to_vec())];
    let head = mine.head();
    let batch =
        covey_feed::run::build(mine.feed, head.as_ref(), 900, Vec::new(), items, |h| sign(&mine.key, h)).unwrap();
    mine.entries.extend(batch.entries);
    assert_eq!(proof(&mine, other.run_in(3, 4)).verify().unwrap().seq, 2);
}

#[test]
fn the_proof_carries_the_chain_up_to_a_signature() {
    let base = Writer::new(1, 1).written(&[1]);
    let (mut mine, mut other) = (base.clone(), base);
    mine.write(&["a", "b", "c"]);
    other.write(&["d", "e"]);
    let proof = proof(&mine, other.run_in(2, 3));
    assert_eq!(proof.verify().unwrap().seq, 2);
    let cut = ForkProof::new(
        SignedChain {
            headers: vec![mine.entries[1].header_bytes().to_vec()],
            signature: chain(&mine.entries, &key(1)).signature,
        },
        chain(&other.entries[1..3], &key(1)),
    );
    assert_eq!(cut.verify(), Err(ForkProofError::Chain));
}

#[test]
fn headers_that_are_not_ancestors_of_the_signed_one_prove_nothing() {
    let honest = Writer::new(1, 1).written(&[3]);
    let mut framed = chain(&honest.entries[1..], &key(1));
    framed.headers[0] = header(honest.feed, 2, Some(honest.entries[0].id()), 2).encode();
    let proof = ForkProof::new(chain(&honest.entries[1..], &key(1)), framed);
    assert_eq!(proof.verify(), Err(ForkProofError::Chain));
}

#[test]
fn nobody_else_can_forge_a_proof() {
    let writer = Writer::new(1, 1).written(&[2]);
    let mut forger = Writer { key: key(2), ..writer.clone() };
    forger.entries.truncate(1);
    forger.write(&["framed"]);
    let forged = ForkProof::new(chain(&writer.entries[1..], &key(1)), chain(&forger.entries[1..], &key(2)));
    assert_eq!(forged.verify(), Err(ForkProofError::Chain));
    let run = forger.run_in(2, 2);
    assert_eq!(verify(&writer.feed, writer.head().as_ref(), run, &writer), Err(RunError::BadSignature));
}

#[test]
fn two_incarnations_are_not_a_fork() {
    let one = Writer::new(1, 1).written(&[1]);
    let mut next = Writer::new(1, 1);
    next.feed.incarnation = 1;
    let next = next.written(&[2]);
    let proof = ForkProof::new(chain(&one.entries, &key(1)), chain(&next.entries, &key(1)));
    assert_eq!(proof.verify(), Err(ForkProofError::Consistent));
}
