//! An objection to the recovery of an account, on the protocol of pairing: whoever objects is a device of the account no more, so that
//! contacts hear nothing else of it.

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

/// Longest frame, in bytes: a contest has at most 13 KiB.
const MAX_FRAME: usize = 14 * 1024;

const VERSION: u8 = 1;

#[derive(Serialize, Deserialize)]
enum Wire {
    #[serde(rename = "contest")]
    Contest(u8, ByteBuf),
}

/// The frame of a contest.
pub(in crate::engine) fn encode(contest: &[u8]) -> Vec<u8> {
    covey_codec::encode(&Wire::Contest(VERSION, ByteBuf::from(contest))).expect("a frame is plain data")
}

/// The contest in a frame, if it is one.
pub(in crate::engine) fn decode(frame: &[u8]) -> Option<Vec<u8>> {
    match covey_codec::decode(frame, MAX_FRAME) {
        Ok(Wire::Contest(VERSION, contest)) => Some(contest.into_vec()),
        Ok(Wire::Contest(..)) | Err(_) => None,
    }
}
