//! The form of a value before it is sealed: one schema version byte, then CBOR (typed) or bytes (raw).

use std::borrow::Cow;

use covey_codec::DecodeError;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use zeroize::Zeroizing;

use super::{StoreError, Table};

/// Longest value in bytes. The largest of ours are the sessions with one device: 40 archived ones of up to five
/// chains with 256 skipped keys each stay below 4 MiB.
pub const MAX_VALUE: usize = 8 << 20;

/// Plain bytes of a typed value.
pub(crate) fn encode<V: Serialize>(table: u8, value: &V) -> Result<Zeroizing<Vec<u8>>, StoreError> {
    let body = Zeroizing::new(covey_codec::encode(value)?);
    Ok(encode_raw(table, &body))
}

/// Plain bytes of a raw value.
pub(crate) fn encode_raw(table: u8, body: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut plain = Zeroizing::new(Vec::with_capacity(1 + body.len()));
    plain.push(version(table));
    plain.extend_from_slice(body);
    plain
}

/// The typed value in `plain`, brought up to the current schema if it is older.
pub(crate) fn decode<V: DeserializeOwned>(table: u8, plain: &[u8]) -> Result<V, StoreError> {
    let body = body(table, plain)?;
    covey_codec::decode(&body, MAX_VALUE).map_err(|source| StoreError::Decode { table, source })
}

/// The bytes of a raw value in `plain`, brought up to the current schema if they are older.
pub(crate) fn body(table: u8, plain: &[u8]) -> Result<Cow<'_, [u8]>, StoreError> {
    current(&MIGRATIONS, table, version(table), plain)
}

/// The schema version that this build writes to a table. A change of a stored type gives its table an arm here, and a
/// [`Migration`] from the version before.
pub(crate) fn version(table: u8) -> u8 {
    match table {
        SESSION | GROUP_SESSION | JOURNAL => 2,
        _ => 1,
    }
}

const SESSION: u8 = Table::Session as u8;
const GROUP_SESSION: u8 = Table::GroupSession as u8;
const JOURNAL: u8 = Table::Journal as u8;

/// One step of a table from a schema version to the next: the bytes of a value as they were to the bytes as they are then.
/// It defines the old type itself and never uses one of today's. Once a release wrote the newer version, it is frozen.
///
/// Nothing is rewritten ahead of time: a record is read through its steps until it is written again.
struct Migration {
    table: u8,
    from: u8,
    step: fn(&[u8]) -> Result<Vec<u8>, DecodeError>,
}

/// All steps there ever were. (The tests have an example of more.)
const MIGRATIONS: [Migration; 3] = [
    Migration { table: SESSION, from: 1, step: sessions_without_steps },
    Migration { table: GROUP_SESSION, from: 1, step: sessions_without_steps },
    Migration { table: JOURNAL, from: 1, step: events_by_themselves },
];

/// Version 2 of the sessions with a device has post-quantum steps in sessions that began since. The ones of before stay as they
/// are, so only the version changes, which stands first in the map.
fn sessions_without_steps(body: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let mut body = body.to_vec();
    match body.get_mut(1..4) {
        Some([0x61, b'v', version]) if *version == 1 => *version = 2,
        _ => return Err(DecodeError::Unexpected("sessions without their version".to_owned())),
    }
    Ok(body)
}

/// In version 1 of the journal every event was a row; since version 2 a row is a list of events, and each of them a pair.
fn events_by_themselves(body: &[u8]) -> Result<Vec<u8>, DecodeError> {
    #[derive(Deserialize)]
    struct Before {
        at: u64,
        kind: String,
        data: String,
    }
    #[derive(Serialize)]
    enum What {
        #[serde(rename = "o")]
        Other(String, String),
    }
    let Before { at, kind, data } = covey_codec::decode(body, MAX_VALUE)?;
    covey_codec::encode(&[(at, What::Other(kind, data))]).map_err(|error| DecodeError::Unexpected(error.to_string()))
}

