//! How bad the network is.

use rand::RngExt;
use rand::rngs::StdRng;

/// How the network treats frames, and how nodes treat their disks.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Weather {
    /// One in so many frames is lost; 0: none.
    pub(in super::super) loss: u32,
    /// One in so many frames arrives twice; 0: none.
    pub(in super::super) twice: u32,
    /// Frames of one stream overtake each other.
    pub(in super::super) reorder: bool,
    /// Longest delay of a frame in milliseconds.
    pub(in super::super) delay: u64,
    /// One in so many commits waits for others before it is flushed; 0: none.
    pub(in super::super) group: u32,
}

impl Weather {
    /// Nothing is lost and nothing waits.
    pub(in super::super) const CALM: Self = Self { loss: 0, twice: 0, reorder: false, delay: 2, group: 0 };

    pub(super) fn draw(rng: &mut StdRng) -> Self {
        Self {
            loss: [0, 0, 40, 10, 4][rng.random_range(0..5)],
            twice: [0, 0, 10][rng.random_range(0..3)],
            reorder: rng.random_range(0..3) == 0,
            delay: [2, 50, 400, 3_000][rng.random_range(0..4)],
            group: [0, 2, 4][rng.random_range(0..3)],
        }
    }
}
