//! Sessions, envelopes, parcels, bodies.

use covey_pairing::{
    crypto::{
        dh::DhSecret,
        kem::{KemPublic, KemSecret},
    },
    envelope, parcel,
};
use serde::Serialize;
use serde_bytes::{ByteArray, ByteBuf};

use super::{Seeds, encode, mode, named, rng};
use crate::targets::{sessions, steps::steps_stages};

/// What is made for a target.
pub(crate) fn of(target: &str) -> Seeds {
    match target {
        "pair_bundle" => named("bundle", bundles()),
        "pair_session" => named("envelope", envelopes()),
        "pair_steps" => steps(),
        "pair_parcel" => parcels(),
        "pair_body" => bodies(),
        _ => Vec::new(),
    }
}

fn bundles() -> Vec<Vec<u8>> {
    let mut bob = sessions::stages()[0].1.clone();
    let one_time = bob.prekeys.one_time_bundle(&bob.device, &[1; 32], &mut rng());
    vec![bob.prekeys.bundle().to_bytes(), one_time.to_bytes()]
}

fn envelopes() -> Vec<Vec<u8>> {
    let stages = sessions::stages();
    let mut first = stages[0].0.clone();
    let mut answer = stages[1].1.clone();
    let (mut alice, mut bob) = stages[2].clone();
    vec![first.seal(b"hello"), first.seal(b""), answer.seal(b"hi"), alice.seal(b"and then"), bob.seal(&[7; 300])]
}

#[derive(Serialize, Default)]
struct Steps {
    e: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    s: Option<ByteArray<8>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    k: Option<KemPublic>,
    #[serde(skip_serializing_if = "Option::is_none")]
    a: Option<(ByteArray<8>, ByteBuf)>,
}

fn steps() -> Seeds {
    let key = || Some(KemSecret::from_seed([3; 64]).public());
    let id = ByteArray::new(steps_stages()[1].offered.unwrap());
    let answer = |id| Some((id, ByteBuf::from(vec![7; 1_088])));
    let said = |which, said: &Steps| mode(which, &encode(said));
    let good = [
        mode(0, b""),
        mode(2, b""),
        said(0, &Steps { k: key(), ..Steps::default() }),
        said(1, &Steps { k: key(), a: answer(id), ..Steps::default() }),
    ];
    let bad = [
        said(0, &Steps { e: u64::MAX, ..Steps::default() }),
        said(1, &Steps { e: 1, s: Some(id), ..Steps::default() }),
        said(1, &Steps { a: answer(ByteArray::new([1; 8])), ..Steps::default() }),
        said(2, &Steps { k: key(), ..Steps::default() }),
    ];
    named("said", good).into_iter().chain(named("bad-said", bad)).collect()
}

fn parcels() -> Seeds {
    let (me, them) = (DhSecret::from_bytes([1; 32]), DhSecret::from_bytes([2; 32]));
    let (kem, key) = (&sessions::parcel_key().public(), None);
    let to = |kem| parcel::seal(&them, &me.public(), kem, b"for this device", b"content", &mut rng()).unwrap();
    let sealed = [to(key), to(Some(parcel::ToKem { id: 7, key: kem }))];
    named("parcel", [mode(0, &sealed[0]), mode(1, b"content"), mode(0, &sealed[1]), mode(2, b"content")])
}

fn bodies() -> Seeds {
    let (_, sealed) = envelope::seal_body(b"text", sessions::AAD, &mut rng()).unwrap();
    let mut padded = [0; 128];
    padded[..5].copy_from_slice(b"text\x80");
    let mut seeds = named("body", [mode(1, &padded), mode(2, b""), mode(2, &[7; 4_000])]);
    seeds.push(("bad-key".to_owned(), mode(0, &sealed)));
    seeds
}
