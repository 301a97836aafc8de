//! The primitives against published vectors: [CRYPTO-*] of `pairing/SPEC.md`.

mod blake3_vectors;
mod contexts;
mod noise_vectors;
mod rfc_vectors;
mod wycheproof_vectors;

/// Bytes of a hexadecimal constant.
fn bytes(text: &str) -> Vec<u8> {
    hex::decode(text.split_whitespace().collect::<String>()).expect("hexadecimal")
}

fn array<const N: usize>(text: &str) -> [u8; N] {
    bytes(text).try_into().expect("the right length")
}

/// A random source that gives known bytes: for primitives that draw what a vector fixes.
struct Fixed(Vec<u8>);

impl rand_core::TryRng for Fixed {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        unreachable!("primitives fill byte arrays")
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        unreachable!("primitives fill byte arrays")
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        let rest = self.0.split_off(bytes.len());
        bytes.copy_from_slice(&std::mem::replace(&mut self.0, rest));
        Ok(())
    }
}

impl rand_core::TryCryptoRng for Fixed {}
