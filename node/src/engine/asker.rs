//! On whose behalf the engine is asked, as far as that narrows what may be seen and done. Who that is, is not its concern.

use std::sync::Arc;

use covey_feed::ChannelId;

/// Whoever asks. The operator's own programs, and what comes from the network, are narrowed by nothing.
#[derive(Debug, Clone, Default)]
pub struct Asker {
    /// The id of the token, for what is remembered for each client by itself.
    token: Option<[u8; 8]>,
    /// The channels that the token is bound to.
    channels: Option<Arc<[ChannelId]>>,
}

impl Asker {
    /// The holder of a token, who may be bound to channels.
    pub fn with_token(id: [u8; 8], channels: Option<Arc<[ChannelId]>>) -> Self {
        Self { token: Some(id), channels }
    }

    /// The channels outside of which nothing is seen or sent; none if there is no such bound.
    pub(super) fn channels(&self) -> Option<&[ChannelId]> {
        self.channels.as_deref()
    }

    /// May it see this channel?
    pub(super) fn sees(&self, channel: &ChannelId) -> bool {
        self.channels().is_none_or(|bound| bound.contains(channel))
    }

    /// A name that a client chose (a consumer, an idempotency key), so that no two tokens share it.
    pub fn own(&self, name: &str) -> String {
        match self.token {
            Some(id) => format!("{}\0{name}", data_encoding::HEXLOWER.encode(&id)),
            None => name.to_owned(),
        }
    }
}
