//! What strangers leave in an account's invite slot: pairing frames, sealed to the account.
//!
//! An invite is sealed already, but an answer names the invite that it answers, and a keeper of both sides would see who answers whom. So every
//! frame is sealed once more, to both keys of the account, by nobody in particular. Who wrote it is inside, where the consent machine looks.

use rand_core::CryptoRng;

use super::{InboxError, InboxKey, SlotId, inbox};
use crate::{
    crypto::{dh::DhPublic, kem::KemPublic},
    identity::AccountSecret,
    ids::AccountId,
};

const BIND: &[u8] = b"covey invite slot v1\0";

/// [KEEP-32] Seals a pairing frame for the account with these keys, for its invite slot.
///
/// # Errors
/// [`InboxError::TooLong`], [`InboxError::BadKey`].
pub fn seal_left(
    to: &AccountId,
    (dh, kem): (&DhPublic, &KemPublic),
    frame: &[u8],
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<Vec<u8>, InboxError> {
    let bind = bind(&SlotId::of_invites(to, &kem.hash()));
    InboxKey::of_account(*dh, kem.clone()).seal(&bind, frame, rng)
}

/// Opens a parcel that lay in the invite slot of `account`: a pairing frame, of which nothing is verified.
///
/// # Errors
/// [`InboxError`].
pub fn open_left(account: &AccountSecret, parcel: &[u8]) -> Result<Vec<u8>, InboxError> {
    let key = InboxKey::of_account(account.dh().public(), account.kem_key().clone());
    let bind = bind(&SlotId::of_invites(&account.id(), &account.kem_key().hash()));
    inbox::open((account.dh(), account.kem()), &key, &bind, parcel)
}

fn bind(slot: &SlotId) -> Vec<u8> {
    [BIND, slot.as_bytes()].concat()
}
