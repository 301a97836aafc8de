//! The entries of one author, opened.

use covey_feed::Entry;
use covey_pairing::crypto::secret::Secret;
use covey_pairing::envelope;
use covey_pairing::ids::{AccountId, DeviceId};
use tracing::warn;

use crate::engine::records::channels::{Channel, Kind};
use crate::engine::records::sessions::Scope;
use crate::engine::sealing::chains;
use crate::engine::sealing::sessions::Opener;
use crate::engine::wire::payload::{self, Body, Sealed, Unopened};
use crate::engine::{Cx, EngineError};

/// Opens the entries of one author.
pub(in crate::engine) enum Reader {
    /// Of a direct channel: content keys are wrapped for us.
    Direct(Box<Opener>),
    /// Of a group: content keys come from the author's chain.
    Group(chains::Reader),
}

impl Reader {
    pub(in crate::engine) fn new(
        cx: &Cx<'_, '_>,
        channel: &Channel,
        account: &AccountId,
        device: &DeviceId,
    ) -> Result<Self, EngineError> {
        Ok(match channel.kind() {
            Kind::Direct(_) => {
                let scope = if cx.me.is_ours(account) { Scope::Own } else { Scope::Pair };
                Self::Direct(Box::new(Opener::new(cx, scope, account, device)?))
            }
            Kind::Own => Self::Direct(Box::new(Opener::new(cx, Scope::Own, account, device)?)),
            Kind::Group(_) => Self::Group(chains::Reader::new(cx, channel, device)?),
        })
    }

    /// The content key and body of an entry.
    pub(in crate::engine) fn open(
        &mut self,
        cx: &mut Cx<'_, '_>,
        channel: &Channel,
        entry: &Entry,
    ) -> Result<Result<(Secret<32>, Body), Unopened>, EngineError> {
        let Some(payload) = entry.payload() else { return Ok(Err(Unopened::NoKey)) };
        let aad = payload::aad_of(channel.id, entry);
        match self {
            Self::Direct(opener) => {
                let Ok(sealed) = Sealed::decode(payload) else { return Ok(Err(Unopened::Poison)) };
                // [BODY-15] What does not commit to its key might say something else on our other devices: it is opened with a key only
                // that one of them gives.
                if sealed.commitment.is_none() && cx.me.has_others() {
                    return Ok(Err(Unopened::NoKey));
                }
                unwrap(cx, opener, &sealed, &aad)
            }
            Self::Group(chains) => Ok(chains.open(payload, &aad)),
        }
    }

    /// Writes back what opening changed.
    pub(in crate::engine) fn finish(self, cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
        match self {
            Self::Direct(opener) => opener.finish(cx),
            Self::Group(chains) => chains.finish(cx),
        }
    }
}

/// [BODY-2], [BODY-3] What the wrap for our device opens.
fn unwrap(
    cx: &mut Cx<'_, '_>,
    opener: &mut Opener,
    sealed: &Sealed,
    aad: &[u8],
) -> Result<Result<(Secret<32>, Body), Unopened>, EngineError> {
    let Some(wrap) = sealed.wraps.get(&cx.me.device_id()) else { return Ok(Err(Unopened::NoKey)) };
    let key = match opener.open(cx, wrap, aad)? {
        Ok(key) => key,
        Err(error) => {
            warn!(%error, "a content key does not open; asking its author");
            return Ok(Err(Unopened::NoKey));
        }
    };
    let Ok(key) = <[u8; 32]>::try_from(key) else { return Ok(Err(Unopened::Poison)) };
    Ok(open_with(&Secret::new(key), sealed, aad))
}

/// The body that a content key opens: the one that the payload commits to [BODY-15].
pub(in crate::engine) fn open_with(
    key: &Secret<32>,
    sealed: &Sealed,
    aad: &[u8],
) -> Result<(Secret<32>, Body), Unopened> {
    if sealed.commitment.is_some_and(|commitment| commitment != envelope::commitment(key)) {
        warn!("an entry does not commit to the key that its author gave for it");
        return Err(Unopened::Poison);
    }
    let body = envelope::open_body(key, aad, &sealed.ciphertext).map_err(|_| Unopened::Poison)?;
    let body = Body::decode(&body).map_err(|_| Unopened::Poison)?;
    if body.is_sound() { Ok((key.clone(), body)) } else { Err(Unopened::Poison) }
}
