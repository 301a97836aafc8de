//! How long our key log may become. Every card carries it, and a card has room for 12 KiB: a log that leaves none for addresses and prekeys would
//! leave the account unreachable. A key log takes more than that (`MAX_OPS`), so whoever writes keeps within this.

use covey_pairing::identity::{AccountSecret, Cutoff, KeyLog, KeyLogError};
use covey_pairing::ids::DeviceId;

use crate::engine::EngineError;

/// With another device, in bytes.
const WITH_ANOTHER: usize = 8_704;

/// With another revocation: a lost device is to be ended when no other can be added any more.
const WITH_REVOCATION: usize = 9_728;

/// Bytes that another device takes: its keys, its agreement, a signature.
const DEVICE: usize = 480;

/// Bytes of a revocation without cut-offs.
const REVOCATION: usize = 256;

/// Cut-offs of one revocation take this part of the room that is left, so that there is some for those that follow.
const PART: usize = 3;

fn len(log: &KeyLog) -> Result<usize, EngineError> {
    covey_codec::encode(&log.ops().to_vec()).map(|ops| ops.len()).map_err(EngineError::bug)
}

/// Whether another device fits into the log.
pub(super) fn for_another(log: &KeyLog) -> Result<bool, EngineError> {
    Ok(len(log)? + DEVICE <= WITH_ANOTHER)
}

/// [DEVICE-5] The log without a device, and with as many of the cut-offs as there is room for, the first ones.
pub(super) fn revoked(
    log: &KeyLog,
    account: &AccountSecret,
    device: DeviceId,
    mut cutoffs: Vec<Cutoff>,
    now: u64,
) -> Result<Result<KeyLog, KeyLogError>, EngineError> {
    let before = len(log)?;
    let with_cutoffs = before + REVOCATION + WITH_REVOCATION.saturating_sub(before) / PART;
    loop {
        let next = match log.revoke_device(account, device, cutoffs.clone(), now) {
            Ok(next) => next,
            Err(error) => return Ok(Err(error)),
        };
        let most = if cutoffs.is_empty() { WITH_REVOCATION } else { with_cutoffs.min(WITH_REVOCATION) };
        if len(&next)? <= most {
            return Ok(Ok(next));
        }
        if cutoffs.is_empty() {
            return Ok(Err(KeyLogError::TooLong));
        }
        cutoffs.truncate(cutoffs.len() / 2);
    }
}

#[cfg(test)]
mod tests {
    use covey_pairing::identity::{CardContent, CardDevice, DeviceSecret, sign};
    use serde_bytes::ByteBuf;

    use super::*;

    const NOW: u64 = 1_800_000_000_000;

    /// A card as a device of many addresses signs it.
    fn card(log: &KeyLog, device: &DeviceSecret) -> bool {
        let own = CardDevice {
            device: device.id(),
            addresses: vec!["/ip4/198.51.100.100/udp/40001/quic-v1".to_owned(); 12],
            prekeys: ByteBuf::from(vec![7; 1_500]),
            seq: 9,
        };
        let content = CardContent {
            sequence: 9,
            issued_at: NOW,
            expires_at: NOW + 1,
            name: "n".repeat(64),
            log: log.clone(),
            devices: vec![own],
            custodians: Vec::new(),
            kem: None,
        };
        sign(&content, device).is_ok()
    }

    /// [DEVICE-5]
    #[test]
    fn however_often_devices_with_many_conversations_come_and_go_the_account_has_a_card() {
        let (account, first) = (AccountSecret::from_seed([1; 32]), DeviceSecret::from_seed([1; 32]));
        let mut log = KeyLog::create(&account, NOW).add_device(&account, &first, NOW).expect("room");
        let cutoffs = vec![Cutoff { channel: [8; 32], incarnation: 1 << 50, seq: 9_000 }; 64];
        let mut came = 0;
        while for_another(&log).expect("encodes") {
            came += 1;
            let lost = DeviceSecret::from_seed([came + 10; 32]);
            log = log.add_device(&account, &lost, NOW).expect("room");
            log = revoked(&log, &account, lost.id(), cutoffs.clone(), NOW).expect("encodes").expect("there is room");
            assert!(card(&log, &first), "after {came}");
        }
        assert!(came >= 3);
        // There is room for the last lost one.
        let bare = revoked(&log, &account, first.id(), cutoffs, NOW).expect("encodes");
        assert!(bare.is_ok() || bare == Err(KeyLogError::TooLong), "{bare:?}");
    }
}
