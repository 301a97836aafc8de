//! The framing of streams without a network, for the fuzz targets below `tests/fuzz`.

use bytes::Bytes;
use futures::{FutureExt as _, io::Cursor};

use crate::{Protocol, streams};

/// The frames that the bytes of a stream hold, up to the first that is forbidden or cut short.
#[must_use]
pub fn frames(protocol: Protocol, bytes: &[u8]) -> Vec<Bytes> {
    let mut stream = Cursor::new(bytes);
    let mut frames = Vec::new();
    // Reading from memory never waits.
    while let Some(Some(frame)) = streams::read_frame(protocol, &mut stream).now_or_never() {
        frames.push(frame);
    }
    frames
}
