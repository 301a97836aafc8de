//! The handshake below its payloads, against what `scripts/vectors.py` computes from the specification alone.

use std::{collections::VecDeque, convert::Infallible};

use rand_core::{TryCryptoRng, TryRng};
use serde_json::Value;

use super::{
    answer,
    handshake::{self, Initiator, Responder},
    offer::{Offer, OfferContext},
    pair_secret::PairSecret,
    seal::Seal,
};
use crate::{
    crypto::{
        dh::{DhPublic, DhSecret},
        kem::{KemPublic, KemSecret},
        secret::Secret,
    },
    identity::{AccountSecret, DeviceSecret},
    ids::{AccountId, InviteId},
};

/// Gives out the bytes it was given.
struct ScriptRng(VecDeque<u8>);

impl TryRng for ScriptRng {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        unreachable!("keys are drawn as bytes")
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        unreachable!("keys are drawn as bytes")
    }

    fn try_fill_bytes(&mut self, to: &mut [u8]) -> Result<(), Infallible> {
        to.iter_mut().for_each(|b| *b = self.0.pop_front().expect("the script has enough bytes"));
        Ok(())
    }
}

impl TryCryptoRng for ScriptRng {}

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().expect("a string")).expect("hex")
}

fn array<const N: usize>(value: &Value) -> [u8; N] {
    bytes(value).try_into().expect("the expected length")
}

/// `pairing/SPEC.md`, section Consent handshake.
#[test]
fn an_invite_is_byte_for_byte_that_of_the_independent_computation() {
    let golden: Value = serde_json::from_str(include_str!("../../tests/vectors/golden.json")).expect("JSON");
    reproduce(&golden["invite"]);
}

/// The same, *Sealed invites*. [PAIR-82]
#[test]
fn a_sealed_invite_is_byte_for_byte_that_of_the_independent_computation() {
    let golden: Value = serde_json::from_str(include_str!("../../tests/vectors/golden.json")).expect("JSON");
    reproduce(&golden["sealed_invite"]);
}

fn reproduce(golden: &Value) {
    let [inviter, e1, e2] = ["inviter", "ephemeral_1", "ephemeral_2"].map(|k| DhSecret::from_bytes(array(&golden[k])));
    let from = AccountId::from_bytes(array(&golden["inviter_account"]));
    let (offer, answer) = (bytes(&golden["payload_1"]), bytes(&golden["payload_2"]));
    let invitee = AccountSecret::from_seed(array(&golden["invitee_seed"]));
    let (to, theirs) = (invitee.id(), invitee.dh().public());
    assert_eq!(hex::encode(to.as_bytes()), golden["invitee_account"]);
    assert_eq!(hex::encode(theirs.as_bytes()), golden["invitee_key"]);

    let seal = golden["seal"].as_object().map(|seal| {
        assert_eq!(hex::encode(invitee.kem_key().hash().as_bytes()), seal["kem_hash"]);
        let mut random = ScriptRng(bytes(&seal["random"]).into());
        let made = Seal::new(&from, &to, invitee.kem_key(), &mut random).expect("a good key");
        assert_eq!(hex::encode(&made.head), seal["head"]);
        assert_eq!(hex::encode(made.psk.expose()), seal["psk"]);
        made
    });
    let prologue = handshake::prologue(&from, &to, seal.is_some());
    let us = Initiator { prologue, own: &inviter, ephemeral: &e1, theirs: &theirs, seal: seal.as_ref() };
    let message1 = us.start(&offer).expect("message 1");
    assert_eq!(hex::encode(&message1), golden["message_1"]);
    let id = InviteId::of(&message1);
    assert_eq!(hex::encode(id.as_bytes()), golden["invite_id"]);

    let responder = Responder::new(&invitee, &from, &message1, seal.is_some()).expect("for them");
    let opened = responder.open().expect("opens");
    assert_eq!((opened.theirs, opened.payload), (inviter.public(), offer.clone()));
    let (message2, invitee_keys) = responder.respond(&e2, &answer).expect("message 2");
    assert_eq!(hex::encode(&message2), golden["message_2"]);
    let (payload, inviter_keys) = us.finish(&offer, &id, &message2).expect("finishes");
    assert_eq!(payload, answer);

    let kem = KemSecret::from_seed(array(&golden["kem_seed"]));
    let mut random = ScriptRng(bytes(&golden["kem_random"]).into());
    let (ciphertext, shared) = kem.public().encapsulate(&mut random).expect("a good key");
    assert_eq!(hex::encode(&ciphertext), golden["kem_ciphertext"]);
    assert_eq!(kem.decapsulate(&ciphertext), Ok(shared.clone()));

    for keys in [inviter_keys, invitee_keys] {
        assert_eq!(hex::encode(keys.hash), golden["handshake_hash"]);
        let confirm = handshake::seal_transport(&keys.to_responder, &bytes(&golden["confirm_payload"]));
        assert_eq!(hex::encode(confirm), golden["confirm"]);
        let confirm_key = answer::confirm_key(&keys.to_responder);
        assert_eq!(hex::encode(confirm_key.expose()), golden["confirm_key"]);
        let secret = PairSecret::derive(&keys, &shared, &from, &to);
        assert_eq!(hex::encode(secret.channel_id()), golden["channel_id"]);
        assert_eq!(secret.session_psk(), Secret::new(array(&golden["session_psk"])));
        assert_eq!(secret.control_key(), Secret::new(array(&golden["control_key"])));
        let stored = covey_codec::encode(&secret).expect("encodes");
        assert_eq!(hex::encode(&stored[2..]), golden["pair_secret"]);
    }
}

/// The offer of a renewal, with its card. [PAIR-72] [PAIR-73] [PAIR-85]
#[test]
fn the_offer_of_a_renewal_is_byte_for_byte_that_of_the_independent_computation() {
    let golden: Value = serde_json::from_str(include_str!("../../tests/vectors/devices.json")).expect("JSON");
    let golden = &golden["renewal"];
    let now = golden["now"].as_u64().expect("a number");
    let account = |name: &str| AccountId::from_bytes(array(&golden[name]));
    let [dh, e] = ["dh", "ephemeral"].map(|name| DhPublic::from_bytes(array(&golden[name])).expect("a key"));
    let desk = DeviceSecret::from_seed(array(&golden["desk"]));
    let kem = KemPublic::from_bytes(&bytes(&golden["kem"])).expect("a key");
    let mut offer = Offer::new(account("to"), e, now, 3, "bob", String::new(), kem, &bytes(&golden["card"]));
    offer.renewal = true;
    assert_eq!(hex::encode(offer.sign(&desk)), golden["offer"].as_str().expect("hex"));
    let (from, to) = (account("account"), account("to"));
    let context = OfferContext { from: &from, to: &to, static_key: &dh, e: e.as_bytes() };
    let verified = Offer::verify(&bytes(&golden["offer"]), &context, now).expect("valid");
    assert_eq!((verified.signer, verified.offer.renewal), (desk.id(), true));
}
