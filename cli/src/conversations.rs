//! What conversations are called: messages name their channel by its id only.

use std::collections::HashMap;

use covey_api::{Channel, ChannelKind, ChannelList, ChannelShow};

use crate::{Failure, Session, display, text::short_id};

/// What is shown of the conversation that a message stands in.
#[derive(Clone, Debug)]
pub(crate) struct Conversation {
    pub(crate) kind: ChannelKind,
    /// Its name as it is shown: of a contact without an alias in quotes.
    pub(crate) label: String,
}

impl From<&Channel> for Conversation {
    fn from(channel: &Channel) -> Self {
        let label = match &channel.contact {
            // With an alias the name may say more: that it is an earlier conversation with them.
            Some(_) if channel.alias.is_some() => display::label(&channel.name),
            Some(contact) => display::named(None, Some(&channel.name), contact),
            None => display::label(&channel.name),
        };
        Self { kind: channel.kind, label }
    }
}

/// What conversations are called, as far as it was needed.
#[derive(Default)]
pub(crate) struct Conversations(HashMap<String, Conversation>);

impl Conversations {
    /// All that are listed: for a page of messages of many.
    pub(crate) async fn listed(session: &Session) -> Result<Self, Failure> {
        let mut known = Self::default();
        for archived in [false, true] {
            session.call(&ChannelList { archived, requests: false }).await?.iter().for_each(|one| known.learn(one));
        }
        Ok(known)
    }

    /// A channel as the daemon has just shown it.
    pub(crate) fn learn(&mut self, channel: &Channel) {
        self.0.insert(channel.channel.clone(), channel.into());
    }

    /// Something was given another name: each is looked up once more when it is needed.
    pub(crate) fn forget(&mut self) {
        self.0.clear();
    }

    /// What a channel is called. One that the daemon does not show goes by its id.
    pub(crate) async fn of(&mut self, session: &Session, channel: &str) -> Conversation {
        if !self.0.contains_key(channel)
            && let Ok(shown) = session.call(&ChannelShow { channel: channel.to_owned() }).await
        {
            self.0.insert(channel.to_owned(), (&shown).into());
        }
        self.known(channel)
    }

    /// The same without asking.
    pub(crate) fn known(&self, channel: &str) -> Conversation {
        let unknown = || Conversation { kind: ChannelKind::Group, label: short_id(channel) };
        self.0.get(channel).cloned().unwrap_or_else(unknown)
    }
}
