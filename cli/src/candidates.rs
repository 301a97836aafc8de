//! What tells those apart who may be meant by a name of several: who is in it, and what was said last.

use std::collections::HashMap;

use covey_api::{ApiError, Channel, ChannelList};
use serde_json::Value;

use crate::{Failure, Session, Terminal, display, when};

/// The same failure, with a word on each candidate that has a conversation. Should that not be known, as it was.
pub(crate) async fn told_apart(session: &Session, terminal: &mut Terminal, failure: Failure) -> Failure {
    let Failure::Refused(mut error) = failure else { return failure };
    if !terminal.json && error.data["candidates"].as_array().is_some_and(|candidates| candidates.len() > 1) {
        describe(session, terminal, &mut error).await;
    }
    error.into()
}

async fn describe(session: &Session, terminal: &mut Terminal, error: &mut ApiError) {
    let mut channels = HashMap::new();
    for archived in [false, true] {
        let Ok(listed) = session.call(&ChannelList { archived, requests: false }).await else { return };
        // The newest comes first: of a contact that was paired again, the one in use.
        for channel in listed {
            let of = channel.contact.clone().unwrap_or_else(|| channel.channel.clone());
            channels.entry(of).or_insert(channel);
        }
    }
    for candidate in error.data["candidates"].as_array_mut().into_iter().flatten() {
        let id = ["contact", "group"].iter().find_map(|field| candidate[*field].as_str());
        if let Some(channel) = id.and_then(|id| channels.get(id)) {
            let about = about(terminal, channel);
            candidate["about"] = Value::String(about);
        }
    }
}

/// `3 members, last message 2 min ago: bob: See you at eight`
fn about(terminal: &Terminal, channel: &Channel) -> String {
    let mut about = match channel.members {
        _ if !channel.open => "closed, ".to_owned(),
        Some(members) => format!("{}, ", display::count(members.into(), "member", "members")),
        None => String::new(),
    };
    match &channel.last_message {
        Some(last) => {
            let when = when::relative(last.received_at, terminal.now());
            about += &format!("last message {when}: {}: {}", display::author(last), display::excerpt_of(last));
        }
        None => about += "no messages",
    }
    about
}
