//! Valid objects of every kind, and a few that must be refused (`bad-…`): what fuzzing begins with.

mod feeds;
mod groups;
mod keepers;
mod links;
mod nodes;
mod pairing;
mod sessions;

use covey_overlay::record;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use serde::Serialize;
use serde_bytes::ByteBuf;

pub(crate) type Seeds = Vec<(String, Vec<u8>)>;

/// What is made for a target: file name and content.
pub(crate) fn of(target: &str) -> Seeds {
    match target {
        "codec" => codec(),
        "overlay_record" => records(),
        "overlay_frames" => frames(),
        "keeper_objects" => keepers::keeper_objects(),
        "pair_link" => links::pair_link(),
        "api_params" => params(),
        _ => [feeds::of, pairing::of, sessions::of, nodes::of, groups::of]
            .into_iter()
            .flat_map(|of| of(target))
            .collect(),
    }
}

pub(crate) fn named(kind: &str, made: impl IntoIterator<Item = Vec<u8>>) -> Seeds {
    made.into_iter().enumerate().map(|(n, bytes)| (format!("{kind}-{n}"), bytes)).collect()
}

/// The first byte says what the target does with the rest.
pub(crate) fn mode(mode: u8, bytes: &[u8]) -> Vec<u8> {
    [&[mode], bytes].concat()
}

fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    covey_codec::encode(value).unwrap()
}

fn rng() -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(5)
}

fn codec() -> Seeds {
    let shapes = [
        encode(&(1u8, "text", [1u64, u64::MAX])),
        encode(&[("key", vec![Some(-1i64), None])].into_iter().collect::<std::collections::BTreeMap<_, _>>()),
        encode(&[(ByteBuf::from([1, 2, 3]), Some(true)), (ByteBuf::new(), None)]),
        encode(&Ok::<_, (u16, char)>(ByteBuf::from([7; 40]))),
        encode(&vec![vec![vec![1u8, 2], vec![]], vec![]]),
    ];
    let mut deep = vec![0x81; 17];
    deep.push(0);
    let bad = [
        ("bad-deep", deep),
        ("bad-long", vec![0x9b, 0, 0, 0, 1, 0, 0, 0, 0]),
        ("bad-indefinite", vec![0x9f, 1, 0xff]),
        ("bad-cut", encode(&"text")[..3].to_vec()),
        ("bad-trailing", vec![1, 2]),
    ];
    let bad = bad.into_iter().map(|(name, bytes)| (name.to_owned(), bytes));
    named("shape", shapes).into_iter().chain(bad).collect()
}

fn records() -> Seeds {
    let now = 20_000 * record::PERIOD + record::PERIOD / 2;
    let sealed = |payload: &[u8]| {
        let sealed = record::seal(&[1; 32], record::current(now), 3, payload, &mut rng()).unwrap();
        [sealed.key.as_slice(), &sealed.value].concat()
    };
    let mut forged = sealed(b"card");
    *forged.last_mut().unwrap() ^= 1;
    let mut seeds = named("record", [sealed(b""), sealed(b"card"), sealed(&[7; 2_000])]);
    seeds.push(("bad-forged".to_owned(), forged));
    seeds
}

fn frames() -> Seeds {
    let frame = |len: u32| [len.to_be_bytes().as_slice(), &vec![5; usize::try_from(len).unwrap()]].concat();
    let mut seeds = named("frames", [frame(1), [frame(3), frame(200)].concat(), [frame(9), frame(0)].concat()]);
    seeds.push(("bad-long".to_owned(), [0xff; 40].to_vec()));
    seeds.push(("bad-empty".to_owned(), frame(0)));
    seeds
}

fn params() -> Seeds {
    let texts = [
        "{}",
        r#"{"to": "cv1xyz", "note": "hello", "alias": "bob", "client_id": "1"}"#,
        r#"{"contact": "bob"}"#,
        r#"{"contact": "bob", "safety_number": "12345 67890"}"#,
        r#"{"to": "bob", "text": "hello", "expires_in": 60}"#,
        r#"{"state": "pending"}"#,
        r#"{"channel": "ab12", "limit": 50, "before": "00"}"#,
        r#"{"after": "12", "limit": 1}"#,
    ];
    let mut seeds: Seeds = named("params", texts.iter().map(|text| text.as_bytes().to_vec()));
    let taken = |bytes: &[u8]| crate::targets::run("api_params", bytes);
    seeds.retain(|(_, bytes)| taken(bytes));
    seeds.push(("bad-unknown".to_owned(), br#"{"nonsense": 1}"#.to_vec()));
    seeds.push(("bad-list".to_owned(), b"[1]".to_vec()));
    seeds
}
