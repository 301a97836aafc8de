//! Which events of the journal somebody gets.

use serde_json::Value;

/// What has to hold of an event. Everything by default.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// The channels that the one who asks is bound to, as clients see their ids.
    pub(super) bound: Option<Vec<String>>,
    pub(super) kinds: Option<Vec<&'static str>>,
    /// Ids, as clients see them.
    pub(super) channels: Option<Vec<String>>,
    pub(super) contacts: Option<Vec<Whom>>,
}

/// A contact whose events are asked for.
#[derive(Debug, Clone)]
pub(super) struct Whom {
    pub(super) account: String,
    /// The conversation with them, as clients see its id.
    pub(super) channel: Option<String>,
}

impl Selection {
    /// Is it everything?
    pub(super) fn is_all(&self) -> bool {
        self.bound.is_none() && self.kinds.is_none() && self.channels.is_none() && self.contacts.is_none()
    }

    /// May an event of this kind be selected?
    pub(super) fn may_take(&self, kind: &str) -> bool {
        self.kinds.as_ref().is_none_or(|kinds| kinds.contains(&kind))
    }

    /// Is an event selected?
    pub fn takes(&self, kind: &str, about: &Subject) -> bool {
        let within = |ids: &Vec<String>| about.channel.as_ref().is_some_and(|channel| ids.contains(channel));
        self.may_take(kind)
            && self.bound.as_ref().is_none_or(within)
            && self.channels.as_ref().is_none_or(within)
            && self.contacts.as_ref().is_none_or(|whom| whom.iter().any(|whom| whom.is_in(about)))
    }
}

impl Whom {
    /// Did they do it, or did it happen in the conversation with them?
    fn is_in(&self, about: &Subject) -> bool {
        about.channel.is_some() && about.channel == self.channel || about.accounts.contains(&self.account)
    }
}

/// Where an event happened, and to whom: what it is selected by besides its kind. All are ids, as clients see them.
#[derive(Debug, Clone, Default)]
pub struct Subject {
    /// The channel; none of what happened to contacts or to the account.
    channel: Option<String>,
    /// Those who did it, or whom it concerns.
    accounts: Vec<String>,
}

impl Subject {
    /// Of an event with this data.
    pub(crate) fn of(kind: &str, data: &Value) -> Self {
        let field = if kind == covey_api::kind::GROUP_REQUEST { "group" } else { "channel" };
        let is_of_channel = ["message.", "channel", "group."].iter().any(|start| kind.starts_with(start));
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let fields = ["contact", "author", "actor", "account"].map(|field| &data[field]);
        let accounts = fields.into_iter().chain([&data["member"]["account"]]).filter_map(text).collect();
        Self { channel: text(&data[field]).filter(|_| is_of_channel), accounts }
    }

    /// Of what happened to a message in this channel.
    pub(super) fn message(channel: &str, author: &str) -> Self {
        Self { channel: Some(channel.to_owned()), accounts: vec![author.to_owned()] }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn takes(selection: &Selection, kind: &str, data: &Value) -> bool {
        selection.takes(kind, &Subject::of(kind, data))
    }

    #[test]
    fn who_is_bound_to_a_channel_hears_of_nothing_else() {
        let bound = Selection { bound: Some(vec!["c1".into()]), ..Selection::default() };
        for kind in ["message.received", "channel", "group.changed"] {
            assert!(takes(&bound, kind, &json!({ "channel": "c1" })), "{kind}");
            assert!(!takes(&bound, kind, &json!({ "channel": "c2" })), "{kind}");
        }
        assert!(takes(&bound, "group.request", &json!({ "group": "c1" })));
        for (kind, data) in [("contact", json!({ "channel": "c1" })), ("account", json!({})), ("peer", json!({}))] {
            assert!(!takes(&bound, kind, &data), "{kind}");
        }
        assert!(takes(&Selection::default(), "account", &json!({})));
    }

    #[test]
    fn kinds_channels_and_contacts_all_have_to_fit() {
        let bob = Whom { account: "cv1bob".into(), channel: Some("c1".into()) };
        let contacts = Selection { contacts: Some(vec![bob.clone()]), ..Selection::default() };
        assert!(takes(&contacts, "message.received", &json!({ "channel": "c2", "author": "cv1bob" })));
        assert!(takes(&contacts, "message.sent", &json!({ "channel": "c1", "author": "cv1me" })));
        assert!(takes(&contacts, "contact", &json!({ "contact": "cv1bob" })));
        assert!(takes(&contacts, "group.joined", &json!({ "channel": "c2", "member": { "account": "cv1bob" } })));
        assert!(!takes(&contacts, "message.sent", &json!({ "channel": "c2", "author": "cv1me" })));
        let all = Selection {
            kinds: Some(vec!["message.received"]),
            channels: Some(vec!["c2".into()]),
            contacts: Some(vec![bob]),
            bound: None,
        };
        assert!(takes(&all, "message.received", &json!({ "channel": "c2", "author": "cv1bob" })));
        assert!(!takes(&all, "message.changed", &json!({ "channel": "c2", "author": "cv1bob" })));
        assert!(!takes(&all, "message.received", &json!({ "channel": "c1", "author": "cv1bob" })));
    }
}
