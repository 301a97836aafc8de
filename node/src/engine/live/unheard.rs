//! What devices say before our own stream to them is open.
//!
//! Each side opens a stream of its own, and one of them is first: what it begins with (where it is in every channel) comes while
//! we do not synchronise with it yet, and it does not say that again for a minute.

use std::collections::{BTreeMap, VecDeque};

use crate::engine::PeerKey;

/// Frames that are kept of one device, the newest.
const FRAMES: usize = 16;
/// Bytes of them: one frame of the largest size.
const BYTES: usize = 1 << 20;

/// Frames of the sync streams that wait, by device. Bounded by the connected contacts.
#[derive(Debug, Default)]
pub(in crate::engine) struct Unheard(BTreeMap<PeerKey, VecDeque<Vec<u8>>>);

impl Unheard {
    pub(in crate::engine) fn keep(&mut self, peer: PeerKey, frame: Vec<u8>) {
        let frames = self.0.entry(peer).or_default();
        frames.push_back(frame);
        while frames.len() > FRAMES || frames.iter().map(Vec::len).sum::<usize>() > BYTES {
            frames.pop_front();
        }
    }

    /// All that the device said, in order.
    pub(in crate::engine) fn take(&mut self, peer: &PeerKey) -> VecDeque<Vec<u8>> {
        self.0.remove(peer).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_frames_are_kept_and_no_more_than_fit() {
        let (peer, mut unheard) = (PeerKey([1; 32]), Unheard::default());
        (0..100).for_each(|n| unheard.keep(peer, vec![n; 10]));
        let kept = unheard.take(&peer);
        assert_eq!((kept.len(), kept.front(), kept.back()), (FRAMES, Some(&vec![84; 10]), Some(&vec![99; 10])));
        unheard.keep(peer, vec![0; BYTES / 2]);
        unheard.keep(peer, vec![1; BYTES]);
        assert_eq!(unheard.take(&peer), [vec![1; BYTES]]);
        assert!(unheard.take(&peer).is_empty(), "once");
    }
}
