//! Messages of the mock and the channels that they are in.

use covey_api::*;

use super::{ALICE, Fate, ME, Mock, at, groups};

pub fn message(id: &str, author: &str, text: &str, state: MessageState) -> Message {
    Message {
        id: id.into(),
        channel: format!("ch-{ALICE}"),
        author: author.into(),
        author_name: Some(if author == ME { "me" } else { "alice" }.into()),
        author_alias: (author != ME).then(|| "alice".into()),
        own: author == ME,
        text: text.into(),
        sent_at: at(60),
        received_at: at(61),
        clock_suspect: false,
        late: false,
        order_key: format!("00-{id}"),
        state,
        reply_to: None,
        edited: false,
        edited_at: None,
        expires_at: None,
        deleted: false,
        deliveries: vec![],
        delivery_summary: None,
    }
}

impl Mock {
    pub(super) fn accept_message(&self, to: &str, text: &str, reply_to: Option<String>) -> Result<Sent, ApiError> {
        let group = groups::find_group(to).ok();
        if group.is_none() && self.find(to)?.state != ContactState::Paired {
            return Err(ApiError::new(Reason::NotPaired, "You are not paired. Invite them first: covey pair invite"));
        }
        let id = format!("bbbbbbbb{}", self.state().messages.len());
        let mut sent = Message { reply_to, ..message(&id, ME, text, MessageState::Queued) };
        if let Some(group) = group {
            sent.channel = group.channel;
            sent.delivery_summary = Some(groups::summary());
        }
        self.state().messages.push(sent.clone());
        self.happen(kind::MESSAGE_SENT, &sent);
        let fate = self.state().fate;
        let (state, why) = match fate {
            Fate::Delivered => (MessageState::Delivered, None),
            Fate::Failed => (MessageState::Failed, Some("Alice ended the pairing.".to_owned())),
            Fate::Stuck => return Ok(Sent { id, channel: sent.channel, state: MessageState::Queued }),
        };
        sent.state = state;
        sent.deliveries = vec![Delivery {
            recipient: ALICE.into(),
            alias: Some("alice".into()),
            state,
            at: at(62),
            why,
            kept: None,
            devices: Vec::new(),
        }];
        *self.state().messages.last_mut().unwrap() = sent.clone();
        self.happen(kind::MESSAGE_CHANGED, &sent);
        Ok(Sent { id, channel: sent.channel, state: MessageState::Queued })
    }

    fn channel(&self, name: &str) -> Result<Channel, ApiError> {
        let group = groups::find_group(name).ok();
        let (channel, kind, name, contact, alias) = match &group {
            Some(group) => (group.channel.clone(), ChannelKind::Group, group.name.clone(), None, None),
            None => {
                let contact = self.find(name.trim_start_matches("ch-"))?;
                let channel = format!("ch-{}", contact.contact);
                let name = contact.alias.clone().unwrap_or_default();
                (channel, ChannelKind::Direct, name, Some(contact.contact), contact.alias)
            }
        };
        Ok(Channel {
            channel,
            kind,
            name,
            alias,
            contact,
            group: group.as_ref().map(|group| group.group.clone()),
            members: group.as_ref().map(|group| group.members),
            role: group.and_then(|group| group.role),
            open: true,
            unread: 1,
            read_up_to: None,
            last_message: self.state().messages.last().cloned(),
            since: at(0),
            muted: false,
            archived: false,
            request: false,
        })
    }
}

impl ChannelApi for Mock {
    async fn list(&self, _: ChannelList) -> Result<Vec<Channel>, ApiError> {
        Ok(vec![self.channel("alice")?, self.channel("Lake")?])
    }

    async fn show(&self, params: ChannelShow) -> Result<Channel, ApiError> {
        self.channel(&params.channel)
    }

    async fn archive(&self, params: ChannelArchive) -> Result<Channel, ApiError> {
        Ok(Channel { archived: params.archived.unwrap_or(true), ..self.channel(&params.channel)? })
    }

    async fn mute(&self, params: ChannelMute) -> Result<Channel, ApiError> {
        Ok(Channel { muted: params.muted.unwrap_or(true), ..self.channel(&params.channel)? })
    }

    async fn mark_read(&self, params: ChannelMarkRead) -> Result<Channel, ApiError> {
        Ok(Channel { unread: 0, ..self.channel(&params.channel)? })
    }
}

impl MessageApi for Mock {
    async fn send(&self, params: MessageSend) -> Result<Sent, ApiError> {
        self.accept_message(&params.to, &params.text, params.reply_to)
    }

    async fn edit(&self, params: MessageEdit) -> Result<Message, ApiError> {
        let mut state = self.state();
        let found = state.messages.iter_mut().find(|message| message.id.starts_with(&params.id));
        let found = found.ok_or_else(|| ApiError::new(Reason::NoSuchMessage, "There is no such message."))?;
        (found.text, found.edited) = (params.text, true);
        Ok(found.clone())
    }

    async fn list(&self, params: MessageList) -> Result<Vec<Message>, ApiError> {
        if let Some(channel) = params.channel {
            self.channel(&channel)?;
        }
        Ok(self.state().messages.clone())
    }

    async fn show(&self, params: MessageShow) -> Result<Message, ApiError> {
        let state = self.state();
        let found = state.messages.iter().find(|message| message.id.starts_with(&params.id));
        found.cloned().ok_or_else(|| ApiError::new(Reason::NoSuchMessage, "There is no such message."))
    }
}
