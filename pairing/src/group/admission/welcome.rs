//! What a new member is given, inside a parcel or session.

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::{
    crypto::{hash::derive_key, secret::Secret},
    group::roster::{DEPS_MAX, OpId, is_group_name},
    identity::CARD_MAX,
    ids::GroupId,
    version::Version,
};

const PSK_CONTEXT: &str = "covey 2026 group session psk v1";

/// Longest welcome in bytes: fits a session's envelope and a parcel.
pub const WELCOME_MAX: usize = 56 * 1024;
/// Cards of members in one welcome: enough to find a first neighbour.
pub const WELCOME_CARDS: usize = 8;
/// Room for everything but the cards.
const FRAME: usize = 1024;

/// The pre-shared key of sessions inside a group: only members can start one, and it is of no use elsewhere.
pub fn session_psk(group_secret: &Secret<32>, group: &GroupId) -> Secret<32> {
    let mut material = Secret::<64>::new([0; 64]);
    material.copy_in(0, group_secret.expose());
    material.copy_in(32, group.as_bytes());
    derive_key(PSK_CONTEXT, material.expose())
}

/// What a new member is given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    #[serde(rename = "v")]
    version: Version<1>,
    #[serde(rename = "g")]
    group: GroupId,
    #[serde(rename = "n")]
    name: String,
    #[serde(rename = "s")]
    secret: Secret<32>,
    #[serde(rename = "m")]
    members: Vec<ByteBuf>,
    #[serde(rename = "t", default, skip_serializing_if = "Vec::is_empty")]
    newest: Vec<OpId>,
}

impl Welcome {
    /// With as many of `cards` (signed cards of members, the best first) as fit.
    pub fn new(group: GroupId, name: String, secret: Secret<32>, cards: impl IntoIterator<Item = Vec<u8>>) -> Self {
        let mut room = WELCOME_MAX - FRAME;
        let mut members = Vec::new();
        for card in cards.into_iter().take(WELCOME_CARDS) {
            let Some(left) = room.checked_sub(card.len() + 3) else { break };
            room = left;
            members.push(ByteBuf::from(card));
        }
        Self { version: Version, group, name, secret, members, newest: Vec::new() }
    }

    /// With the newest operations that its author knows, as [`crate::group::roster::Roster::deps`] lists them.
    #[must_use]
    pub fn after(mut self, newest: Vec<OpId>) -> Self {
        self.newest = newest;
        self.newest.truncate(DEPS_MAX);
        self
    }

    /// At most [`WELCOME_MAX`] bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        covey_codec::encode(self).expect("plain data encodes")
    }

    /// Parses [`Welcome::to_bytes`]. `None` if it is not a welcome within the limits.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let welcome: Self = covey_codec::decode(bytes, WELCOME_MAX).ok()?;
        let few = welcome.members.len() <= WELCOME_CARDS && welcome.members.iter().all(|card| card.len() <= CARD_MAX);
        (few && welcome.newest.len() <= DEPS_MAX && is_group_name(&welcome.name)).then_some(welcome)
    }

    /// The group.
    pub fn group(&self) -> GroupId {
        self.group
    }

    /// What it is called now.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The group's secret, for [`session_psk`].
    pub fn secret(&self) -> &Secret<32> {
        &self.secret
    }

    /// The newest operations that its author knew; none if it did not say.
    pub fn newest(&self) -> &[OpId] {
        &self.newest
    }

    /// Signed cards of members to connect to; not verified here.
    pub fn members(&self) -> impl Iterator<Item = &[u8]> {
        self.members.iter().map(|card| card.as_slice())
    }
}
