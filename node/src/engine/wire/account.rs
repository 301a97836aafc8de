//! What somebody who has nothing but the words of an account asks a node that may know it, on the protocol of pairing: the network need not have
//! a card of the account any more.

use covey_pairing::identity::{AccountWanted, CARD_MAX, KeyLog, SignedOp};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

/// Longest frame, in bytes: a card, and a log that was on another one.
const MAX_FRAME: usize = 2 * CARD_MAX + 1024;

const VERSION: u8 = 1;

#[derive(Serialize, Deserialize)]
enum Wire {
    #[serde(rename = "account wanted")]
    Wanted(u8, ByteBuf),
    #[serde(rename = "account")]
    Known(u8, Vec<SignedOp>, Option<ByteBuf>),
}

/// What a node knows of an account: its key log, not verified yet, and its newest card.
pub(crate) type Known = (Vec<SignedOp>, Option<Vec<u8>>);

/// The frame of a question.
pub(crate) fn question(wanted: &AccountWanted) -> Vec<u8> {
    encode(&Wire::Wanted(VERSION, ByteBuf::from(wanted.to_bytes())))
}

/// The frame of an answer.
pub(in crate::engine) fn answer(log: &KeyLog, card: Option<ByteBuf>) -> Vec<u8> {
    encode(&Wire::Known(VERSION, log.ops().to_vec(), card))
}

fn encode(wire: &Wire) -> Vec<u8> {
    covey_codec::encode(wire).expect("a frame is plain data")
}

/// The question in a frame, if it is one.
pub(in crate::engine) fn asked(frame: &[u8]) -> Option<AccountWanted> {
    match covey_codec::decode(frame, MAX_FRAME) {
        Ok(Wire::Wanted(VERSION, wanted)) => AccountWanted::from_bytes(&wanted),
        Ok(_) | Err(_) => None,
    }
}

/// The answer in a frame, if it is one.
pub(crate) fn answered(frame: &[u8]) -> Option<Known> {
    match covey_codec::decode(frame, MAX_FRAME) {
        Ok(Wire::Known(VERSION, ops, card)) => Some((ops, card.map(ByteBuf::into_vec))),
        Ok(_) | Err(_) => None,
    }
}
