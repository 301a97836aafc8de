//! The task that owns the swarm.

use bytes::Bytes;
use libp2p::PeerId;

use crate::{Config, Events, Handle, Protocol, SendError, SpawnError};

/// Starts the overlay; returns when every listener is bound.
///
/// Must be called inside a tokio runtime.
///
/// # Errors
/// [`SpawnError`] names the address or part that failed.
#[allow(clippy::todo, clippy::unused_async, clippy::needless_pass_by_value)]
pub async fn spawn(config: Config) -> Result<(Handle, Events), SpawnError> {
    todo!("{config:?}")
}

#[derive(Debug)]
pub(crate) struct Shared;

impl Shared {
    #[allow(clippy::todo, clippy::unused_self, clippy::needless_pass_by_value)]
    pub(crate) fn send(&self, _: PeerId, _: Protocol, _: Bytes) -> Result<(), SendError> {
        todo!()
    }
}
