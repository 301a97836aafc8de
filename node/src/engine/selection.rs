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
    pub fn takes(&self, kind: &str, data: &Value) -> bool {
        let channel = channel_of(kind, data);
        let within = |ids: &Vec<String>| channel.is_some_and(|channel| ids.iter().any(|id| id == channel));
        self.may_take(kind)
            && self.bound.as_ref().is_none_or(within)
            && self.channels.as_ref().is_none_or(within)
            && self.contacts.as_ref().is_none_or(|whom| whom.iter().any(|whom| whom.is_in(channel, data)))
    }
}

impl Whom {
    /// Did they do it, or did it happen in the conversation with them?
    fn is_in(&self, channel: Option<&str>, data: &Value) -> bool {
        let of_them = |value: &Value| value.as_str() == Some(self.account.as_str());
        let fields = ["contact", "author", "actor", "account"];
        channel.is_some() && channel == self.channel.as_deref()
            || fields.iter().any(|field| of_them(&data[*field]))
            || of_them(&data["member"]["account"])
    }
}

/// The channel in which something happened; none for what happened to contacts or to the account.
fn channel_of<'d>(kind: &str, data: &'d Value) -> Option<&'d str> {
    let field = if kind == covey_api::kind::GROUP_REQUEST { "group" } else { "channel" };
    let is_of_channel = ["message.", "channel", "group."].iter().any(|start| kind.starts_with(start));
    data[field].as_str().filter(|_| is_of_channel)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn who_is_bound_to_a_channel_hears_of_nothing_else() {
        let bound = Selection { bound: Some(vec!["c1".into()]), ..Selection::default() };
        for kind in ["message.received", "channel", "group.changed"] {
            assert!(bound.takes(kind, &json!({ "channel": "c1" })), "{kind}");
            assert!(!bound.takes(kind, &json!({ "channel": "c2" })), "{kind}");
        }
        assert!(bound.takes("group.request", &json!({ "group": "c1" })));
        for (kind, data) in [("contact", json!({ "channel": "c1" })), ("account", json!({})), ("peer", json!({}))] {
            assert!(!bound.takes(kind, &data), "{kind}");
        }
        assert!(Selection::default().takes("account", &json!({})));
    }

    #[test]
    fn kinds_channels_and_contacts_all_have_to_fit() {
        let bob = Whom { account: "cv1bob".into(), channel: Some("c1".into()) };
        let contacts = Selection { contacts: Some(vec![bob.clone()]), ..Selection::default() };
        assert!(contacts.takes("message.received", &json!({ "channel": "c2", "author": "cv1bob" })));
        assert!(contacts.takes("message.sent", &json!({ "channel": "c1", "author": "cv1me" })));
        assert!(contacts.takes("contact", &json!({ "contact": "cv1bob" })));
        assert!(contacts.takes("group.joined", &json!({ "channel": "c2", "member": { "account": "cv1bob" } })));
        assert!(!contacts.takes("message.sent", &json!({ "channel": "c2", "author": "cv1me" })));
        let all = Selection {
            kinds: Some(vec!["message.received"]),
            channels: Some(vec!["c2".into()]),
            contacts: Some(vec![bob]),
            bound: None,
        };
        assert!(all.takes("message.received", &json!({ "channel": "c2", "author": "cv1bob" })));
        assert!(!all.takes("message.changed", &json!({ "channel": "c2", "author": "cv1bob" })));
        assert!(!all.takes("message.received", &json!({ "channel": "c1", "author": "cv1bob" })));
    }
}
