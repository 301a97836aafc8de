//! The sync machine under a peer that sends what it likes.

use covey_feed::{
    Head, Heads, PeerSync, Spread, SyncEffect, SyncInput,
    run::{self, RunLimits},
    sync::{Rejection, SharedChannel, SharedGroup},
};

use super::feed::Writer;

/// Frames one after another, each behind its length (two bytes, little endian); the top bit lets time pass before it.
pub fn frames(bytes: &[u8]) -> bool {
    let (mine, theirs) = (Writer::new(1, 2).written(&[2, 1]), Writer::new(1, 1).written(&[2]));
    let mut heads = Heads::new();
    for writer in [&mine, &theirs] {
        heads.advance(writer.feed.key(), writer.head().expect("written"));
    }
    let mut peer = PeerSync::new(mine.feed.author);
    let mut now = 1_800_000_000_000;
    let channel = SharedChannel::new(mine.feed.channel, heads, now);
    let mut effects = peer.handle(SyncInput::Connected { channels: vec![channel] }, now);
    // Channel 2 is a group of the two and of author 3, whose feed we have.
    let third = Writer::new(2, 3).written(&[2]);
    let heads: Heads = third.head().map(|head| (third.feed.key(), head)).into_iter().collect();
    let spread = Spread::new(third.feed.channel, heads);
    let group = SharedGroup {
        id: third.feed.channel,
        spread: spread.clone(),
        peer: theirs.feed.author,
        neighbour: true,
        frozen: std::collections::BTreeSet::new(),
        activity: now,
    };
    effects.extend(peer.handle(SyncInput::GroupAdded(group), now));
    let mut head = theirs.head();
    let mut rest = bytes;
    let mut useful = false;
    while let Some((length, tail)) = rest.split_first_chunk::<2>() {
        let length = u16::from_le_bytes(*length);
        if length & 0x8000 != 0 {
            now += 61_000;
            effects.extend(peer.handle(SyncInput::Tick, now));
        }
        let (frame, tail) = tail.split_at(usize::from(length & 0x7fff).min(tail.len()));
        rest = tail;
        effects.extend(peer.handle(SyncInput::Frame(frame.to_vec()), now));
        let mut steps = 0;
        while let Some(effect) = effects.pop() {
            steps += 1;
            assert!(steps < 100_000, "one frame makes endless work");
            match effect {
                SyncEffect::Send(frame) => assert!(frame.len() <= covey_feed::limits::MAX_FRAME),
                SyncEffect::Serve { feed, from, .. } => {
                    useful = true;
                    let of = [&mine, &theirs, &third].into_iter().find(|writer| writer.feed == feed);
                    let of = of.expect("only of what there is");
                    let skip = usize::try_from(from - 1).unwrap_or(usize::MAX);
                    let run = run::assemble(of.entries.iter().skip(skip).cloned(), RunLimits::default());
                    effects.extend(peer.handle(SyncInput::Served { feed, from, run }, now));
                }
                SyncEffect::Deliver { feed, run } => {
                    useful = true;
                    assert!([mine.feed.channel, third.feed.channel].contains(&feed.channel), "only of shared channels");
                    if feed.channel == third.feed.channel {
                        assert!(run.first() <= spread.heads().seq(&feed.key()) + 1, "no gaps");
                        effects.extend(peer.handle(SyncInput::Rejected { feed, reason: Rejection::Unwanted }, now));
                        continue;
                    }
                    let verified = run::verify(&feed, head.as_ref().filter(|_| feed == theirs.feed), run, &theirs);
                    let answer = match verified.map(|verified| verified.head()) {
                        Ok(Some(new)) if feed == theirs.feed => {
                            head = Some(new);
                            SyncInput::Applied { feed, head: new }
                        }
                        Ok(_) => SyncInput::Rejected { feed, reason: Rejection::Unwanted },
                        Err(error) => SyncInput::Rejected { feed, reason: error.rejection() },
                    };
                    effects.extend(peer.handle(answer, now));
                }
                SyncEffect::PeerHas { feed, seq } => {
                    useful = true;
                    let all = mine.head().map_or(0, |head: Head| head.seq);
                    assert!(feed == mine.feed && seq <= all, "only what we wrote can have been delivered");
                }
                SyncEffect::OwnFeedAhead { .. } => useful = true,
                SyncEffect::OwnFeedBehind { feed, seq, id } => {
                    useful = true;
                    let index = usize::try_from(seq - 1).expect("within our feed");
                    if mine.entries[index].id() != id {
                        effects.extend(peer.handle(SyncInput::Contested { feed, seq }, now));
                    }
                }
                SyncEffect::Violation(_) => return useful,
            }
        }
        let _ = peer.next_timeout();
    }
    useful
}
