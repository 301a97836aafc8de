//! [CRYPTO-8] The official BLAKE3 vectors.

use serde::Deserialize;

use super::array;
use crate::crypto::hash::{KeyContext, blake3, derive_key};

#[derive(Deserialize)]
struct File {
    /// A constant of the vectors.
    context_string: String,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    input_len: usize,
    hash: String,
    derive_key: String,
}

#[test]
fn blake3_hashes_and_derives_as_published() {
    let file: File = serde_json::from_str(include_str!("../../../tests/vectors/blake3.json")).expect("vectors");
    let context = KeyContext::new(&file.context_string);
    for case in file.cases {
        let input: Vec<u8> = (0..=250).cycle().take(case.input_len).collect();
        assert_eq!(blake3(&input), array(&case.hash));
        assert_eq!(*derive_key(&file.context_string, &input).expose(), array(&case.derive_key));
        assert_eq!(*context.derive(&input).expose(), array(&case.derive_key));
    }
}
