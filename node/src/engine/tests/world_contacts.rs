//! What the nodes of a [`World`] do as contacts: they pair and write to each other.

use covey_api as api;
use covey_api::ApiError;

use super::world::World;
use crate::engine::rpc;

impl World {
    /// The id of the channel of two contacts.
    pub(super) fn channel(&mut self, node: usize, of: usize) -> covey_feed::ChannelId {
        let text = self.contact(node, of).unwrap().channel.unwrap();
        let bytes = data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap();
        covey_feed::ChannelId::from_bytes(bytes.try_into().unwrap())
    }

    pub(super) fn id(&self, node: usize) -> String {
        self.nodes[node].account().to_string()
    }

    pub(super) fn ticket(&mut self, node: usize) -> String {
        self.call(node, |cx| rpc::account::ticket(cx, &api::AccountTicket::default())).unwrap().ticket
    }

    pub(super) fn invite(&mut self, from: usize, to: usize) -> Result<api::Contact, ApiError> {
        let to = self.ticket(to);
        let params = api::PairInvite { to, note: Some("it is me".into()), ..api::PairInvite::default() };
        self.call(from, |cx| rpc::pair::invite(cx, params))
    }

    pub(super) fn accept(&mut self, node: usize, from: usize) -> Result<api::Contact, ApiError> {
        let params = api::PairAccept { contact: self.id(from), ..api::PairAccept::default() };
        self.call(node, |cx| rpc::pair::accept(cx, &params))
    }

    pub(super) fn state(&mut self, node: usize, of: usize) -> Option<api::ContactState> {
        self.contact(node, of).map(|contact| contact.state)
    }

    pub(super) fn contact(&mut self, node: usize, of: usize) -> Option<api::Contact> {
        let params = api::PairShow { contact: self.id(of) };
        self.call(node, |cx| rpc::pair::show(cx, &params)).ok()
    }

    /// Two nodes that are paired and connected.
    pub(super) fn pair(&mut self, a: usize, b: usize) {
        self.invite(a, b).unwrap();
        self.settle();
        self.accept(b, a).unwrap();
        self.settle();
        assert_eq!(self.state(a, b), Some(api::ContactState::Paired));
        assert_eq!(self.state(b, a), Some(api::ContactState::Paired));
    }

    pub(super) fn write(&mut self, from: usize, to: usize, text: &str) -> Result<api::Sent, ApiError> {
        let params = api::MessageSend { to: self.id(to), text: text.into(), ..api::MessageSend::default() };
        self.call(from, |cx| rpc::message::send(cx, params))
    }

    /// The texts of the conversation with `of`, in order.
    pub(super) fn texts(&mut self, node: usize, of: usize) -> Vec<String> {
        let messages = self.messages(node, of);
        messages.into_iter().map(|message| message.text).collect()
    }

    pub(super) fn messages(&mut self, node: usize, of: usize) -> Vec<api::Message> {
        let params = api::MessageList { channel: Some(self.id(of)), limit: Some(1_000), ..api::MessageList::default() };
        self.call(node, |cx| rpc::message::list(cx, &params)).unwrap()
    }
}
