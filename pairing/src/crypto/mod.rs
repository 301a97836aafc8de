//! The primitives, each behind one function so that the checks they need are made in one place.

pub mod aead;
pub mod dh;
pub mod hash;
pub mod kdf;
pub mod kem;
pub mod noise;
pub mod secret;
pub mod sign;

/// The random source every operation takes: cryptographic, and a parameter (the runtime owns the real one).
pub trait CryptoRng: rand_core::CryptoRng {}
impl<R: rand_core::CryptoRng + ?Sized> CryptoRng for R {}

#[cfg(test)]
mod tests;
