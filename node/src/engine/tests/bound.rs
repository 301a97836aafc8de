//! A token that is bound to channels: nothing outside of them is seen, sent to, or told to exist.

use covey_api::{self as api, ApiError, Reason, kind};
use covey_feed::ChannelId;

use super::world::World;
use crate::engine::{Asker, Cx, rpc};

/// The first node is paired with two others and has a group with one of them; its token is bound to `channels`.
struct Bound {
    world: World,
    channels: Vec<ChannelId>,
}

impl Bound {
    fn to_the_contact() -> Self {
        let mut world = World::new(3, 91);
        world.pair(0, 2);
        let group = world.group_of(&[0, 1], "Lake");
        world.write(1, 0, "for the token").unwrap();
        world.write(2, 0, "secret of another").unwrap();
        world.say_in(1, &group, "secret of the group").unwrap();
        world.settle();
        let channels = vec![world.channel(0, 1)];
        Self { world, channels }
    }

    fn call<T>(&mut self, verb: impl FnOnce(&mut Cx<'_, '_>) -> Result<T, ApiError>) -> Result<T, ApiError> {
        let asker = Asker::with_token([7; 8], Some(self.channels.clone().into()));
        self.world.call(0, |cx| {
            cx.asker = asker;
            verb(cx)
        })
    }

    fn send(&mut self, to: &str) -> Result<api::Sent, ApiError> {
        let send = api::MessageSend { to: to.into(), text: "hello".into(), ..api::MessageSend::default() };
        self.call(|cx| rpc::message::send(cx, send))
    }
}

#[test]
fn a_bound_token_reads_its_channel_and_no_other() {
    let mut bound = Bound::to_the_contact();
    let all = bound.call(|cx| rpc::message::list(cx, &api::MessageList::default())).unwrap();
    assert!(!all.is_empty() && all.iter().all(|message| !message.text.contains("secret")), "{all:?}");
    let channels = bound.call(|cx| rpc::channel::list(cx, &api::ChannelList::default())).unwrap();
    assert_eq!(channels.len(), 1);
    let others = bound.world.call(0, |cx| rpc::message::list(cx, &api::MessageList::default())).unwrap();
    for message in others.iter().filter(|message| message.text.contains("secret")) {
        for id in [message.id.clone(), message.id[..8].to_owned()] {
            let shown = bound.call(|cx| rpc::message::show(cx, &api::MessageShow { id }));
            assert_eq!(shown.unwrap_err().reason, Reason::NoSuchMessage);
        }
        let listed = api::MessageList { channel: Some(message.channel.clone()), ..api::MessageList::default() };
        let refused = bound.call(|cx| rpc::message::list(cx, &listed)).unwrap_err();
        assert_eq!(refused.reason, Reason::NoSuchChannel);
    }
}

#[test]
fn a_bound_token_writes_to_its_channel_and_no_other() {
    let mut bound = Bound::to_the_contact();
    let own = data_encoding::HEXLOWER.encode(bound.channels[0].as_bytes());
    let contact = bound.world.id(1);
    for to in [own.as_str(), &own[..8], &contact] {
        assert_eq!(bound.send(to).unwrap().channel, own);
    }
    let stranger = bound.world.id(2);
    let other = data_encoding::HEXLOWER.encode(bound.world.channel(0, 2).as_bytes());
    let words: Vec<String> = [stranger.as_str(), &other, &other[..8], "Lake", "nobody", "cv1"]
        .into_iter()
        .map(|to| {
            let refused = bound.send(to).unwrap_err();
            assert_eq!(refused.reason, Reason::NoSuchChannel, "{to}");
            assert_eq!(refused.data, serde_json::Value::Null);
            refused.message.replace(to, "X")
        })
        .collect();
    assert!(words.windows(2).all(|pair| pair[0] == pair[1]), "what exists is told like what does not: {words:?}");
}

#[test]
fn a_bound_token_hears_of_its_channel_and_no_other() {
    let mut bound = Bound::to_the_contact();
    let own = data_encoding::HEXLOWER.encode(bound.channels[0].as_bytes());
    let page = bound.call(|cx| rpc::events::fetch(cx, &api::EventsFetch::default())).unwrap();
    assert!(page.events.iter().any(|event| event.kind == kind::MESSAGE_RECEIVED));
    for event in &page.events {
        assert_eq!(event.data["channel"], own, "{event:?}");
        assert_ne!(event.kind, kind::CONTACT);
    }
    let all = bound.world.call(0, |cx| rpc::events::fetch(cx, &api::EventsFetch::default())).unwrap();
    assert!(all.events.len() > page.events.len());
    assert_eq!(all.cursor, page.cursor, "it has looked as far");
}

#[test]
fn consumers_and_client_ids_of_tokens_are_their_own() {
    let mut bound = Bound::to_the_contact();
    let newest = bound.world.call(0, |cx| rpc::events::fetch(cx, &api::EventsFetch::default())).unwrap().cursor;
    let ack = api::EventsAck { consumer: "bot".into(), cursor: newest.clone(), client_id: None };
    bound.call(|cx| rpc::events::ack(cx, &ack)).unwrap();
    let fetch = api::EventsFetch { consumer: Some("bot".into()), ..api::EventsFetch::default() };
    assert!(bound.call(|cx| rpc::events::fetch(cx, &fetch)).unwrap().events.is_empty());
    assert!(!bound.world.call(0, |cx| rpc::events::fetch(cx, &fetch)).unwrap().events.is_empty());
}
