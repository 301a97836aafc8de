//! A look at the structure of CBOR (RFC 8949) before it is decoded: nesting, declared lengths, trailing bytes.
//!
//! `serde_cbor` has a nesting cap of its own but it is fixed at 128; ours is 16 and costs one pass over the heads.

use crate::DecodeError;

/// Deepest nesting of arrays, maps and tags in any covey object. The deepest of ours uses 7.
pub const MAX_DEPTH: usize = 16;

/// Checks that `bytes` is exactly one well-formed, definite-length item within [`MAX_DEPTH`].
pub(crate) fn check(bytes: &[u8]) -> Result<(), DecodeError> {
    let mut rest = bytes;
    // Items still expected at each open level.
    let mut open = [0u64; MAX_DEPTH + 1];
    let mut depth = 0;
    open[0] = 1;
    loop {
        while open[depth] == 0 {
            if depth == 0 {
                return if rest.is_empty() { Ok(()) } else { Err(DecodeError::Malformed("trailing bytes")) };
            }
            depth -= 1;
        }
        open[depth] -= 1;
        let children = item(&mut rest)?;
        if children > 0 {
            if depth == MAX_DEPTH {
                return Err(DecodeError::TooDeep);
            }
            // Every child takes at least a byte, so this bounds what a decoder may reserve.
            if children > rest.len() as u64 {
                return Err(DecodeError::Malformed("declared length exceeds the input"));
            }
            depth += 1;
            open[depth] = children;
        }
    }
}

/// Consumes one item head (and the content of a string) and returns the number of child items.
fn item(rest: &mut &[u8]) -> Result<u64, DecodeError> {
    let [initial] = *take(rest, 1)? else { return Err(TRUNCATED) };
    let argument = match initial & 0x1f {
        small @ 0..=23 => u64::from(small),
        24 => be(take(rest, 1)?),
        25 => be(take(rest, 2)?),
        26 => be(take(rest, 4)?),
        27 => be(take(rest, 8)?),
        _ => return Err(DecodeError::Malformed("indefinite length or reserved head")),
    };
    match initial >> 5 {
        2 | 3 => {
            let len = usize::try_from(argument).map_err(|_| TRUNCATED)?;
            take(rest, len)?;
            Ok(0)
        }
        4 => Ok(argument),
        5 => argument.checked_mul(2).ok_or(TRUNCATED),
        6 => Ok(1),
        _ => Ok(0),
    }
}

const TRUNCATED: DecodeError = DecodeError::Malformed("truncated");

fn take<'a>(rest: &mut &'a [u8], len: usize) -> Result<&'a [u8], DecodeError> {
    let (head, tail) = rest.split_at_checked(len).ok_or(TRUNCATED)?;
    *rest = tail;
    Ok(head)
}

fn be(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |n, b| (n << 8) | u64::from(*b))
}
