//! Which events of the journal somebody gets.

use serde_json::Value;

use super::Cx;

/// What has to hold of an event. Everything by default.
#[derive(Debug, Clone, Default)]
pub(super) struct Selection {
    /// The channels that the one who asks is bound to, as clients see their ids.
    bound: Option<Vec<String>>,
}

impl Selection {
    /// What whoever asks may see.
    pub(super) fn of(cx: &Cx<'_, '_>) -> Self {
        let text = |id: &covey_feed::ChannelId| data_encoding::HEXLOWER.encode(id.as_bytes());
        Self { bound: cx.asker.channels().map(|bound| bound.iter().map(text).collect()) }
    }

    /// Is it everything?
    pub(super) fn is_all(&self) -> bool {
        self.bound.is_none()
    }

    /// Is an event selected?
    pub(super) fn takes(&self, kind: &str, data: &Value) -> bool {
        let Some(bound) = &self.bound else { return true };
        channel_of(kind, data).is_some_and(|channel| bound.iter().any(|id| id == channel))
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
        let bound = Selection { bound: Some(vec!["c1".into()]) };
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
}
