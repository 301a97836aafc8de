//! Bounded CBOR.

use std::collections::BTreeMap;

use serde::{Serialize, de::DeserializeOwned, de::IgnoredAny};
use serde_bytes::ByteBuf;

const MAX: usize = 64 * 1024;

/// Bytes as objects of every shape that covey uses.
pub fn decode(bytes: &[u8]) -> bool {
    let any = covey_codec::decode::<IgnoredAny>(bytes, MAX).is_ok();
    let typed = [
        again::<(u8, String, Vec<u64>)>(bytes),
        again::<BTreeMap<String, Vec<Option<i64>>>>(bytes),
        again::<Vec<(ByteBuf, Option<bool>)>>(bytes),
        again::<Result<ByteBuf, (u16, char)>>(bytes),
        again::<Vec<Vec<Vec<u8>>>>(bytes),
    ];
    assert!(any || !typed.contains(&true), "an object of no shape at all");
    any
}

/// What was decoded is the same after another round.
fn again<T: Serialize + DeserializeOwned + PartialEq>(bytes: &[u8]) -> bool {
    let Ok(value) = covey_codec::decode::<T>(bytes, MAX) else { return false };
    let encoded = covey_codec::encode(&value).expect("what was decoded encodes");
    assert!(covey_codec::decode::<T>(&encoded, 2 * MAX).is_ok_and(|same| same == value));
    true
}
