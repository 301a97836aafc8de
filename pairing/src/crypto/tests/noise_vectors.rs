//! [CRYPTO-9] Official Noise vectors for `Noise_IK_25519_ChaChaPoly_BLAKE2s` and `Noise_X_…`, through our providers.

use noise_protocol::{
    CipherState, U8Array,
    patterns::{self, HandshakePattern},
};
use serde::Deserialize;

use super::{array, bytes};
use crate::crypto::noise::{ChaChaPoly, Handshake, NoiseSecret};

#[derive(Deserialize)]
struct File {
    vectors: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    source: String,
    protocol_name: String,
    init_prologue: String,
    init_static: Option<String>,
    init_ephemeral: Option<String>,
    init_remote_static: Option<String>,
    resp_prologue: String,
    resp_static: Option<String>,
    resp_ephemeral: Option<String>,
    handshake_hash: Option<String>,
    messages: Vec<Message>,
}

#[derive(Deserialize)]
struct Message {
    payload: String,
    ciphertext: String,
}

fn pattern(name: &str) -> HandshakePattern {
    match name {
        "Noise_IK_25519_ChaChaPoly_BLAKE2s" => patterns::noise_ik(),
        "Noise_X_25519_ChaChaPoly_BLAKE2s" => patterns::noise_x(),
        other => unreachable!("no vector of {other} is kept"),
    }
}

fn secret(text: Option<&String>) -> Option<NoiseSecret> {
    text.map(|text| NoiseSecret::from_slice(&bytes(text)))
}

impl Vector {
    fn sides(&self) -> (Handshake, Handshake) {
        let remote = self.init_remote_static.as_ref().map(|text| array(text));
        let initiator = Handshake::new(
            pattern(&self.protocol_name),
            true,
            bytes(&self.init_prologue),
            secret(self.init_static.as_ref()),
            secret(self.init_ephemeral.as_ref()),
            remote,
            None,
        );
        let responder = Handshake::new(
            pattern(&self.protocol_name),
            false,
            bytes(&self.resp_prologue),
            secret(self.resp_static.as_ref()),
            secret(self.resp_ephemeral.as_ref()),
            None,
            None,
        );
        (initiator, responder)
    }

    fn check(&self) {
        let (mut a, mut b) = self.sides();
        let handshakes = if self.protocol_name.contains("_IK_") { 2 } else { 1 };
        for (n, message) in self.messages[..handshakes].iter().enumerate() {
            let (writer, reader) = if n == 0 { (&mut a, &mut b) } else { (&mut b, &mut a) };
            let written = writer.write_message_vec(&bytes(&message.payload)).expect("writes");
            assert_eq!(written, bytes(&message.ciphertext), "{} {} message {n}", self.source, self.protocol_name);
            assert_eq!(reader.read_message_vec(&written).expect("reads"), bytes(&message.payload));
        }
        assert!(a.completed() && b.completed());
        if let Some(hash) = &self.handshake_hash {
            assert_eq!((a.get_hash(), b.get_hash()), (&bytes(hash)[..], &bytes(hash)[..]));
        }
        self.check_transport(handshakes, a.get_ciphers(), b.get_ciphers());
    }

    fn check_transport(&self, handshakes: usize, mut a: Ciphers, mut b: Ciphers) {
        for (n, message) in self.messages.iter().enumerate().skip(handshakes) {
            let from_initiator = handshakes == 1 || n % 2 == 0;
            let (writer, reader) = if from_initiator { (&mut a.0, &mut b.0) } else { (&mut b.1, &mut a.1) };
            let sealed = writer.encrypt_vec(&bytes(&message.payload));
            assert_eq!(sealed, bytes(&message.ciphertext), "{} {} message {n}", self.source, self.protocol_name);
            assert_eq!(reader.decrypt_vec(&sealed), Ok(bytes(&message.payload)));
        }
    }
}

type Ciphers = (CipherState<ChaChaPoly>, CipherState<ChaChaPoly>);

#[test]
fn the_official_vectors_of_our_suites_pass() {
    let file: File = serde_json::from_str(include_str!("../../../tests/vectors/noise.json")).expect("vectors");
    assert_eq!(file.vectors.len(), 4);
    file.vectors.iter().for_each(Vector::check);
}
