//! What travels between host and joiner.

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use super::End;
use crate::{
    crypto::hash::derive_bytes,
    ids::{bytes_id, hex_id},
    version::Version,
};

/// Longest frame in bytes: what the pairing protocol carries.
pub const LINK_FRAME_MAX: usize = 64 * 1024;
const ID_CONTEXT: &str = "covey 2026 link id v1";

bytes_id! {
    /// Names one link: from all of its ticket.
    LinkId, 16
}
hex_id!(LinkId);

impl LinkId {
    /// Of a ticket's content.
    pub(super) fn of(content: &[u8]) -> Self {
        Self(*derive_bytes(ID_CONTEXT, content).expose())
    }
}

/// One frame, `[1, {"name": [link id, content]}]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum LinkFrame {
    /// Noise message 1, of the host.
    #[serde(rename = "LinkHello")]
    Hello(LinkId, ByteBuf),
    /// Noise message 2, of the joiner.
    #[serde(rename = "LinkAnswer")]
    Answer(LinkId, ByteBuf),
    /// Anything later, of either.
    #[serde(rename = "LinkSealed")]
    Sealed(LinkId, ByteBuf),
    /// There is no handshake, says the joiner. Worth as much as the connection that brought it.
    #[serde(rename = "LinkRefused")]
    Refused(LinkId, End),
}

#[derive(Serialize, Deserialize)]
struct Wire<T>(Version<1>, T);

/// No frame of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no frame of a link")]
pub struct NotAFrame;

impl LinkFrame {
    /// Decodes a frame.
    ///
    /// # Errors
    /// What is no frame of a link.
    pub fn decode(bytes: &[u8]) -> Result<Self, NotAFrame> {
        let Wire(_, frame) = covey_codec::decode(bytes, LINK_FRAME_MAX).map_err(|_| NotAFrame)?;
        Ok(frame)
    }

    /// The bytes that travel.
    pub fn encode(&self) -> Vec<u8> {
        covey_codec::encode(&Wire(Version, self)).expect("a frame is plain data")
    }

    /// Which link it is about.
    pub fn id(&self) -> LinkId {
        let (Self::Hello(id, _) | Self::Answer(id, _) | Self::Sealed(id, _) | Self::Refused(id, _)) = self;
        *id
    }
}
