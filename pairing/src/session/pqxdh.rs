//! PQXDH (Signal, revision 3) with the pair secret as pre-shared key.

use zeroize::Zeroizing;

use rand_core::CryptoRng;
use serde_bytes::ByteBuf;

use super::{
    bundle::{OneTimePrekey, PrekeyBundle, SignedPrekey},
    error::{BundleError, SessionError},
    header::{Handshake, SUITE},
    parties::SessionParties,
    prekeys::Named,
};
use crate::crypto::{
    dh::{DhPublic, DhSecret},
    hash, kdf,
    secret::Secret,
};

const INFO: &[u8] = b"covey pqxdh v1";
const TRANSCRIPT: &[u8] = b"covey pqxdh transcript v1";
/// F of the specification for curve25519: keeps the input apart from anything signed by XEdDSA.
const F: [u8; 32] = [0xff; 32];

/// What both sides hold afterwards.
pub(super) struct Agreed {
    /// SK.
    pub(super) shared: Secret<32>,
    /// Binds everything both sides said; associated data of every message and the identity of the session.
    pub(super) transcript: [u8; 32],
}

/// Identity keys and pre-shared key of the two devices.
pub(super) struct Identities<'a> {
    pub(super) parties: &'a SessionParties,
    pub(super) ours: &'a DhSecret,
    pub(super) theirs: &'a DhPublic,
    pub(super) psk: &'a Secret<32>,
}

/// The initiator's side (section 3.3). The bundle's signatures were verified.
pub(super) fn initiate(
    ids: &Identities<'_>,
    bundle: &PrekeyBundle,
    mut rng: &mut (impl CryptoRng + ?Sized),
) -> Result<(Handshake, Agreed), SessionError> {
    let SignedPrekey(signed_id, _, signed, ..) = &bundle.signed;
    let one_time = bundle.one_time.as_ref();
    let ephemeral = DhSecret::random(rng);
    let (ciphertext, kem) = bundle.kem.encapsulate(&mut rng).map_err(|e| BundleError::Malformed(e.to_string()))?;
    let handshake = Handshake {
        signed: *signed_id,
        one_time: one_time.map(|o| o.0),
        ephemeral: ephemeral.public(),
        kem: ByteBuf::from(ciphertext),
    };
    let dh = [
        Some(agree(ids.ours, signed)?),
        Some(agree(&ephemeral, ids.theirs)?),
        Some(agree(&ephemeral, signed)?),
        one_time.map(|o| agree(&ephemeral, &o.1)).transpose()?,
    ];
    let transcript = transcript(ids.parties, &ids.ours.public(), ids.theirs, signed, one_time, &handshake);
    Ok((handshake, Agreed { shared: derive(&dh, &kem, ids.psk, &transcript), transcript }))
}

/// The responder's side (section 3.4).
pub(super) fn respond(ids: &Identities<'_>, named: &Named<'_>, handshake: &Handshake) -> Result<Agreed, SessionError> {
    let kem = named.kem.decapsulate(&handshake.kem).map_err(|e| SessionError::Malformed(e.to_string()))?;
    let dh = [
        Some(agree(named.signed, ids.theirs)?),
        Some(agree(ids.ours, &handshake.ephemeral)?),
        Some(agree(named.signed, &handshake.ephemeral)?),
        named.one_time.map(|o| agree(o, &handshake.ephemeral)).transpose()?,
    ];
    let one_time = handshake.one_time.zip(named.one_time).map(|(id, key)| OneTimePrekey(id, key.public()));
    let transcript = transcript(
        &ids.parties.reversed(),
        ids.theirs,
        &ids.ours.public(),
        &named.signed.public(),
        one_time.as_ref(),
        handshake,
    );
    Ok(Agreed { shared: derive(&dh, &kem, ids.psk, &transcript), transcript })
}

/// `HKDF(salt = PSK, ikm = F || DH1 || DH2 || DH3 [|| DH4] || SS, info || transcript)`.
fn derive(dh: &[Option<Secret<32>>; 4], kem: &Secret<32>, psk: &Secret<32>, transcript: &[u8; 32]) -> Secret<32> {
    let mut ikm = Zeroizing::new(Vec::with_capacity(6 * 32));
    ikm.extend_from_slice(&F);
    for shared in dh.iter().flatten() {
        ikm.extend_from_slice(shared.expose());
    }
    ikm.extend_from_slice(kem.expose());
    kdf::hkdf(psk.expose(), &ikm, &[INFO, transcript].concat())
}

/// BLAKE3 over the label, suite, both accounts and devices, all public keys with their ids, and the KEM ciphertext
/// (which, by ML-KEM, commits to the KEM key). `parties` as the initiator sees them.
fn transcript(
    parties: &SessionParties,
    initiator: &DhPublic,
    responder: &DhPublic,
    signed: &DhPublic,
    one_time: Option<&OneTimePrekey>,
    handshake: &Handshake,
) -> [u8; 32] {
    let mut bytes = Vec::with_capacity(1536);
    bytes.extend_from_slice(TRANSCRIPT);
    bytes.push(SUITE);
    for id in [&parties.our_account, &parties.our_device, &parties.their_account, &parties.their_device] {
        bytes.extend_from_slice(id);
    }
    for key in [initiator, responder, &handshake.ephemeral] {
        bytes.extend_from_slice(key.as_bytes());
    }
    bytes.extend_from_slice(&handshake.signed.to_be_bytes());
    bytes.extend_from_slice(signed.as_bytes());
    match one_time {
        None => bytes.push(0),
        Some(OneTimePrekey(id, key)) => {
            bytes.push(1);
            bytes.extend_from_slice(&id.to_be_bytes());
            bytes.extend_from_slice(key.as_bytes());
        }
    }
    bytes.extend_from_slice(&handshake.kem);
    hash::blake3(&bytes)
}

fn agree(ours: &DhSecret, theirs: &DhPublic) -> Result<Secret<32>, SessionError> {
    ours.agree(theirs).map_err(|e| SessionError::Malformed(e.to_string()))
}