/// What follows the version byte, after the steps from that version to `known`.
fn current<'p>(migrations: &[Migration], table: u8, known: u8, plain: &'p [u8]) -> Result<Cow<'p, [u8]>, StoreError> {
    let (&found, body) = plain.split_first().ok_or(StoreError::BadRecord { table })?;
    if found > known {
        return Err(StoreError::Version { table, found, known });
    }
    let mut body = Cow::Borrowed(body);
    for version in found..known {
        let step = migrations.iter().find(|migration| (migration.table, migration.from) == (table, version));
        let step = step.ok_or(StoreError::Version { table, found, known })?.step;
        body = Cow::Owned(step(&body).map_err(|source| StoreError::Decode { table, source })?);
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Table;

    const TABLE: u8 = Table::Reserved as u8;

    /// As an example: version 0 was a name alone; version 1 is a list of names; version 2 has a number beside each.
    const EXAMPLE: [Migration; 2] = [
        Migration { table: TABLE, from: 0, step: name_to_list },
        Migration { table: TABLE, from: 1, step: list_to_pairs },
    ];

    fn name_to_list(body: &[u8]) -> Result<Vec<u8>, DecodeError> {
        #[derive(Deserialize)]
        struct Before(String);
        let Before(name) = covey_codec::decode(body, MAX_VALUE)?;
        Ok(encoded(&vec![name]))
    }

    fn list_to_pairs(body: &[u8]) -> Result<Vec<u8>, DecodeError> {
        #[derive(Deserialize)]
        struct Before(Vec<String>);
        let Before(names) = covey_codec::decode(body, MAX_VALUE)?;
        Ok(encoded(&names.into_iter().map(|name| (name, 0u64)).collect::<Vec<_>>()))
    }

    fn encoded(value: &impl Serialize) -> Vec<u8> {
        covey_codec::encode(value).expect("plain data encodes")
    }

    /// Values as earlier versions wrote them, byte for byte: never made anew from today's types.
    const FIXTURES: [(&[u8], u64); 3] =
        [(b"\x00\x65alice", 0), (b"\x01\x81\x65alice", 0), (b"\x02\x81\x82\x65alice\x07", 7)];

    #[test]
    fn older_values_are_read_through_every_step_since() {
        for (fixture, number) in FIXTURES {
            let body = current(&EXAMPLE, TABLE, 2, fixture).expect("migrates");
            let pairs: Vec<(String, u64)> = covey_codec::decode(&body, MAX_VALUE).expect("decodes");
            assert_eq!(pairs, [("alice".to_owned(), number)], "{fixture:?}");
        }
    }

    /// As `covey_pairing` wrote it before sessions had post-quantum steps.
    const SESSIONS: &str = include_str!("../../../pairing/tests/vectors/session_state_v1.json");

    #[test]
    fn sessions_of_version_1_are_read_and_go_on() {
        use covey_pairing::session::DeviceSessions;
        let fixture: serde_json::Value = serde_json::from_str(SESSIONS).expect("JSON");
        let hex = fixture["sessions"].as_str().expect("a string").to_uppercase();
        let before = data_encoding::HEXUPPER.decode(hex.as_bytes()).expect("hex");
        for table in [SESSION, GROUP_SESSION] {
            let sessions: DeviceSessions = decode(table, &[&[1], before.as_slice()].concat()).expect("migrates");
            assert!(sessions.can_send() && sessions.is_outdated());
            let again: DeviceSessions = decode(table, &encode(table, &sessions).expect("encodes")).expect("decodes");
            assert_eq!(again, sessions);
            for damaged in [b"\x01\xa1\x61v\x02".as_slice(), b"\x01\xa0", b"\x01"] {
                assert!(matches!(decode::<DeviceSessions>(table, damaged), Err(StoreError::Decode { .. })));
            }
        }
    }

    #[test]
    fn an_event_of_version_1_is_a_row_of_one_event() {
        let before =
            [&[1], encoded(&serde_json::json!({ "at": 7, "kind": "contact", "data": "{}" })).as_slice()].concat();
        let events: Vec<(u64, serde_json::Value)> = decode(JOURNAL, &before).expect("migrates");
        assert_eq!(events, [(7, serde_json::json!({ "o": ["contact", "{}"] }))]);
        assert!(matches!(decode::<serde_json::Value>(JOURNAL, b"\x01\xa0"), Err(StoreError::Decode { .. })));
    }

    #[test]
    fn newer_values_and_those_without_a_way_up_are_refused_by_their_version() {
        let refused = |migrations: &[Migration], known, plain: &[u8]| match current(migrations, TABLE, known, plain) {
            Err(StoreError::Version { found, known, .. }) => Some((found, known)),
            _ => None,
        };
        assert_eq!(refused(&EXAMPLE, 2, b"\x03\x80"), Some((3, 2)));
        assert_eq!(refused(&EXAMPLE[1..], 2, FIXTURES[0].0), Some((0, 2)));
        assert!(matches!(current(&EXAMPLE, TABLE, 2, b"\x00\x07"), Err(StoreError::Decode { .. })));
        assert!(matches!(current(&EXAMPLE, TABLE, 2, b""), Err(StoreError::BadRecord { .. })));
    }

    #[test]
    fn every_table_has_a_way_up_from_every_version_it_ever_had() {
        for table in 0..=u8::MAX {
            for from in 1..version(table) {
                let steps = MIGRATIONS.iter().filter(|step| (step.table, step.from) == (table, from)).count();
                assert_eq!(steps, 1, "table {table:#04x} from version {from}");
            }
        }
    }
}
