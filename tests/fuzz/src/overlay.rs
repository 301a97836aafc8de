//! Records of the DHT, and frames of streams.

use covey_overlay::{Protocol, fuzzing, record};
use covey_pairing::crypto::sign::SigningSecret;

/// Noon of some day, Unix milliseconds.
const NOW: u64 = 20_000 * record::PERIOD + record::PERIOD / 2;

/// A record: 32 bytes of key, then the value.
pub fn record(bytes: &[u8]) -> bool {
    let account = *SigningSecret::from_seed([1; 32]).public().as_bytes();
    let (key, value) = bytes.split_at(bytes.len().min(32));
    let opened = record::open(&account, record::current(NOW), value, NOW);
    let validated = record::validate(key, value, NOW);
    if let (Ok(opened), Ok(validated)) = (&opened, &validated) {
        assert_eq!((opened.period + 2) * record::PERIOD, validated.expires_at);
    }
    if let Ok(opened) = &opened {
        assert!(opened.payload.len() <= record::MAX_PAYLOAD);
        let blinded: &[u8; 32] = value[1..].first_chunk().expect("it has one");
        assert!(record::validate(&record::record_key(blinded, opened.period), value, NOW).is_ok());
    }
    let mut account = [0; 32];
    account.copy_from_slice(&[key, &[0; 32]].concat()[..32]);
    let _ = record::blind_public(&account, [9; 32]);
    opened.is_ok() || validated.is_ok()
}

/// What a stream carries, as each protocol reads it.
pub fn frames(bytes: &[u8]) -> bool {
    let mut any = false;
    for protocol in Protocol::ALL {
        let frames = fuzzing::frames(protocol, bytes);
        assert!(frames.iter().all(|frame| (1..=protocol.max_frame()).contains(&frame.len())));
        assert!(frames.iter().map(|frame| frame.len() + 4).sum::<usize>() <= bytes.len());
        any |= !frames.is_empty();
    }
    any
}
